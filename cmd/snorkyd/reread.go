package main

import "time"

// rereads has the configuration read by a goroutine of its own, one reading after the other: what is read may hang, as a
// file system does, and a signal to end has to be obeyed nevertheless. Its methods are for one goroutine.
type rereads struct {
	read  func()
	done  chan struct{} // closed when the reading is over, for which next waits; nil: there is none
	again bool          // somebody has asked since it began, and wants to see what is there now
}

// ask begins a reading, or has another one follow that which is under way. It does not block.
func (r *rereads) ask() {
	if r.done != nil {
		r.again = true
		return
	}
	done := make(chan struct{})
	r.done = done
	go func() {
		defer close(done)
		r.read()
	}()
}

// next has to be called when done is closed.
func (r *rereads) next() {
	r.done = nil
	if r.again {
		r.again = false
		r.ask()
	}
}

// end waits for the reading that is under way, but not longer than for limit: then it is left to itself, stuck as it is.
func (r *rereads) end(limit time.Duration) {
	if r.done == nil {
		return
	}
	select {
	case <-r.done:
	case <-time.After(limit):
	}
}

package actors

import "time"

// work is what a connection has to do. All idle connections share one that is never written to: whoever changes
// anything in it calls busy before, which gives the connection one of its own.
type work struct {
	held     *held    // what comes after the answer to call
	out      [][]byte // frames that wait; the first may have been sent in part
	farewell farewell
	sent     int // bytes of out[0] that are with the kernel
	queued   int // bytes of out that are not

	parse ParseState
	in    []byte // an unfinished message

	call         *Call
	waiting      [][]byte
	waitingBytes int
	paused       bool // reading has stopped until some of waiting are answered

	called  time.Duration // when call was made
	blocked time.Duration // since when the client takes nothing; 0: it does

	closeTime  time.Duration // when a closing connection is cut off, if it makes no progress
	closeLimit time.Duration // when it is in any case
}

// noWork is the work of all idle connections.
var noWork work

// busy gives the connection work of its own.
func (c *connection) busy() {
	if c.work != &noWork {
		return
	}
	if last := len(c.loop.works) - 1; last >= 0 {
		c.work = c.loop.works[last]
		c.loop.works = c.loop.works[:last]
	} else {
		c.work = &work{}
	}
}

// keptWorks is how many of them a loop keeps for those that get busy.
const keptWorks = 256

// rest lets go of the work if it is done.
func (c *connection) rest() {
	w := c.work
	if w == &noWork || c.state != stateOpen || w.call != nil || w.held != nil || len(w.out) > 0 || w.in != nil ||
		len(w.waiting) > 0 || w.paused || w.blocked != 0 {
		return
	}
	c.release()
}

// putAway is rest for a connection that has ended.
func (c *connection) putAway() {
	if c.work != &noWork {
		c.release()
	}
}

// release gives the work back to the loop.
func (c *connection) release() {
	w := c.work
	c.work = &noWork
	if len(c.loop.works) < keptWorks {
		*w = work{}
		c.loop.works = append(c.loop.works, w)
	}
}

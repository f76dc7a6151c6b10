package backendapi

import (
	"context"
	"sync"
	"time"
)

// callContext is the context of the calls of one connection, one call after the other. It ends when a call takes too
// long or by cancel, and is of no use afterwards.
//
// context.WithTimeout would make a context, a channel and a timer for every call, nearly all of which end at once. Here
// the timer is left running when a call ends; it looks what there is to do when it fires, which is as often as a call may
// take long, not as often as there are calls.
type callContext struct {
	done chan struct{}

	mu       sync.Mutex
	deadline time.Time // of the call under way; zero if there is none
	err      error
	timer    *time.Timer
	running  bool // the timer
}

func newCallContext() *callContext { return &callContext{done: make(chan struct{})} }

// begin has the context end at the deadline, unless end is called before.
func (c *callContext) begin(deadline time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = deadline
	switch {
	case c.running:
	case c.timer == nil:
		c.timer = time.AfterFunc(time.Until(deadline), c.fire)
	default:
		c.timer.Reset(time.Until(deadline))
	}
	c.running = true
}

// end is called at the end of each call. It tells whether the context can be used for another one.
func (c *callContext) end() (usable bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = time.Time{}
	return c.err == nil
}

// fire runs on a goroutine of the timer.
func (c *callContext) fire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running = false
	if c.deadline.IsZero() || c.err != nil {
		return
	}
	if left := time.Until(c.deadline); left > 0 {
		c.timer.Reset(left)
		c.running = true
		return
	}
	c.finish(context.DeadlineExceeded)
}

// cancel ends the context and its timer.
func (c *callContext) cancel() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil {
		c.timer.Stop()
	}
	c.finish(context.Canceled)
}

func (c *callContext) finish(err error) {
	if c.err == nil {
		c.err = err
		close(c.done)
	}
}

// Deadline implements context.Context.
func (c *callContext) Deadline() (time.Time, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.deadline, !c.deadline.IsZero()
}

// Done implements context.Context.
func (c *callContext) Done() <-chan struct{} { return c.done }

// Err implements context.Context.
func (c *callContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Value implements context.Context.
func (c *callContext) Value(any) any { return nil }

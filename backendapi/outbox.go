package backendapi

import (
	"net"
	"sync"
	"time"
)

// Answers to requests that came in one go leave in one go, unless that makes them wait.
const (
	maxTogether = 64 << 10         // bytes of answers that wait for the next one
	maxPatience = time.Millisecond // for which they wait while a call is made
)

// outbox sends the answers of one connection.
type outbox struct {
	conn net.Conn

	mu      sync.Mutex
	waiting []byte
	by      time.Time // when they have to be sent
	writeBy time.Time // the deadline that the connection has
	timer   *time.Timer
	running bool // the timer
	failed  bool
	closed  bool
}

// borrow gives the outbox room for answers.
func (o *outbox) borrow(room []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waiting = room[:0]
}

// giveBack takes it away. Everything has been sent.
func (o *outbox) giveBack() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	room := o.waiting
	o.waiting = nil
	return room
}

// add takes an answer that has to be sent by the given time, and tells whether so much is waiting that it has to be
// sent before there is more.
func (o *outbox) add(answer []byte, refused *refusal, date []byte, last bool, by time.Time) (full bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waiting = appendAnswer(o.waiting, answer, refused, date, last)
	o.by = by
	return len(o.waiting) >= maxTogether
}

// flush sends what is waiting, and tells whether the connection is still good. It may block as long as the client takes
// nothing, until the deadline.
func (o *outbox) flush() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.write()
	return !o.failed
}

// promise is called in front of a call: what is waiting leaves soon, however long the call takes.
func (o *outbox) promise() {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case len(o.waiting) == 0 || o.running:
		return
	case o.timer == nil:
		o.timer = time.AfterFunc(maxPatience, o.late)
	default:
		o.timer.Reset(maxPatience)
	}
	o.running = true
}

// late runs on a goroutine of the timer.
func (o *outbox) late() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.running = false
	if !o.closed {
		o.write()
	}
}

// write is called with mu held.
func (o *outbox) write() {
	if len(o.waiting) == 0 || o.failed {
		return
	}
	if !within(o.writeBy, o.by) {
		o.writeBy = o.by.Add(slack)
		_ = o.conn.SetWriteDeadline(o.writeBy) // a connection that is closed says so when it is written
	}
	_, err := o.conn.Write(o.waiting)
	o.failed = err != nil
	o.waiting = o.waiting[:0]
}

// close sends what is waiting, stops the timer, and tells whether the connection is still good.
func (o *outbox) close() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.write()
	o.closed = true
	if o.timer != nil {
		o.timer.Stop()
	}
	return !o.failed
}

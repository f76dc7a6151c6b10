package datasync

import (
	"sync"
	"sync/atomic"

	"github.com/snorky-go/snorky/actors"
)

// subscription is what a backend has authorized a client for: some items, under a token (PROTOCOL.md section 9.2).
//
// The models deliver to it while the service hands it over or ends it, so what these have in common lies behind a mutex,
// within which nothing waits.
type subscription struct {
	token  string
	shares []share
	room   *room
	full   func(*subscription) // called once, when it has overflowed; does not wait

	// Owned by the actor of the service.
	claimed   bool // by the owner
	owner     actors.Peer
	stopClock func()

	mu       sync.Mutex
	state    state
	buffer   []actors.Notification // while it is waiting
	buffered int64                 // bytes that the buffer takes from the room
}

// share are the items that a subscription has with one dealer.
type share struct {
	dealer *dealing
	items  []*item
}

type state uint8

const (
	waiting    state = iota // for its client: deltas are kept
	live                    // deltas go to the owner
	overflowed              // more than allowed would have had to wait
	ended
)

// notificationOverhead is what a notification that waits takes besides its bytes.
const notificationOverhead = 64

// room is what all buffers may take together, in bytes.
type room struct {
	each, all int64
	taken     atomic.Int64
}

// take counts what a buffer grows by, if there is room for it.
func (r *room) take(buffered, more int64) bool {
	if buffered+more > r.each {
		return false
	}
	if r.taken.Add(more) > r.all {
		r.taken.Add(-more)
		return false
	}
	return true
}

// deliver sends a delta to the client, or keeps it until there is one.
func (s *subscription) deliver(n actors.Notification) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.state {
	case live:
		s.owner.Send(n)
	case waiting:
		size := int64(n.Size()) + notificationOverhead
		if s.room.take(s.buffered, size) {
			s.buffer = append(s.buffer, n)
			s.buffered += size
			return
		}
		s.closeLocked(overflowed)
		s.full(s)
	case overflowed, ended:
	}
}

// handOver sends the owner what waits, then calls answer, and from then on what comes. It reports false if the
// subscription is not waiting any more. Meanwhile models wait with what they deliver to it, so that no delta overtakes an
// earlier one or the answer.
func (s *subscription) handOver(answer func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != waiting {
		return false
	}
	for _, n := range s.buffer {
		s.owner.Send(n)
	}
	answer()
	s.closeLocked(live)
	return true
}

// close ends the subscription: nothing is sent any more when it has returned.
func (s *subscription) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != overflowed {
		s.closeLocked(ended)
	}
}

// closeLocked ends the waiting.
func (s *subscription) closeLocked(next state) {
	s.state = next
	s.room.taken.Add(-s.buffered)
	s.buffer, s.buffered = nil, 0
}

func (s *subscription) hasOverflowed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == overflowed
}

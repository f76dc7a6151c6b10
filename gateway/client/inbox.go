package client

import (
	"sync"
	"time"
)

// inbox is what waits for the application: messages and events, in order, each as something to be called. Messages count
// against a bound in bytes; events are few.
type inbox struct {
	limit int
	more  chan struct{} // tells the dispatcher to look
	room  chan struct{} // tells the reader to try again

	mu    sync.Mutex
	items []item
	bytes int
	ended bool
}

type item struct {
	call func()
	size int // bytes; 0 for events
}

func newInbox(limit int) *inbox {
	return &inbox{limit: limit, more: make(chan struct{}, 1), room: make(chan struct{}, 1)}
}

// add adds an event. It does not block.
func (b *inbox) add(call func()) { b.tryAdd(item{call: call}) }

// put adds a message. It blocks while there is no room, and gives up when none has come for so long, or stop is closed.
// One goroutine at a time may use it.
func (b *inbox) put(m item, patience time.Duration, stop <-chan struct{}) bool {
	for !b.tryAdd(m) {
		timer := time.NewTimer(patience)
		select {
		case <-b.room:
			timer.Stop()
		case <-timer.C:
			return false
		case <-stop:
			timer.Stop()
			return false
		}
	}
	return true
}

func (b *inbox) tryAdd(m item) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if m.size > 0 && b.bytes > 0 && b.bytes+m.size > b.limit {
		return false
	}
	b.items = append(b.items, m)
	b.bytes += m.size
	signal(b.more)
	return true
}

// take waits for the next item. It returns nil after the last.
func (b *inbox) take() func() {
	for {
		b.mu.Lock()
		if len(b.items) > 0 {
			m := b.items[0]
			b.items[0] = item{}
			if b.items = b.items[1:]; len(b.items) == 0 {
				b.items = nil
			}
			b.bytes -= m.size
			b.mu.Unlock()
			signal(b.room)
			return m.call
		}
		ended := b.ended
		b.mu.Unlock()
		if ended {
			return nil
		}
		<-b.more
	}
}

// clear drops what waits.
func (b *inbox) clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.items, b.bytes = nil, 0
}

// end lets take return nil after what waits now.
func (b *inbox) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = true
	signal(b.more)
}

// signal leaves a note in a channel of capacity 1.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

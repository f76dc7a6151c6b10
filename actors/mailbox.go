package actors

import (
	"sync"

	"github.com/asynkron/protoactor-go/actor"
)

// throughput is how many messages an actor takes before others get their turn.
const throughput = 256

// task is something a scheduler runs: one turn of an actor, or an errand of the loop itself.
type task interface {
	run()
}

// scheduler gives turns. Both kinds of dispatcher, event loops and goroutines, are schedulers, too: a mailbox is its
// own task, where Dispatcher.Schedule would need a closure for each wake-up.
type scheduler interface {
	actor.Dispatcher
	schedule(t task)
}

// turnTaker is an actor that works between messages. proceed runs before a message is taken and when none is left; an
// actor that answers with false takes no further messages in this turn and gets another one.
type turnTaker interface {
	proceed(drained bool) bool
}

// returnable is a message whose sender waits for something: an actor that has ended sends it back.
type returnable interface {
	undeliverable()
}

// mailbox is the queue of one actor. It lies inside the struct of its actor, which saves two allocations and keeps what
// is used together in one place.
//
// Invariant: scheduled is true exactly while a scheduler holds the mailbox or runs it, so at most one goroutine is in
// run, and only that one touches the fields below the line.
type mailbox struct {
	mu        sync.Mutex
	user      []any
	system    []any
	scheduled bool
	nudged    bool
	closed    bool

	// Owned by whoever runs the mailbox.
	inbox     []any
	next      int
	suspended bool
	current   any
	turn      turnTaker
	invoker   actor.MessageInvoker
	scheduler scheduler
}

var _ actor.Mailbox = (*mailbox)(nil)

// PostUserMessage queues a message; it never blocks. What reaches a closed mailbox is sent back where that matters.
func (m *mailbox) PostUserMessage(message any) {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		sendBack(message)
		return
	}
	m.user = append(m.user, message)
	m.wakeLocked()
}

// PostSystemMessage queues one of protoactor's own messages, which overtake the others.
func (m *mailbox) PostSystemMessage(message any) {
	m.mu.Lock()
	m.system = append(m.system, message)
	m.wakeLocked()
}

// nudge gives the actor a turn although there is no message for it.
func (m *mailbox) nudge() {
	m.mu.Lock()
	m.nudged = true
	m.wakeLocked()
}

// wakeLocked unlocks mu.
func (m *mailbox) wakeLocked() {
	wake := !m.scheduled && m.scheduler != nil
	if wake {
		m.scheduled = true
	}
	m.mu.Unlock()
	if wake {
		m.scheduler.schedule(m)
	}
}

// RegisterHandlers is called by protoactor once, before the first message.
func (m *mailbox) RegisterHandlers(invoker actor.MessageInvoker, dispatcher actor.Dispatcher) {
	m.invoker = invoker
	m.scheduler, _ = dispatcher.(scheduler)
}

// Start is called by protoactor after the first message, which woke the mailbox.
func (*mailbox) Start() {}

// UserMessageCount is the number of messages that wait.
func (m *mailbox) UserMessageCount() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.user)
}

// close ends the mailbox for good; what still lies in it is sent back. Only its actor calls it, in its last turn.
func (m *mailbox) close() {
	m.mu.Lock()
	m.closed = true
	rest := m.user
	m.user = nil
	m.mu.Unlock()
	for _, message := range m.inbox[m.next:] {
		sendBack(message)
	}
	m.inbox, m.next = nil, 0
	for _, message := range rest {
		sendBack(message)
	}
}

func sendBack(message any) {
	if r, ok := message.(returnable); ok {
		r.undeliverable()
	}
}

// run is one turn.
func (m *mailbox) run() {
	yield := m.drain()
	m.mu.Lock()
	again := yield || len(m.system) > 0 || !m.suspended && (m.nudged || len(m.user) > 0)
	m.scheduled = again
	m.mu.Unlock()
	if again {
		m.scheduler.schedule(m)
	}
}

// drain takes messages until there are none or the turn is over; then it reports true.
func (m *mailbox) drain() (yield bool) {
	defer func() {
		if reason := recover(); reason != nil {
			failed := m.current
			m.current = nil
			m.invoker.EscalateFailure(reason, failed)
			sendBack(failed)
			yield = true
		}
	}()
	for range throughput {
		if m.runSystem() {
			continue
		}
		if m.suspended {
			return false
		}
		if m.turn != nil && !m.turn.proceed(false) {
			return true
		}
		message, ok := m.pop()
		if !ok {
			return m.turn != nil && !m.turn.proceed(true)
		}
		m.current = message
		m.invoker.InvokeUserMessage(message)
		m.current = nil
	}
	return true
}

// runSystem handles one message of protoactor's, if there is one.
func (m *mailbox) runSystem() bool {
	m.mu.Lock()
	if len(m.system) == 0 {
		m.mu.Unlock()
		return false
	}
	message := m.system[0]
	if m.system = m.system[1:]; len(m.system) == 0 {
		m.system = nil
	}
	m.mu.Unlock()
	switch message.(type) {
	case *actor.SuspendMailbox:
		m.suspended = true
	case *actor.ResumeMailbox:
		m.suspended = false
	default:
		m.invoker.InvokeSystemMessage(message)
	}
	return true
}

// keptRoom is for how many messages a mailbox keeps room once it is empty.
const keptRoom = 1024

// pop takes the oldest message. The two slices change places when one is used up, so that a busy actor allocates
// nothing for its queue.
func (m *mailbox) pop() (any, bool) {
	if m.next == len(m.inbox) {
		m.mu.Lock()
		m.nudged = false
		m.user, m.inbox = m.inbox[:0], m.user
		if cap(m.user) > keptRoom && len(m.inbox) == 0 {
			m.user = nil // what a burst once needed
		}
		m.mu.Unlock()
		m.next = 0
		if len(m.inbox) == 0 {
			return nil, false
		}
	}
	message := m.inbox[m.next]
	m.inbox[m.next] = nil
	m.next++
	return message, true
}

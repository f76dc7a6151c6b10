package actors

import (
	"slices"
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
	postpone(t task) // the same for one that has just used up its turn; called where that was
	borrow() *queue
	giveBack(q *queue)
	panicked(reason any) // in an actor, which ends by it
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
// is used together in one place. Room for messages it has only while there are some, see queue.
//
// Invariant: scheduled is true exactly while a scheduler holds the mailbox or runs it, so at most one goroutine is in
// run. While it is true there is a queue, and only that goroutine takes it away.
type mailbox struct {
	mu        sync.Mutex
	queue     *queue
	scheduled bool
	nudged    bool
	closed    bool
	suspended bool // by protoactor; owned by whoever runs the mailbox
	halted    bool // by the actor itself, likewise
	turn      turnTaker
	invoker   actor.MessageInvoker
	scheduler scheduler
}

// queue is the room for the messages of a mailbox that is not idle. Most actors are idle most of the time, so they
// share what their scheduler has of these.
type queue struct {
	// Guarded by the mailbox's mu.
	user   []any
	system []any
	left   int // of inbox, but for the message that is being handled; see mailbox.UserMessageCount

	// Owned by whoever runs the mailbox.
	inbox   []any
	next    int
	current any
}

func (q *queue) empty() bool { return len(q.user) == 0 && len(q.system) == 0 && q.next == len(q.inbox) }

// queues are those that no mailbox needs at the moment. Each scheduler has some; any goroutine may take one.
type queues struct {
	mu   sync.Mutex
	free []*queue
}

// A scheduler keeps up to keptQueues queues. The first few may have much room, up to keptRoom messages.
const (
	keptQueues  = 1024
	roomyQueues = 32
	smallRoom   = 32
)

func (q *queues) borrow() *queue {
	q.mu.Lock()
	defer q.mu.Unlock()
	last := len(q.free) - 1
	if last < 0 {
		return &queue{}
	}
	taken := q.free[last]
	q.free[last] = nil
	q.free = q.free[:last]
	return taken
}

// giveBack takes an empty queue.
func (q *queues) giveBack(back *queue) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.free) >= keptQueues {
		return
	}
	most := 2 * keptRoom // of both slices
	if len(q.free) >= roomyQueues {
		most = smallRoom
	}
	back.inbox, back.next = back.inbox[:0], 0 // a mailbox that has halted did not look whether there is more
	if cap(back.user)+cap(back.inbox) > most {
		back.user, back.inbox = nil, nil
	}
	q.free = append(q.free, back)
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
	q := m.queueLocked()
	q.user = append(q.user, message)
	m.wakeLocked()
}

// PostSystemMessage queues one of protoactor's own messages, which overtake the others.
func (m *mailbox) PostSystemMessage(message any) {
	m.mu.Lock()
	q := m.queueLocked()
	q.system = append(q.system, message)
	m.wakeLocked()
}

// queueLocked is the queue of the mailbox, which gets one if need be.
func (m *mailbox) queueLocked() *queue {
	if m.queue == nil {
		if m.scheduler == nil { // not born yet
			m.queue = &queue{}
		} else {
			m.queue = m.scheduler.borrow()
		}
	}
	return m.queue
}

// nudge gives the actor a turn although there is no message for it.
func (m *mailbox) nudge() {
	m.mu.Lock()
	m.nudged = true
	m.queueLocked()
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

// UserMessageCount is the number of messages that wait. Whoever runs the mailbox writes down what is left of its inbox
// whenever it holds mu anyway, which is before each message: so this costs the mailbox nothing.
func (m *mailbox) UserMessageCount() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.queue == nil {
		return 0
	}
	return len(m.queue.user) + m.queue.left
}

// close ends the mailbox for good; what still lies in it is sent back. Only its actor calls it, in its last turn.
func (m *mailbox) close() {
	q := m.queue
	m.mu.Lock()
	m.closed = true
	rest := q.user
	q.user, q.left = nil, 0
	m.mu.Unlock()
	left := q.inbox[q.next:]
	q.inbox, q.next = nil, 0
	for _, message := range left {
		sendBack(message)
	}
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
	q := m.queue
	m.mu.Lock()
	again := yield || len(q.system) > 0 || !m.suspended && !m.halted && (m.nudged || len(q.user) > 0)
	m.scheduled = again
	q.left = len(q.inbox) - q.next
	idle := !again && q.empty()
	if idle {
		m.queue = nil
	}
	m.mu.Unlock()
	switch {
	case yield:
		m.scheduler.postpone(m)
	case again:
		m.scheduler.schedule(m)
	case idle:
		m.scheduler.giveBack(q)
	}
}

// drain takes messages until there are none or the turn is over; then it reports true.
func (m *mailbox) drain() (yield bool) {
	q := m.queue
	defer func() {
		if reason := recover(); reason != nil {
			failed := q.current
			q.current = nil
			m.scheduler.panicked(reason)
			m.invoker.EscalateFailure(reason, failed)
			sendBack(failed)
			yield = true
		}
	}()
	for range throughput {
		if m.runSystem(q) {
			continue
		}
		if m.suspended {
			return false
		}
		if m.turn != nil && !m.turn.proceed(false) {
			return true
		}
		if m.halted {
			return false
		}
		message, ok := m.pop(q)
		if !ok {
			return m.turn != nil && !m.turn.proceed(true)
		}
		q.current = message
		m.invoker.InvokeUserMessage(message)
		q.current = nil
	}
	return true
}

// runSystem handles one message of protoactor's, if there is one. If there is none, it is the turn of the next other one.
func (m *mailbox) runSystem(q *queue) bool {
	m.mu.Lock()
	q.left = max(len(q.inbox)-q.next-1, 0)
	if len(q.system) == 0 {
		m.mu.Unlock()
		return false
	}
	message := q.system[0]
	q.system = slices.Delete(q.system, 0, 1)
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

// keptRoom is for how many messages a queue keeps room once it is empty.
const keptRoom = 1024

// pop takes the oldest message. The two slices change places when one is used up, so that a busy actor allocates
// nothing for its queue.
func (m *mailbox) pop(q *queue) (any, bool) {
	if q.next == len(q.inbox) {
		m.mu.Lock()
		m.nudged = false
		q.user, q.inbox = q.inbox[:0], q.user
		if cap(q.user) > keptRoom && len(q.inbox) == 0 {
			q.user = nil // what a burst once needed
		}
		q.left = max(len(q.inbox)-1, 0)
		m.mu.Unlock()
		q.next = 0
		if len(q.inbox) == 0 {
			return nil, false
		}
	}
	message := q.inbox[q.next]
	q.inbox[q.next] = nil
	q.next++
	return message, true
}

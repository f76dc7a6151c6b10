package actors

import (
	"testing"

	"github.com/asynkron/protoactor-go/actor"
)

// halter is an actor that halts when it has taken so many messages.
type halter struct {
	mailbox
	after int
	taken int
}

func (h *halter) proceed(bool) bool {
	h.halted = h.after > 0 && h.taken >= h.after
	return true
}

func (h *halter) InvokeUserMessage(any)           { h.taken++ }
func (*halter) InvokeSystemMessage(any)           {}
func (*halter) EscalateFailure(reason any, _ any) { panic(reason) }
func (h *halter) Receive(actor.Context)           {}

// patient is a scheduler that gives turns when the test wants it.
type patient struct {
	goroutines
	waiting []task
}

func (p *patient) schedule(t task) { p.waiting = append(p.waiting, t) }

func (p *patient) postpone(t task) { p.schedule(t) }

func (p *patient) runAll() {
	for len(p.waiting) > 0 {
		t := p.waiting[0]
		p.waiting = p.waiting[1:]
		t.run()
	}
}

// An actor that halts with the last message of its queue, however many there were, leaves a queue that another one can
// use.
func TestHaltedMailboxLeavesAQueueInOrder(t *testing.T) {
	for _, messages := range []int{1, smallRoom + 1, 100 * keptRoom} {
		s := &patient{}
		halting := func(after int) *halter {
			h := &halter{after: after}
			h.turn = h
			h.RegisterHandlers(h, s)
			return h
		}
		first, second := halting(messages), halting(0)
		for range messages {
			first.PostUserMessage(0)
		}
		s.runAll()
		if first.taken != messages || len(s.free) != 1 {
			t.Fatalf("%d of %d messages taken, %d queues free", first.taken, messages, len(s.free))
		}
		second.PostUserMessage(0)
		s.runAll()
		if second.taken != 1 {
			t.Errorf("after %d messages of another actor, the message was taken %d times", messages, second.taken)
		}
	}
}

// observer is an actor that looks at its own mailbox.
type observer struct {
	halter
	depths []int
}

func (o *observer) InvokeUserMessage(any) {
	o.depths = append(o.depths, o.UserMessageCount())
	o.taken++
}

// What waits is counted wherever in the mailbox it lies, and what is being handled does not wait.
func TestMailboxDepth(t *testing.T) {
	for _, messages := range []int{1, 2, throughput, 3*throughput + 1} {
		s, o := &patient{}, &observer{}
		o.RegisterHandlers(o, s)
		for range messages {
			o.PostUserMessage(0)
		}
		if got := o.UserMessageCount(); got != messages {
			t.Errorf("%d of %d messages wait before the first turn", got, messages)
		}
		for len(s.waiting) > 0 {
			next := s.waiting[0]
			s.waiting = s.waiting[1:]
			next.run()
			if got := o.UserMessageCount(); got != messages-o.taken {
				t.Errorf("%d messages wait after a turn, %d were taken of %d", got, o.taken, messages)
			}
		}
		for i, got := range o.depths {
			if want := messages - 1 - i; got != want {
				t.Fatalf("%d messages wait beside number %d of %d", got, i, messages)
			}
		}
		if o.taken != messages {
			t.Errorf("%d of %d messages taken", o.taken, messages)
		}
	}
}

// Nor does a mailbox that was suspended, or has ended, forget or invent any.
func TestMailboxDepthWhenNothingIsTaken(t *testing.T) {
	s, o := &patient{}, &observer{}
	o.RegisterHandlers(o, s)
	for range throughput + 10 {
		o.PostUserMessage(0)
	}
	s.waiting[0].run() // and ten are left in the inbox
	s.waiting = nil
	o.suspended = true
	o.mailbox.run()
	o.PostUserMessage(0)
	if got := o.UserMessageCount(); got != 11 {
		t.Errorf("%d messages wait while it is suspended", got)
	}
	o.close()
	if got := o.UserMessageCount(); got != 0 {
		t.Errorf("%d messages wait after the end", got)
	}
}

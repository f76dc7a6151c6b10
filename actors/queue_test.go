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

package actors

import (
	"errors"

	"github.com/asynkron/protoactor-go/actor"
)

// Part is an actor that a service has besides its own: for a room, a document, or whatever else should not wait for its
// like. What a part is given to do runs one at a time and in the order given, so that the state of a room, touched only
// there, needs no mutex; parts and the service itself run side by side.
//
// A panic in what a part does is a line in the log, and wire.ErrInternal for the caller if a call was continued there;
// the part goes on.
type Part struct {
	mailbox
	host    *host
	stopped chan struct{} // closed when the actor has ended
}

// partEnd is the last thing that a part is given to do.
type partEnd struct{}

var (
	errDirectContinue = errors.New("a Direct command cannot be continued in a part")
	errNoPart         = errors.New("there is no part in which the command could be continued")
)

// NewPart starts a part of the service. It ends by Stop, or with the service; after the end of the service it does
// nothing. An idle part takes a few hundred bytes and no goroutine. NewPart does not block.
func (c *ServiceContext) NewPart() *Part {
	p := &Part{host: c.host, stopped: make(chan struct{})}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.parts == nil {
		p.closed = true
		close(p.stopped)
		return p
	}
	c.parts[p] = struct{}{}
	c.host.broker.partSpawner.spawn(p)
	return p
}

// Do runs f in the part, after what it was given before; after its end it does nothing. Do itself does not wait, and any
// goroutine may call it.
func (p *Part) Do(f func()) { p.PostUserMessage(f) }

// Stop ends the part, after what it was given before. What it is given later is not done, and calls that are continued
// there get wire.ErrInternal. Stop does not wait, and may be called again.
func (p *Part) Stop() { p.PostUserMessage(partEnd{}) }

// Continue lets a command go on in a part: f runs there, after what the part was given before, and its result is the
// answer. It is for the return statement of a command, or of an f of an earlier Continue:
//
//	return actors.Continue(call, room.part, func() (any, error) { return room.enter(call) })
//
// The part gets the call when the command has returned, so that nothing the part does later can overtake the answer. A
// command that returns an error, or panics, is not continued. Commands made by Direct cannot be, and fail.
func Continue[R any](call *Call, in *Part, f func() (R, error)) (R, error) {
	var none R
	switch {
	case call.handler.direct:
		return none, errDirectContinue
	case in == nil:
		return none, errNoPart
	}
	call.part = in
	call.further = func() ([]byte, error) {
		result, err := f()
		if err != nil {
			return nil, err
		}
		return encode(result)
	}
	return none, nil
}

// Receive does what the part was given.
func (p *Part) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *Call:
		m.run()
	case func():
		p.host.guard(m)
	case partEnd:
		p.halted = true // what comes after it is sent back
		p.end()
	case *actor.Stopped:
		p.mailbox.close()
		p.host.context.forgetPart(p)
		close(p.stopped)
	}
}

// end has the actor stop as protoactor would. A part may end by itself and with its service at the same time, and what is
// sent to the PID of an actor that has ended goes to the dead letters.
func (p *Part) end() { p.PostSystemMessage(&actor.Stop{}) }

func (c *ServiceContext) forgetPart(p *Part) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.parts, p)
}

// stopParts ends all parts, after what each is doing. There will be no others.
func (c *ServiceContext) stopParts() {
	c.mu.Lock()
	parts := c.parts
	c.parts = nil
	left := make([]*Part, 0, len(parts))
	for p := range parts {
		left = append(left, p)
	}
	c.mu.Unlock()
	for _, p := range left {
		p.end()
	}
	for _, p := range left {
		<-p.stopped
	}
}

package actors

import (
	"bytes"
	"errors"
	"sync/atomic"

	"github.com/snorky-go/snorky/actors/wire"
)

// Call is one request on its way through a service. Its methods are for the command it is given to, and for the time
// that this command runs, unless they say otherwise.
//
// The answer leaves when nothing is pending: the command itself counts, and whatever it set off that has to reach the
// caller, or everybody, before the answer does (PROTOCOL.md section 5, rules 2 to 6).
type Call struct {
	service    *service
	connection *connection // nil for calls of the backend
	handler    *Handler
	caller     *identification // nil: nobody
	params     []byte
	callID     []byte
	shortID    [16]byte
	silent     bool    // the caller expects no answer: a message for a Receiver
	later      *Answer // nil: what the command returns is the answer
	part       *Part   // where it goes on, if further is set
	further    func() (data []byte, err error)

	pending atomic.Int32
	data    []byte
	err     *wire.Error
	refused atomic.Pointer[wire.Error] // overrules data
	done    chan struct{}              // closed when the answer of a backend call is there
	over    atomic.Bool
	settled atomic.Pointer[chan struct{}] // to be closed when nothing that was caused is pending; nil: nobody waits
}

// Peer returns the connection that called, and false for a call of the backend, which has none.
func (c *Call) Peer() (Peer, bool) {
	return Peer{connection: c.connection, service: c.service.entry}, c.connection != nil
}

// Later lets a command answer at another time: its result is ignored, and the caller gets what Answer is given, or the
// error that the command returns, whichever comes first. Further requests of the same connection wait for it.
func (c *Call) Later() *Answer {
	if c.later == nil {
		c.hold()
		c.later = &Answer{call: c}
	}
	return c.later
}

// Answer is an answer that is still owed. Its methods may be called from any goroutine; the first call counts.
type Answer struct {
	call *Call
	used atomic.Bool
}

// Respond answers with v, which is marshalled as the result of a command is.
func (a *Answer) Respond(v any) {
	data, err := encode(v)
	a.give(data, err)
}

// Fail answers with an error, as if the command had returned it.
func (a *Answer) Fail(err error) { a.give(nil, err) }

func (a *Answer) give(data []byte, err error) {
	if a.used.CompareAndSwap(false, true) {
		a.call.answer(bytes.Clone(data), err) // data may be of the parameters
		a.call.release()
	}
}

// hold makes the answer wait for one more release.
func (c *Call) hold() { c.pending.Add(1) }

// release is called when something the answer waited for has happened; any goroutine may do it.
func (c *Call) release() {
	switch c.pending.Add(-1) {
	case 0:
		c.finish()
	case backendHolds:
		if c.settled.Load() == nil {
			return
		}
		if settled := c.settled.Swap(nil); settled != nil {
			close(*settled)
		}
	}
}

// backendHolds is what is pending of a call of the backend while its command runs and has caused nothing: the command,
// and the caller.
const backendHolds = 2

// Settle waits until what the call has caused so far no longer holds up its answer (see Channels.Publish). A command that
// publishes much on behalf of the backend calls it after each publication, so that no more is on its way than the loops
// and their memory should have.
//
// It blocks in Direct commands that the backend has called. In all others, which may not block or hold up their service,
// and after Later, it does nothing.
func (c *Call) Settle() {
	if c.connection != nil || !c.handler.direct || c.later != nil || c.pending.Load() <= backendHolds {
		return
	}
	settled := make(chan struct{})
	c.settled.Store(&settled)
	if c.pending.Load() > backendHolds || c.settled.Swap(nil) == nil {
		select {
		case <-settled:
		case <-c.service.host.broker.over:
		}
	}
}

// finish sends the answer on its way, once.
func (c *Call) finish() {
	if !c.over.CompareAndSwap(false, true) {
		return
	}
	if c.connection != nil {
		c.connection.PostUserMessage(c)
		return
	}
	close(c.done)
}

// abandon answers a call that took too long. It runs on the loop of the connection.
func (c *Call) abandon() {
	c.service.host.broker.logger.Warn().Str("service", clip(c.service.name)).Msg("a call took too long")
	c.refuse(wire.ErrInternal)
	c.finish()
}

// undeliverable is called when the service has ended before it could take the call.
func (c *Call) undeliverable() {
	c.refuse(wire.ErrInternal)
	c.release()
}

// refuse overrules the result of the command.
func (c *Call) refuse(err *wire.Error) { c.refused.CompareAndSwap(nil, err) }

// answer takes the result. It must happen before the release it belongs to.
func (c *Call) answer(data []byte, err error) {
	if err == nil {
		c.data = data
		return
	}
	if errors.As(err, &c.err) {
		return
	}
	c.err = wire.ErrInternal
	c.service.host.troubles.Error().Err(err).Str("service", clip(c.service.name)).Msg("a command failed")
}

// appendContent appends the answer as the content of a packet.
func (c *Call) appendContent(dst []byte) []byte {
	if err := c.fault(); err != nil {
		c.countError(err)
		return wire.AppendError(dst, c.callID, err.Text)
	}
	return wire.AppendResponse(dst, c.callID, c.data)
}

// fault is what the answer says is wrong; nil if nothing is.
func (c *Call) fault() *wire.Error {
	if err := c.refused.Load(); err != nil {
		return err
	}
	return c.err
}

// frame is the answer as a WebSocket frame. It runs on the loop of the connection.
func (c *Call) frame() []byte {
	l := c.connection.loop
	l.scratch = c.appendContent(l.scratch[:0])
	return c.service.frame(l.scratch)
}

// setID keeps the callId of the request, for which there is room here unless it is long.
func (c *Call) setID(id []byte) {
	if id != nil {
		c.callID = append(c.shortID[:0], id...)
	}
}

package actors

import (
	"context"
	"time"

	"github.com/snorky-go/snorky/actors/wire"
)

// Call performs a call of the backend: the message is the content of a packet for the named service of the backend
// registry, and the result is the content of its answer (PROTOCOL.md sections 4 and 7). Errors of the service are such
// answers, too. It blocks until there is one, or ctx ends, and keeps nothing of message.
//
// The error is ErrUnknownService, ErrStopped, wire.ErrNotRequest, or the cause of ctx.
func (b *Broker) Call(ctx context.Context, name string, message []byte) ([]byte, error) {
	s := b.backend.table.Load().services[name]
	if s == nil {
		if b.ended.Load() {
			return nil, ErrStopped
		}
		return nil, ErrUnknownService
	}
	call := &Call{service: s}
	if !call.prepare(message) {
		return nil, wire.ErrNotRequest
	}
	s.calls.Add(1)
	if call.err != nil {
		return call.backendAnswer(message), nil //nolint:nilerr // the answer says it
	}
	call.pending.Store(backendHolds)
	if call.handler.direct {
		call.run()
		if call.pending.Load() == 1 {
			return call.backendAnswer(message), nil // nothing to wait for, as nearly always
		}
		call.done = make(chan struct{})
	} else {
		call.done = make(chan struct{})
		call.params = append([]byte(nil), call.params...)
		s.host.PostUserMessage(call)
	}
	call.release()
	select {
	case <-call.done:
		return call.backendAnswer(message), nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	case <-b.over:
		return nil, ErrStopped
	}
}

// mistakesPeriod is the time between two lines about calls of one service that were answered with an error. An application
// that is in error is so with every call.
const mistakesPeriod = 10 * time.Second

// backendAnswer is the answer to a call of the backend. Of some that failed, the log says so: to HTTP they are successes, and
// whoever publishes need not look.
func (c *Call) backendAnswer(message []byte) []byte {
	if err := c.fault(); err != nil {
		if line := c.service.host.mistakes.Warn(); line.Enabled() {
			request, _ := wire.DecodeRequest(message)
			line.Str("service", clip(c.service.name)).Str("command", clip(request.Command)).Str("error", err.Text).
				Msg("a call of the backend was answered with an error")
		}
	}
	return c.appendContent(nil)
}

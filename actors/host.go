package actors

import (
	"bytes"
	"encoding/json"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors/wire"
)

// host is the actor of a service. It runs on goroutines, one at a time, so that a service may block.
type host struct {
	mailbox
	broker   *Broker
	value    Service
	service  *entry // under which the value was registered
	context  *ServiceContext
	pid      *actor.PID
	troubles zerolog.Logger // bounded: a service that fails all the time does not fill the log
	mistakes zerolog.Logger // of those who call: one line now and then, since they may go on for ever
	started  chan error     // one result, of Start
	failed   bool           // Start did
	stopped  chan struct{}  // closed when the actor has ended
}

// Receive runs what is to be run in the actor of the service.
func (h *host) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *Call:
		m.run()
	case *presence:
		m.tell(h)
	case func():
		h.guard(m)
	case *owed:
		h.guard(m.f)
	case *actor.Started:
		h.started <- h.start()
	case *actor.Stopped:
		h.stop()
		h.mailbox.close()
		close(h.stopped)
	}
}

func (h *host) start() (err error) {
	starter, ok := h.value.(Starter)
	if !ok {
		return nil
	}
	err = errStart
	h.guard(func() { err = starter.Start(h.context) })
	h.failed = err != nil
	return err
}

func (h *host) stop() {
	close(h.context.ended)
	h.context.stopTimers()
	h.context.stopParts()
	if s, ok := h.value.(Stopper); ok && !h.failed {
		h.guard(s.Stop)
	}
	h.context.channels.dissolve()
}

// guard runs a part of the service that nobody waits for.
func (h *host) guard(f func()) {
	defer func() {
		if reason := recover(); reason != nil {
			h.panicked(reason)
		}
	}()
	f()
}

func (h *host) panicked(reason any) {
	h.troubles.Error().Interface("panic", reason).Str("service", clip(h.service.name)).
		Bytes("stack", debug.Stack()).Msg("panic in a service")
}

// run executes the command, wherever it is called, and gives up the command's own part of what is pending, or leaves it
// to the part of the service in which the command goes on.
func (c *Call) run() {
	data, err := c.execute()
	if c.further != nil && err == nil {
		c.part.PostUserMessage(c)
		return
	}
	switch {
	case c.later == nil:
		c.answer(data, err)
	case err != nil:
		c.later.give(nil, err)
	}
	c.release()
}

func (c *Call) execute() (data []byte, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			c.service.host.panicked(reason)
			data, err = nil, wire.ErrInternal
			c.refuse(wire.ErrInternal)
		}
	}()
	if f := c.further; f != nil {
		c.further = nil
		return f()
	}
	if c.handler == nil {
		peer, _ := c.Peer()
		c.service.receiver.Receive(peer, c.params)
		return nil, nil
	}
	return c.handler.run(c)
}

// presence tells a service what has become of a connection.
type presence struct {
	peer  Peer
	event event
	left  time.Duration // for expiring
}

type event uint8

const (
	connected event = iota
	disconnected
	expiring
)

func (p *presence) tell(h *host) {
	switch p.event {
	case connected:
		if l, ok := h.value.(ConnectListener); ok {
			h.guard(func() { l.Connected(p.peer) })
		}
	case disconnected:
		if l, ok := h.value.(DisconnectListener); ok {
			h.guard(func() { l.Disconnected(p.peer) })
		}
	case expiring:
		if l, ok := h.value.(ExpiryListener); ok {
			h.guard(func() { l.Expiring(p.peer, p.left) })
		}
	}
}

// ServiceContext is what a Service gets at Start, and may keep. Its methods may be called from any goroutine.
type ServiceContext struct {
	host     *host
	channels *Channels
	ended    chan struct{}

	mu     sync.Mutex
	timers map[*alarm]struct{} // nil after the end
	parts  map[*Part]struct{}  // likewise
}

// alarm is what After has promised.
type alarm struct {
	timer   *time.Timer // guarded by ServiceContext.mu
	stopped atomic.Bool
}

// Name is the name under which the service is registered.
func (c *ServiceContext) Name() string { return c.host.service.name }

// Done is closed when the service begins to end. A part that waits for another one waits for this, too: what a part has
// been given is not done after the end.
func (c *ServiceContext) Done() <-chan struct{} { return c.ended }

// Logger is for lines about the service.
func (c *ServiceContext) Logger() *zerolog.Logger { return &c.host.troubles }

// Channels are the service's own, which it shares with no other.
func (c *ServiceContext) Channels() *Channels { return c.channels }

// Do runs f in the actor of the service, after what waits there already; after the end of the service it does nothing.
// Do itself does not wait.
func (c *ServiceContext) Do(f func()) { c.host.PostUserMessage(f) }

// DoFor is Do for an f that gives an answer: after the end of the service it is wire.ErrInternal.
func (c *ServiceContext) DoFor(answer *Answer, f func()) { c.host.PostUserMessage(&owed{answer, f}) }

// owed is what a host is to do for an answer.
type owed struct {
	answer *Answer
	f      func()
}

// undeliverable is called when the service has ended.
func (o *owed) undeliverable() { o.answer.Fail(wire.ErrInternal) }

// After runs f in the actor of the service when d has passed, unless stop is called before. Called in the actor, stop
// is sure to be in time as long as f does not run.
func (c *ServiceContext) After(d time.Duration, f func()) (stop func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timers == nil {
		return func() {}
	}
	a := &alarm{}
	c.timers[a] = struct{}{}
	a.timer = time.AfterFunc(d, func() {
		c.forget(a)
		c.Do(func() {
			if !a.stopped.Load() {
				f()
			}
		})
	})
	return func() {
		a.stopped.Store(true)
		c.forget(a)
	}
}

// forget is called by the timer, too, which may fire before After has it.
func (c *ServiceContext) forget(a *alarm) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a.timer.Stop()
	delete(c.timers, a)
}

func (c *ServiceContext) stopTimers() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for a := range c.timers {
		a.timer.Stop()
	}
	c.timers = nil
}

// dispatch starts a request of a connection, or refuses it. It runs on the loop of the connection.
func (s *service) dispatch(c *connection, message []byte, allowed bool) {
	call := &Call{service: s, connection: c, caller: c.identity}
	var refused *wire.Error
	switch {
	case !allowed:
		refused = wire.ErrTooManyRequests
	case !s.lobby && c.isStranger():
		refused = wire.ErrNotAuthenticated
	}
	if s.receiver != nil {
		if refused != nil {
			return
		}
		call.silent = true
		call.params = append(json.RawMessage(nil), message...)
	} else if !call.prepare(message) {
		return
	}
	if refused == nil && call.handler != nil && call.handler.publishes && !c.mayPublish() {
		refused = wire.ErrTooManyRequests
	}
	if refused != nil {
		call.err = refused
	}
	s.calls.Add(1)
	call.pending.Store(1)
	c.begin(call)
	switch {
	case call.err != nil:
		c.conclude(call)
	case call.handler != nil && call.handler.direct:
		call.runInline(c)
	default:
		call.params = append([]byte(nil), call.params...)
		s.host.PostUserMessage(call)
	}
}

// runInline runs a direct command on the loop.
func (c *Call) runInline(conn *connection) {
	c.hold()
	c.run()
	conn.conclude(c)
}

// conclude gives up the last hold that the loop has on a call. An answer that waits for nothing skips the mailbox, unless
// it would overtake what services have sent to the client, or made known about it, before.
func (c *connection) conclude(call *Call) {
	if call.pending.Load() == 1 && c.mail.Load() == 0 {
		call.over.Store(true)
		c.answered(call)
		return
	}
	if call.later == nil {
		call.data = bytes.Clone(call.data) // may be of the parameters, which lie in the buffer of the loop
	}
	call.release()
}

// prepare reads the request of an RPC service. It reports false for what is no request and gets no answer.
func (c *Call) prepare(message []byte) bool {
	request, err := wire.DecodeRequest(message)
	if err != nil {
		return false
	}
	c.setID(request.CallID)
	c.params = request.Params
	if h, ok := c.service.commands[request.Command]; ok && request.IsString {
		c.handler = h
	} else {
		c.err = wire.ErrUnknownCommand
	}
	return true
}

package actors

import (
	"io"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/snorky-go/snorky/actors/wire"
)

// connection is the actor of one WebSocket: mailbox, socket state and subscriptions in one struct. Everything below
// the mailbox is touched by its loop only.
//
// It takes the requests of its client in order, one at a time across all services, and answers them in that order
// (PROTOCOL.md section 5, rule 1): while call is set, further requests wait.
//
// There may be a million of these, nearly all of them idle, so what only a busy one needs lies in work.
type connection struct {
	mailbox
	*work
	loop     *loop
	socket   socket
	mail     atomic.Int32 // messages of services that are in the mailbox
	state    connectionState
	flushing bool   // in loop.flushes
	toldGone bool   // services know that it has ended
	slot     int32  // in loop.conns
	met      uint32 // generation of the service table whose listeners know of this connection
	metLobby uint32 // the same for services that strangers may call

	subscriptions subscriptions
	identity      *identification // nil: nobody
	heard         time.Duration   // when something last arrived, in the time of the loop
	pinged        time.Duration

	pid    *actor.PID
	door   Door
	remote netip.AddrPort
}

type connectionState uint8

const (
	stateOpen    connectionState = iota
	stateEnding                  // no further requests are taken; those that were are being answered
	stateClosing                 // the close frame is on its way
	stateClosed
)

// farewell is how a connection ends.
type farewell struct {
	code   wire.CloseCode
	reason string
	silent bool // without a close frame: the client ended the stream without one
	gone   bool // nothing can be sent any more
	byPeer bool // the client has sent its close frame
	deaf   bool // what still arrives makes no sense
}

var (
	_ actor.Actor = (*connection)(nil)
	_ Sink        = (*connection)(nil)
)

// Receive handles what others send to the connection.
func (c *connection) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *arrived:
		m.socket.deliver()
	case *written:
		m.socket.drained()
	case *Call:
		c.completed(m)
	case *notification:
		c.notify(m, 1)
	case *delayed:
		c.notify(&m.notification, 0)
	case *identification:
		c.identify(m)
		if c.state != stateClosed {
			c.meet(c.loop.broker.frontend.table.Load())
		}
		c.mailRead()
	case *actor.Started:
		c.pid = ctx.Self()
		c.opened()
	case *actor.Stopping:
		c.destroy()
	case *actor.Stopped:
		c.mailbox.close()
		c.putAway()
	}
}

// init prepares a connection of the loop's.
func (c *connection) init(l *loop, s socket, door Door, remote netip.AddrPort) {
	c.work, c.loop, c.socket, c.door, c.remote = &noWork, l, s, door, remote
}

func (c *connection) opened() {
	l := c.loop
	c.heard, c.pinged = l.now, l.now
	c.slot = int32(len(l.conns)) // descriptors are fewer
	l.conns = append(l.conns, c)
	c.identify(c.identity)
	c.meet(c.loop.broker.frontend.table.Load())
	if err := c.socket.open(); err != nil {
		c.loop.logger.Error().Err(err).Msg("a socket cannot be watched")
		c.broken(err)
	}
	if l.drain != nil {
		c.end(goingAway)
	}
}

// wantsMore reports whether the socket should go on reading. A client that asks faster than it takes the answers has to
// wait: only what others send to it may overtax it.
func (c *connection) wantsMore() bool {
	switch c.state {
	case stateOpen:
		return !c.paused && c.queued <= c.loop.options.MaxQueuedBytes/4
	case stateClosing:
		return true
	case stateEnding, stateClosed:
	}
	return false
}

// received takes bytes from the socket.
func (c *connection) received(data []byte) {
	c.heard = c.loop.now
	if c.farewell.deaf {
		return
	}
	c.busy()
	defer c.rest()
	fresh := len(c.in) == 0
	if !fresh {
		c.in = append(c.in, data...)
		data = c.in
	}
	rest, err := c.parseInput(data)
	switch {
	case len(rest) == 0:
		c.in = nil
	case fresh:
		c.in = append([]byte(nil), rest...)
	default:
		c.in = rest
	}
	if err != nil {
		c.refused(err)
	}
}

// parseInput keeps what goes wrong in a door with its connection.
func (c *connection) parseInput(data []byte) (rest []byte, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			c.loop.panicked(reason)
			rest, err = nil, &wire.CloseError{Code: wire.CloseInternalError}
		}
	}()
	return c.door.Parse(&c.parse, data, c)
}

// refused ends the connection as its door wants it to end.
func (c *connection) refused(err error) {
	f := farewell{code: wire.CloseInternalError, deaf: true}
	if e, ok := err.(*wire.CloseError); ok { //nolint:errorlint // Parse promises this type
		f.code, f.reason, f.byPeer = e.Code, e.Reason, e.ByPeer
	}
	c.in = nil
	if c.state == stateClosing {
		c.farewell.deaf = true
		if f.byPeer {
			c.destroy()
		}
		return
	}
	c.end(f)
}

// Message takes one text from the client. It is called by Door.Parse.
func (c *connection) Message(text []byte) (more bool) {
	c.loop.score.messages++
	if c.state != stateOpen {
		return true
	}
	if c.call == nil && len(c.waiting) == 0 {
		c.handle(text)
		return true
	}
	c.waiting = append(c.waiting, append([]byte(nil), text...))
	c.waitingBytes += len(text) + messageOverhead
	c.paused = c.waitingBytes >= c.loop.options.MaxPendingBytes
	return !c.paused
}

// messageOverhead is what a waiting message costs besides its text, in bytes.
const messageOverhead = 64

// Control takes a frame that answers one of the client's control frames. It is called by Door.Parse.
func (c *connection) Control(frame []byte) {
	if c.state == stateOpen {
		c.send(append([]byte(nil), frame...))
	}
}

// handle routes one packet. Packets that are none, and those for services that nobody has registered, are dropped
// without a word (PROTOCOL.md section 2).
func (c *connection) handle(text []byte) {
	allowed := c.mayCall() // also what is no packet costs
	packet, err := wire.DecodePacket(text)
	if err != nil || c.state > stateEnding {
		return
	}
	t := c.loop.broker.frontend.table.Load()
	if s := t.services[packet.Service]; s != nil {
		c.meet(t)
		s.dispatch(c, packet.Message, allowed)
	}
}

// begin notes that call is being worked on.
func (c *connection) begin(call *Call) {
	c.busy()
	c.call = call
	c.called = c.loop.now
}

// completed is told that a call has its answer, and that all it has caused on this loop is written.
func (c *connection) completed(call *Call) {
	if c.call != call {
		return // it took too long and was answered already
	}
	c.answered(call)
	c.next()
	c.rest()
}

func (c *connection) answered(call *Call) {
	c.call = nil
	if !call.silent {
		c.send(call.frame())
	}
	if c.held != nil {
		c.letGo()
	}
}

// next goes on with the requests that wait.
func (c *connection) next() {
	for c.call == nil && len(c.waiting) > 0 && c.state <= stateEnding {
		text := c.waiting[0]
		c.waiting[0] = nil
		if c.waiting = c.waiting[1:]; len(c.waiting) == 0 {
			c.waiting = nil
		}
		c.waitingBytes -= len(text) + messageOverhead
		c.handle(text)
	}
	if c.paused && c.waitingBytes <= c.loop.options.MaxPendingBytes/2 {
		c.paused = false
		if len(c.in) > 0 {
			rest := c.in
			c.in = nil
			c.received(rest)
		}
		if c.wantsMore() {
			c.socket.resume()
		}
	}
	c.settle()
}

// hungUp is told that nothing more will arrive. What has arrived is still done and answered. A client that has ended its
// stream may still be reading: what it has asked for is sent.
func (c *connection) hungUp(err error) {
	if err != io.EOF || c.state == stateClosing && !c.farewell.byPeer { //nolint:errorlint // a bare io.EOF ends the stream
		c.broken(err)
		return
	}
	c.end(farewell{code: wire.CloseAbnormal, silent: true, byPeer: true})
}

// broken is told that the network has failed. The code of a close frame that was sent stays the reason of the end.
func (c *connection) broken(error) {
	c.busy()
	c.out, c.sent, c.blocked = nil, 0, 0
	c.owe(-c.queued)
	c.leaveAll()
	code := wire.CloseAbnormal
	if c.state == stateClosing {
		code = c.farewell.code
	}
	c.farewell = farewell{code: code, gone: true, deaf: true}
	if c.state != stateClosed {
		c.state = stateEnding
		c.settle()
	}
}

package actors

import (
	"time"

	"github.com/snorky-go/snorky/actors/wire"
)

// closeGrace is how long a client may take to answer a close frame, and how long it may pause in taking what comes
// before it.
const closeGrace = time.Second

// maxClosing bounds the time for a client that takes what is left little by little.
const maxClosing = 30 * time.Second

// goingAway is how connections end when the broker does.
var goingAway = farewell{code: wire.CloseGoingAway, reason: "server is going away"}

// end closes the connection once the requests that were taken are answered, and the mail is read.
func (c *connection) end(f farewell) {
	if c.state >= stateEnding {
		return
	}
	c.busy()
	c.state, c.farewell = stateEnding, f
	if f.silent {
		c.leaveAll() // hardly anybody is there: do not write for nothing
	}
	c.settle()
}

// settle closes a connection that is to end, when nothing is left to answer.
func (c *connection) settle() {
	if c.state != stateEnding || c.call != nil || len(c.waiting) > 0 {
		return
	}
	switch {
	case c.farewell.gone:
		c.destroy()
	case c.mail.Load() == 0:
		c.sayGoodbye()
	}
}

// hasten closes a connection that is to end, without the answers that it is still owed.
func (c *connection) hasten() {
	if c.state != stateEnding {
		return
	}
	c.busy()
	c.waiting, c.waitingBytes, c.paused = nil, 0, false
	if c.farewell.gone {
		c.destroy()
		return
	}
	c.sayGoodbye()
}

// fail closes the connection without regard to requests that wait, because it cannot go on.
func (c *connection) fail(code wire.CloseCode, reason string) {
	if c.state >= stateClosing {
		return
	}
	c.busy()
	c.waiting, c.waitingBytes, c.paused = nil, 0, false
	c.state, c.farewell = stateEnding, farewell{code: code, reason: reason}
	c.sayGoodbye()
}

// sayGoodbye sends the close frame. No frame may follow it.
func (c *connection) sayGoodbye() {
	c.leaveAll()
	c.tellGone()
	if !c.farewell.silent {
		reason := c.farewell.reason
		if d := c.loop.drain; d != nil && !c.farewell.byPeer && c.farewell.code.Reconnect() != wire.Never {
			reason = d.comeback.hint(reason, c.loop.now)
		}
		c.queue(wire.AppendCloseFrame(nil, c.farewell.code, reason))
	}
	c.state = stateClosing
	c.paused = false
	c.closeTime = c.loop.now + closeGrace
	c.closeLimit = c.loop.now + maxClosing
	c.watch()
	c.flushLater()
	if !c.farewell.byPeer {
		c.socket.resume()
	}
}

// overdue is called when a closing connection has had its time. It gets more while it takes what is left.
func (c *connection) overdue() {
	now := c.loop.now
	if (len(c.out) > 0 || !c.socket.idle()) && c.socket.progressed() && now < c.closeLimit {
		c.closeTime = now + closeGrace
		return
	}
	c.destroy()
}

// afterFlush goes on with closing, when nothing is left to send.
func (c *connection) afterFlush() {
	if c.state != stateClosing || !c.socket.idle() {
		return
	}
	if c.farewell.byPeer {
		c.destroy()
		return
	}
	if c.farewell.deaf {
		// The client may still be sending. Closing with unread bytes resets the connection, and the client might
		// never see the close frame: end this direction and swallow the rest.
		c.socket.finish()
	}
}

// destroy frees all that the connection holds and tells everybody. It may be called in any state.
func (c *connection) destroy() {
	if c.state == stateClosed {
		return
	}
	c.busy()
	c.leaveAll()
	c.tellGone()
	c.state = stateClosed
	c.in, c.out, c.waiting, c.held = nil, nil, nil, nil
	c.owe(-c.queued)
	c.socket.close()
	l := c.loop
	delete(l.limits, c)
	l.dropMeter(c)
	c.identify(nil)
	last := l.conns[len(l.conns)-1]
	l.conns[c.slot], last.slot = last, c.slot
	l.conns[len(l.conns)-1] = nil
	l.conns = l.conns[:len(l.conns)-1]
	l.guard(func() { c.door.Closed(c.remote, c.farewell.code) })
	l.broker.countClose(c.farewell.code)
	l.broker.disconnected()
	l.broker.system.Root.Stop(c.pid)
}

// tellGone tells the services, once, that the connection has ended. The client must not see the end before: whoever it
// tells of it finds everything cleaned up (PROTOCOL.md section 5, rule 7).
func (c *connection) tellGone() {
	if c.toldGone {
		return
	}
	c.toldGone = true
	for _, s := range c.loop.broker.frontend.table.Load().listeners {
		if c.hasMet(s) {
			s.disconnected(c)
		}
	}
}

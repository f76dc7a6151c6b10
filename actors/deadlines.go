package actors

import (
	"time"

	"github.com/snorky-go/snorky/actors/wire"
)

// One timer per loop serves all deadlines. Connections that something is expected of soon (to take what waits, to
// answer a close frame) are in loop.limits and are looked at on each tick. All others are visited by a walk that goes
// round once a round, whatever their number, so that a tick never takes long.

// tick is the loop as the task that its timer schedules.
type tick loop

var pingFrame = wire.AppendFrameHeader(nil, wire.OpPing, 0)

// tick is the time between two ticks, fine enough for the shortest of the deadlines.
func (o *Options) tick() time.Duration {
	shortest := min(o.WriteTimeout, closeGrace, o.round())
	return min(max(shortest/10, 5*time.Millisecond), 100*time.Millisecond)
}

// round is the time in which each connection is visited once.
func (o *Options) round() time.Duration {
	round := 10 * time.Second
	for _, d := range []time.Duration{o.PingInterval, o.PongTimeout, o.CallTimeout} {
		if d > 0 {
			round = min(round, d/4)
		}
	}
	return round
}

func (t *tick) run() {
	l := (*loop)(t)
	l.lag.observe(time.Since(l.start) - time.Duration(l.ticked.Load()))
	interval, round := l.options.tick(), l.options.round()
	defer l.timer.Reset(interval)
	for c := range l.limits {
		c.checkLimits()
	}
	share := int(int64(len(l.conns))*int64(interval)/int64(round)) + 1
	for range min(share, len(l.conns)) {
		if l.visited++; l.visited >= len(l.conns) {
			l.visited = 0
		}
		if len(l.conns) > 0 { // a visit may end a connection
			l.conns[l.visited].visit()
		}
	}
	l.expire()
	l.drainSome()
}

// watch puts the connection under the eyes of each tick.
func (c *connection) watch() { c.loop.limits[c] = struct{}{} }

func (c *connection) checkLimits() {
	now := c.loop.now
	switch {
	case c.state == stateClosing && now >= c.closeTime:
		c.overdue()
	case c.state == stateClosing:
	case c.blocked == 0:
		delete(c.loop.limits, c)
	case now-c.blocked < c.loop.options.WriteTimeout:
	case c.socket.progressed():
		c.blocked = now
	default:
		c.cut()
		c.loop.broker.cuts.Warn().Stringer("remote", c.remote).Msg("reader takes nothing, cut off")
		c.fail(wire.CloseWriteTimeout, "nothing taken in time")
	}
}

// visit does what has become due since the last walk.
func (c *connection) visit() {
	o, now := c.loop.options, c.loop.now
	if c.call != nil && o.CallTimeout > 0 && now-c.called >= o.CallTimeout {
		c.call.abandon()
	}
	c.loop.forgetMeter(c)
	if c.state != stateOpen || o.PingInterval < 0 {
		return
	}
	if !c.wantsMore() {
		c.heard = now // nobody listens
	}
	if o.PongTimeout > 0 && now-max(c.heard, c.loop.patience) >= o.PongTimeout {
		c.fail(wire.ClosePongTimeout, "no pong")
		return
	}
	if now-c.pinged >= o.PingInterval {
		c.pinged = now
		c.send(pingFrame)
	}
}

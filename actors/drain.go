package actors

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/snorky-go/snorky/actors/wire"
)

// Waves is how the connections of a broker end, and their clients come back.
type Waves struct {
	// Close is the time over which the connections are closed, evenly. Few take less.
	Close time.Duration
	// Return is the time over which the clients are asked to come back after that, evenly and in the order in which they
	// were closed. Few are asked to take less. 0: they are not asked.
	Return time.Duration
}

// fewPerSecond is how many connections of a loop end per second at least, and how many clients in all are asked to
// come back per second at least: so few harm nobody, and nobody wants to wait for them.
const fewPerSecond = 200

// few is the time that so many take at most.
func few(n int64) time.Duration { return time.Duration(n) * time.Second / fewPerSecond }

// Shutdown is Drain without a word about coming back.
func (b *Broker) Shutdown(ctx context.Context, spread time.Duration) error {
	return b.Drain(ctx, Waves{Close: spread})
}

// Drain ends the broker. What was acknowledged to publishers is delivered first, then all connections are closed with
// wire.CloseGoingAway, both within w.Close; then the services end. It waits for every goroutine of the broker.
//
// A deadline of ctx is kept: publications that are not delivered when w.Close, and half of the time, are over are given
// up; a second before the end all connections are closed whose requests are not answered, so that each client hears of
// the end; when ctx ends, connections that are left are cut off, and services that do not return are left behind. Then,
// or if it ends for another reason, the cause of ctx is returned.
func (b *Broker) Drain(ctx context.Context, w Waves) error {
	b.mu.Lock()
	again := b.stopping
	b.stopping = true
	b.mu.Unlock()
	if again {
		return ErrStopped
	}
	plan := b.plan(ctx, w)
	err := b.deliver(ctx, plan)
	b.closeAll(plan)
	if e := wait(ctx, done(b.attached.Wait)); e != nil {
		err = e
		b.cutOff()
	}
	ended := done(func() {
		b.stopServices()
		b.goroutines.wg.Wait()
	})
	if e := wait(ctx, ended); e != nil {
		err = e
	}
	if e := wait(ctx, b.channels.zero()); e != nil {
		err = e
	}
	b.stopProbes()
	b.stopLoops()
	close(b.over)
	b.system.Shutdown()
	return err
}

// ReconnectAfter is how long a client should stay away that is turned away now, because the broker ends and asks its
// clients to come back: each call is another client, and they are spread like those that were connected. ok tells whether
// it does. Any goroutine may call it.
func (b *Broker) ReconnectAfter() (after time.Duration, ok bool) {
	r := b.comeback.Load()
	if r == nil {
		return 0, false
	}
	return r.stranger(time.Since(b.started)), true
}

// drainPlan is a drain as it is to be. Its times are those of the loops, since Broker.started.
type drainPlan struct {
	closed  time.Duration // all have been told
	hasten  time.Duration // nobody is owed an answer any more; 0: there is no such time
	deliver time.Duration // publications are not waited for any more; 0: there is no such time
	back    time.Duration // how long clients are asked to take for coming back; 0: they are not asked
}

func (b *Broker) plan(ctx context.Context, w Waves) drainPlan {
	now := time.Since(b.started)
	p := drainPlan{closed: now + max(w.Close, 0), back: max(w.Return, 0)}
	if deadline, ok := ctx.Deadline(); ok {
		limit := deadline.Sub(b.started)
		p.hasten = max(limit-closeGrace, now)
		p.closed = min(p.closed, p.hasten)
		p.deliver = max(p.closed, now+(limit-now)/2)
	}
	if p.back > 0 {
		b.comeback.Store(newComeback(p.closed+closeGrace, p.back, b.connections.Load()))
	}
	return p
}

// deliver waits until what was acknowledged is with the sockets. Publications that come from now on are counted
// elsewhere: with several busy publishers there are always some.
func (b *Broker) deliver(ctx context.Context, p drainPlan) error {
	delivered := b.publications.Swap(&gauge{}).zero()
	if p.deliver != 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, p.deliver-time.Since(b.started))
		defer cancel()
	}
	return wait(ctx, delivered)
}

// closeAll has all loops close their connections, at the same pace.
func (b *Broker) closeAll(p drainPlan) {
	now, n := time.Since(b.started), b.connections.Load()
	d := drain{start: now, hasten: p.hasten}
	d.spread = max(min(p.closed-now, few(n)/time.Duration(len(b.loops))), 0)
	if p.back > 0 {
		// The clients of the last wave have closeGrace to answer, and before that the server will not be up again.
		d.comeback = newComeback(now+d.spread+closeGrace, p.back, n)
		b.comeback.Store(d.comeback)
	}
	for _, l := range b.loops {
		l.schedule(errand(func() { l.startDrain(d) }))
	}
}

// drain is the closing of all connections of a loop, spread over a time.
type drain struct {
	start    time.Duration
	spread   time.Duration
	hasten   time.Duration // as in drainPlan
	total    int
	comeback *comeback // shared by all loops; nil: clients are not asked
}

func (l *loop) startDrain(d drain) {
	if l.drain != nil {
		return
	}
	d.total = len(l.conns)
	l.drain = &d
	l.drainSome()
}

// drainSome ends as many connections as are due.
func (l *loop) drainSome() {
	d := l.drain
	if d == nil {
		return
	}
	due := d.total
	if passed := l.now - d.start; passed < d.spread {
		due = int(int64(d.total) * int64(max(passed, 0)) / int64(d.spread))
	}
	open := 0
	for _, c := range l.conns {
		if c.state == stateOpen {
			open++
		}
	}
	late := d.hasten != 0 && l.now >= d.hasten
	for i := len(l.conns) - 1; i >= 0 && (late || open > d.total-due); i-- {
		c := l.conns[i]
		if c.state == stateOpen && open > d.total-due {
			open--
			c.end(goingAway)
		}
		if late {
			c.hasten()
		}
		i = min(i, len(l.conns)) // destroyed ones have left the list
	}
}

// comeback spreads the return of the clients of all loops. Who is closed first comes back first, so that nobody is away
// for longer than others; and since each has a place of its own, as many come in each part of the time.
type comeback struct {
	from      time.Duration // the server may be up again; since Broker.started
	most      time.Duration
	total     int64 // clients that were there
	told      atomic.Int64
	strangers atomic.Int64
}

func newComeback(from, most time.Duration, total int64) *comeback {
	return &comeback{from: from, most: most, total: max(total, 1)}
}

// hint puts the next place into the reason of a close frame. Any loop may call it; to a nil comeback it is nothing.
func (r *comeback) hint(reason string, now time.Duration) string {
	if r == nil {
		return reason
	}
	place := float64((r.told.Add(1)-1)%r.total) / float64(r.total)
	return wire.WithHint(reason, r.at(place, r.total)-now)
}

// at is the moment for a place between 0 and 1, among so many.
func (r *comeback) at(place float64, n int64) time.Duration {
	return r.from + time.Duration(place*float64(min(r.most, few(n))))
}

// stranger is the same for clients of which nobody knows how many come: steps of the golden ratio are spread evenly,
// however many there are.
func (r *comeback) stranger(now time.Duration) time.Duration {
	const golden = 0.6180339887498949
	n := r.strangers.Add(1)
	place := float64(n) * golden
	place -= float64(int64(place))
	return max(r.at(place, r.total+n)-now, 0)
}

package actors

import (
	"slices"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/snorky-go/snorky/actors/wire"
)

// leaf is the actor that fans out what is published to one channel to the subscribers on one loop. It lives on that
// loop, so it writes to their sockets itself.
//
// What arrives while it writes forms the next batch: one buffer that all subscribers share, one write for each. It
// takes messages only between two batches, and gives others their turn every few hundred subscribers.
type leaf struct {
	mailbox
	root *channel
	loop *loop
	pid  *actor.PID

	subscribers []*connection // nil where one has left
	holes       int
	gone        int // subscribers that have left and the root does not know about

	batch  []*publication
	except bool   // one of batch is not for everybody
	bytes  int    // of batch
	shout  []byte // the bytes of batch, while they are being written
	at     int    // the next subscriber
	end    int    // the first that joined after the batch
	round  uint64 // the turn of the loop in which it has last written
	spent  int    // of fanOutStep, in that turn
	after  any    // a parting or the dissolution, which comes after the batch

	pace *pace // nil: it never was busy, nor anybody behind
}

const (
	// fanOutStep is the number of subscribers served before others get their turn: about a millisecond of system
	// calls. In the first turn of several it is firstStep.
	fanOutStep = 256
	firstStep  = 32
	// writeCost is for how many bytes of a batch a subscriber counts as one more.
	writeCost = 16 << 10
	// maxBatch bounds a batch in bytes. A reader has to be able to take it in between two batches: what it does not
	// take counts against Options.MaxQueuedBytes.
	maxBatch = 128 << 10
)

var _ turnTaker = (*leaf)(nil)

// Receive collects publications, and lets subscribers come and go between them.
func (l *leaf) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *publication:
		l.batch = append(l.batch, m)
		l.except = l.except || m.only != nil || m.except != nil && m.except.loop == l.loop
		if l.bytes += len(m.frame); l.bytes >= maxBatch {
			l.begin()
		}
	case *joining:
		l.compact()
		l.begin() // what was published before is not for the new subscriber
		l.admit(m)
	case *parting, dissolution:
		l.begin() // and what was published before is for those who leave
		if l.after = m; l.shout == nil {
			l.goOn()
		}
	case *actor.Started:
		l.pid = ctx.Self()
	case *actor.Stopped:
		l.close()
	}
}

// goOn does what had to wait for the end of the batch.
func (l *leaf) goOn() {
	m := l.after
	l.after = nil
	switch m := m.(type) {
	case *parting:
		l.dismiss(m)
	case dissolution:
		l.dismissAll()
	}
}

// close lets go of everything. The root ends a leaf without subscribers at once, even if it has just taken a
// publication, whose publisher waits; a leaf that failed may have subscribers, too.
func (l *leaf) close() {
	l.mailbox.close()
	l.batchWritten()
	if l.dismissAll(); l.gone > 0 {
		l.root.PostUserMessage(&departure{loop: l.loop.id, count: l.gone, ended: true})
		l.gone = 0
	}
	if l.pace != nil {
		l.pace.end(l.root)
	}
}

// proceed writes what there is to write before the next message is taken.
func (l *leaf) proceed(drained bool) bool {
	if drained {
		l.begin()
	}
	if l.shout != nil && !l.step(l.allowance()) {
		return false
	}
	if (drained || l.halted) && l.gone > 0 {
		l.root.PostUserMessage(&departure{loop: l.loop.id, count: l.gone})
		l.gone = 0
	}
	return true
}

// begin starts to write the batch, if there is one. Who subscribes from now on does not get it.
func (l *leaf) begin() {
	if len(l.batch) == 0 || l.shout != nil {
		return
	}
	l.shout = l.batch[0].frame
	if len(l.batch) > 1 {
		// A slow reader may hold on to the buffer, so it cannot be used again.
		l.shout = make([]byte, 0, l.bytes)
		for _, p := range l.batch {
			l.shout = append(l.shout, p.frame...)
		}
	}
	l.at, l.end = 0, len(l.subscribers)
}

// allowance is how many subscribers may be served in what is left of this turn. There may be several batches in a turn.
func (l *leaf) allowance() int {
	if l.round != l.loop.turns {
		l.round, l.spent = l.loop.turns, 0
	}
	step := firstStep
	if l.loop.isLate {
		step = fanOutStep
	}
	each := min(1+len(l.shout)/writeCost, step)
	n := min((step-l.spent)/each, l.end-l.at)
	l.spent += n * each
	return n
}

// step writes the batch to the next n subscribers and reports whether it is done with all of them.
func (l *leaf) step(n int) bool {
	end := min(l.end, l.at+n)
	served := 0
	for _, c := range l.subscribers[l.at:end] {
		if c == nil || c.held != nil && c.deliverLater(l) || l.except && l.deliverRest(c) {
			continue
		}
		c.deliver(l.shout)
		served++
		if c.work != &noWork {
			l.noteBehind(c)
		}
	}
	l.loop.score.deliveries += uint64(served * len(l.batch))
	l.at = end
	if l.at < l.end {
		return false
	}
	l.batchWritten()
	l.compact()
	return true
}

// deliverRest writes the batch to a connection that does not get all of it, one frame after the other.
func (l *leaf) deliverRest(c *connection) bool {
	if !slices.ContainsFunc(l.batch, func(p *publication) bool { return !p.isFor(c) }) {
		return false
	}
	for _, p := range l.batch {
		if p.isFor(c) {
			l.loop.score.deliveries++
			c.enqueue(p.frame)
		}
	}
	return true
}

func (l *leaf) batchWritten() {
	l.takeBreath()
	for i, p := range l.batch {
		l.batch[i] = nil
		p.written()
	}
	l.batch, l.bytes, l.except, l.shout = l.batch[:0], 0, false, nil
	l.goOn()
}

func (l *leaf) admit(m *joining) {
	if err := m.connection.maySubscribe(l.root, m.bounded); err != nil {
		l.lose()
		m.call.refuse(err)
	} else {
		m.connection.subscribed(l, len(l.subscribers))
		if m.connection.call == m.call {
			m.connection.holdBack(l)
		}
		l.subscribers = append(l.subscribers, m.connection)
	}
	m.call.release()
}

func (l *leaf) dismiss(m *parting) {
	if !m.connection.leave(l.root) {
		m.call.refuse(wire.ErrNotSubscribed)
	}
	m.call.release()
}

func (l *leaf) dismissAll() {
	for _, c := range l.subscribers {
		if c != nil {
			c.leave(l.root)
		}
	}
}

// remove takes out the subscriber at position i. It leaves a hole: moving another one there while a batch is being
// written would serve that one twice, or not at all.
func (l *leaf) remove(i int) {
	l.subscribers[i] = nil
	l.holes++
	l.lose()
}

// lose has the root told, at the end of the turn, that a subscriber is gone.
func (l *leaf) lose() {
	if l.gone++; l.gone == 1 {
		l.nudge()
	}
}

// compact closes the holes when they are most of the list. No batch is being written.
func (l *leaf) compact() {
	if l.holes <= len(l.subscribers)/2 {
		return
	}
	kept := make([]*connection, 0, len(l.subscribers)-l.holes)
	for _, c := range l.subscribers {
		if c != nil {
			c.moved(l, len(kept))
			kept = append(kept, c)
		}
	}
	l.subscribers, l.holes = kept, 0
}

// undeliverable is called where there will be no subscribers any more. A root that has counted this one is told.
func (m *joining) undeliverable() {
	if m.root != nil {
		m.root.PostUserMessage(&departure{loop: m.connection.loop.id, count: 1, ended: true})
	}
	m.call.refuse(wire.ErrInternal)
	m.call.release()
}

func (m *parting) undeliverable() {
	m.call.refuse(wire.ErrNotSubscribed)
	m.call.release()
}

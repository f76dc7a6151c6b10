package limit

import (
	"container/list"
	"io"
	"reflect"
	"sync"
	"time"
)

// PorchOptions are the settings of a Porch. The zero value of each field stands for its default.
type PorchOptions struct {
	// Max bounds the connections on the porch; by default 1024. There may be one more: only by having been accepted does a
	// connection show that somebody wants in.
	Max int
	// Silence is how long a connection may be silent, at least, before it has to go when there is no room for another one;
	// by default 2 s. Until then who comes later waits. So silent ones that fill the porch are closed at a rate of Max in
	// this time, 512 a second, which is what an attacker has to exceed to hold up others. A larger Max is more, but shares
	// the processors among more handshakes at a time, each of which is the slower.
	Silence time.Duration
	// Hurry bounds those on the porch that came less than a Moment ago; by default 32. Who comes later waits until some of
	// them are done or no longer new.
	Hurry int
	// Moment is by default 10 ms: clients that have something to say say it with their first packets.
	Moment time.Duration
}

func (o PorchOptions) withDefaults() PorchOptions {
	if o.Max <= 0 {
		o.Max = 1024
	}
	if o.Silence <= 0 {
		o.Silence = 2 * time.Second
	}
	if o.Hurry <= 0 {
		o.Hurry = 32
	}
	if o.Moment <= 0 {
		o.Moment = 10 * time.Millisecond
	}
	return o
}

// Porch is where connections are that were accepted, and have not yet been admitted. It bounds them in two ways.
//
// So that those who say nothing cannot keep out others, the one that has been silent for longest is closed when there is no
// room, if it has been silent for a while, and not only because nobody has listened: see overdue. And so that a crowd that
// comes at once does not take the processors from those who are in already, only a few of them get in at a time: an
// accepting goroutine that calls Wait before it accepts the next connection leaves the others in the kernel's backlog, where
// they are refused nothing.
//
// It is safe for concurrent use.
type Porch struct {
	options PorchOptions

	mu      sync.Mutex
	max     int
	all     *list.List // of *visitor, in the order in which they came
	silent  *list.List // likewise, those that have not said all yet, in the order in which they fell silent
	through time.Time  // when the latest one came that has said all
	moved   time.Time  // when one has said something for the first time, or all
	by      map[io.Closer]*visitor
	left    chan struct{} // has one when somebody has left
	evicted int64
}

// visitor is a connection on the porch. The places are nil where it is in no list.
type visitor struct {
	conn         io.Closer
	came, silent time.Time
	begun, heard bool // it has said something; it has said all, at least once
	inAll        *list.Element
	inSilent     *list.Element
}

// NewPorch returns an empty porch.
func NewPorch(o PorchOptions) *Porch {
	o = o.withDefaults()
	return &Porch{
		options: o, max: o.Max, all: list.New(), silent: list.New(), by: map[io.Closer]*visitor{}, left: make(chan struct{}, 1),
	}
}

// SetMax changes PorchOptions.Max. Those that are there stay, unless others want in.
func (p *Porch) SetMax(n int) {
	p.mu.Lock()
	p.max = PorchOptions{Max: n}.withDefaults().Max
	p.mu.Unlock()
	p.wake()
}

// Wait waits until there is room for another connection. It returns false if closed is closed meanwhile. It is for one
// goroutine at a time.
func (p *Porch) Wait(closed <-chan struct{}) bool {
	for {
		wait := p.room(time.Now())
		if wait <= 0 {
			return true
		}
		timer := time.NewTimer(wait)
		select {
		case <-p.left:
		case <-timer.C:
		case <-closed:
			timer.Stop()
			return false
		}
		timer.Stop()
	}
}

// Enter adds a connection that has said nothing yet. One whose type cannot be a key, as no type of package net is, is not
// counted.
func (p *Porch) Enter(conn io.Closer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !reflect.ValueOf(conn).Comparable() {
		return
	}
	now := time.Now()
	v := &visitor{conn: conn, came: now, silent: now}
	v.inAll, v.inSilent = p.all.PushBack(v), p.silent.PushBack(v)
	p.by[conn] = v
}

// room makes room for another connection, if it can, or tells how long to wait before asking again.
func (p *Porch) room(now time.Time) (wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.all.Len() > p.max {
		oldest := p.silent.Front()
		if oldest == nil {
			return p.options.Silence
		}
		v := oldest.Value.(*visitor)
		if wait = p.overdue(v, now); wait > 0 {
			return wait
		}
		p.remove(v)
		p.evicted++
		_ = v.conn.Close()
	}
	if p.all.Len() < p.options.Hurry {
		return 0
	}
	last := p.all.Back()
	for range p.options.Hurry - 1 {
		last = last.Prev()
	}
	return p.options.Moment - now.Sub(last.Value.(*visitor).came)
}

// patience is how many times PorchOptions.Silence a connection may be silent in a line that moves; stillness is for which
// part of it nobody may have said anything in one that stands still.
const (
	patience  = 4
	stillness = 4
)

// overdue tells how long to wait until a connection has been silent for too long, or that may be asked again.
//
// With a crowd, the processors may be what is slow, and an honest client has been silent only because nobody has listened
// yet. Then the line moves, and it is waited for, up to a point. But where somebody who came so much later is through
// already, there was time to listen, and the silence is the client's own. So it does not help an attacker much to keep the
// line moving for those who say nothing: as soon as one honest client is let in, it gives them away.
func (p *Porch) overdue(v *visitor, now time.Time) (wait time.Duration) {
	silence := p.options.Silence
	silent, still := now.Sub(v.silent), now.Sub(p.moved)
	switch {
	case silent < silence:
		return silence - silent
	case silent >= patience*silence, still >= silence/stillness, p.through.Sub(v.silent) >= silence:
		return 0
	}
	return min(patience*silence-silent, silence/stillness-still) // Busy wakes who waits
}

// Said says that a connection has begun to say something: its silence begins anew, the first time. Of a connection that is
// not here it is not heard.
func (p *Porch) Said(conn io.Closer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if v := p.visitor(conn); v != nil && v.inSilent != nil && !v.begun {
		v.begun, v.silent = true, time.Now()
		p.moved = v.silent
		p.silent.MoveToBack(v.inSilent)
	}
}

// Busy says that a connection has said all that is wanted of it: it has not to go before it is done. Of a connection that is
// not here it is not heard.
func (p *Porch) Busy(conn io.Closer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	v := p.visitor(conn)
	if v == nil || v.inSilent == nil {
		return
	}
	p.silent.Remove(v.inSilent)
	v.inSilent = nil
	if v.heard {
		return
	}
	v.heard = true
	if v.came.After(p.through) {
		p.through = v.came
	}
	p.moved = time.Now()
	p.wake()
}

// Idle says that a connection is done, but may say more.
func (p *Porch) Idle(conn io.Closer) {
	p.mu.Lock()
	if v := p.visitor(conn); v != nil && v.inSilent == nil {
		v.silent = time.Now()
		v.inSilent = p.silent.PushBack(v)
	}
	p.mu.Unlock()
	p.wake()
}

// Leave says that a connection has ended, or was admitted, and returns whether it was here until now.
func (p *Porch) Leave(conn io.Closer) bool {
	p.mu.Lock()
	v := p.visitor(conn)
	if v != nil {
		p.remove(v)
	}
	p.mu.Unlock()
	p.wake()
	return v != nil
}

func (p *Porch) visitor(conn io.Closer) *visitor {
	if !reflect.ValueOf(conn).Comparable() {
		return nil
	}
	return p.by[conn]
}

func (p *Porch) remove(v *visitor) {
	p.all.Remove(v.inAll)
	if v.inSilent != nil {
		p.silent.Remove(v.inSilent)
	}
	delete(p.by, v.conn)
}

func (p *Porch) wake() {
	select {
	case p.left <- struct{}{}:
	default:
	}
}

// Len is how many connections are here.
func (p *Porch) Len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.all.Len()
}

// Evicted is how many were closed so far because they said nothing while others wanted in.
func (p *Porch) Evicted() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.evicted
}

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
	// Max bounds the connections on the porch; by default 1024.
	Max int
	// Silence is how long a connection may be silent before it has to go when there is no room for another one; by default
	// 500 ms. Until then who comes later waits.
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
		o.Silence = 500 * time.Millisecond
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
// room, if it has been silent for a while. And so that a crowd that comes at once does not take the processors from those
// who are in already, only a few of them get in at a time: an accepting goroutine that calls Wait before it accepts the
// next connection leaves the others in the kernel's backlog, where they are refused nothing.
//
// It is safe for concurrent use.
type Porch struct {
	options PorchOptions

	mu      sync.Mutex
	max     int
	all     *list.List // of *visitor, in the order in which they came
	silent  *list.List // likewise, those that have said nothing yet, in the order in which they fell silent
	by      map[io.Closer]*visitor
	left    chan struct{} // has one when somebody has left
	evicted int64
}

// visitor is a connection on the porch. The places are nil where it is in no list.
type visitor struct {
	conn         io.Closer
	came, silent time.Time
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

// SetMax changes PorchOptions.Max. Those that are there stay.
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
	if p.all.Len() >= p.max {
		oldest := p.silent.Front()
		if oldest == nil {
			return p.options.Silence
		}
		v := oldest.Value.(*visitor)
		if wait = p.options.Silence - now.Sub(v.silent); wait > 0 {
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

// Busy says that a connection has said something: it has not to go before it is done. Of a connection that is not here it
// is not heard.
func (p *Porch) Busy(conn io.Closer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if v := p.visitor(conn); v != nil && v.inSilent != nil {
		p.silent.Remove(v.inSilent)
		v.inSilent = nil
	}
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

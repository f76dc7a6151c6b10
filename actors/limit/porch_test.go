package limit

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// guest is a connection of which it is only noted whether it was closed.
type guest struct {
	name   int
	closed bool
}

func (g *guest) Close() error {
	g.closed = true
	return nil
}

// enter adds so many guests at once.
func enter(p *Porch, n int) (all []*guest) {
	for i := range n {
		g := &guest{name: i}
		p.Enter(g)
		all = append(all, g)
	}
	return all
}

// waited is how long Wait takes.
func waited(t *testing.T, p *Porch) time.Duration {
	t.Helper()
	start := time.Now()
	if !p.Wait(nil) {
		t.Fatal("not let in")
	}
	return time.Since(start)
}

func TestPorchClosesTheMostSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPorch(PorchOptions{Max: 3, Hurry: 100})
		old := enter(p, 2)
		p.Busy(old[0])
		<-time.After(time.Second)
		if got := waited(t, p); got != 0 {
			t.Errorf("waited %v while there was room", got)
		}
		late := enter(p, 1)
		if got := waited(t, p); got != 0 || !old[1].closed || old[0].closed || late[0].closed || p.Len() != 2 || p.Evicted() != 1 {
			t.Errorf("waited %v; closed %v, %v, %v", got, old[0].closed, old[1].closed, late[0].closed)
		}
		enter(p, 1)
		if got := waited(t, p); got != 500*time.Millisecond || !late[0].closed { // it was not silent for long
			t.Errorf("waited %v; closed %v", got, late[0].closed)
		}
	})
}

// Who is done with one request, and silent now, is like those who are new.
func TestPorchClosesTheIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPorch(PorchOptions{Max: 2, Hurry: 100})
		all := enter(p, 2)
		p.Busy(all[0])
		p.Busy(all[1])
		<-time.After(time.Hour)
		p.Idle(all[1])
		p.Idle(all[1]) // twice is once
		if got := waited(t, p); got != 500*time.Millisecond || !all[1].closed || all[0].closed {
			t.Errorf("waited %v; closed %v, %v", got, all[0].closed, all[1].closed)
		}
	})
}

// While all of them are busy nobody is closed, and others wait for the first that leaves.
func TestPorchWaitsForTheBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPorch(PorchOptions{Max: 2, Hurry: 100})
		all := enter(p, 2)
		p.Busy(all[0])
		p.Busy(all[1])
		time.AfterFunc(time.Minute+time.Millisecond, func() { p.Leave(all[0]) })
		if got := waited(t, p); got != time.Minute+time.Millisecond || all[0].closed || all[1].closed {
			t.Errorf("waited %v", got)
		}
	})
}

// A crowd gets in at a pace: those that say nothing so many in a moment, and those that are done at once as fast as they can.
func TestPorchSetsAPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPorch(PorchOptions{Max: 10_000, Hurry: 10, Moment: 10 * time.Millisecond})
		start := time.Now()
		for range 1000 {
			enter(p, 1)
			waited(t, p)
		}
		if got := time.Since(start); got != time.Second {
			t.Errorf("1000 silent ones took %v", got)
		}
		start = time.Now()
		for range 1000 {
			p.Leave(enter(p, 1)[0])
			waited(t, p)
		}
		if got := time.Since(start); got > 10*time.Millisecond {
			t.Errorf("1000 quick ones took %v", got)
		}
	})
}

func TestPorchEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPorch(PorchOptions{Max: 1})
		p.Busy(enter(p, 1)[0])
		closed := make(chan struct{})
		time.AfterFunc(time.Second, func() { close(closed) })
		if p.Wait(closed) {
			t.Error("let in")
		}
	})
}

// More room is there at once for who waits, less from now on.
func TestPorchChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPorch(PorchOptions{Max: 2, Hurry: 100})
		for _, g := range enter(p, 2) {
			p.Busy(g)
		}
		time.AfterFunc(time.Minute, func() { p.SetMax(3) })
		if got := waited(t, p); got != time.Minute {
			t.Errorf("waited %v", got)
		}
		p.SetMax(1)
		if p.room(time.Now()) <= 0 {
			t.Error("there is room for a third")
		}
		p.SetMax(0)
		if p.max != 1024 {
			t.Errorf("the default is %d", p.max)
		}
	})
}

// slice is a connection that cannot be found again.
type slice []byte

func (slice) Close() error { return nil }

func TestPorchOfWhatItDoesNotKnow(t *testing.T) {
	p := NewPorch(PorchOptions{})
	p.Enter(slice{})
	p.Busy(slice{})
	p.Idle(&guest{})
	if p.Leave(slice{}) || p.Leave(&guest{}) || p.Len() != 0 {
		t.Error("somebody was there")
	}
}

func TestPorchAtOnce(t *testing.T) {
	p := NewPorch(PorchOptions{Max: 20, Hurry: 1000, Silence: time.Microsecond})
	var all sync.WaitGroup
	for range 1000 {
		g := &guest{}
		p.Enter(g)
		all.Go(func() {
			p.Busy(g)
			p.Idle(g)
			p.Leave(g)
		})
		if !p.Wait(nil) {
			t.Error("not let in")
		}
		if got := p.Len(); got >= 20 {
			t.Errorf("%d are there", got)
		}
	}
	all.Wait()
	if got := p.Len(); got != 0 {
		t.Errorf("%d are left", got)
	}
}

func TestTake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := Rate{PerSecond: 10, Burst: 2}.NewBucket()
		start := time.Now()
		for range 12 {
			if !b.Take(nil) {
				t.Fatal("not taken")
			}
		}
		if got := time.Since(start); got != time.Second {
			t.Errorf("12 took %v", got)
		}
		done := make(chan struct{})
		close(done)
		if b.Take(done) || !(*Bucket)(nil).Take(done) {
			t.Error("the end does not count, or no limit is one")
		}
	})
}

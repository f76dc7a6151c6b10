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
		<-time.After(10 * time.Second)
		late := enter(p, 1)
		if got := waited(t, p); got != 0 || p.Evicted() != 0 {
			t.Errorf("waited %v, and closed %d while nobody wanted in", got, p.Evicted())
		}
		late = append(late, enter(p, 1)...)
		if got := waited(t, p); got != 0 || !old[1].closed || old[0].closed || late[0].closed || p.Len() != 3 || p.Evicted() != 1 {
			t.Errorf("waited %v; closed %v, %v, %v", got, old[0].closed, old[1].closed, late[0].closed)
		}
		enter(p, 1)
		if got := waited(t, p); got != 2*time.Second || !late[0].closed || late[1].closed { // it was not silent for long
			t.Errorf("waited %v; closed %v, %v", got, late[0].closed, late[1].closed)
		}
	})
}

// Who is done with one request, and silent now, is like those who are new.
func TestPorchClosesTheIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPorch(PorchOptions{Max: 1, Hurry: 100})
		all := enter(p, 2)
		p.Busy(all[0])
		p.Busy(all[1])
		<-time.After(time.Hour)
		p.Idle(all[1])
		p.Idle(all[1]) // twice is once
		if got := waited(t, p); got != 2*time.Second || !all[1].closed || all[0].closed {
			t.Errorf("waited %v; closed %v, %v", got, all[0].closed, all[1].closed)
		}
	})
}

// While all of them are busy nobody is closed, and others wait for the first that leaves.
func TestPorchWaitsForTheBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPorch(PorchOptions{Max: 1, Hurry: 100})
		all := enter(p, 2)
		p.Busy(all[0])
		p.Busy(all[1])
		time.AfterFunc(time.Minute+time.Millisecond, func() { p.Leave(all[0]) })
		if got := waited(t, p); got != time.Minute+time.Millisecond || all[0].closed || all[1].closed {
			t.Errorf("waited %v", got)
		}
	})
}

// Who has begun to say something is given the time once more, and not again and again.
func TestPorchGivesTimeToWhoHasBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPorch(PorchOptions{Max: 1, Hurry: 100})
		begun := enter(p, 2)
		<-time.After(1500 * time.Millisecond)
		p.Said(begun[0])
		p.Said(begun[1])
		time.AfterFunc(time.Second, func() { p.Said(begun[0]) })
		if got := waited(t, p); got != 2*time.Second || !begun[0].closed {
			t.Errorf("waited %v; closed %v", got, begun[0].closed)
		}
	})
}

// crowd is a server that gets one client of a full porch through in so much time, in the order in which they came, until
// all are. It returns how many were closed.
func crowd(p *Porch, clients int, each time.Duration) (closed int) {
	line := make(chan *guest, clients)
	var server sync.WaitGroup
	server.Go(func() {
		for g := range line {
			<-time.After(each)
			if p.Busy(g); !p.Leave(g) {
				closed++
			}
		}
	})
	for range clients {
		line <- enter(p, 1)[0]
		p.Wait(nil)
	}
	close(line)
	server.Wait()
	return closed
}

// That a server is slow is no fault of its clients.
func TestPorchWaitsForASlowServer(t *testing.T) {
	for each, want := range map[time.Duration]int{
		2 * time.Millisecond:  0, // a line takes 2 s
		5 * time.Millisecond:  0,
		7 * time.Millisecond:  0,
		50 * time.Millisecond: 1, // at least: with so slow a server nobody at the end would get through in time
	} {
		synctest.Test(t, func(t *testing.T) {
			if got := crowd(NewPorch(PorchOptions{}), 4000, each); min(got, 1) != want {
				t.Errorf("%v each: %d were closed", each, got)
			}
		})
	}
}

// With a porch full of those who say nothing, clients that do still get in, at a rate of Max in Silence; those who get
// through do not protect the others.
func TestPorchIsClearedOfTheSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPorch(PorchOptions{Hurry: 1 << 20})
		start := time.Now()
		for i := range 10_000 { // every other one says nothing
			if g := enter(p, 1)[0]; i%2 == 1 {
				p.Busy(g)
				p.Leave(g)
			}
			p.Wait(nil)
			if i%10 == 0 {
				<-time.After(time.Millisecond)
			}
		}
		if got := time.Since(start); got > 10*time.Second {
			t.Errorf("5000 silent ones took %v", got)
		}
	})
}

// However many get through that have been here for as long as the silent ones, those have to go in the end.
func TestPorchLosesPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPorch(PorchOptions{Max: 8, Hurry: 1 << 20})
		all := enter(p, 109)
		for i, g := range all[1:101] {
			time.AfterFunc(time.Duration(i)*100*time.Millisecond, func() {
				p.Busy(g)
				p.Leave(g)
			})
		}
		if got := waited(t, p); got != 8*time.Second || !all[0].closed {
			t.Errorf("waited %v; closed %v", got, all[0].closed)
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
		for _, g := range enter(p, 2) {
			p.Busy(g)
		}
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
		p := NewPorch(PorchOptions{Max: 1, Hurry: 100})
		for _, g := range enter(p, 2) {
			p.Busy(g)
		}
		time.AfterFunc(time.Minute, func() { p.SetMax(2) })
		if got := waited(t, p); got != time.Minute {
			t.Errorf("waited %v", got)
		}
		p.SetMax(1)
		if p.room(time.Now()) <= 0 {
			t.Error("there is room for one more")
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
	p.Said(slice{})
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
		if got := p.Len(); got > 20 {
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

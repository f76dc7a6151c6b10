package main

import (
	"testing"
	"time"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/actorstest"
)

// careless is a service that panics now and then.
type careless struct {
	context *actors.ServiceContext
	calls   int
}

func (s *careless) Start(c *actors.ServiceContext) error {
	s.context = c
	c.After(time.Second, func() { panic("in a timer") })
	return nil
}

func (s *careless) Connected(actors.Peer) { panic("in Connected") }

func (s *careless) Commands() actors.Commands {
	return actors.Commands{
		"count": actors.Command(func(*actors.Call, actors.NoParams) (int, error) {
			s.calls++
			return s.calls, nil
		}),
		"slip": actors.Command(func(*actors.Call, actors.NoParams) (int, error) {
			s.calls++
			panic("in a command")
		}),
	}
}

func TestPanics(t *testing.T) {
	actorstest.Run(t, actors.Options{}, func(_ *testing.T, b *actorstest.Broker) {
		b.Frontend("careless", &careless{})
		ann := b.Client("ann")
		slip, count := ann.Start("careless", "slip", nil), ann.Start("careless", "count", nil)
		slip.Answer().WantError("Internal error")
		count.Answer().Want(2) // the service goes on, with its fields as they are
		b.Advance(time.Minute)
		b.Client("bob").Call("careless", "count", nil).Want(3)
	})
}

// slow is a service that takes its time.
type slow struct{ done chan struct{} }

func (s *slow) Commands() actors.Commands {
	return actors.Commands{"work": actors.Command(func(*actors.Call, actors.NoParams) (any, error) {
		<-s.done
		return nil, nil
	})}
}

func TestSlowCode(t *testing.T) {
	actorstest.Run(t, actors.Options{}, func(t *testing.T, b *actorstest.Broker) {
		done := make(chan struct{})
		b.Frontend("slow", &slow{done: done})
		b.Frontend("careless", &careless{})
		ann, bob, cid := b.Client("ann"), b.Client("bob"), b.Client("cid")
		first, second := ann.Start("slow", "work", nil), bob.Start("slow", "work", nil)
		after := ann.Start("careless", "count", nil)

		cid.Call("careless", "count", nil).Want(1) // other services go on
		if first.Done() || second.Done() {         // those who call this one wait,
			t.Error("answered before the work was done")
		}
		if after.Done() { // and so does what they have asked for after it
			t.Error("answered before the request before it")
		}

		close(done)
		ann.WantOrder(first.Answer(), after.Answer())
		second.Answer().Want(nil)
	})
}

package services

import (
	"testing"
	"testing/synctest"

	"github.com/snorky-go/snorky/actors"
)

// spreader is a service with nothing but a spread.
type spreader struct {
	context *actors.ServiceContext
	spread  *spread[int]
}

func (s *spreader) Commands() actors.Commands { return actors.Commands{} }

func (s *spreader) Start(c *actors.ServiceContext) error {
	s.context, s.spread = c, newSpread[int](c)
	return nil
}

// A place does not go as long as its part has something to do: somebody else would see the end of it.
func TestPlacesGoWhenTheirPartHasDoneAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := actors.NewBroker(actors.Options{Portable: true})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = b.Shutdown(t.Context(), 0) }()
		s := &spreader{}
		if err := b.Frontend().Register("s", s); err != nil {
			t.Fatal(err)
		}
		enter := func() *place[int] { return s.spread.enter("1", func() int { return 0 }) }
		gate := make(chan struct{})
		var first, later *place[int]
		s.context.Do(func() {
			first = enter()
			s.spread.exit(first)
			tidied := make(chan struct{})
			first.part.Do(func() {
				s.spread.tidy(first)
				close(tidied)
				<-gate
			})
			<-tidied
			// Before the service hears of it, somebody comes and goes.
			s.spread.exit(enter())
			first.part.Do(func() { s.spread.tidy(first) })
		})
		synctest.Wait()
		s.context.Do(func() { later = enter() })
		synctest.Wait()
		if later != first {
			t.Error("there are two places of one key, both at work")
		}
		close(gate)
		synctest.Wait()
		s.context.Do(func() {
			s.spread.exit(later)
			later.part.Do(func() { s.spread.tidy(later) })
		})
		synctest.Wait()
		s.context.Do(func() {
			if n := len(s.spread.places); n != 0 {
				t.Errorf("%d places are left", n)
			}
		})
		synctest.Wait()
	})
}

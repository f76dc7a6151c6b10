package storetest

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"

	"github.com/snorky-go/snorky/examples/internal/tasks"
)

func relaying(s *subject) {
	if n, err := s.store.Relay(s.ctx, 10, func(context.Context, []tasks.Change) error {
		s.t.Error("nothing was published")
		return nil
	}); n != 0 || err != nil {
		s.t.Errorf("relayed %d, %v", n, err)
	}
	for i := range 25 {
		s.add(strconv.Itoa(i), "")
	}
	var sizes []int
	for range 4 {
		n, err := s.store.Relay(s.ctx, 10, func(_ context.Context, changes []tasks.Change) error {
			return s.Apply(changes)
		})
		if err != nil {
			s.t.Fatal(err)
		}
		sizes = append(sizes, n)
	}
	if !slices.Equal(sizes, []int{10, 10, 5, 0}) {
		s.t.Errorf("relayed %v", sizes)
	}
	s.relay()
}

func relayingInVain(s *subject) {
	down := errors.New("connection refused")
	for i := range 5 {
		s.add(strconv.Itoa(i), "")
		n, err := s.store.Relay(s.ctx, 3, func(_ context.Context, changes []tasks.Change) error {
			if changes[0].Revision != 1 || len(changes) != min(i+1, 3) {
				s.t.Errorf("got %+v", changes)
			}
			return down
		})
		if n != 0 || !errors.Is(err, down) {
			s.t.Errorf("relayed %d, %v", n, err)
		}
	}
	if changes := s.relay(); len(changes) != 5 {
		s.t.Errorf("got %+v", changes)
	}
}

// relayingAside changes and reads the list while something is being published.
func relayingAside(s *subject) {
	s.add("a", "")
	_, err := s.store.Relay(s.ctx, 10, func(ctx context.Context, changes []tasks.Change) error {
		if _, err := s.store.Add(ctx, "b", ""); err != nil {
			return err
		}
		if l, err := s.store.List(ctx, tasks.View{}); err != nil || len(l.Tasks) != 2 {
			s.t.Errorf("the list is %+v, %v", l, err)
		}
		return s.Apply(changes)
	})
	if err != nil {
		s.t.Fatal(err)
	}
	if changes := s.relay(); len(changes) != 1 || changes[0].Revision != 2 {
		s.t.Errorf("what came meanwhile is %+v", changes)
	}
}

func relayingInTurns(s *subject) {
	for i := range 30 {
		s.add(strconv.Itoa(i), "")
	}
	// One who waits for his turn can give up.
	_, err := s.store.Relay(s.ctx, 1, func(ctx context.Context, changes []tasks.Change) error {
		impatient, cancel := context.WithCancel(ctx)
		given := make(chan error)
		go func() {
			_, err := s.store.Relay(impatient, 1, func(context.Context, []tasks.Change) error {
				s.t.Error("two at a time")
				return nil
			})
			given <- err
		}()
		cancel()
		if err := <-given; err == nil {
			s.t.Error("gave up without an error")
		}
		return s.Apply(changes)
	})
	if err != nil {
		s.t.Fatal(err)
	}
	var relays sync.WaitGroup
	var inside sync.Mutex
	for range 4 {
		relays.Go(func() {
			for {
				n, err := s.store.Relay(s.ctx, 2, func(_ context.Context, changes []tasks.Change) error {
					if !inside.TryLock() {
						return errors.New("two at a time")
					}
					defer inside.Unlock()
					return s.Apply(changes)
				})
				if err != nil {
					s.t.Error(err)
				}
				if n == 0 {
					return
				}
			}
		})
	}
	relays.Wait()
	s.expect("all are relayed")
}

func endedContext(s *subject) {
	a := s.add("a", "")
	s.relay()
	ended, cancel := context.WithCancel(s.ctx)
	cancel()
	_, adding := s.store.Add(ended, "b", "")
	_, updating := s.store.Update(ended, a.ID, tasks.Patch{Done: new(true)})
	_, removing := s.store.Delete(ended, a.ID)
	_, clearing := s.store.ClearDone(ended, tasks.View{})
	_, reading := s.store.List(ended, tasks.View{})
	_, relaying := s.store.Relay(ended, 1, func(context.Context, []tasks.Change) error { return nil })
	for i, err := range []error{adding, updating, removing, clearing, reading, relaying} {
		if !errors.Is(err, context.Canceled) {
			s.t.Errorf("number %d: %v", i, err)
		}
	}
	s.expect("nothing happened")
}

// manyAtOnce has everybody change everything, the same rows too. What the outbox tells has to be one history without
// gaps in which each change begins where the last one ended.
func manyAtOnce(s *subject) {
	const people, deeds = 8, 20
	for i := range 5 {
		s.add(strconv.Itoa(i), "")
	}
	var changing sync.WaitGroup
	for i := range people {
		random := rand.New(rand.NewPCG(1, uint64(i)))
		changing.Go(func() {
			for range deeds {
				if err := s.deed(random, strconv.Itoa(i)); err != nil {
					s.t.Errorf("%d: %v", i, err)
				}
			}
		})
	}
	changing.Wait()
	s.relay()
}

// deed does something at random to a task that is there, or was a moment ago.
func (s *subject) deed(random *rand.Rand, who string) error {
	l, err := s.store.List(s.ctx, tasks.View{})
	if err != nil {
		return err
	}
	pick := func() int64 {
		if len(l.Tasks) == 0 {
			return 0
		}
		return l.Tasks[random.IntN(len(l.Tasks))].ID
	}
	switch random.IntN(8) {
	case 0:
		_, err = s.store.Delete(s.ctx, pick())
	case 1, 2:
		_, err = s.store.Add(s.ctx, who, who)
	case 3:
		_, err = s.store.ClearDone(s.ctx, tasks.View{Owner: who})
	case 4, 5:
		_, err = s.store.Update(s.ctx, pick(), tasks.Patch{After: new(pick())})
	default:
		_, err = s.store.Update(s.ctx, pick(), tasks.Patch{Done: new(random.IntN(2) == 0), Owner: &who})
	}
	if errors.Is(err, tasks.ErrNotFound) || errors.Is(err, tasks.ErrNeighbour) {
		return nil // somebody else was faster
	}
	return err
}

// readingMeanwhile compares what is read with what the outbox says about the same revision.
func readingMeanwhile(s *subject) {
	s.add("a", "")
	worked := make(chan struct{})
	go func() {
		defer close(worked)
		random := rand.New(rand.NewPCG(2, 2))
		for range 200 {
			if err := s.deed(random, "x"); err != nil {
				s.t.Error(err)
			}
		}
	}()
	var seen []tasks.List
	for working := true; working; {
		select {
		case <-worked:
			working = false
		default:
		}
		seen = append(seen, s.list(tasks.View{}))
	}
	changes := s.relay()
	var then Replica
	for _, l := range seen {
		missing := changes[then.revision:max(l.Revision, then.revision)]
		if err := then.Apply(missing); err != nil {
			s.t.Fatal(err)
		}
		if got := then.List(); got.Revision != l.Revision || !slices.Equal(got.Tasks, l.Tasks) {
			s.t.Fatalf("at %d the list was\n%+v, but was read as\n%+v", l.Revision, got.Tasks, l.Tasks)
		}
	}
	if last := seen[len(seen)-1]; last.Revision != s.revision {
		s.t.Errorf("read last at %d, not at %d", last.Revision, s.revision)
	}
}

// Package storetest is what every tasks.Store has to pass.
package storetest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/snorky-go/snorky/examples/internal/tasks"
)

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

// Open makes an empty store for one test, and sees to it that it is closed at the end of the test.
type Open func(t *testing.T, limits tasks.Limits) tasks.Store

// Run tests the stores that open makes.
func Run(t *testing.T, open Open) {
	for _, test := range []struct {
		name string
		run  func(*subject)
		tasks.Limits
	}{
		{"an empty list", emptyList, tasks.Limits{}},
		{"adding", adding, tasks.Limits{}},
		{"any text", anyText, tasks.Limits{}},
		{"changing", changing, tasks.Limits{}},
		{"changing nothing", changingNothing, tasks.Limits{}},
		{"moving", moving, tasks.Limits{}},
		{"moving where there is no room", movingWithoutRoom, tasks.Limits{}},
		{"removing", removing, tasks.Limits{}},
		{"clearing", clearing, tasks.Limits{}},
		{"views", views, tasks.Limits{}},
		{"what is not there", missing, tasks.Limits{}},
		{"a full list", full, tasks.Limits{Tasks: 3}},
		{"a full outbox", backlog, tasks.Limits{Pending: 4}},
		{"relaying", relaying, tasks.Limits{}},
		{"relaying while Snorky is down", relayingInVain, tasks.Limits{}},
		{"relaying keeps nobody waiting", relayingAside, tasks.Limits{}},
		{"relaying takes turns", relayingInTurns, tasks.Limits{}},
		{"a context that has ended", endedContext, tasks.Limits{}},
		{"many at once", manyAtOnce, tasks.Limits{}},
		{"reading meanwhile", readingMeanwhile, tasks.Limits{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			test.run(&subject{t: t, ctx: ctx, store: open(t, test.Limits)})
		})
	}
}

// subject is a store under test, and the list that its outbox tells of.
type subject struct {
	t     *testing.T
	ctx   context.Context
	store tasks.Store
	Replica
}

func (s *subject) list(v tasks.View) tasks.List {
	s.t.Helper()
	l, err := s.store.List(s.ctx, v)
	if err != nil {
		s.t.Fatal(err)
	}
	return l
}

func (s *subject) add(title, owner string) tasks.Task {
	s.t.Helper()
	added, err := s.store.Add(s.ctx, title, owner)
	if err != nil {
		s.t.Fatal(err)
	}
	return added
}

func (s *subject) update(id int64, p tasks.Patch) tasks.Task {
	s.t.Helper()
	now, err := s.store.Update(s.ctx, id, p)
	if err != nil {
		s.t.Fatal(err)
	}
	return now
}

// relay takes everything out of the outbox and into the replica, and expects the replica to be the list then. It returns
// what has come.
func (s *subject) relay() []tasks.Change {
	s.t.Helper()
	changes := s.drain()
	if got, want := s.List(), s.list(tasks.View{}); got.Revision != want.Revision || !slices.Equal(got.Tasks, want.Tasks) {
		s.t.Fatalf("by the outbox the list is\n%+v, but it is\n%+v", got, want)
	}
	return changes
}

func (s *subject) drain() (all []tasks.Change) {
	s.t.Helper()
	for {
		sent, err := s.store.Relay(s.ctx, 7, func(_ context.Context, changes []tasks.Change) error {
			all = append(all, changes...)
			return s.Apply(changes)
		})
		if err != nil {
			s.t.Fatal(err)
		}
		if sent == 0 {
			return all
		}
	}
}

// expect relays and compares what has come.
func (s *subject) expect(what string, want ...tasks.Change) {
	s.t.Helper()
	got := s.relay()
	if len(got) != len(want) {
		s.t.Fatalf("%s: %d changes, want %d: %+v", what, len(got), len(want), got)
	}
	for i, wanted := range want {
		if c := got[i]; c.Revision != wanted.Revision || !same(c.Old, wanted.Old) || !same(c.New, wanted.New) {
			s.t.Errorf("%s: change %d is %+v → %+v at %d, want %+v → %+v at %d", what, i,
				c.Old, c.New, c.Revision, wanted.Old, wanted.New, wanted.Revision)
		}
	}
}

func same(a, b *tasks.Task) bool {
	return (a == nil) == (b == nil) && (a == nil || *a == *b)
}

func titles(l tasks.List) (all []string) {
	for _, t := range l.Tasks {
		all = append(all, t.Title)
	}
	return all
}

// order expects the titles in that order.
func (s *subject) order(want ...string) {
	s.t.Helper()
	if got := titles(s.list(tasks.View{})); !slices.Equal(got, want) {
		s.t.Errorf("the order is %q, want %q", got, want)
	}
}

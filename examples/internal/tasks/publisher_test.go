package tasks_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/examples/internal/tasks"
)

// publishing runs a Publisher within the bubble of a test.
func publishing(t *testing.T, store tasks.Store, b *broker, log zerolog.Logger) *tasks.Publisher {
	t.Helper()
	p := tasks.NewPublisher(store, b.client(t), log)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { p.Run(ctx) })
	t.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return p
}

func add(t *testing.T, store tasks.Store, title string) tasks.Task {
	t.Helper()
	added, err := store.Add(t.Context(), title, "")
	if err != nil {
		t.Fatal(err)
	}
	return added
}

// expectRevisions expects deltas of the revisions from first to last, in this order and once.
func expectRevisions(t *testing.T, got []delta, first, last int64) {
	t.Helper()
	for i, d := range got {
		if d.revision() != first+int64(i) {
			t.Fatalf("delta %d has revision %d, not %d", i, d.revision(), first+int64(i))
		}
	}
	if int64(len(got)) != last-first+1 {
		t.Errorf("%d deltas, not %d", len(got), last-first+1)
	}
}

func TestDeltas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, store := new(broker), tasks.NewMemory(tasks.Limits{})
		p := publishing(t, store, b, zerolog.Nop())
		a := add(t, store, "a")
		if _, err := store.Update(t.Context(), a.ID, tasks.Patch{Done: new(true), Owner: new("Ada")}); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Delete(t.Context(), a.ID); err != nil {
			t.Fatal(err)
		}
		p.Wake()
		synctest.Wait()
		// All rows of a delta have its revision, so that a page knows what it has seen by any side of it.
		born := row{ID: 1, Title: "a", Position: a.Position, Revision: 1}
		before, after := born, row{ID: 1, Title: "a", Position: a.Position, Revision: 2, Done: true, Owner: "Ada"}
		before.Revision = 2
		last := after
		last.Revision = 3
		want := []delta{
			{Type: "insert", Model: "Task", Data: born},
			{Type: "update", Model: "Task", OldData: before, NewData: after},
			{Type: "delete", Model: "Task", Data: last},
		}
		got := b.deltas()
		if len(got) != len(want) {
			t.Fatalf("got %+v", got)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("delta %d is %+v, not %+v", i, got[i], want[i])
			}
		}
	})
}

func TestPublishingWhenWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, store := new(broker), tasks.NewMemory(tasks.Limits{})
		p := publishing(t, store, b, zerolog.Nop())
		synctest.Wait()
		for range 1000 {
			p.Wake() // never blocks
		}
		add(t, store, "a")
		synctest.Wait()
		add(t, store, "b")
		p.Wake()
		synctest.Wait()
		expectRevisions(t, b.deltas(), 1, 2)
		// What nobody tells of is found all the same.
		add(t, store, "c")
		<-time.After(5 * time.Second)
		synctest.Wait()
		expectRevisions(t, b.deltas(), 3, 3)
	})
}

// While Snorky is down, changes are made. When it is back all of them come, in their order, once.
func TestPublishingAfterSnorkyWasDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		b, store := new(broker), tasks.NewMemory(tasks.Limits{})
		b.down = errDown
		p := publishing(t, store, b, zerolog.New(&log))
		for range 250 {
			add(t, store, "a")
			p.Wake()
			synctest.Wait()
		}
		<-time.After(5 * time.Minute)
		if got := b.deltas(); len(got) != 0 {
			t.Fatalf("published %d", len(got))
		}
		b.set(func() { b.down, b.refusal = nil, "No such model" })
		<-time.After(5 * time.Minute)
		b.set(func() { b.refusal = "" })
		<-time.After(10 * time.Second)
		synctest.Wait()
		expectRevisions(t, b.deltas(), 1, 250)

		// Each trouble is logged once, and its end.
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		if len(lines) != 3 || !strings.Contains(lines[0], "connection refused") || !strings.Contains(lines[1], "No such model") ||
			!strings.Contains(lines[2], "published again") {
			t.Errorf("the log is %q", lines)
		}
		if strings.Contains(log.String(), key) {
			t.Error("the log has the key in it")
		}
	})
}

// An answer that is lost: what was published is published again, and nothing later came in between.
func TestPublishingTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, store := new(broker), tasks.NewMemory(tasks.Limits{})
		b.lost = errors.New("connection reset by peer")
		p := publishing(t, store, b, zerolog.Nop())
		add(t, store, "a")
		add(t, store, "b")
		p.Wake()
		synctest.Wait()
		b.set(func() { b.lost = nil })
		expectRevisions(t, b.deltas(), 1, 2)
		add(t, store, "c")
		<-time.After(10 * time.Second)
		synctest.Wait()
		expectRevisions(t, b.deltas(), 1, 3)
	})
}

// A Publisher ends while it waits for Snorky, and when it cannot even make a client.
func TestPublisherEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, store := new(broker), tasks.NewMemory(tasks.Limits{})
		b.down = errDown
		add(t, store, "a")
		publishing(t, store, b, zerolog.Nop())
		synctest.Wait()
	})
}

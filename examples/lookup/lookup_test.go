package lookup_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/actorstest"
	"github.com/snorky-go/snorky/examples/lookup"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// outside is what is asked: names are how long the answer takes.
type outside struct{ under, cancelled atomic.Int32 }

func (o *outside) find(ctx context.Context, name string) ([]string, error) {
	o.under.Add(1)
	defer o.under.Add(-1)
	takes, err := time.ParseDuration(name)
	if err != nil {
		return nil, errors.New("there is no such name")
	}
	select {
	case <-time.After(takes):
		return []string{name + " are over"}, nil
	case <-ctx.Done():
		o.cancelled.Add(1)
		return nil, ctx.Err()
	}
}

func run(t *testing.T, test func(*testing.T, *actorstest.Broker, *outside)) {
	t.Helper()
	actorstest.Run(t, actors.Options{}, func(t *testing.T, b *actorstest.Broker) {
		o := &outside{}
		b.Frontend("lookup", lookup.New(o.find))
		test(t, b, o)
	})
}

func name(n string) map[string]string { return map[string]string{"name": n} }

func TestAnswersThatTakeTime(t *testing.T) {
	run(t, func(t *testing.T, b *actorstest.Broker, _ *outside) {
		ann, bob := b.Client("ann"), b.Client("bob")
		slow := ann.Start("lookup", "lookUp", name("3s"))
		next := ann.Start("lookup", "lookUp", name("0s"))

		// Nobody but ann waits.
		bob.Call("lookup", "lookUp", name("0s")).Want([]string{"0s are over"})
		if slow.Done() || next.Done() {
			t.Error("ann is answered too early")
		}
		b.Advance(3 * time.Second)
		slow.Answer().Want([]string{"3s are over"})
		next.Answer().Want([]string{"0s are over"})
		ann.WantOrder(slow.Answer(), next.Answer())

		ann.Call("lookup", "lookUp", name("nobody")).WantError("Not found")
		ann.Call("lookup", "lookUp", name("1m")).WantError("No answer in time")
		ann.Call("lookup", "lookUp", name("0s")).Want([]string{"0s are over"})
	})
}

// A client that leaves while a call is under way has not quite gone before the answer: what it has asked for is done.
func TestLeavingBeforeTheAnswer(t *testing.T) {
	run(t, func(t *testing.T, b *actorstest.Broker, o *outside) {
		ann := b.Client("ann")
		ann.Start("lookup", "lookUp", name("3s"))
		ann.Close()
		if n := b.Stats().Connections; n != 1 {
			t.Errorf("%d connections before the answer", n)
		}
		b.Advance(3 * time.Second)
		if n := b.Stats().Connections; n != 0 || o.cancelled.Load() != 0 {
			t.Errorf("%d connections after the answer, %d lookups cancelled", n, o.cancelled.Load())
		}
	})
}

func TestSearches(t *testing.T) {
	run(t, func(_ *testing.T, b *actorstest.Broker, o *outside) {
		ann, bob := b.Client("ann"), b.Client("bob")
		at := ann.Call("lookup", "search", name("0s")) // found at once, and told after the answer
		at.Want(1)
		found := ann.Next()
		found.Want("lookup", actorstest.JSON(`{"type":"found","search":1,"found":["0s are over"]}`))
		ann.WantOrder(at, found)

		ann.Call("lookup", "search", name("3s")).Want(2)
		ann.Call("lookup", "search", name("2s")).Want(3)
		ann.Call("lookup", "search", name("1m")).Want(4)
		bob.Call("lookup", "search", name("nobody")).Want(5)
		bob.Next().Want("lookup", actorstest.JSON(`{"type":"failed","search":5,"reason":"Not found"}`))
		b.Advance(lookup.Limit)
		ann.Next().Want("lookup", actorstest.JSON(`{"type":"found","search":3,"found":["2s are over"]}`))
		ann.Next().Want("lookup", actorstest.JSON(`{"type":"found","search":2,"found":["3s are over"]}`))
		ann.Next().Want("lookup", actorstest.JSON(`{"type":"failed","search":4,"reason":"No answer in time"}`))
		b.Quiet()
	})
}

func TestCancelling(t *testing.T) {
	run(t, func(t *testing.T, b *actorstest.Broker, o *outside) {
		ann, bob := b.Client("ann"), b.Client("bob")
		search := func(id int) map[string]int { return map[string]int{"search": id} }
		under := func(want int32) {
			t.Helper()
			if b.Wait(); o.under.Load() != want {
				t.Errorf("%d lookups are under way, not %d", o.under.Load(), want)
			}
		}
		ann.Call("lookup", "search", name("3s")).Want(1)
		ann.Call("lookup", "search", name("3s")).Want(2)
		bob.Call("lookup", "cancel", search(1)).WantError("No such search") // not bob's
		ann.Call("lookup", "cancel", search(1)).Want(nil)
		ann.Call("lookup", "cancel", search(1)).WantError("No such search")
		under(1)

		// Who leaves cancels all that is under way.
		ann.Close()
		under(0)
		b.Advance(lookup.Limit)
		b.Quiet()

		for range lookup.MaxSearches {
			bob.Call("lookup", "search", name("1s"))
		}
		bob.Call("lookup", "search", name("1s")).WantError("Too many searches")
		under(lookup.MaxSearches)
	})
}

// A service that is taken away leaves nothing running, and nobody without an answer.
func TestStopping(t *testing.T) {
	run(t, func(t *testing.T, b *actorstest.Broker, o *outside) {
		ann, bob := b.Client("ann"), b.Client("bob")
		slow := ann.Start("lookup", "lookUp", name("3s"))
		bob.Call("lookup", "search", name("3s")).Want(1)
		if err := b.Broker.Frontend().Unregister("lookup"); err != nil {
			t.Error(err)
		}
		slow.Answer().WantError("Not found")
		if o.under.Load() != 0 || o.cancelled.Load() != 2 {
			t.Errorf("%d lookups are under way, %d were cancelled", o.under.Load(), o.cancelled.Load())
		}
		b.Quiet()
	})
}

func TestBackendsCannotSearch(t *testing.T) {
	actorstest.Run(t, actors.Options{}, func(_ *testing.T, b *actorstest.Broker) {
		b.Backend("lookup", lookup.New((&outside{}).find))
		b.Call("lookup", "lookUp", name("1s")).Want([]string{"1s are over"})
		b.Call("lookup", "search", name("1s")).WantError("Internal error")
	})
}

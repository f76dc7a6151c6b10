package datasync_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/snorky-go/snorky/actors/actorstest"
	"github.com/snorky-go/snorky/actors/services/datasync"
	"github.com/snorky-go/snorky/actors/wire"
)

// prefixes is a dealer of an application: items match texts that begin with their query.
type prefixes struct{ name string }

func (p prefixes) Name() string { return p.name }
func (prefixes) Model() string  { return "Task" }

func (prefixes) Accept(query json.RawMessage) (datasync.Matcher, error) {
	wanted, ok := wire.Unquote(query)
	switch {
	case !ok:
		return nil, errors.New("no text")
	case wanted == "secret":
		return nil, wire.NewError("not_for_you", "Not for you")
	case wanted == "panic":
		panic("a query")
	}
	return datasync.MatcherFunc(func(data json.RawMessage) bool {
		text, ok := wire.Unquote(data)
		if text == "panic" {
			panic("data")
		}
		return ok && strings.HasPrefix(text, wanted)
	}), nil
}

// tags is a dealer of an application that finds items by keys: they match lists with their tag that are long enough.
type tags struct{ prefixes }

func (tags) QueryKey(query json.RawMessage) (json.RawMessage, error) {
	if parts, ok := wire.Elements(query); ok && len(parts) == 2 {
		return parts[0], nil
	}
	return nil, errors.New("no tag and length")
}

func (tags) Accept(query json.RawMessage) (datasync.Matcher, error) {
	parts, ok := wire.Elements(query)
	var length int
	if !ok || len(parts) != 2 || json.Unmarshal(parts[1], &length) != nil {
		if string(query) != "[]" {
			return nil, errors.New("no tag and length")
		}
	}
	return datasync.MatcherFunc(func(data json.RawMessage) bool {
		parts, _ := wire.Elements(data)
		return len(parts) >= length
	}), nil
}

func (tags) DataKeys(data json.RawMessage) (keys []json.RawMessage) {
	parts, _ := wire.Elements(data)
	for _, p := range parts {
		keys = append(keys, p)
	}
	return keys
}

// renamed is a dealer around another one, of which it knows no more than any dealer has.
type renamed struct {
	datasync.Dealer
	name string
}

func (r renamed) Name() string { return r.name }

func dealersInGo(_ *testing.T, b *actorstest.Broker) {
	sync := datasync.New(datasync.Options{},
		prefixes{"prefix"}, tags{prefixes{"tags"}},
		datasync.Broadcast("all", "Task"),
		renamed{datasync.KeyField("", "Task", "owner"), "owner again"},
		renamed{datasync.Filter("", "Task"), "filter again"},
	)
	b.Frontend("sync", sync)
	b.Backend("back", datasync.NewBackend(sync))
}

func TestDealersInGo(t *testing.T) {
	actorstest.Play(t, dealersInGo,
		authorize(item("prefix", `"ab"`), "~a"), acquire("a", "$a"),
		authorize(item("tags", `["x",2]`), "~b"), acquire("b", "$b"),
		authorize(item("tags", `[{"k":1},0]`), "~c"), acquire("c", "$c"),
		publish(heard{"a": got(insert(`"abc"`), remove(`"ab"`))}, insert(`"abc"`), insert(`"a"`), insert("1"), remove(`"ab"`)),
		publish(heard{"a": got(insert(`"ab"`), change(`"ab"`, `"abc"`), remove(`"abc"`))},
			change(`"x"`, `"ab"`), change(`"ab"`, `"abc"`), change(`"abc"`, `"x"`), change(`"y"`, `"z"`)),
		// Found by two of its keys, an item gets one copy.
		publish(heard{"b": got(insert(`["x","x"]`)), "c": got(insert(`[{"k":1.0}]`))}, insert(`["x","x"]`), insert(`["x"]`), insert(`[{"k":1.0}]`)),
		publish(heard{"b": got(remove(`["x",2]`)), "c": got(insert(`[{"k":1}]`))}, change(`["x",2]`, `[{"k":1}]`)),
		authorize(item("owner again", `{"o":1.0}`), "~d"), acquire("d", "$d"),
		authorize(item("filter again", `[">","n",1]`), "~e"), acquire("e", "$e"),
		publish(heard{"d": got(insert(`{"owner":{"o":1}}`)), "e": got(insert(`{"n":2}`))},
			insert(`{"owner":{"o":1}}`), insert(`{"owner":1}`), insert(`{"n":2}`), insert(`{"n":1}`), insert("{}")),
	)
}

func TestWhatDealersInGoDoNotAccept(t *testing.T) {
	refused := func(dealer, query, want string) step { return authorize(item(dealer, query), "!"+want) }
	actorstest.Play(t, dealersInGo,
		refused("prefix", "1", "Bad query"),
		refused("prefix", `"secret"`, "Not for you"),
		refused("prefix", `"panic"`, "Internal error"),
		refused("tags", `[]`, "Bad query"),
		refused("tags", `1`, "Bad query"),
		refused("filter again", `[]`, "Bad query"),
		authorize(item("prefix", `""`), "~a"), acquire("a", "$a"),
		publish(heard{"a": got(insert(`"x"`))}, insert(`"x"`)),
	)
}

// A dealer that panics matches nothing; the delta goes its way to all others, and so does what follows.
func TestPanicInADealer(t *testing.T) {
	actorstest.Play(t, dealersInGo,
		authorize(item("prefix", `""`)+","+item("prefix", `"p"`), "~a"), acquire("a", "$a"),
		authorize(item("all", `0`), "~b"), acquire("b", "$b"),
		publish(heard{"a": got(insert(`"x"`), insert(`"pan"`), insert(`"pan"`)), "b": got(insert(`"x"`), insert(`"panic"`), change(`"p"`, `"panic"`), insert(`"pan"`))},
			insert(`"x"`), insert(`"panic"`), change(`"p"`, `"panic"`), insert(`"pan"`)),
	)
}

// gated is a dealer whose queries and data wait for a gate if they are "wait".
type gated struct {
	label [2]string
	gate  chan struct{}
}

func (g gated) Name() string  { return g.label[0] }
func (g gated) Model() string { return g.label[1] }

func (g gated) wait(value json.RawMessage) {
	if string(value) == `"wait"` {
		<-g.gate
	}
}

func (g gated) Accept(query json.RawMessage) (datasync.Matcher, error) {
	g.wait(query)
	return datasync.MatcherFunc(func(data json.RawMessage) bool {
		g.wait(data)
		return true
	}), nil
}

// A dealer that takes long holds up its own model; a query that takes long, other authorizations. Everything else goes on.
func TestWhatIsBusyHoldsUpNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		s := newStage(t, datasync.Options{}, gated{[2]string{"slow", "Slow"}, gate},
			datasync.Broadcast("beside", "Slow"), datasync.Broadcast("all", "Task"))
		defer s.end()
		v := s.visit(true)
		v.call("acquireSubscription", s.authorize(item("slow", "0"), item("beside", "0"), item("all", "0")))
		later := s.authorize(item("all", "0"))

		done := make(chan string, 3)
		go func() { s.publish(slow(`"wait"`), insert("4")); done <- "slow" }()
		synctest.Wait()
		go func() { s.publish(slow(`"next"`)); done <- "next" }()
		go func() { s.authorize(item("slow", `"wait"`)); done <- "authorized" }()
		synctest.Wait()
		s.publish(insert("1"))
		v.call("acquireSubscription", later)
		s.publish(insert("2"))
		v.call("cancelSubscription", later)
		s.publish(insert("3"))
		if len(done) > 0 {
			t.Fatalf("%s has not waited", <-done)
		}
		close(gate)
		synctest.Wait()
		if len(done) != 3 {
			t.Errorf("%d of 3 are done", len(done))
		}
		var want []string
		for _, d := range []string{insert("1"), insert("1"), insert("2"), insert("2"), insert("3"), slow(`"wait"`), slow(`"wait"`)} {
			want = append(want, got(d)...)
		}
		checkDeltas(t, v, append(want, got(insert("4"), slow(`"next"`), slow(`"next"`))...)...)
	})
}

func slow(data string) string { return `{"type":"insert","model":"Slow","data":` + data + `}` }

// checkDeltas compares all that a visitor has heard but answers. What two models deliver at once may come in any order.
func checkDeltas(t *testing.T, v *visitor, want ...string) {
	t.Helper()
	var deltas []string
	for _, content := range v.transcript() {
		if strings.HasPrefix(content, `{"type":"delta"`) {
			deltas = append(deltas, content)
		}
	}
	for _, model := range []string{`"Task"`, `"Slow"`} {
		of := func(all []string) string {
			other := func(d string) bool { return !strings.Contains(d, model) }
			return strings.Join(slices.DeleteFunc(slices.Clone(all), other), "\n")
		}
		if of(deltas) != of(want) {
			t.Errorf("of %s there are\n%s, not\n%s", model, of(deltas), of(want))
		}
	}
}

// The end does not wait for a model that waits for its dealers.
func TestTheEndWhileADealerIsBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gate := make(chan struct{})
		s := newStage(t, datasync.Options{}, gated{[2]string{"slow", "Slow"}, gate}, datasync.Broadcast("beside", "Slow"))
		s.authorize(item("slow", "0"))
		failed := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := s.call("publishDeltas", `{"deltas":[`+slow(`"wait"`)+`]}`)
				failed <- err
			}()
		}
		synctest.Wait()
		go func() {
			synctest.Wait()
			close(gate)
		}()
		s.end()
		for range 2 {
			if err := <-failed; err == nil {
				t.Error("a delta that was not delivered is acknowledged")
			}
		}
	})
}

func TestRegistering(t *testing.T) {
	s := newStage(t, datasync.Options{})
	defer s.end()
	other := datasync.New(datasync.Options{})
	if err := s.broker.Backend().Register("other_back", datasync.NewBackend(other)); err == nil {
		t.Error("a Backend starts before its DataSync")
	}
	if err := s.broker.Frontend().Register("other", other); err != nil {
		t.Error(err)
	}
	if err := s.broker.Frontend().Register("again", other); err == nil {
		t.Error("a DataSync is registered twice")
	}
}

// A Backend whose DataSync is gone has errors to tell, and nobody waits for it.
func TestTheDataSyncEndsFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, datasync.Options{}, datasync.Broadcast("all", "Task"))
		defer s.end()
		if err := s.broker.Frontend().Unregister("sync"); err != nil {
			t.Fatal(err)
		}
		for command, params := range map[string]string{
			"authorizeSubscription": `{"items":[` + item("all", "0") + `]}`, "publishDeltas": `{"deltas":[` + insert("1") + `]}`,
		} {
			if _, err := s.call(command, params); err == nil || err.Error() != "Internal error" {
				t.Errorf("%s: %v", command, err)
			}
		}
	})
}

// Where a delta is for very many items, the dealers are asked about few at a time, and then about more again.
func TestManyDeltasForMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, datasync.Options{}, datasync.Broadcast("all", "Task"), datasync.KeyField("mine", "Task", "owner"))
		defer s.end()
		crowded, one := s.visit(false), s.visit(true)
		crowded.says <- `{"service":"sync","message":{"command":"acquireSubscription","params":{"token":` + s.items(5000, "all", "%[1]d")[0] + `}}}`
		token := s.authorize(item("mine", "1"))
		one.call("acquireSubscription", token)
		var deltas, want []string
		for n := range 30 {
			deltas = append(deltas, insert(fmt.Sprintf(`{"n":%d,"owner":%d}`, n, n%2)))
			if n%2 == 1 {
				want = append(want, got(deltas[n])...)
			}
		}
		s.publish(deltas...)
		synctest.Wait()
		crowded.await(func(number int, _ []string) bool { return number == 1+30*5000 })
		checkDeltas(t, one, want...)
	})
}

// One call may hold as many deltas as fit into a request.
func TestTenThousandDeltasInOneCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, datasync.Options{}, datasync.Filter("some", "Task"))
		defer s.end()
		v := s.visit(true)
		v.call("acquireSubscription", s.authorize(item("some", `[">=","n",100]`)))
		var deltas, want []string
		for n := range 10_000 {
			deltas = append(deltas, insert(fmt.Sprintf(`{"n":%d}`, n)))
			if n >= 100 {
				want = append(want, got(deltas[n])...)
			}
		}
		s.publish(deltas...)
		synctest.Wait()
		checkDeltas(t, v, want...)
	})
}

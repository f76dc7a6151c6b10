package datasync_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/snorky-go/snorky/actors/services/datasync"
)

// Several publishers, and clients that come and go in the middle of it: whatever the threads did, what each has heard
// must fit (PROTOCOL.md sections 5 and 9).

const (
	publishers = 4
	calls      = 40
	owners     = 3
)

func crowdStage(t *testing.T) *stage {
	return newStage(t, datasync.Options{MaxBufferedBytes: 64 << 20, MaxBufferedTotal: 1 << 30},
		datasync.Broadcast("all", "Task"), datasync.KeyField("mine", "Task", "owner"), datasync.Filter("some", "Task"),
		datasync.Broadcast("notes", "Note"))
}

// deltasOf makes the deltas of one call; some are of the other model.
func deltasOf(publisher, call int, w *rand.Rand) (deltas []string) {
	for n := range 1 + w.IntN(90) {
		data := fmt.Sprintf(`{"id":"%d-%d-%d","owner":%d}`, publisher, call, n, w.IntN(owners))
		if w.IntN(10) == 0 {
			deltas = append(deltas, `{"type":"insert","model":"Note","data":`+data+`}`)
		} else {
			deltas = append(deltas, insert(data))
		}
	}
	return deltas
}

func TestCrowd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := crowdStage(t)
		defer s.end()
		witness := s.visit(true)
		witness.call("acquireSubscription", s.authorize(item("all", "0")))
		var wg sync.WaitGroup
		var mu sync.Mutex
		var checks []func(order map[string]int)
		check := func(f func(order map[string]int)) {
			mu.Lock()
			defer mu.Unlock()
			checks = append(checks, f)
		}
		for p := range publishers {
			wg.Go(func() {
				w := rand.New(rand.NewPCG(uint64(p), 1))
				for c := range calls {
					if c%5 == 2 {
						s.enter(&wg, fmt.Sprintf("%d-%d-", p, c), c/5, w.IntN(owners), check)
					}
					s.publish(deltasOf(p, c, w)...)
				}
			})
		}
		wg.Wait()
		synctest.Wait()
		order := map[string]int{}
		for _, id := range ids(witness.transcript()) {
			order[id] = len(order)
		}
		for _, f := range checks {
			f(order)
		}
		for _, v := range s.visitors {
			_ = v.Close()
		}
		<-time.After(3 * time.Minute) // those that nobody has acquired are gone
		synctest.Wait()
		if left := datasync.Leftovers(s.service); left != "" {
			t.Errorf("%sare left", left)
		}
		if len(checks) == 0 || len(order) < publishers*calls {
			t.Errorf("%d checks of %d deltas", len(checks), len(order))
		}
	})
}

// enter authorizes a client, just before a publisher makes a call whose ids have a prefix, and lets it do what its number
// says.
func (s *stage) enter(wg *sync.WaitGroup, next string, n, owner int, check func(func(map[string]int))) {
	t := s.tb
	v := s.visit(true)
	switch n % 4 {
	case 0: // one subscription: everything from then on
		token := s.authorize(item("all", "0"))
		wg.Go(func() { v.call("acquireSubscription", token) })
		check(func(order map[string]int) {
			heard := ids(v.transcript())
			if len(heard) == 0 || order[heard[0]] > order[next+"0"] && order[next+"0"] > 0 {
				t.Errorf("the first of %d deltas that reach a client is too late", len(heard))
				return
			}
			if missing := len(order) - order[heard[0]] - len(heard); missing != 0 {
				t.Errorf("%d deltas are missing", missing)
			}
			ascending(t, order, heard, 1)
		})
	case 1: // two subscriptions of two dealers each
		one, two := s.authorize(item("all", "0"), item("notes", "0")), ""
		wg.Go(func() {
			v.call("acquireSubscription", one)
			two = s.authorize(item("mine", fmt.Sprint(owner)), item("some", fmt.Sprintf(`["==","owner",%d]`, owner)))
			v.call("acquireSubscription", two)
		})
		check(func(order map[string]int) {
			answers := 0
			from := 0
			heard := v.transcript()
			for i, content := range heard {
				if !strings.Contains(content, `"callId"`) {
					continue
				}
				if answers++; answers == 2 {
					// What waited comes out among what the first subscription gets.
					ascending(t, order, ids(heard[from:i]), 2)
				}
				from = i
			}
			live := ids(heard[from:])
			ascending(t, order, live, 1)
			if before := ids(heard[:from]); len(live) > 0 && len(before) > 0 && order[live[0]] < order[before[len(before)-1]] {
				t.Error("what came after the answer is older than what came before")
			}
			copies := map[string]int{}
			for _, id := range live {
				copies[id]++
			}
			for id, n := range copies {
				if id != live[0] && n != 1 && n != 3 { // the answer may come between the copies of one delta
					t.Errorf("%d copies of %s", n, id)
				}
			}
		})
	case 2: // cancels in the middle
		token := s.authorize(item("all", "0"), item("all", "1"))
		wg.Go(func() {
			v.call("acquireSubscription", token)
			v.await(func(_ int, heard []string) bool { return len(heard) > 20 })
			v.call("cancelSubscription", token)
		})
		check(func(order map[string]int) {
			heard := v.transcript()
			if last := heard[len(heard)-1]; !strings.Contains(last, `"callId"`) {
				t.Errorf("after the answer to cancel there is %s", last)
			}
			pairs := ids(heard)
			for i := 0; i+1 < len(pairs); i += 2 {
				if pairs[i] != pairs[i+1] {
					t.Errorf("two items, but %s and %s", pairs[i], pairs[i+1])
				}
			}
			ascending(t, order, pairs, 1)
		})
	default: // goes in the middle, another one is never acquired
		s.authorize(item("all", "0"))
		token := s.authorize(item("some", `["not",["==","owner",-1]]`))
		wg.Go(func() {
			v.call("acquireSubscription", token)
			v.await(func(_ int, heard []string) bool { return len(heard) > 10 })
			_ = v.Close()
		})
	}
}

// ids are those of the data of Task that a client has heard of.
func ids(heard []string) (all []string) {
	for _, content := range heard {
		_, rest, found := strings.Cut(content, `"model":"Task","data":{"id":"`)
		if found {
			id, _, _ := strings.Cut(rest, `"`)
			all = append(all, id)
		}
	}
	return all
}

// ascending checks that deltas came in order, or so many orders mixed.
func ascending(t testing.TB, order map[string]int, heard []string, orders int) {
	t.Helper()
	var latest []int // of each order, falling
	for _, id := range heard {
		at, fits := slices.BinarySearchFunc(latest, order[id], func(last, next int) int { return cmp.Compare(next, last) })
		if !fits && at == len(latest) {
			latest = append(latest, 0)
		}
		latest[at] = order[id]
	}
	if len(latest) > orders {
		t.Errorf("%d deltas are in %d orders", len(heard), len(latest))
	}
}

// What overflows leaves nothing behind either, whoever comes for it and when.
func TestCrowdThatOverflows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage(t, datasync.Options{MaxBufferedBytes: 5000, MaxBufferedTotal: 20_000},
			datasync.Broadcast("all", "Task"), datasync.Filter("some", "Task"))
		defer s.end()
		var wg sync.WaitGroup
		acquired, refused := make(chan bool, 1000), make(chan bool, 1000)
		for p := range publishers {
			wg.Go(func() {
				for c := range calls {
					token := s.authorize(item("all", "0"), item("some", fmt.Sprintf(`["==","n",%d]`, c)))
					for n := range 1 + c%7 {
						s.publish(insert(fmt.Sprintf(`{"n":%d,"p":%d,"text":%q}`, n, p, strings.Repeat("x", 900))))
					}
					switch a := s.visit(true).call("acquireSubscription", token); {
					case a.Type == "response":
						acquired <- true
					case a.Message == "Subscription overflowed":
						refused <- true
					default:
						t.Errorf("%+v", a)
					}
				}
			})
		}
		wg.Wait()
		if len(acquired) == 0 || len(refused) == 0 {
			t.Errorf("%d have been acquired and %d refused", len(acquired), len(refused))
		}
		for _, v := range s.visitors {
			_ = v.Close()
		}
		<-time.After(3 * time.Minute)
		synctest.Wait()
		if left := datasync.Leftovers(s.service); left != "" {
			t.Errorf("%sare left", left)
		}
	})
}

package application

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestAnswersAreKept(t *testing.T) {
	a := newApp(t, func(w http.ResponseWriter, r *http.Request) {
		says(http.StatusOK, r.Header.Get("X-Backend-Key"))(w, r)
	})
	c := a.client(t, Options{})
	ask := func(answer string, q Question) bool {
		t.Helper()
		c.SetKey(answer)
		before := len(a.all())
		if _, err := c.Authorize(t.Context(), q); err != nil {
			t.Error(err)
		}
		return len(a.all()) > before
	}
	q := Question{Service: "p", Channel: []byte(`"c"`), Identity: []byte(`{"a":1,"b":2}`), Claims: []byte(`{}`)}
	if !ask(`{"allow":false,"cacheFor":60}`, q) || !ask(`{"allow":true}`, q) || !ask(`{"allow":true,"cacheFor":0}`, q) || !ask(`{"allow":true,"cacheFor":60}`, q) {
		t.Error("an answer is kept that is not to be")
	}
	if ask("", q) {
		t.Error("asked again")
	}
	same := q
	same.Channel, same.Identity = []byte(`"\u0063"`), []byte(`{"b":2.0,"a":1}`)
	if ask("", same) {
		t.Error("asked again, in other words")
	}
	for name, change := range map[string]func(*Question){
		"channel":  func(q *Question) { q.Channel = []byte(`"d"`) },
		"identity": func(q *Question) { q.Identity = nil },
		"claims":   func(q *Question) { q.Claims = []byte(`{"a":1}`) },
		"service":  func(q *Question) { q.Service = "q" },
		"event":    func(q *Question) { q.Publish = true },
		// The parts are kept apart.
		"border": func(q *Question) { q.Service, q.Channel = `p"c"`, nil },
	} {
		other := q
		change(&other)
		if name == "border" {
			if c.granted.has(&other) {
				t.Error("two questions are taken for one")
			}
			continue
		}
		if !ask(`{"allow":true}`, other) {
			t.Errorf("the answer for another %s is used", name)
		}
	}
	published := Question{Publish: true, Service: "p", Channel: []byte("1"), Message: []byte("1")}
	ask(`{"allow":true,"cacheFor":60}`, published)
	published.Message = []byte("2")
	if ask("", published) {
		t.Error("asked for each message")
	}
}

func TestAnswersAreKeptForTheirTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := cache{most: 10}
		short, long := &Question{Channel: []byte("1")}, &Question{Channel: []byte("2")}
		c.add(short, time.Minute)
		c.add(long, 1000*time.Hour)
		for _, step := range []struct {
			after       time.Duration
			short, long bool
		}{{0, true, true}, {time.Minute - 1, true, true}, {1, false, true}, {59*time.Minute - 1, false, true}, {1, false, false}} {
			<-time.After(step.after)
			if got := [2]bool{c.has(short), c.has(long)}; got != [2]bool{step.short, step.long} {
				t.Errorf("%v later: %v", step.after, got)
			}
		}
		if len(c.until) != 0 {
			t.Errorf("%d answers are kept for ever", len(c.until))
		}
	})
}

func TestKeptAnswersAreBounded(t *testing.T) {
	c := cache{most: 100}
	question := func(i int) *Question { return &Question{Channel: fmt.Append(nil, i)} }
	for i := range 1000 {
		c.add(question(i), time.Minute+time.Duration(i)*time.Second)
		if !c.has(question(i)) {
			t.Fatalf("%d is not kept", i)
		}
	}
	c.add(question(999), time.Hour) // is there already
	if n := len(c.until); n != 100 {
		t.Errorf("%d are kept", n)
	}
	none := cache{most: -1}
	if none.add(question(1), time.Hour); none.has(question(1)) {
		t.Error("kept where none are to be")
	}
}

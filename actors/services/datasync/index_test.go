package datasync

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// byHand is a dealer as an application may write it, whose queries are keys of which data are to have one.
type byHand struct{ label }

func (byHand) Accept(query json.RawMessage) (Matcher, error) {
	return MatcherFunc(func(data json.RawMessage) bool {
		value, ok := member(data, "n")
		return ok && string(value) == string(query)
	}), nil
}

// Each index finds what asking each item finds, whatever comes and goes.
func TestIndexes(t *testing.T) {
	for _, test := range []struct {
		name   string
		dealer Dealer
		query  string
	}{
		{"scan", byHand{}, "%d"},
		{"broadcast", Broadcast("", ""), "%d"},
		{"key", KeyField("", "", "n"), "%d"},
		{"filter", Filter("", ""), `["or",["==","n",%d],["==","m",1]]`},
		{"embedded", struct{ Dealer }{KeyField("", "", "n")}, "%d"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := rand.New(rand.NewPCG(1, 2))
			x := newIndex(test.dealer)
			var items []*item
			for range 500 {
				switch {
				case w.IntN(2) == 0 || len(items) == 0:
					i, err := accept(test.dealer, fmt.Appendf(nil, test.query, w.IntN(5)))
					if err != nil {
						t.Fatal(err)
					}
					x.add(i)
					items = append(items, i)
				case w.IntN(2) == 0:
					at := w.IntN(len(items))
					x.remove(items[at])
					items = slices.Delete(items, at, at+1)
				}
				data := fmt.Appendf(nil, `{"n":%d,"m":%d}`, w.IntN(6), w.IntN(2))
				found := map[*item]bool{}
				x.find(data, func(i *item) { found[i] = true })
				for _, i := range items {
					want := matchesAlone(test.dealer, i, data)
					if found[i] != want {
						t.Fatalf("%s: found %t", data, found[i])
					}
					delete(found, i)
				}
				if len(found) > 0 || x.isEmpty() != (len(items) == 0) {
					t.Fatalf("%d items too many", len(found))
				}
			}
			for _, i := range items {
				x.remove(i)
			}
			if !x.isEmpty() {
				t.Error("something is left")
			}
		})
	}
}

func matchesAlone(d Dealer, i *item, data json.RawMessage) bool {
	if _, ok := d.(keyed); ok {
		value, _ := member(data, "n")
		return string(value) == string(i.key)
	}
	return i.matches(data)
}

// A list that was long once does not keep its room.
func TestListsShrink(t *testing.T) {
	var l list
	items := make([]*item, 10_000)
	for n := range items {
		items[n] = &item{}
		l.add(items[n])
	}
	for _, i := range items[1:] {
		l.remove(i)
	}
	if len(l.items) != 1 || l.items[0] != items[0] || cap(l.items) > 64 {
		t.Errorf("%d of %d", len(l.items), cap(l.items))
	}
}

func TestOnlyTheLatestGravesAreKnown(t *testing.T) {
	var g graves
	first := &subscription{}
	if g.add(first) != nil {
		t.Error("somebody was there before the first")
	}
	for range len(g.ring) - 1 {
		if g.add(&subscription{}) != nil {
			t.Fatal("one is forgotten too early")
		}
	}
	if g.add(&subscription{}) != first {
		t.Error("the first is not the first to be forgotten")
	}
}

func TestTokens(t *testing.T) {
	seen := map[string]bool{}
	counts := map[rune]int{}
	for range 1000 {
		token := newToken()
		if len(token) != 32 || seen[token] {
			t.Fatal(token)
		}
		seen[token] = true
		for _, c := range token {
			counts[c]++
		}
	}
	for c, n := range counts {
		if c < '0' || c > '9' && c < 'a' || c > 'z' || n < 500 || n > 1300 { // of 889
			t.Errorf("%d times %c", n, c)
		}
	}
}

// What is read of a delta can be sent, and there is no panic.
func FuzzDelta(f *testing.F) {
	f.Add([]byte(`{"type":"insert","model":"M","data":{"a":[1]}}`))
	f.Add([]byte(`{"type":"update","model":"M","newData":1,"oldData":null,"tag":2}`))
	f.Add([]byte(`{"type":"delete","model":"\u00e9","data":"x","data":"y"}`))
	f.Fuzz(func(t *testing.T, part []byte) {
		if !json.Valid(part) {
			return
		}
		d, err := parseDelta(part)
		if err != nil {
			return
		}
		for form, has := range [forms]bool{d.new != nil, d.new != nil && d.old != nil, d.old != nil} {
			if content := d.append(nil, form); has && !json.Valid(content) {
				t.Errorf("%s becomes %s", part, content)
			}
		}
	})
}

func FuzzItem(f *testing.F) {
	s := New(Options{}, Filter("f", "M"), KeyField("k", "M", "n"), Broadcast("b", "M"))
	f.Add([]byte(`{"dealer":"f","query":["==","a",1]}`))
	f.Add([]byte(`{"dealer":"k","query":{"b":1,"a":[]}}`))
	f.Add([]byte(`{"dealer":"b","query":null,"dealer":"f"}`))
	f.Fuzz(func(t *testing.T, part []byte) {
		if !json.Valid(part) {
			return
		}
		r, err := s.request(part)
		if err != nil {
			return
		}
		if i, err := accept(r.dealer.Dealer, r.query); err == nil {
			r.dealer.index.add(i)
			r.dealer.index.find(part, func(*item) {})
			r.dealer.index.remove(i)
		}
		if !r.dealer.index.isEmpty() {
			t.Errorf("%s leaves something behind", part)
		}
	})
}

package filter

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
)

// Filters come and go; whatever is in the index is found as if each had been asked.
func TestIndexFindsWhatMatches(t *testing.T) {
	w := world{rand.New(rand.NewPCG(5, 6))}
	var x Index[int]
	filters := map[int]*Filter{}
	entries := map[int]*Entry[int]{}
	for step := range 4000 {
		switch n := w.IntN(10); {
		case n < 5 && len(filters) < 400 || len(filters) == 0:
			f, err := Parse([]byte(w.filter(w.IntN(4))))
			if err != nil {
				t.Fatal(err)
			}
			filters[step], entries[step] = f, x.Add(f, step)
		case n < 7:
			for id := range filters {
				x.Remove(entries[id])
				delete(filters, id)
				delete(entries, id)
				break
			}
		default:
			compareWithAll(t, &x, filters, w.data())
		}
	}
	for _, e := range entries {
		x.Remove(e)
	}
	if !x.isEmpty() {
		t.Error("the index is not empty at the end")
	}
}

func compareWithAll(t *testing.T, x *Index[int], filters map[int]*Filter, data string) {
	t.Helper()
	var want, got []int
	for id, f := range filters {
		if f.Matches([]byte(data)) {
			want = append(want, id)
		}
	}
	x.Find([]byte(data), func(id int) { got = append(got, id) })
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Fatalf("%s: found %d, want %d", data, got, want)
	}
}

// asked counts how many filters a look asks.
func asked(x *Index[int], data string) (n int) {
	x.Find([]byte(data), func(int) {})
	seen := map[*Entry[int]]bool{}
	count := func(b *bucket[int]) bool {
		for _, p := range b.postings {
			if p.entry.seen == x.look {
				seen[p.entry] = true
			}
		}
		return true
	}
	count(&x.always)
	eachBucket(&x.root, count)
	return len(seen)
}

func eachBucket(f *field[int], visit func(*bucket[int]) bool) {
	for b := range maps.Values(f.equal) {
		visit(b)
	}
	var walk func(*node[int])
	walk = func(n *node[int]) {
		if n != nil {
			visit(&n.bucket)
			walk(n.left)
			walk(n.right)
		}
	}
	walk(f.ranges[0].root)
	walk(f.ranges[1].root)
	for _, next := range f.fields {
		eachBucket(next, visit)
	}
}

// However many filters there are, no more than a few are asked besides those that match.
func TestFewAreAskedInVain(t *testing.T) {
	for _, test := range []struct{ name, filter, data string }{
		{"one equality", `["==","user",%[1]d]`, `{"user":700}`},
		{"the more selective of two", `["and",["==","kind","task"],["==","user",%[1]d]]`, `{"kind":"task","user":700}`},
		{"equality in a nested and", `["and",["and",["not",["==","x",1]],["and",["==","user",%[1]d]]]]`, `{"user":700}`},
		{"equality besides a wide range", `["and",[">","n",0],["==","user",%[1]d]]`, `{"user":700,"n":1}`},
		{"narrow range besides a common equality", `["and",["==","kind","task"],[">=","n",%[1]d],["<","n",%[2]d]]`, `{"kind":"task","n":700}`},
		{"narrow range of texts", `["and",[">=","s","k%04[1]d"],["<","s","k%04[2]d"]]`, `{"s":"k0700"}`},
		{"or", `["or",["==","user",%[1]d],["==","owner",%[1]d],["and",["==","x",%[1]d],["==","y",1]]]`, `{"user":700,"owner":700}`},
		{"or within and", `["and",["not",["==","z",1]],["or",["==","user",%[1]d],["==","owner",%[1]d]]]`, `{"user":700}`},
		{"De Morgan", `["not",["or",["not",["==","user",%[1]d]],["==","z",1]]]`, `{"user":700}`},
		{"not of not", `["not",["not",["==","user",%[1]d]]]`, `{"user":700}`},
		{"never", `["and",["<","user",null],["not",["==","user",%[1]d]]]`, `{"user":700}`},
		{"another field", `["==","user.%[1]d",1]`, `{"user":{"700":1}}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			var x Index[int]
			filters := map[int]*Filter{}
			for i := range 1000 {
				f, err := Parse(fmt.Appendf(nil, test.filter, i, i+1))
				if err != nil {
					t.Fatal(err)
				}
				filters[i] = f
				x.Add(f, i)
			}
			compareWithAll(t, &x, filters, test.data)
			if n := asked(&x, test.data); n > 12 {
				t.Errorf("%d filters are asked", n)
			}
		})
	}
}

// An "or" that is found by several of its operands is asked once.
func TestEachIsFoundOnce(t *testing.T) {
	var x Index[string]
	f, err := Parse([]byte(`["or",["==","a",1],["==","a",1],["==","b",1],[">","b",0],["<","b",5]]`))
	if err != nil {
		t.Fatal(err)
	}
	e := x.Add(f, "it")
	var found []string
	x.Find([]byte(`{"a":1,"b":1}`), func(owner string) { found = append(found, owner) })
	if len(found) != 1 {
		t.Errorf("found %q", found)
	}
	x.Remove(e)
	if !x.isEmpty() {
		t.Error("something is left")
	}
}

func TestIntervals(t *testing.T) {
	w := world{rand.New(rand.NewPCG(7, 8))}
	point := func() scalar { return scalarOf(fmt.Append(nil, w.IntN(20))) }
	end := func() limit {
		if w.IntN(5) == 0 {
			return limit{infinite: true}
		}
		return limit{at: point(), open: w.IntN(2) == 0}
	}
	var tree intervals[int]
	all := map[interval]*node[int]{}
	for step := range 5000 {
		i := interval{end(), end()}
		if n := all[i]; n != nil {
			tree.remove(i)
			delete(all, i)
		} else if w.IntN(3) > 0 {
			all[i] = tree.insert(i)
			if tree.insert(i) != all[i] {
				t.Fatal("one interval has two nodes")
			}
		}
		x := point()
		want := 0
		for i := range all {
			if i.startsBefore(x) && i.high.reaches(x) {
				want++
			}
		}
		got := 0
		tree.containing(x, func(*bucket[int]) bool { got++; return true })
		if got != want {
			t.Fatalf("%d intervals contain %v, not %d", want, x, got)
		}
		if step%16 == 0 { // it looks at all of them
			checkNode(t, tree.root)
		}
	}
}

// checkNode checks the order of the tree, its weights and what it says of highest ends.
func checkNode(t *testing.T, n *node[int]) (count int, highest limit) {
	t.Helper()
	if n == nil {
		return 0, limit{}
	}
	highest = n.high
	for i, child := range [...]*node[int]{n.left, n.right} {
		if child == nil {
			continue
		}
		if child.weight > n.weight || cmp.Compare(compareIntervals(child.interval, n.interval), 0) != 2*i-1 {
			t.Fatal("the tree is in disorder")
		}
		below, high := checkNode(t, child)
		count += below
		if compareHighs(high, highest) > 0 {
			highest = high
		}
	}
	if compareHighs(highest, n.highest) != 0 {
		t.Fatal("a node does not know the highest end")
	}
	return count + 1, highest
}

// A bucket that was large once does not keep its room.
func TestIndexesShrink(t *testing.T) {
	var x Index[int]
	f, err := Parse([]byte(`["==","kind","task"]`))
	if err != nil {
		t.Fatal(err)
	}
	var entries []*Entry[int]
	for i := range 10_000 {
		entries = append(entries, x.Add(f, i))
	}
	for _, e := range entries[1:] {
		x.Remove(e)
	}
	for _, b := range x.root.fields["kind"].equal {
		if len(b.postings) != 1 || cap(b.postings) > 64 {
			t.Errorf("%d of %d", len(b.postings), cap(b.postings))
		}
	}
	x.Remove(entries[0])
	if !x.isEmpty() {
		t.Error("something is left")
	}
}

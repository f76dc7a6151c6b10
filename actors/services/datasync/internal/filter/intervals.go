package filter

import (
	"cmp"
	"math/rand/v2"
)

// limit is one end of an interval.
type limit struct {
	at       scalar
	open     bool // at itself is not in the interval
	infinite bool // there is no end on this side
}

// interval is a range of scalars of one kind.
type interval struct{ low, high limit }

// compareLows orders lower ends by what they leave out.
func compareLows(a, b limit) int {
	switch {
	case a.infinite || b.infinite:
		return cmp.Compare(truth(b.infinite), truth(a.infinite))
	default:
		return cmp.Or(a.at.compare(b.at), cmp.Compare(truth(a.open), truth(b.open)))
	}
}

// compareHighs orders upper ends by what they let in.
func compareHighs(a, b limit) int {
	switch {
	case a.infinite || b.infinite:
		return cmp.Compare(truth(a.infinite), truth(b.infinite))
	default:
		return cmp.Or(a.at.compare(b.at), cmp.Compare(truth(b.open), truth(a.open)))
	}
}

func truth(b bool) int {
	if b {
		return 1
	}
	return 0
}

func compareIntervals(a, b interval) int {
	return cmp.Or(compareLows(a.low, b.low), compareHighs(a.high, b.high))
}

// narrow leaves of an interval what another one has, too.
func (i *interval) narrow(by interval) {
	if compareLows(by.low, i.low) > 0 {
		i.low = by.low
	}
	if compareHighs(by.high, i.high) < 0 {
		i.high = by.high
	}
}

// startsBefore tells whether x is not below the interval.
func (i *interval) startsBefore(x scalar) bool {
	return i.low.infinite || admitsWithin(i.low.at.compare(x), i.low.open)
}

// reaches tells whether x is not above the upper end.
func (l *limit) reaches(x scalar) bool { return l.infinite || admitsWithin(x.compare(l.at), l.open) }

func admitsWithin(order int, open bool) bool { return order < 0 || order == 0 && !open }

// intervals is a treap of the different intervals of many filters, in the order of their lower ends. Each node knows the
// highest upper end below it, so that those which contain a value are found without a look at most of the others.
type intervals[T any] struct{ root *node[T] }

type node[T any] struct {
	interval
	bucket[T]
	weight      uint32 // random, never less than below: that keeps the tree flat
	highest     limit
	left, right *node[T]
}

// insert returns the node of an interval, a new one if need be.
func (t *intervals[T]) insert(i interval) *node[T] { return insert(&t.root, i) }

func insert[T any](at **node[T], i interval) *node[T] {
	n := *at
	if n == nil {
		*at = &node[T]{interval: i, weight: rand.Uint32(), highest: i.high}
		return *at
	}
	var found *node[T]
	switch order := compareIntervals(i, n.interval); {
	case order == 0:
		return n
	case order < 0:
		found = insert(&n.left, i)
		if n.left.weight > n.weight {
			top := n.left
			n.left, top.right, *at = top.right, n, top
		}
	default:
		found = insert(&n.right, i)
		if n.right.weight > n.weight {
			top := n.right
			n.right, top.left, *at = top.left, n, top
		}
	}
	n.update()
	(*at).update()
	return found
}

// remove takes out the node of an interval.
func (t *intervals[T]) remove(i interval) { remove(&t.root, i) }

func remove[T any](at **node[T], i interval) {
	n := *at
	if n == nil {
		return
	}
	switch order := compareIntervals(i, n.interval); {
	case order == 0:
		*at = join(n.left, n.right)
		return
	case order < 0:
		remove(&n.left, i)
	default:
		remove(&n.right, i)
	}
	n.update()
}

// join makes one tree of two, of which the first has the lower intervals.
func join[T any](a, b *node[T]) *node[T] {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case a.weight > b.weight:
		a.right = join(a.right, b)
		a.update()
		return a
	default:
		b.left = join(a, b.left)
		b.update()
		return b
	}
}

func (n *node[T]) update() {
	n.highest = n.high
	for _, child := range [...]*node[T]{n.left, n.right} {
		if child != nil && compareHighs(child.highest, n.highest) > 0 {
			n.highest = child.highest
		}
	}
}

// containing calls f for the intervals that contain x, until it returns false.
func (t *intervals[T]) containing(x scalar, f func(*bucket[T]) (more bool)) { t.root.containing(x, f) }

func (n *node[T]) containing(x scalar, f func(*bucket[T]) bool) bool {
	if n == nil || !n.highest.reaches(x) {
		return true
	}
	if !n.left.containing(x, f) {
		return false
	}
	if !n.startsBefore(x) {
		return true // nor do those to the right
	}
	if n.high.reaches(x) && !f(&n.bucket) {
		return false
	}
	return n.right.containing(x, f)
}

// count is how many filters have an interval that contains x, or a number that is not below most.
func (t *intervals[T]) count(x scalar, most int) (n int) {
	t.containing(x, func(b *bucket[T]) bool {
		n += len(b.postings)
		return n < most
	})
	return n
}

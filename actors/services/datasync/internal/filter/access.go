package filter

import (
	"math"

	"github.com/snorky-go/snorky/actors/wire"
)

// access is how the entries of a filter are found: under one condition which has to hold wherever the filter matches, or
// under several of which at least one has to.
type access[T any] struct {
	posts []post[T]
	// cost is how many entries lie there already, as far as can be told: those that will be asked together. Infinite: there
	// is no such condition.
	cost float64
}

// post is one condition.
type post[T any] struct {
	field *field[T]
	key   wire.Key // that the field equals; if empty:
	kind  kind     // it is of this kind
	in    interval // and lies in here
}

func always[T any]() access[T] { return access[T]{cost: math.Inf(1)} }

// never is for filters that match nothing, and so need not be found.
func never[T any]() access[T] { return access[T]{} }

func (a access[T]) isNever() bool { return len(a.posts) == 0 && a.cost == 0 }

// access chooses how to find a filter whose comparisons have these fields.
func (x *Index[T]) access(f *Filter, fields []*field[T]) access[T] {
	c := conjunction[T]{fields: fields, best: always[T]()}
	c.add(f, false)
	return c.choose()
}

// conjunction collects conditions that all have to hold.
type conjunction[T any] struct {
	fields []*field[T]
	best   access[T]
	ranges []post[T] // one for each field and kind
}

// add takes in a filter, or its contrary. By De Morgan's laws that is a matter of the other operator and contrary
// operands. Of the contrary of a comparison nothing can be said, since it also holds where the field does not exist.
func (c *conjunction[T]) add(f *Filter, contrary bool) {
	switch f.operator {
	case not:
		c.add(f.operands[0], !contrary)
	case and, or:
		if (f.operator == and) == contrary {
			c.consider(disjunction(f.operands, contrary, c.fields))
			return
		}
		for _, operand := range f.operands {
			c.add(operand, contrary)
		}
	case equal:
		if !contrary {
			at := c.fields[f.number]
			c.consider(access[T]{posts: []post[T]{{field: at, key: f.key}}, cost: 1 + float64(at.equal[f.key].size())})
		}
	default:
		if !contrary {
			c.addRange(f)
		}
	}
}

func (c *conjunction[T]) consider(a access[T]) {
	if a.cost < c.best.cost {
		c.best = a
	}
}

// addRange narrows what is known of a field.
func (c *conjunction[T]) addRange(f *Filter) {
	if f.limit.kind == unordered {
		c.consider(never[T]())
		return
	}
	in := interval{limit{infinite: true}, limit{infinite: true}}
	end := limit{at: f.limit, open: f.operator == less || f.operator == greater}
	if f.operator == less || f.operator == atMost {
		in.high = end
	} else {
		in.low = end
	}
	at := c.fields[f.number]
	for i := range c.ranges {
		if r := &c.ranges[i]; r.field == at && r.kind == f.limit.kind {
			r.in.narrow(in)
			return
		}
	}
	c.ranges = append(c.ranges, post[T]{field: at, kind: f.limit.kind, in: in})
}

// The cost of a range beyond which it is not counted any more, and what it is taken for then.
const (
	maxCounted = 256
	costly     = 1e9
)

// choose returns the cheapest access. A range costs as much as there are others around one of its ends.
func (c *conjunction[T]) choose() access[T] {
	for _, r := range c.ranges {
		end := r.in.low
		if end.infinite {
			end = r.in.high
		}
		cost := float64(costly)
		if n := r.field.rangesOf(r.kind).count(end.at, maxCounted); n < maxCounted {
			cost = 1 + float64(n)
		}
		c.consider(access[T]{posts: []post[T]{r}, cost: cost})
	}
	return c.best
}

// disjunction is for filters, or their contraries, of which at least one has to hold.
func disjunction[T any](filters []*Filter, contrary bool, fields []*field[T]) access[T] {
	sum := never[T]()
	for _, f := range filters {
		c := conjunction[T]{fields: fields, best: always[T]()}
		c.add(f, contrary)
		a := c.choose()
		sum.cost += a.cost
		sum.posts = append(sum.posts, a.posts...)
	}
	return sum
}

// post puts an entry where it is to be found.
func (a access[T]) post(x *Index[T], e *Entry[T]) {
	switch {
	case a.isNever():
		return
	case math.IsInf(a.cost, 1):
		x.always.add(e, nil)
		return
	}
	for _, p := range a.posts {
		p.add(e)
	}
}

func (p post[T]) add(e *Entry[T]) {
	if p.key == "" {
		all := p.field.rangesOf(p.kind)
		all.insert(p.in).add(e, func() { all.remove(p.in) })
		return
	}
	if p.field.equal == nil {
		p.field.equal = map[wire.Key]*bucket[T]{}
	}
	b := p.field.equal[p.key]
	if b == nil {
		b = &bucket[T]{}
		p.field.equal[p.key] = b
	}
	b.add(e, func() { p.field.forget(p.key) })
}

// forget is called when nothing is found under a key any more.
func (f *field[T]) forget(key wire.Key) {
	delete(f.equal, key)
	if len(f.equal) == 0 {
		f.equal = nil
	}
}

func (b *bucket[T]) size() int {
	if b == nil {
		return 0
	}
	return len(b.postings)
}

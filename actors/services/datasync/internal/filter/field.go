package filter

import (
	"strings"

	"github.com/snorky-go/snorky/actors/wire"
)

// field is a place in data that filters look at, or that leads to one: the fields form a tree along the steps of their
// paths, so that one walk through data finds all that exist there, however many there are.
type field[T any] struct {
	parent *field[T]
	step   string
	fields map[string]*field[T]
	uses   int // comparisons that look here

	// What filters are found by, if they have to have this field: see access.
	equal  map[wire.Key]*bucket[T]
	ranges [2]intervals[T] // of numbers, of texts

	value value // in the data that are being looked at
}

// rangesOf are the intervals of a kind that has an order.
func (f *field[T]) rangesOf(k kind) *intervals[T] { return &f.ranges[k-number] }

// use finds a field below f, which it makes if there is none.
func (f *field[T]) use(path []string) *field[T] {
	for _, step := range path {
		next := f.fields[step]
		if next == nil {
			if f.fields == nil {
				f.fields = map[string]*field[T]{}
			}
			next = &field[T]{parent: f, step: strings.Clone(step)}
			f.fields[next.step] = next
		}
		f = next
	}
	f.uses++
	return f
}

// release takes back one use. Fields that nobody needs any more go.
func (f *field[T]) release() {
	f.uses--
	for f.uses == 0 && f.fields == nil && f.parent != nil {
		f = f.parent.drop(f.step)
	}
}

func (f *field[T]) drop(step string) *field[T] {
	delete(f.fields, step)
	if len(f.fields) == 0 {
		f.fields = nil // a map keeps the room that it once needed
	}
	return f
}

// read finds the fields below f that exist in data, appends them to present, and fills in their values.
func (f *field[T]) read(data []byte, present []*field[T]) []*field[T] {
	first := len(present)
	_ = wire.Members(data, func(name string, member []byte) bool {
		if next := f.fields[name]; next != nil {
			if next.value.raw == nil {
				present = append(present, next)
			}
			next.value.raw = member // of repeated members the last counts
		}
		return true
	})
	for _, next := range present[first:] {
		if next.fields != nil {
			present = next.read(next.value.raw, present)
		}
	}
	return present
}

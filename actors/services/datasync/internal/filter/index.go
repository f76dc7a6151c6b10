package filter

// Index holds filters, each with its owner. A look at some data costs about as much as the filters that it finds, and
// those that are asked in vain:
//
//   - A filter that can only match where a field equals a value lies in a hash table under both.
//   - One that can only match where a field is in a range lies in a tree of intervals.
//   - An "or" of such filters lies in several places.
//   - Those of which nothing of that kind can be said, such as "not" on its own, are asked each time.
//
// Of several conditions which all have to hold, the one under which the fewest filters lie is chosen (see access). What is
// found so is asked in full. The zero value is an empty index.
type Index[T any] struct {
	root    field[T]
	always  bucket[T]   // to be asked each time
	present []*field[T] // scratch
	look    uint64      // counts the calls of Find
}

// Entry is a filter in an index.
type Entry[T any] struct {
	filter   *Filter
	owner    T
	fields   []*field[T] // of the comparisons, by their numbers
	postings []*posting[T]
	seen     uint64 // the last look that has come here
}

// Add puts a filter into the index.
func (x *Index[T]) Add(f *Filter, owner T) *Entry[T] {
	e := &Entry[T]{filter: f, owner: owner}
	e.resolve(f, &x.root)
	x.access(f, e.fields).post(x, e)
	return e
}

// resolve finds the fields of the comparisons.
func (e *Entry[T]) resolve(f *Filter, root *field[T]) {
	for _, operand := range f.operands {
		e.resolve(operand, root)
	}
	if f.operator < not {
		e.fields = append(e.fields, root.use(f.path))
	}
}

// Remove takes an entry out, which must be in this index.
func (x *Index[T]) Remove(e *Entry[T]) {
	for _, p := range e.postings {
		p.remove()
	}
	for _, f := range e.fields {
		f.release()
	}
	e.postings, e.fields = nil, nil
}

// Find calls found with the owner of each filter that matches data, once for each. Meanwhile the index must not change.
func (x *Index[T]) Find(data []byte, found func(owner T)) {
	x.look++
	x.present = x.present[:0]
	if x.root.fields != nil {
		x.present = x.root.read(data, x.present)
	}
	x.ask(&x.always, found)
	ask := func(b *bucket[T]) bool {
		x.ask(b, found)
		return true
	}
	for _, f := range x.present {
		if f.equal != nil {
			if b := f.equal[f.value.canonical()]; b != nil {
				x.ask(b, found)
			}
		}
		if f.ranges[0].root != nil || f.ranges[1].root != nil {
			if s := f.value.ordered(); s.kind != unordered {
				f.rangesOf(s.kind).containing(s, ask)
			}
		}
	}
	for i, f := range x.present {
		f.value = value{} // so that nothing holds on to the data
		x.present[i] = nil
	}
}

// ask evaluates the filters of a bucket. Those with an "or" may lie in several, but are asked once.
func (x *Index[T]) ask(b *bucket[T], found func(owner T)) {
	for _, p := range b.postings {
		if e := p.entry; e.seen != x.look {
			e.seen = x.look
			if e.filter.holds(e) {
				found(e.owner)
			}
		}
	}
}

// value implements source.
func (e *Entry[T]) value(comparison *Filter) *value { return &e.fields[comparison.number].value }

// isEmpty tells whether nothing is left of what the index once held.
func (x *Index[T]) isEmpty() bool { return len(x.always.postings) == 0 && x.root.fields == nil }

// bucket holds the entries that are found together.
type bucket[T any] struct{ postings []*posting[T] }

// posting is an entry in a bucket.
type posting[T any] struct {
	entry  *Entry[T]
	bucket *bucket[T]
	place  int    // in the bucket
	empty  func() // when the bucket is; may be nil
}

func (b *bucket[T]) add(e *Entry[T], empty func()) {
	p := &posting[T]{entry: e, bucket: b, place: len(b.postings), empty: empty}
	b.postings = append(b.postings, p)
	e.postings = append(e.postings, p)
}

func (p *posting[T]) remove() {
	b := p.bucket
	last := len(b.postings) - 1
	b.postings[p.place] = b.postings[last]
	b.postings[p.place].place = p.place
	b.postings[last] = nil
	b.postings = b.postings[:last]
	if last == 0 {
		b.postings = nil
		if p.empty != nil {
			p.empty()
		}
	} else if cap(b.postings) > 64 && last < cap(b.postings)/4 {
		b.postings = append(make([]*posting[T], 0, cap(b.postings)/2), b.postings...)
	}
}

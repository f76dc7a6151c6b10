package datasync

import (
	"encoding/json"

	"github.com/snorky-go/snorky/actors/services/datasync/internal/filter"
	"github.com/snorky-go/snorky/actors/wire"
)

// item is one query of a subscription.
type item struct {
	subscription *subscription
	matcher      Matcher // nil: matches all that it is asked about

	// Owned by the part of the dealer.
	place    int                  // in the items that it lies among
	key      wire.Key             // of a Keyer; set before the part gets the item
	entry    *filter.Entry[*item] // of a Filter
	old, new uint64               // the looks at old and new data that it matched last
}

func (i *item) matches(data json.RawMessage) bool { return i.matcher == nil || i.matcher.Matches(data) }

// index holds the items of a dealer and finds those that match. It belongs to the part of the dealer.
type index interface {
	add(*item)
	remove(*item)
	// find calls found for each item that matches data, perhaps more than once. Meanwhile the items do not change.
	find(data json.RawMessage, found func(*item))
	isEmpty() bool
}

func newIndex(d Dealer) index {
	switch d := d.(type) {
	case filtered:
		return &byFilter{}
	case Keyer:
		return &byKey{dealer: d}
	default:
		return &byScan{}
	}
}

// accept has a dealer make an item of a query. Its subscription is not known yet.
func accept(d Dealer, query json.RawMessage) (*item, error) {
	matcher, err := d.Accept(query)
	if err != nil {
		return nil, err
	}
	i := &item{matcher: matcher}
	if d, ok := d.(Keyer); ok {
		key, err := d.QueryKey(query)
		if err != nil {
			return nil, err
		}
		if i.key, err = wire.CanonicalKey(key); err != nil {
			return nil, err
		}
	}
	if _, ok := d.(keyed); ok {
		i.matcher = nil // whatever has the key matches
	}
	return i, nil
}

// list holds items in no certain order.
type list struct{ items []*item }

func (l *list) add(i *item) {
	i.place = len(l.items)
	l.items = append(l.items, i)
}

func (l *list) remove(i *item) {
	last := len(l.items) - 1
	l.items[i.place] = l.items[last]
	l.items[i.place].place = i.place
	l.items[last] = nil
	l.items = l.items[:last]
	if cap(l.items) > 64 && last < cap(l.items)/4 {
		l.items = append(make([]*item, 0, cap(l.items)/2), l.items...)
	}
}

func (l *list) isEmpty() bool { return len(l.items) == 0 }

func (l *list) find(data json.RawMessage, found func(*item)) {
	for _, i := range l.items {
		if i.matches(data) {
			found(i)
		}
	}
}

// byScan asks every item: of a Broadcast, or of a dealer of the application.
type byScan struct{ list }

// byKey asks the items with a key that the data have.
type byKey struct {
	dealer Keyer
	keys   map[wire.Key]*list
}

func (x *byKey) add(i *item) {
	if x.keys == nil {
		x.keys = map[wire.Key]*list{}
	}
	at := x.keys[i.key]
	if at == nil {
		at = &list{}
		x.keys[i.key] = at
	}
	at.add(i)
}

func (x *byKey) remove(i *item) {
	at := x.keys[i.key]
	at.remove(i)
	if at.isEmpty() {
		delete(x.keys, i.key)
	}
	if len(x.keys) == 0 {
		x.keys = nil // a map keeps the room that it once needed
	}
}

func (x *byKey) isEmpty() bool { return len(x.keys) == 0 }

func (x *byKey) find(data json.RawMessage, found func(*item)) {
	if x.keys == nil {
		return
	}
	for _, value := range x.dealer.DataKeys(data) {
		key, err := wire.CanonicalKey(value)
		if err != nil {
			continue // no query could have it
		}
		if at := x.keys[key]; at != nil {
			at.find(data, found)
		}
	}
}

// byFilter has the items of a Filter.
type byFilter struct {
	filters filter.Index[*item]
	count   int
}

func (x *byFilter) add(i *item) {
	m, _ := i.matcher.(filterMatcher)
	i.entry = x.filters.Add(m.filter, i)
	x.count++
}

func (x *byFilter) remove(i *item) {
	x.filters.Remove(i.entry)
	x.count--
}

func (x *byFilter) isEmpty() bool { return x.count == 0 }

func (x *byFilter) find(data json.RawMessage, found func(*item)) { x.filters.Find(data, found) }

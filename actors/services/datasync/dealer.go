package datasync

import (
	"encoding/json"

	"github.com/snorky-go/snorky/actors/services/datasync/internal/filter"
	"github.com/snorky-go/snorky/actors/wire"
)

// Dealer says which items the deltas of a model go to (PROTOCOL.md section 9.4). Broadcast, Key, KeyField and Filter make
// those of the protocol; applications may write others. What it is given is raw JSON that has been checked.
type Dealer interface {
	// Name is what items call the dealer, and Model the model of the deltas it deals. They never change.
	Name() string
	Model() string
	// Accept makes an item of a query, which is the dealer's to keep. A nil Matcher matches everything, or, if the dealer is
	// a Keyer, everything that has the item's key. An error is wire.ErrBadQuery for the backend unless it is another
	// *wire.Error. Accept is called one at a time for all dealers of a service, at the same time as Matches. It may take its
	// time, which holds up other authorizations and nothing else.
	Accept(query json.RawMessage) (Matcher, error)
}

// Matcher is an item as its dealer sees it.
type Matcher interface {
	// Matches tells whether the item matches data, of which nothing may be kept or changed. The matchers of a dealer are
	// asked one at a time; those of other dealers may be asked meanwhile. The deltas of the model wait for the answer. A
	// panic is a line in the log, and the dealer matches nothing for that delta.
	Matches(data json.RawMessage) bool
}

// MatcherFunc is a function that is a Matcher.
type MatcherFunc func(data json.RawMessage) bool

// Matches calls f.
func (f MatcherFunc) Matches(data json.RawMessage) bool { return f(data) }

// Keyer is a Dealer whose data have keys, which are any JSON values. An item is asked only about data that have its key,
// and found by it: so a delta costs little more than the items that it finds. For other dealers each item is asked.
type Keyer interface {
	Dealer
	// QueryKey returns the key of the item with a query that Accept has taken. An error is dealt with as one of Accept.
	QueryKey(query json.RawMessage) (json.RawMessage, error)
	// DataKeys returns the keys of data, none if nothing can match. It is called as Matches is.
	DataKeys(data json.RawMessage) []json.RawMessage
}

// label is the name of a dealer and that of its model.
type label struct{ name, model string }

func (l label) Name() string  { return l.name }
func (l label) Model() string { return l.model }

// Broadcast returns a dealer whose items match everything.
func Broadcast(name, model string) Dealer { return broadcast{label{name, model}} }

type broadcast struct{ label }

func (broadcast) Accept(json.RawMessage) (Matcher, error) { return nil, nil }

// Key returns a dealer whose items match data with a key that equals their query. key tells the key of data, as a raw
// JSON value, and false for data without one. It is called as Matcher.Matches is.
func Key(name, model string, key func(data json.RawMessage) (json.RawMessage, bool)) Dealer {
	return keyed{label{name, model}, key}
}

// KeyField returns a Key dealer whose key is a member of the data.
func KeyField(name, model, field string) Dealer {
	return Key(name, model, func(data json.RawMessage) (json.RawMessage, bool) { return member(data, field) })
}

type keyed struct {
	label
	key func(data json.RawMessage) (json.RawMessage, bool)
}

// Accept returns a matcher for who wraps the dealer; where it is a Keyer, the key says it all (see accept).
func (k keyed) Accept(query json.RawMessage) (Matcher, error) {
	wanted, err := wire.CanonicalKey(query)
	if err != nil {
		return nil, wire.ErrBadQuery
	}
	return MatcherFunc(func(data json.RawMessage) bool {
		value, ok := k.key(data)
		if !ok {
			return false
		}
		has, err := wire.CanonicalKey(value)
		return err == nil && has == wanted
	}), nil
}

func (keyed) QueryKey(query json.RawMessage) (json.RawMessage, error) { return query, nil }

func (k keyed) DataKeys(data json.RawMessage) []json.RawMessage {
	if key, ok := k.key(data); ok {
		return []json.RawMessage{key}
	}
	return nil
}

// Filter returns a dealer whose queries are filters (PROTOCOL.md section 9.5). Items are found by what their filters say
// of the equality and the range of fields. A filter may have up to 100 operators within each other, and 4096 operators
// and steps of fields in all.
func Filter(name, model string) Dealer { return filtered{label{name, model}} }

type filtered struct{ label }

func (filtered) Accept(query json.RawMessage) (Matcher, error) {
	f, err := filter.Parse(query)
	if err != nil {
		return nil, err
	}
	return filterMatcher{f}, nil
}

type filterMatcher struct{ filter *filter.Filter }

func (f filterMatcher) Matches(data json.RawMessage) bool { return f.filter.Matches(data) }

// member returns a member of raw data, and false if the data are no object or lack it.
func member(data json.RawMessage, name string) (found json.RawMessage, ok bool) {
	err := wire.Members(data, func(key string, value []byte) bool {
		if key == name {
			found, ok = value, true
		}
		return true // of repeated members the last counts
	})
	return found, ok && err == nil
}

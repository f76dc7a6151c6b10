package datasync

import (
	"encoding/json"
	"slices"

	"github.com/snorky-go/snorky/actors/wire"
)

// Dealer says which items a delta of a model goes to (PROTOCOL.md section 9.4). It is made by Broadcast, Key or Filter.
type Dealer struct {
	// Name is what items call the dealer.
	Name string
	// Model is the model of the deltas it deals.
	Model string

	accept  func(query json.RawMessage) (matcher, error)
	prepare func(data json.RawMessage) any // what the matchers get; nil: the data
}

// matcher tells whether an item matches data, which its dealer has prepared.
type matcher func(data any) bool

// Broadcast returns a dealer whose items match everything.
func Broadcast(name, model string) Dealer {
	return Dealer{Name: name, Model: model, accept: func(json.RawMessage) (matcher, error) {
		return func(any) bool { return true }, nil
	}}
}

// Key returns a dealer whose items match data with a key that equals their query. key tells the key of data, as a raw
// JSON value, and false for data without one.
func Key(name, model string, key func(data json.RawMessage) (json.RawMessage, bool)) Dealer {
	return Dealer{
		Name: name, Model: model,
		accept: func(query json.RawMessage) (matcher, error) {
			wanted, err := wire.CanonicalKey(query)
			if err != nil {
				return nil, wire.ErrBadQuery
			}
			return func(data any) bool { return data == wanted }, nil
		},
		prepare: func(data json.RawMessage) any {
			value, ok := key(data)
			if !ok {
				return nil
			}
			canonical, err := wire.CanonicalKey(value)
			if err != nil {
				return nil
			}
			return canonical
		},
	}
}

// KeyField returns a Key dealer whose key is a member of the data.
func KeyField(name, model, field string) Dealer {
	return Key(name, model, func(data json.RawMessage) (json.RawMessage, bool) { return member(data, field) })
}

// Filter returns a dealer whose queries are filters (PROTOCOL.md section 9.5).
func Filter(name, model string) Dealer {
	return Dealer{Name: name, Model: model, accept: parseFilter}
}

// dealer is a Dealer with its items.
type dealer struct {
	Dealer
	items []*item
}

// item is one query of a subscription.
type item struct {
	dealer       *dealer
	subscription *subscription
	matches      matcher
}

func (d *dealer) add(i *item) { d.items = append(d.items, i) }

func (d *dealer) remove(i *item) {
	d.items = slices.DeleteFunc(d.items, func(other *item) bool { return other == i })
}

func (d *dealer) prepared(data json.RawMessage) any {
	if d.prepare == nil {
		return data
	}
	return d.prepare(data)
}

// member returns a member of raw data, and false if the data are no object or lack it.
func member(data json.RawMessage, name string) (found json.RawMessage, ok bool) {
	if len(data) == 0 || data[0] != '{' {
		return nil, false
	}
	err := wire.Members(data, func(key string, value []byte) bool {
		if key == name {
			found, ok = value, true
		}
		return true // of repeated members the last counts
	})
	return found, ok && err == nil
}

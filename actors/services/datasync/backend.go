package datasync

import (
	"encoding/json"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// Backend is the side of the backend, PROTOCOL.md section 8.2. It runs in the actor of its DataSync.
type Backend struct {
	datasync *DataSync
}

// NewBackend returns the backend's side of s.
func NewBackend(s *DataSync) *Backend { return &Backend{datasync: s} }

// CompanionOf is the DataSync.
func (b *Backend) CompanionOf() actors.Service { return b.datasync }

type itemsParams struct {
	Items json.RawMessage `json:"items"`
}

type deltasParams struct {
	Deltas json.RawMessage `json:"deltas"`
}

// Commands are those of PROTOCOL.md section 8.2.
func (b *Backend) Commands() actors.Commands {
	return actors.Commands{
		"authorizeSubscription": actors.Command(b.authorize),
		"publishDeltas":         actors.Command(b.publish),
	}
}

// list reads a list; anything else are wrong parameters.
func list(raw json.RawMessage) (parts []json.RawMessage, err error) {
	if len(raw) == 0 || raw[0] != '[' || json.Unmarshal(raw, &parts) != nil {
		return nil, wire.ErrInvalidParams
	}
	return parts, nil
}

// required reads the members of an object in the order of the names; the first that is missing is the error.
func required(object json.RawMessage, names ...string) ([]json.RawMessage, error) {
	if object[0] != '{' {
		return nil, wire.ErrInvalidParams
	}
	values := make([]json.RawMessage, len(names))
	for i, name := range names {
		value, ok := member(object, name)
		if !ok {
			return nil, wire.MissingField(name)
		}
		values[i] = value
	}
	return values, nil
}

func text(raw json.RawMessage, otherwise *wire.Error) (s string, err error) {
	if raw[0] != '"' || json.Unmarshal(raw, &s) != nil {
		return "", otherwise
	}
	return s, nil
}

// authorize opens a subscription when all of its items are right. What a dealer thinks of a query comes after
// everything else.
func (b *Backend) authorize(_ *actors.Call, p itemsParams) (string, error) {
	parts, err := list(p.Items)
	if err != nil {
		return "", err
	}
	items := make([]*item, len(parts))
	queries := make([]json.RawMessage, len(parts))
	for i, part := range parts {
		if items[i], queries[i], err = b.item(part); err != nil {
			return "", err
		}
	}
	for i, one := range items {
		if one.matches, err = one.dealer.accept(queries[i]); err != nil {
			return "", err
		}
	}
	return b.datasync.open(items).token, nil
}

func (b *Backend) item(part json.RawMessage) (*item, json.RawMessage, error) {
	values, err := required(part, "dealer")
	if err != nil {
		return nil, nil, err
	}
	name, err := text(values[0], wire.ErrDealerNotName)
	if err != nil {
		return nil, nil, err
	}
	d := b.datasync.dealers[name]
	if d == nil {
		return nil, nil, wire.ErrNoSuchDealer
	}
	if values, err = required(part, "query"); err != nil {
		return nil, nil, err
	}
	return &item{dealer: d}, values[0], nil
}

// publish delivers deltas when all of them are right. Whether anybody deals their models comes after everything else.
func (b *Backend) publish(_ *actors.Call, p deltasParams) (any, error) {
	parts, err := list(p.Deltas)
	if err != nil {
		return nil, err
	}
	deltas := make([]delta, len(parts))
	for i, part := range parts {
		if deltas[i], err = parseDelta(part); err != nil {
			return nil, err
		}
	}
	for _, d := range deltas {
		if len(b.datasync.models[d.model]) == 0 {
			return nil, wire.ErrNoSuchModel
		}
	}
	for _, d := range deltas {
		if err := b.datasync.deal(d); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

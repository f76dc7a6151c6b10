package datasync

import (
	"encoding/json"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// delta is one change (PROTOCOL.md section 9.1). An insert has only new data, a delete only old data.
type delta struct {
	model    string
	old, new json.RawMessage
}

func parseDelta(part json.RawMessage) (delta, error) {
	values, err := required(part, "type", "model")
	if err != nil {
		return delta{}, err
	}
	model, err := text(values[1], wire.ErrModelNotString)
	if err != nil {
		return delta{}, err
	}
	kind, err := text(values[0], wire.ErrInvalidDeltaType)
	if err != nil {
		return delta{}, err
	}
	switch d := (delta{model: model}); kind {
	case "insert":
		values, err = required(part, "data")
		if err == nil {
			d.new = values[0]
		}
		return d, err
	case "delete":
		values, err = required(part, "data")
		if err == nil {
			d.old = values[0]
		}
		return d, err
	case "update":
		values, err = required(part, "newData", "oldData")
		if err == nil {
			d.new, d.old = values[0], values[1]
		}
		return d, err
	}
	return delta{}, wire.ErrInvalidDeltaType
}

// The forms in which a delta may reach an item, in the order in which they go out.
const (
	asInsert = iota
	asUpdate
	asDelete
	forms
)

type insertOrDelete struct {
	Type  string          `json:"type"`
	Model string          `json:"model"`
	Data  json.RawMessage `json:"data"`
}

type update struct {
	Type    string          `json:"type"`
	Model   string          `json:"model"`
	NewData json.RawMessage `json:"newData"`
	OldData json.RawMessage `json:"oldData"`
}

// deltaNotification is the one of PROTOCOL.md section 6.8.
type deltaNotification struct {
	Type  string `json:"type"`
	Delta any    `json:"delta"`
}

func (d delta) as(form int) any {
	switch form {
	case asInsert:
		return insertOrDelete{Type: "insert", Model: d.model, Data: d.new}
	case asUpdate:
		return update{Type: "update", Model: d.model, NewData: d.new, OldData: d.old}
	}
	return insertOrDelete{Type: "delete", Model: d.model, Data: d.old}
}

// deal gives a delta to all items that match it, in the form that fits each (PROTOCOL.md section 9.3).
func (s *DataSync) deal(d delta) error {
	var encoded [forms]*actors.Notification
	for _, dealer := range s.models[d.model] {
		groups := dealer.sort(d)
		for form, items := range groups {
			if len(items) == 0 {
				continue
			}
			if encoded[form] == nil {
				n, err := s.context.Notification(deltaNotification{Type: "delta", Delta: d.as(form)})
				if err != nil {
					return err
				}
				encoded[form] = &n
			}
			for _, i := range items {
				s.deliver(i.subscription, *encoded[form], len(d.old)+len(d.new))
			}
		}
	}
	return nil
}

// sort finds the items that get a delta, by the form in which they get it.
func (d *dealer) sort(change delta) (groups [forms][]*item) {
	var before, after any
	if change.old != nil {
		before = d.prepared(change.old)
	}
	if change.new != nil {
		after = d.prepared(change.new)
	}
	for _, i := range d.items {
		was := change.old != nil && i.matches(before)
		is := change.new != nil && i.matches(after)
		switch {
		case was && is:
			groups[asUpdate] = append(groups[asUpdate], i)
		case is:
			groups[asInsert] = append(groups[asInsert], i)
		case was:
			groups[asDelete] = append(groups[asDelete], i)
		}
	}
	return groups
}

package datasync

import (
	"encoding/json"

	"github.com/snorky-go/snorky/actors/wire"
)

// delta is one change (PROTOCOL.md section 9.1). An insert has only new data, a delete only old data.
type delta struct {
	model    *model
	name     json.RawMessage // of the model
	old, new json.RawMessage
}

// The forms in which a delta may reach an item, in the order in which they go out.
const (
	asInsert = iota
	asUpdate
	asDelete
	forms
)

// written is a delta as it came.
type written struct{ kind, model, data, newData, oldData json.RawMessage }

// parseDelta reads what a backend publishes, and checks all but whether anybody deals the model.
func parseDelta(part json.RawMessage) (delta, error) {
	var w written
	err := wire.Members(part, func(name string, value []byte) bool {
		switch name {
		case "type":
			w.kind = value
		case "model":
			w.model = value
		case "data":
			w.data = value
		case "newData":
			w.newData = value
		case "oldData":
			w.oldData = value
		}
		return true // of repeated members the last counts
	})
	if err != nil {
		return delta{}, wire.ErrInvalidParams
	}
	return w.checked()
}

// checked makes the checks of PROTOCOL.md section 8.2, in their order.
func (w *written) checked() (delta, error) {
	switch {
	case w.kind == nil:
		return delta{}, wire.MissingField("type")
	case w.model == nil:
		return delta{}, wire.MissingField("model")
	case w.model[0] != '"':
		return delta{}, wire.ErrModelNotString
	}
	kind, _ := wire.Unquote(w.kind)
	switch kind {
	case "insert", "delete":
		if w.data == nil {
			return delta{}, wire.MissingField("data")
		}
		if kind == "insert" {
			return delta{name: w.model, new: w.data}, nil
		}
		return delta{name: w.model, old: w.data}, nil
	case "update":
		if w.newData == nil {
			return delta{}, wire.MissingField("newData")
		}
		if w.oldData == nil {
			return delta{}, wire.MissingField("oldData")
		}
		return delta{name: w.model, new: w.newData, old: w.oldData}, nil
	}
	return delta{}, wire.ErrInvalidDeltaType
}

// append appends the notification of PROTOCOL.md section 6.8, with the delta in one of its forms.
func (d *delta) append(dst []byte, form int) []byte {
	kind := [forms]string{`insert`, `update`, `delete`}[form]
	dst = append(append(append(dst, `{"type":"delta","delta":{"type":"`...), kind...), `","model":`...)
	dst = append(dst, d.name...)
	switch form {
	case asInsert:
		dst = append(append(dst, `,"data":`...), d.new...)
	case asUpdate:
		dst = append(append(dst, `,"newData":`...), d.new...)
		dst = append(append(dst, `,"oldData":`...), d.old...)
	default:
		dst = append(append(dst, `,"data":`...), d.old...)
	}
	return append(dst, `}}`...)
}

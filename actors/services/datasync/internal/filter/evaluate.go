package filter

import "github.com/snorky-go/snorky/actors/wire"

// value is what data have in a field, in the forms that filters ask for, each made when the first one does.
type value struct {
	raw       []byte // nil: the field does not exist
	key       wire.Key
	scalar    scalar
	hasKey    bool
	hasScalar bool
}

// canonical returns the key of the value; none equals a value that is too long for one.
func (v *value) canonical() wire.Key {
	if !v.hasKey {
		v.key, _ = wire.CanonicalKey(v.raw)
		v.hasKey = true
	}
	return v.key
}

func (v *value) ordered() scalar {
	if !v.hasScalar {
		v.scalar, v.hasScalar = scalarOf(v.raw), true
	}
	return v.scalar
}

// source has the data for which a filter is evaluated.
type source interface {
	// value is what the field of a comparison holds.
	value(comparison *Filter) *value
}

// Matches tells whether the filter matches data.
func (f *Filter) Matches(data []byte) bool { return f.holds(plain(data)) }

func (f *Filter) holds(data source) bool {
	switch f.operator {
	case not:
		return !f.operands[0].holds(data)
	case and, or:
		decides := f.operator == or // the first operand with this outcome
		for _, operand := range f.operands {
			if operand.holds(data) == decides {
				return decides
			}
		}
		return !decides
	case equal:
		v := data.value(f)
		return v.raw != nil && v.canonical() == f.key
	default:
		v := data.value(f)
		return v.raw != nil && v.ordered().kind == f.limit.kind && f.limit.kind != unordered &&
			f.operator.admits(v.scalar.compare(f.limit))
	}
}

// admits tells whether a value that compares so with a limit is in the order that the operator asks for.
func (o operator) admits(order int) bool {
	switch o {
	case less:
		return order < 0
	case atMost:
		return order <= 0
	case greater:
		return order > 0
	default:
		return order >= 0
	}
}

// plain are data in which each comparison looks for its field.
type plain []byte

func (p plain) value(comparison *Filter) *value {
	at := []byte(p)
	for _, step := range comparison.path {
		var found []byte
		err := wire.Members(at, func(name string, member []byte) bool {
			if name == step {
				found = member
			}
			return true // of repeated members the last counts
		})
		if err != nil || found == nil {
			return &value{}
		}
		at = found
	}
	return &value{raw: at}
}

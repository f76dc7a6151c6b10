package wire

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
)

// DecodeParams decodes the params of a request (PROTOCOL.md section 4) into the struct that into points to.
//
// Every exported field is a parameter. Its name is that of its json tag, or its own, and is compared exactly. Each
// parameter has to be there, except those tagged omitempty or omitzero, which otherwise keep the value they have. There
// must be no others. Of a repeated one the last counts. The fields of embedded structs count as those of the struct.
//
// Values must be of the type of their field:
//   - json.RawMessage takes anything, as a view into params;
//   - pointers and any take null and what their type takes; nothing else takes null;
//   - integers take numbers of integral value in their range, 1.0 and 1e2 among them; floats those in their range;
//   - strings are copies; surrogates without a partner become U+FFFD;
//   - slices, arrays (of exactly their length) and maps with string keys take what their elements take;
//   - structs within take members by their exact names, may lack some, and ignore others;
//   - slices of bytes take base64;
//   - a json.Unmarshaler or encoding.TextUnmarshaler takes what it takes with encoding/json, except null, and what is in any
//     is as there.
//
// If params do not fit, the error wraps ErrInvalidParams and says why, for the log; what into points to may then be
// partly set. Any other error is a mistake in the type of into.
func DecodeParams(params []byte, into any) error {
	v := reflect.ValueOf(into)
	if !isStructPointer(v) {
		return notStructPointer(into)
	}
	plan, err := planOf(v.Type().Elem())
	if err != nil {
		return err
	}
	return plan.decode(params, v.Elem(), 0, true)
}

// CheckParams finds mistakes in the type of a struct that into points to before DecodeParams does.
func CheckParams(into any) error {
	v := reflect.ValueOf(into)
	if !isStructPointer(v) {
		return notStructPointer(into)
	}
	return verify(v.Type().Elem(), map[reflect.Type]bool{})
}

func isStructPointer(v reflect.Value) bool {
	return v.Kind() == reflect.Pointer && !v.IsNil() && v.Elem().Kind() == reflect.Struct
}

func notStructPointer(into any) error {
	return fmt.Errorf("wire: params cannot be decoded into %T, which points to no struct", into)
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalidParams, fmt.Sprintf(format, args...))
}

// excerpt makes what a stranger sent fit for an error.
func excerpt(b []byte) string {
	const most = 40
	if len(b) > most {
		return fmt.Sprintf("%+q...", b[:most])
	}
	return fmt.Sprintf("%+q", b)
}

// plan is what DecodeParams knows of a struct type.
type plan struct{ fields []field }

type field struct {
	name     string
	index    []int
	optional bool
	decoder  decoder
}

// decode decodes an object into structure. Strictly, it has all of the fields that are not optional, and no others. All
// members are found before the first is decoded, since of repeated ones only the last has to fit.
func (p *plan) decode(object []byte, structure reflect.Value, depth int, strict bool) error {
	w, ok := walk(object)
	if !ok {
		return invalid("%s is no object", excerpt(object))
	}
	var room [8][]byte
	values := room[:]
	if len(p.fields) > len(room) {
		values = make([][]byte, len(p.fields))
	}
	for w.next() {
		if i := p.find(w.key); i >= 0 {
			values[i] = w.value
		} else if strict {
			return invalid("unknown parameter %s", excerpt(w.key))
		}
	}
	if w.failed {
		return invalid("broken object")
	}
	for i := range p.fields {
		f := &p.fields[i]
		if values[i] == nil {
			if strict && !f.optional {
				return invalid("parameter %s is missing", f.name)
			}
			continue
		}
		if err := f.decoder(values[i], f.of(structure), depth); err != nil {
			return fmt.Errorf("%w in %s", err, f.name)
		}
	}
	return nil
}

func (p *plan) find(key []byte) int {
	for i := range p.fields {
		if keyIs(key, p.fields[i].name) {
			return i
		}
	}
	return -1
}

func (f *field) of(structure reflect.Value) reflect.Value {
	if len(f.index) == 1 {
		return structure.Field(f.index[0])
	}
	return structure.FieldByIndex(f.index)
}

var plans sync.Map // of *plan by reflect.Type

func planOf(t reflect.Type) (*plan, error) {
	known, _ := plans.Load(t)
	if p, ok := known.(*plan); ok {
		return p, nil
	}
	p, err := newPlan(t)
	if err == nil {
		plans.Store(t, p)
	}
	return p, err
}

func newPlan(t reflect.Type) (*plan, error) {
	p := new(plan)
	for _, sf := range reflect.VisibleFields(t) {
		f, ok, err := newField(t, sf)
		if err != nil {
			return nil, fmt.Errorf("wire: field %s of %s: %w", sf.Name, t, err)
		}
		if ok {
			p.fields = append(p.fields, f)
		}
	}
	for i := range p.fields {
		for k := range i {
			if p.fields[i].name == p.fields[k].name {
				return nil, fmt.Errorf("wire: %s has two fields for %q", t, p.fields[i].name)
			}
		}
	}
	return p, nil
}

// newField plans a field; ok tells that it is a parameter.
func newField(t reflect.Type, sf reflect.StructField) (f field, ok bool, err error) {
	tag := sf.Tag.Get("json")
	name, options, _ := strings.Cut(tag, ",")
	if tag == "-" {
		return field{}, false, nil
	}
	if sf.Anonymous && name == "" {
		if sf.Type.Kind() == reflect.Struct {
			return field{}, false, nil // its fields come by themselves
		}
		return field{}, false, errors.New("embedded, but no struct and without a name")
	}
	if !sf.IsExported() || throughHidden(t, sf.Index) {
		return field{}, false, nil
	}
	f = field{name: name, index: sf.Index}
	if name == "" {
		f.name = sf.Name
	}
	for option := range strings.SplitSeq(options, ",") {
		f.optional = f.optional || option == "omitempty" || option == "omitzero"
	}
	f.decoder, err = decoderOf(sf.Type)
	return f, true, err
}

// throughHidden tells whether the way to a field leads through an embedded struct that is a parameter as a whole, or is
// none.
func throughHidden(t reflect.Type, index []int) bool {
	for _, i := range index[:len(index)-1] {
		sf := t.Field(i)
		if name, _, _ := strings.Cut(sf.Tag.Get("json"), ","); name != "" {
			return true
		}
		t = sf.Type
	}
	return false
}

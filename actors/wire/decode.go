package wire

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// decoder decodes a raw value that has been checked into v, within so many containers.
type decoder func(value []byte, v reflect.Value, depth int) error

var (
	rawType             = reflect.TypeFor[json.RawMessage]()
	numberType          = reflect.TypeFor[json.Number]()
	unmarshalerType     = reflect.TypeFor[json.Unmarshaler]()
	textUnmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// decoderOf returns the decoder of a type. Those of its elements are looked up when they are needed, as types may hold
// themselves.
func decoderOf(t reflect.Type) (decoder, error) {
	switch {
	case t == rawType:
		return decodeRaw, nil
	case t == numberType:
		return decodeNumber, nil
	case hasMethods(t):
		return decodeByJSON, nil
	case isBytes(t):
		return decodeBytes, nil
	}
	switch t.Kind() {
	case reflect.String:
		return decodeString, nil
	case reflect.Bool:
		return decodeBool, nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return decodeInt, nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return decodeUint, nil
	case reflect.Float32, reflect.Float64:
		return decodeFloat, nil
	case reflect.Interface:
		if t.NumMethod() == 0 {
			return decodeAny, nil
		}
	case reflect.Pointer:
		return decodePointer, nil
	case reflect.Slice:
		return decodeSlice, nil
	case reflect.Array:
		return decodeArray, nil
	case reflect.Map:
		if t.Key().Kind() == reflect.String && !hasMethods(t.Key()) {
			return decodeMap, nil
		}
	case reflect.Struct:
		return decodeStruct, nil
	default: // functions and the like
	}
	return nil, fmt.Errorf("wire: values cannot be decoded into %s", t)
}

// hasMethods tells whether variables of type t decode themselves. Pointers do not; what they point to may.
func hasMethods(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return t.Kind() != reflect.Pointer && (p.Implements(unmarshalerType) || p.Implements(textUnmarshalerType))
}

func isBytes(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8
}

// verify tells whether there are decoders for t and all that it is made of.
func verify(t reflect.Type, seen map[reflect.Type]bool) error {
	if seen[t] {
		return nil
	}
	seen[t] = true
	if _, err := decoderOf(t); err != nil {
		return err
	}
	if hasMethods(t) || isBytes(t) {
		return nil
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		return verify(t.Elem(), seen)
	case reflect.Struct:
		return verifyFields(t, seen)
	default:
		return nil
	}
}

func verifyFields(t reflect.Type, seen map[reflect.Type]bool) error {
	p, err := newPlan(t)
	if err != nil {
		return err
	}
	for i := range p.fields {
		if err := verify(t.FieldByIndex(p.fields[i].index).Type, seen); err != nil {
			return err
		}
	}
	return nil
}

var decoders sync.Map // of decoder by reflect.Type

// decodeInto decodes an element, of which there may be many of one type.
func decodeInto(value []byte, v reflect.Value, depth int) error {
	if depth > MaxDepth {
		return invalid("nested too deeply")
	}
	t := v.Type()
	known, _ := decoders.Load(t)
	d, ok := known.(decoder)
	if !ok {
		var err error
		if d, err = decoderOf(t); err != nil {
			return err
		}
		decoders.Store(t, d)
	}
	return d(value, v, depth)
}

func mismatch(value []byte, v reflect.Value) error {
	return invalid("%s is no %s", excerpt(value), v.Type())
}

// decodeByJSON is for types with methods of their own. By convention these do nothing for null, which would pass for a
// value then.
func decodeByJSON(value []byte, v reflect.Value, _ int) error {
	if isNull(value) {
		return mismatch(value, v)
	}
	if err := json.Unmarshal(value, v.Addr().Interface()); err != nil {
		return invalid("%.200v", err)
	}
	return nil
}

// decodeBytes takes base64 as encoding/json does, but not a list of numbers.
func decodeBytes(value []byte, v reflect.Value, depth int) error {
	if value[0] != '"' {
		return mismatch(value, v)
	}
	return decodeByJSON(value, v, depth)
}

func decodeRaw(value []byte, v reflect.Value, _ int) error {
	v.SetBytes(value)
	return nil
}

func decodeNumber(value []byte, v reflect.Value, _ int) error {
	if !isNumber(value) {
		return mismatch(value, v)
	}
	v.SetString(string(value))
	return nil
}

func decodeString(value []byte, v reflect.Value, _ int) error {
	if value[0] != '"' {
		return mismatch(value, v)
	}
	v.SetString(textOf(value))
	return nil
}

// textOf returns what a quoted string says as UTF-8, in memory of its own.
func textOf(quoted []byte) string { return toUTF8(unquote(quoted)) }

// toUTF8 returns a copy of WTF-8 with U+FFFD in place of each surrogate, which takes as many bytes.
func toUTF8(s string) string {
	if utf8.ValidString(s) {
		return strings.Clone(s)
	}
	b := []byte(s)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == 0xed && b[i+1] >= 0xa0 {
			copy(b[i:], "\uFFFD")
		}
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}

func decodeBool(value []byte, v reflect.Value, _ int) error {
	switch string(value) {
	case "true":
		v.SetBool(true)
	case "false":
		v.SetBool(false)
	default:
		return mismatch(value, v)
	}
	return nil
}

func decodeInt(value []byte, v reflect.Value, _ int) error {
	text, ok := integerText(value)
	if !ok {
		return mismatch(value, v)
	}
	n, err := strconv.ParseInt(text, 10, v.Type().Bits())
	if err != nil {
		return mismatch(value, v)
	}
	v.SetInt(n)
	return nil
}

func decodeUint(value []byte, v reflect.Value, _ int) error {
	text, ok := integerText(value)
	if !ok {
		return mismatch(value, v)
	}
	n, err := strconv.ParseUint(text, 10, v.Type().Bits())
	if err != nil {
		return mismatch(value, v)
	}
	v.SetUint(n)
	return nil
}

// integerText returns an integral number without fraction and exponent.
func integerText(value []byte) (string, bool) {
	if !isNumber(value) {
		return "", false
	}
	if !bytes.ContainsAny(value, ".eE") && value[0] != '-' || isCanonicalInteger(value) {
		return view(value), true
	}
	const most = 20 // digits of the largest uint64
	return decimalOf(value).integer(most)
}

func decodeFloat(value []byte, v reflect.Value, _ int) error {
	if !isNumber(value) {
		return mismatch(value, v)
	}
	f, err := strconv.ParseFloat(view(value), v.Type().Bits())
	if err != nil {
		return mismatch(value, v)
	}
	v.SetFloat(f)
	return nil
}

func decodeAny(value []byte, v reflect.Value, _ int) error {
	var x any
	if err := json.Unmarshal(value, &x); err != nil {
		return invalid("%v", err)
	}
	if x == nil {
		v.SetZero()
	} else {
		v.Set(reflect.ValueOf(x))
	}
	return nil
}

func decodePointer(value []byte, v reflect.Value, depth int) error {
	if isNull(value) {
		v.SetZero()
		return nil
	}
	target := reflect.New(v.Type().Elem())
	if err := decodeInto(value, target.Elem(), depth+1); err != nil {
		return err
	}
	v.Set(target)
	return nil
}

func decodeStruct(value []byte, v reflect.Value, depth int) error {
	p, err := planOf(v.Type())
	if err != nil {
		return err
	}
	return p.decode(value, v, depth+1, false)
}

func decodeMap(value []byte, v reflect.Value, depth int) error {
	last := map[string][]byte{}
	err := Members(value, func(key string, element []byte) bool {
		last[toUTF8(key)] = element
		return true
	})
	if err != nil {
		return mismatch(value, v)
	}
	t := v.Type()
	m := reflect.MakeMapWithSize(t, len(last))
	for key, value := range last {
		element := reflect.New(t.Elem()).Elem()
		if err := decodeInto(value, element, depth+1); err != nil {
			return err
		}
		m.SetMapIndex(reflect.ValueOf(key).Convert(t.Key()), element)
	}
	v.Set(m)
	return nil
}

func decodeSlice(value []byte, v reflect.Value, depth int) error {
	elements, ok := elementsOf(value)
	if !ok {
		return mismatch(value, v)
	}
	s := reflect.MakeSlice(v.Type(), len(elements), len(elements))
	for i, e := range elements {
		if err := decodeInto(e, s.Index(i), depth+1); err != nil {
			return err
		}
	}
	v.Set(s)
	return nil
}

func decodeArray(value []byte, v reflect.Value, depth int) error {
	elements, ok := elementsOf(value)
	if !ok || len(elements) != v.Len() {
		return mismatch(value, v)
	}
	for i, e := range elements {
		if err := decodeInto(e, v.Index(i), depth+1); err != nil {
			return err
		}
	}
	return nil
}

// elementsOf returns the raw elements of an array that has been checked; ok tells that it is one.
func elementsOf(array []byte) (elements [][]byte, ok bool) {
	ok = Elements(array, func(element []byte) bool {
		elements = append(elements, element)
		return true
	})
	return elements, ok
}

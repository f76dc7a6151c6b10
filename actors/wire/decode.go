package wire

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// decoder decodes a raw value that has been checked into v, within so many containers.
type decoder func(value []byte, v reflect.Value, depth int) error

var (
	rawType             = reflect.TypeFor[json.RawMessage]()
	numberType          = reflect.TypeFor[json.Number]()
	bytesType           = reflect.TypeFor[[]byte]()
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
	case t.Kind() != reflect.Pointer && reflect.PointerTo(t).Implements(unmarshalerType):
		return decodeByJSON, nil
	case t.Kind() != reflect.Pointer && reflect.PointerTo(t).Implements(textUnmarshalerType), t == bytesType:
		return notNull(decodeByJSON), nil
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
		if t.Key().Kind() == reflect.String {
			return decodeMap, nil
		}
	case reflect.Struct:
		return decodeStruct, nil
	}
	return nil, fmt.Errorf("wire: values cannot be decoded into %s", t)
}

func decodeInto(value []byte, v reflect.Value, depth int) error {
	d, err := decoderOf(v.Type())
	if err != nil {
		return err
	}
	if depth > MaxDepth {
		return invalid("nested too deeply")
	}
	return d(value, v, depth)
}

func mismatch(value []byte, v reflect.Value) error {
	return invalid("%s is no %s", excerpt(value), v.Type())
}

func notNull(d decoder) decoder {
	return func(value []byte, v reflect.Value, depth int) error {
		if isNull(value) {
			return mismatch(value, v)
		}
		return d(value, v, depth)
	}
}

func decodeByJSON(value []byte, v reflect.Value, _ int) error {
	if err := json.Unmarshal(value, v.Addr().Interface()); err != nil {
		return invalid("%v", err)
	}
	return nil
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

func isNumber(value []byte) bool {
	end, ok := validNumber(value, 0)
	return ok && end == len(value)
}

func decodeString(value []byte, v reflect.Value, _ int) error {
	if value[0] != '"' {
		return mismatch(value, v)
	}
	v.SetString(textOf(value))
	return nil
}

// textOf returns what a quoted string says as UTF-8, in memory of its own.
func textOf(quoted []byte) string {
	return strings.Clone(strings.ToValidUTF8(unquote(quoted), string(utf8.RuneError)))
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
	w, ok := walk(value)
	if !ok {
		return mismatch(value, v)
	}
	for w.next() {
		if i := p.find(w.key); i >= 0 {
			f := &p.fields[i]
			if err := f.decoder(w.value, v.FieldByIndex(f.index), depth+1); err != nil {
				return fmt.Errorf("%w in %s", err, f.name)
			}
		}
	}
	if w.failed {
		return mismatch(value, v)
	}
	return nil
}

func decodeMap(value []byte, v reflect.Value, depth int) error {
	w, ok := walk(value)
	if !ok {
		return mismatch(value, v)
	}
	t := v.Type()
	m := reflect.MakeMap(t)
	for w.next() {
		element := reflect.New(t.Elem()).Elem()
		if err := decodeInto(w.value, element, depth+1); err != nil {
			return err
		}
		key := strings.Clone(strings.ToValidUTF8(unescape(w.key), string(utf8.RuneError)))
		m.SetMapIndex(reflect.ValueOf(key).Convert(t.Key()), element)
	}
	if w.failed {
		return mismatch(value, v)
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
	i := skipBlanks(array, 0)
	if i == len(array) || array[i] != '[' {
		return nil, false
	}
	i = skipBlanks(array, i+1)
	if i < len(array) && array[i] == ']' {
		return nil, skipBlanks(array, i+1) == len(array)
	}
	for {
		end, ok := skipValue(array, i)
		if !ok {
			return nil, false
		}
		elements = append(elements, array[i:end:end])
		if i = skipBlanks(array, end); i == len(array) {
			return nil, false
		}
		switch array[i] {
		case ']':
			return elements, skipBlanks(array, i+1) == len(array)
		case ',':
			i = skipBlanks(array, i+1)
		default:
			return nil, false
		}
	}
}

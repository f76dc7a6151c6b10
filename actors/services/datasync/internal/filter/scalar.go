package filter

import (
	"cmp"
	"strconv"
	"strings"
	"unsafe"

	"github.com/snorky-go/snorky/actors/wire"
)

type kind uint8

const (
	unordered kind = iota // anything that is no number and no text: nothing comes before or after it
	number
	text
)

// scalar is a value that has an order among its kind.
type scalar struct {
	kind  kind
	float float64 // of numbers: the nearest one
	text  string  // what a text says; a number as it is written
}

func scalarOf(value []byte) scalar {
	if len(value) == 0 {
		return scalar{}
	}
	switch c := value[0]; {
	case c == '"':
		said, _ := wire.Unquote(value)
		return scalar{kind: text, text: said}
	case c == '-' || c >= '0' && c <= '9':
		written := unsafe.String(unsafe.SliceData(value), len(value)) // a view, as all that wire returns
		nearest, _ := strconv.ParseFloat(written, 64)                 // beyond the range: infinite
		return scalar{kind: number, float: nearest, text: written}
	}
	return scalar{}
}

// compare orders two scalars of one kind. Texts are ordered by code points, as are the bytes of UTF-8. The nearest floats
// of two numbers are never in the wrong order, so only if these are equal the exact numbers have to be looked at.
func (s scalar) compare(other scalar) int {
	if s.kind == text {
		return strings.Compare(s.text, other.text)
	}
	if order := cmp.Compare(s.float, other.float); order != 0 || s.text == other.text {
		return order
	}
	return wire.CompareNumbers([]byte(s.text), []byte(other.text))
}

package wire

import (
	"bytes"
	"errors"
	"slices"
	"unicode/utf8"
)

// MaxKeyBytes is how long a raw value may be that CanonicalKey takes, in bytes. It keeps values that are made to be
// expensive from being so.
const MaxKeyBytes = 1 << 20

// ErrKeyTooLong says that a value is longer than MaxKeyBytes.
var ErrKeyTooLong = errors.New("value too long for a key")

// Key is the canonical form of a JSON value (PROTOCOL.md section 3): two keys are equal if and only if the values are.
// It is itself a JSON text of that value.
type Key string

// CanonicalKey returns the key of a value that has been checked. Strings differ by what they say, not by their escapes;
// numbers by their exact value, of any size; objects by their members, whose order does not matter and of which, if
// repeated, the last counts. The error is ErrKeyTooLong, ErrTooDeep or ErrNotJSON.
//
// A string without escapes costs one allocation, as do most other short values.
func CanonicalKey(value []byte) (Key, error) {
	value = trim(value)
	if len(value) > MaxKeyBytes {
		return "", ErrKeyTooLong
	}
	if isCanonical(value) {
		return Key(value), nil
	}
	c := canon{data: value, dst: make([]byte, 0, len(value)+8)}
	if err := c.value(0); err != nil {
		return "", err
	}
	if c.i != len(value) {
		return "", ErrNotJSON
	}
	if cap(c.dst) > 2*len(c.dst)+64 {
		return Key(c.dst), nil // a key does not hold on to much more memory than it is long
	}
	return Key(view(c.dst)), nil
}

// isCanonical spots values that are their own canonical form, which most are: strings without escapes, integers, words.
func isCanonical(value []byte) bool {
	if len(value) == 0 {
		return false
	}
	switch value[0] {
	case '"':
		end := len(value) - 1
		return end > 0 && bytes.IndexByte(value[1:], '"') == end-1 && bytes.IndexByte(value, '\\') < 0
	case 't', 'f', 'n':
		end, ok := validScalar(value, 0)
		return ok && end == len(value)
	}
	return isNumber(value) && isCanonicalInteger(value)
}

// canon writes the canonical form of the value at data[i:] to dst.
type canon struct {
	data []byte
	i    int
	dst  []byte
}

func (c *canon) peek() byte {
	c.i = skipBlanks(c.data, c.i)
	if c.i == len(c.data) {
		return 0
	}
	return c.data[c.i]
}

func (c *canon) value(depth int) error {
	switch b := c.peek(); b {
	case '{', '[':
		if depth == MaxDepth {
			return ErrTooDeep
		}
		c.i++
		if b == '{' {
			return c.object(depth + 1)
		}
		return c.array(depth + 1)
	case '"':
		return c.string()
	case 't', 'f', 'n':
		return c.word(b)
	}
	return c.number()
}

func (c *canon) word(first byte) error {
	word := "true"
	switch first {
	case 'f':
		word = "false"
	case 'n':
		word = "null"
	}
	end, ok := validWord(c.data, c.i, word)
	if !ok {
		return ErrNotJSON
	}
	c.i = end
	c.dst = append(c.dst, word...)
	return nil
}

func (c *canon) number() error {
	end, ok := validNumber(c.data, c.i)
	if !ok {
		return ErrNotJSON
	}
	number := c.data[c.i:end]
	c.i = end
	if isCanonicalInteger(number) {
		c.dst = append(c.dst, number...)
	} else {
		c.dst = decimalOf(number).append(c.dst)
	}
	return nil
}

func (c *canon) string() error {
	end, ok := skipString(c.data, c.i)
	if !ok {
		return ErrNotJSON
	}
	inner := c.data[c.i+1 : end-1]
	c.i = end
	c.dst = append(c.dst, '"')
	for {
		n := bytes.IndexByte(inner, '\\')
		if n < 0 || n+1 == len(inner) {
			break
		}
		c.dst = append(c.dst, inner[:n]...)
		inner = inner[n:]
		r, size := rune(unescapedByte(inner[1])), 2
		if inner[1] == 'u' {
			r, size = unescapedRune(inner)
		}
		if r < ' ' || r == '"' || r == '\\' || r >= 0xd800 && r <= 0xdfff {
			c.dst = appendEscape(c.dst, r)
		} else {
			c.dst = utf8.AppendRune(c.dst, r)
		}
		inner = inner[size:]
	}
	c.dst = append(c.dst, inner...)
	c.dst = append(c.dst, '"')
	return nil
}

func (c *canon) array(depth int) error {
	c.dst = append(c.dst, '[')
	if c.peek() == ']' {
		c.i++
		c.dst = append(c.dst, ']')
		return nil
	}
	for {
		if err := c.value(depth); err != nil {
			return err
		}
		b := c.peek()
		c.i++
		switch b {
		case ',':
			c.dst = append(c.dst, ',')
		case ']':
			c.dst = append(c.dst, ']')
			return nil
		default:
			return ErrNotJSON
		}
	}
}

// member is where a member of an object lies in dst.
type member struct{ start, keyEnd, end int }

// object writes the members in the order they come, each with a comma behind it, and puts them in order at the end.
func (c *canon) object(depth int) error {
	c.dst = append(c.dst, '{')
	var room [4]member
	members := room[:0]
	sorted := true
	for first := true; ; first = false {
		b := c.peek()
		if first && b == '}' {
			break
		}
		if !first {
			c.i++
			if b == '}' {
				c.i--
				break
			}
			if b != ',' {
				return ErrNotJSON
			}
			b = c.peek()
		}
		if b != '"' {
			return ErrNotJSON
		}
		m := member{start: len(c.dst)}
		if err := c.string(); err != nil {
			return err
		}
		m.keyEnd = len(c.dst)
		if c.peek() != ':' {
			return ErrNotJSON
		}
		c.i++
		c.dst = append(c.dst, ':')
		if err := c.value(depth); err != nil {
			return err
		}
		c.dst = append(c.dst, ',')
		m.end = len(c.dst)
		if n := len(members); n > 0 && c.compare(members[n-1], m) >= 0 {
			sorted = false
		}
		members = append(members, m)
	}
	c.i++
	if !sorted {
		c.reorder(members)
	}
	if len(members) == 0 {
		c.dst = append(c.dst, '}')
	} else {
		c.dst[len(c.dst)-1] = '}'
	}
	return nil
}

func (c *canon) compare(a, b member) int {
	return bytes.Compare(c.dst[a.start:a.keyEnd], c.dst[b.start:b.keyEnd])
}

// reorder sorts members, which fill the end of dst, and drops all but the last of those with one name.
func (c *canon) reorder(members []member) {
	start := members[0].start
	slices.SortStableFunc(members, c.compare)
	ordered := make([]byte, 0, len(c.dst)-start)
	for i, m := range members {
		if i+1 < len(members) && c.compare(m, members[i+1]) == 0 {
			continue
		}
		ordered = append(ordered, c.dst[m.start:m.end]...)
	}
	c.dst = append(c.dst[:start], ordered...)
}

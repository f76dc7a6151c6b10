package wire

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// MaxDepth is how many arrays and objects may lie within each other, the packet itself included.
const MaxDepth = 512

// Valid checks that data is exactly one JSON value (RFC 8259) in valid UTF-8, with at most MaxDepth levels and possibly
// blanks around it. The error is ErrNotJSON or ErrTooDeep.
func Valid(data []byte) error {
	end, err := validValue(data, skipBlanks(data, 0), 0)
	if err != nil {
		return err
	}
	if skipBlanks(data, end) != len(data) {
		return ErrNotJSON
	}
	return nil
}

// levels remembers of each open container whether it is an object, a bit each, so that depth costs no stack.
type levels [MaxDepth / 64]uint64

func (l *levels) set(depth int, object bool) {
	bit := uint64(1) << (depth % 64)
	if object {
		l[depth/64] |= bit
	} else {
		l[depth/64] &^= bit
	}
}

func (l *levels) object(depth int) bool { return l[depth/64]>>(depth%64)&1 != 0 }

// validValue checks the value that starts at i, within depth containers, and returns its end.
func validValue(data []byte, i, depth int) (int, error) {
	if i >= len(data) {
		return i, ErrNotJSON
	}
	if c := data[i]; c != '{' && c != '[' {
		end, ok := validScalar(data, i)
		if !ok {
			return i, ErrNotJSON
		}
		return end, nil
	}
	return validContainer(data, i, depth)
}

// validContainer checks the array or object that starts at i. Each turn of its loop takes one bracket that opens, or one
// scalar, and then all that closes behind it, up to where the next value starts.
func validContainer(data []byte, i, outer int) (int, error) {
	var open levels
	depth := outer
	for {
		if i >= len(data) {
			return i, ErrNotJSON
		}
		c := data[i]
		if c == '{' || c == '[' {
			if depth == MaxDepth {
				return i, ErrTooDeep
			}
			open.set(depth, c == '{')
			depth++
			i = skipBlanks(data, i+1)
			if i == len(data) || data[i] != c+2 { // '{'+2 is '}' and '['+2 is ']'
				ok := true
				if c == '{' {
					_, i, ok = validName(data, i)
				}
				if !ok {
					return i, ErrNotJSON
				}
				continue
			}
		} else {
			var ok bool
			if i, ok = validScalar(data, i); !ok {
				return i, ErrNotJSON
			}
		}
		var ok bool
		if i, depth, ok = open.validEnd(data, i, depth, outer); !ok {
			return i, ErrNotJSON
		}
		if depth == outer {
			return i, nil
		}
	}
}

// validEnd checks what stands behind a value or in an empty container: brackets that close, down to the outer depth at
// most, and if any container is left a comma, in an object with the name of the next member. It returns where the next
// value starts.
func (l *levels) validEnd(data []byte, i, depth, outer int) (next, left int, ok bool) {
	for depth > outer {
		if i = skipBlanks(data, i); i == len(data) {
			return i, depth, false
		}
		object := l.object(depth - 1)
		switch c := data[i]; {
		case c == ',' && object:
			_, i, ok = validName(data, skipBlanks(data, i+1))
			return i, depth, ok
		case c == ',':
			return skipBlanks(data, i+1), depth, true
		case c == '}' && object, c == ']' && !object:
			depth--
			i++
		default:
			return i, depth, false
		}
	}
	return i, depth, true
}

// validName checks the name of a member that starts at i, with its colon, and returns where it ends and where the value
// starts.
func validName(data []byte, i int) (end, value int, ok bool) {
	end, ok = validString(data, i)
	if !ok {
		return end, end, false
	}
	if i = skipBlanks(data, end); i == len(data) || data[i] != ':' {
		return end, i, false
	}
	return end, skipBlanks(data, i+1), true
}

// validScalar checks the string, number or word that starts at i < len(data) and returns its end.
func validScalar(data []byte, i int) (int, bool) {
	switch data[i] {
	case '"':
		return validString(data, i)
	case 't':
		return validWord(data, i, "true")
	case 'f':
		return validWord(data, i, "false")
	case 'n':
		return validWord(data, i, "null")
	}
	return validNumber(data, i)
}

func validWord(data []byte, i int, word string) (int, bool) {
	end := i + len(word)
	return end, end <= len(data) && string(data[i:end]) == word
}

// validNumber checks the number that starts at i and returns its end. What follows it is for the caller to judge.
func validNumber(data []byte, i int) (int, bool) {
	if i < len(data) && data[i] == '-' {
		i++
	}
	start := i
	if i = skipDigits(data, i); i == start || data[start] == '0' && i > start+1 {
		return i, false
	}
	if i < len(data) && data[i] == '.' {
		start = i + 1
		if i = skipDigits(data, start); i == start {
			return i, false
		}
	}
	if i < len(data) && data[i]|0x20 == 'e' {
		i++
		if i < len(data) && (data[i] == '+' || data[i] == '-') {
			i++
		}
		start = i
		if i = skipDigits(data, i); i == start {
			return i, false
		}
	}
	return i, true
}

// validString checks the string whose quote is at i and returns the index behind its closing quote.
func validString(data []byte, i int) (int, bool) {
	if i >= len(data) || data[i] != '"' {
		return i, false
	}
	start := i + 1
	ascii := true
	for i = start; ; {
		end, plainASCII := skipPlain(data, i)
		ascii = ascii && plainASCII
		if i = end; i == len(data) {
			return i, false
		}
		switch data[i] {
		case '"':
			return i + 1, ascii || utf8.Valid(data[start:i])
		case '\\':
			n := escapeLen(data[i:])
			if n == 0 {
				return i, false
			}
			i += n
		default:
			return i, false
		}
	}
}

// skipPlain returns the index of the first byte from i on that is not plain text of a string: a quote, a backslash or a
// control character. It also tells whether all it skipped was ASCII.
func skipPlain(data []byte, i int) (end int, ascii bool) {
	seen := uint64(0)
	for i+8 <= len(data) {
		w := binary.LittleEndian.Uint64(data[i:])
		marks := (zeros(w^('"'*ones)) | zeros(w^('\\'*ones)) | (w-' '*ones)&^w) & highs
		if marks != 0 {
			n := bits.TrailingZeros64(marks) &^ 7
			seen |= w & (1<<n - 1)
			return i + n/8, seen&highs == 0
		}
		seen |= w
		i += 8
	}
	for i < len(data) && data[i] != '"' && data[i] != '\\' && data[i] >= ' ' {
		seen |= uint64(data[i])
		i++
	}
	return i, seen&highs == 0
}

// escapeLen returns the length of the escape at the start of b, which begins with a backslash, or 0 if it is none.
func escapeLen(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if _, ok := hex4(b[2:]); ok {
			return 6
		}
	}
	return 0
}

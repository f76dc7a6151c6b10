package wire

import (
	"encoding/binary"
	"math/bits"
)

// The functions of this file find their way in JSON that has been checked, without checking it again. Of anything else
// they make little sense, but they stay within it and take linear time.

func skipBlanks(data []byte, i int) int {
	for i < len(data) && (data[i] == ' ' || data[i] == '\n' || data[i] == '\r' || data[i] == '\t') {
		i++
	}
	return i
}

func skipDigits(data []byte, i int) int {
	for i < len(data) && data[i]-'0' <= 9 {
		i++
	}
	return i
}

// skipValue returns the end of the value that starts at i.
func skipValue(data []byte, i int) (int, bool) {
	if i >= len(data) {
		return i, false
	}
	switch data[i] {
	case '"':
		return skipString(data, i)
	case '{', '[':
		return skipContainer(data, i)
	}
	start := i
	for i < len(data) && !endsScalar(data[i]) {
		i++
	}
	return i, i > start
}

func endsScalar(c byte) bool {
	switch c {
	case ' ', '\n', '\r', '\t', ',', ':', ']', '}', '[', '{', '"':
		return true
	}
	return false
}

// skipString returns the index behind the closing quote of the string whose quote is at i.
func skipString(data []byte, i int) (int, bool) {
	if i >= len(data) || data[i] != '"' {
		return i, false
	}
	for i++; ; i += 2 {
		for i+8 <= len(data) {
			w := binary.LittleEndian.Uint64(data[i:])
			marks := (zeros(w^('"'*ones)) | zeros(w^('\\'*ones))) & highs
			if marks != 0 {
				i += bits.TrailingZeros64(marks) / 8
				break
			}
			i += 8
		}
		for i < len(data) && data[i] != '"' && data[i] != '\\' {
			i++
		}
		if i >= len(data) {
			return len(data), false
		}
		if data[i] == '"' {
			return i + 1, true
		}
	}
}

// Eight bytes at a time: the lowest byte of w that is zero gets the lowest mark in the high bits of zeros(w). Bytes above
// it may be marked wrongly, because of the borrow.
const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

func zeros(w uint64) uint64 { return (w - ones) &^ w }

// skipContainer returns the index behind the bracket that closes the one at i.
func skipContainer(data []byte, i int) (int, bool) {
	depth := 0
	for i < len(data) {
		switch brackets[data[i]] {
		case quote:
			end, ok := skipString(data, i)
			if !ok {
				return end, false
			}
			i = end
			continue
		case opening:
			depth++
		case closing:
			depth--
			if depth == 0 {
				return i + 1, true
			}
		}
		i++
	}
	return i, false
}

const (
	quote = iota + 1
	opening
	closing
)

var brackets = [256]byte{'"': quote, '{': opening, '[': opening, '}': closing, ']': closing}

// trim takes the blanks off both ends of data.
func trim(data []byte) []byte {
	data = data[skipBlanks(data, 0):]
	for n := len(data); n > 0; n-- {
		switch data[n-1] {
		case ' ', '\n', '\r', '\t':
		default:
			return data[:n]
		}
	}
	return data[:0]
}

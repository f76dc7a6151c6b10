package wire

import "bytes"

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
	start := i + 1
	for i = start; ; i++ {
		n := bytes.IndexByte(data[i:], '"')
		if n < 0 {
			return len(data), false
		}
		i += n
		slashes := 0
		for k := i - 1; k >= start && data[k] == '\\'; k-- {
			slashes++
		}
		if slashes%2 == 0 {
			return i + 1, true
		}
	}
}

// skipContainer returns the index behind the bracket that closes the one at i.
func skipContainer(data []byte, i int) (int, bool) {
	depth := 0
	for i < len(data) {
		switch data[i] {
		case '"':
			end, ok := skipString(data, i)
			if !ok {
				return end, false
			}
			i = end
			continue
		case '{', '[':
			depth++
		case '}', ']':
			depth--
			if depth == 0 {
				return i + 1, true
			}
		}
		i++
	}
	return i, false
}

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

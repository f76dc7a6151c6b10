package wire

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// AppendString appends s as a JSON string. What is not UTF-8 in s becomes U+FFFD. Beyond what JSON demands it escapes
// U+2028 and U+2029, which end a line in older JavaScript.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c < utf8.RuneSelf && c != '"' && c != '\\' {
			i++
			continue
		}
		r, n := rune(c), 1
		if c >= utf8.RuneSelf {
			r, n = utf8.DecodeRuneInString(s[i:])
			if r != '\u2028' && r != '\u2029' && (r != utf8.RuneError || n != 1) {
				i += n
				continue
			}
		}
		dst = append(dst, s[start:i]...)
		dst = appendEscape(dst, r)
		i += n
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

// appendEscape appends a code unit as an escape, the shortest there is.
func appendEscape(dst []byte, r rune) []byte {
	switch r {
	case '"', '\\':
		return append(dst, '\\', byte(r))
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	const digits = "0123456789abcdef"
	return append(dst, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
}

// view returns b as a string without a copy.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// Unquote returns what a string says that has been checked, a view unless it was written with escapes; ok tells that the
// value is a string. Surrogates without a partner come out in their generalized UTF-8 form (WTF-8), so that different
// strings stay different and the order of their bytes is that of their code points.
func Unquote(value []byte) (text string, ok bool) {
	if len(value) < 2 || value[0] != '"' {
		return "", false
	}
	return unquote(value), true
}

// unquote returns the content of a quoted string, a view if it has no escapes. Surrogates without a partner come out in
// their generalized UTF-8 form (WTF-8), so that different strings stay different.
func unquote(quoted []byte) string {
	if len(quoted) < 2 {
		return ""
	}
	return unescape(quoted[1 : len(quoted)-1])
}

func unescape(inner []byte) string {
	if bytes.IndexByte(inner, '\\') < 0 {
		return view(inner)
	}
	return string(appendUnescaped(make([]byte, 0, len(inner)), inner))
}

// keyIs tells whether the inside of a quoted string stands for name.
func keyIs(inner []byte, name string) bool {
	if string(inner) == name {
		return true
	}
	// An escape takes at least two bytes for one.
	return len(inner) > len(name) && len(inner) <= 6*len(name) &&
		bytes.IndexByte(inner, '\\') >= 0 && unescape(inner) == name
}

// appendUnescaped appends what the inside of a quoted string stands for, as WTF-8.
func appendUnescaped(dst, inner []byte) []byte {
	for {
		i := bytes.IndexByte(inner, '\\')
		if i < 0 || i+1 == len(inner) {
			return append(dst, inner...)
		}
		dst = append(dst, inner[:i]...)
		inner = inner[i:]
		if inner[1] != 'u' {
			dst = append(dst, unescapedByte(inner[1]))
			inner = inner[2:]
			continue
		}
		r, n := unescapedRune(inner)
		dst = appendWTF8(dst, r)
		inner = inner[n:]
	}
}

func unescapedByte(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

// unescapedRune reads the \u escape at the start of b, or the two of a surrogate pair, and tells how long they are.
func unescapedRune(b []byte) (r rune, n int) {
	r, ok := hex4(b[2:])
	if !ok {
		return utf8.RuneError, 2
	}
	if utf16.IsSurrogate(r) && len(b) >= 12 && b[6] == '\\' && b[7] == 'u' {
		if low, ok := hex4(b[8:]); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return pair, 12
			}
		}
	}
	return r, 6
}

// appendWTF8 is utf8.AppendRune that does not lose surrogates.
func appendWTF8(dst []byte, r rune) []byte {
	if utf16.IsSurrogate(r) {
		return append(dst, 0xe0|byte(r>>12), 0x80|byte(r>>6)&0x3f, 0x80|byte(r)&0x3f)
	}
	return utf8.AppendRune(dst, r)
}

// hex4 reads four hexadecimal digits at the start of b.
func hex4(b []byte) (r rune, ok bool) {
	if len(b) < 4 {
		return 0, false
	}
	for _, c := range b[:4] {
		switch {
		case c-'0' <= 9:
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

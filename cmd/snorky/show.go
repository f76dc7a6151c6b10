package main

import (
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// appendOneLine appends a valid JSON value without its blanks, so that it is one line, and with every character escaped
// that a terminal could take for a command or that would change the order of what is read. The value stays the same.
func appendOneLine(dst, value []byte) []byte {
	inString, escaped := false, false
	for i, n := 0, 0; i < len(value); i += n {
		var r rune
		r, n = utf8.DecodeRune(value[i:])
		switch {
		case !inString && r <= ' ':
		case unprintable(r, n):
			dst = appendEscaped(dst, r)
		default:
			dst = append(dst, value[i:i+n]...)
		}
		if r == '"' && !escaped {
			inString = !inString
		}
		escaped = inString && r == '\\' && !escaped
	}
	return dst
}

// printable is a text for people on one line, with what unprintable finds escaped, and cut if it is very long.
func printable(text string) string {
	const most = 2000
	dst := make([]byte, 0, len(text))
	for i, n := 0, 0; i < len(text); i += n {
		if i > most {
			return string(append(dst, "..."...))
		}
		var r rune
		if r, n = utf8.DecodeRuneInString(text[i:]); unprintable(r, n) {
			dst = appendEscaped(dst, r)
		} else {
			dst = append(dst, text[i:i+n]...)
		}
	}
	return string(dst)
}

// unprintable tells which runes may not reach a terminal: controls, which make up escape sequences, also those above
// 0x7f; marks that reorder or hide text; other ends of lines. The joiners are left, which emoji are made with.
func unprintable(r rune, size int) bool {
	const nonJoiner, joiner = '\u200c', '\u200d'
	switch {
	case r < utf8.RuneSelf:
		return r < ' ' || r == 0x7f
	case r == nonJoiner, r == joiner:
		return false
	case r == utf8.RuneError:
		return size == 1
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

func appendEscaped(dst []byte, r rune) []byte {
	if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
		return appendUnit(appendUnit(dst, high), low)
	}
	return appendUnit(dst, r)
}

func appendUnit(dst []byte, r rune) []byte {
	const digits = "0123456789abcdef"
	return append(dst, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
}

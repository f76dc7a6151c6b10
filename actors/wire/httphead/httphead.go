// Package httphead reads the lines of an HTTP head that both doors have to understand (PROTOCOL.md sections 1 and 7)
// before they may take a request without net/http. It is strict: what it takes, net/http takes, too, and understands in
// the same way. What it does not take says nothing about whether it is wrong.
package httphead

import (
	"bytes"
	"net/url"
	"strings"
)

// Span is a part of a head, which may move in memory while it comes in.
type Span struct{ From, To int }

// Of returns the part.
func (s Span) Of(head []byte) []byte { return head[s.From:s.To] }

// Line returns the line at the start of data without its end, and its length with it. The length is 0 if the line is not
// complete. ok tells whether its end is plain.
func Line(data []byte) (line []byte, length int, ok bool) {
	length = bytes.IndexByte(data, '\n') + 1
	if length == 0 {
		return nil, 0, true
	}
	line, ok = bytes.CutSuffix(data[:length], lineEnd)
	return line, length, ok
}

var lineEnd = []byte("\r\n")

// Field splits a header line. value is where the value lies in it, without the blanks around.
func Field(line []byte) (name []byte, value Span, ok bool) {
	colon := 0
	for colon < len(line) && classes[line[colon]]&inToken != 0 {
		colon++
	}
	if colon == 0 || colon == len(line) || line[colon] != ':' || !consists(line[colon+1:], inValue) {
		return nil, Span{}, false
	}
	value = Span{colon + 1, len(line)}
	for value.From < value.To && blank(line[value.From]) {
		value.From++
	}
	for value.From < value.To && blank(line[value.To-1]) {
		value.To--
	}
	return line[:colon], value, true
}

// Host tells whether the value of a Host header is of the letters that names, addresses and ports are made of. Others
// exist.
func Host(value []byte) bool { return len(value) > 0 && consists(value, inHost) }

// Path tells whether a request target that is written like path can mean nothing else.
func Path(path string) bool {
	u, err := url.ParseRequestURI(path)
	return err == nil && *u == url.URL{Path: path} && !strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// Classes of bytes.
const (
	inToken = 1 << iota // RFC 9110 section 5.6.2
	inValue
	inHost // with or without a port; net/http takes more
)

var classes = func() (classes [256]byte) {
	for c := range 256 {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
		if letter || c < 0x7f && strings.IndexByte("!#$%&'*+-.^_`|~", byte(c)) >= 0 {
			classes[c] |= inToken
		}
		if letter || c < 0x7f && strings.IndexByte(".-:[]_", byte(c)) >= 0 {
			classes[c] |= inHost
		}
		if c >= ' ' && c != 0x7f || c == '\t' {
			classes[c] |= inValue
		}
	}
	return classes
}()

func consists(text []byte, of byte) bool {
	for _, c := range text {
		if classes[c]&of == 0 {
			return false
		}
	}
	return true
}

func blank(c byte) bool { return c == ' ' || c == '\t' }

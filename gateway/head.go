package gateway

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
)

// verdict is what a Listener thinks of the beginning of a connection.
type verdict int

const (
	incomplete verdict = iota // so far there is nothing odd in it
	plain
	odd // or wrong, or anything else that is left to net/http
)

// Headers that have a say in a handshake.
const (
	hostHeader = iota
	upgradeHeader
	connectionHeader
	versionHeader
	keyHeader
	originHeader
	headers // how many there are
)

// headerNames are in the form of http.Header.
var headerNames = [headers]string{"Host", "Upgrade", "Connection", "Sec-Websocket-Version", "Sec-Websocket-Key", "Origin"}

// needed are the headers without which a handshake is refused.
const needed = 1<<hostHeader | 1<<upgradeHeader | 1<<connectionHeader | 1<<versionHeader | 1<<keyHeader

// head reads the beginning of a handshake, line by line as they come in, if it is as plain as those that clients send:
// the one request line, each header that matters once, and none that promises a body. Everything that it takes, net/http
// takes, too, and understands in the same way; what it does not take is odd, which says nothing about whether it is wrong.
type head struct {
	size   int  // of the lines looked at, in bytes
	seen   uint // bits of the headers that have come
	values [headers]span
}

// span is a part of what has come in.
type span struct{ from, to int }

// plainPath tells whether a request line that is written with path can mean nothing else.
func plainPath(path string) bool {
	u, err := url.ParseRequestURI(path)
	return err == nil && *u == url.URL{Path: path} && !strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// parse goes on where it stopped. data holds all that has come in; if it is plain, the head is all of it. requestLine is
// the only one that is plain, with its end.
func (h *head) parse(data, requestLine []byte) verdict {
	for {
		rest := data[h.size:]
		if h.size == 0 && !bytes.HasPrefix(rest, requestLine[:min(len(rest), len(requestLine))]) {
			return odd // net/http may have an answer before the line is complete
		}
		length := bytes.IndexByte(rest, '\n') + 1
		if length == 0 {
			return incomplete
		}
		line := rest[:length]
		if !bytes.HasSuffix(line, lineEnd) {
			return odd
		}
		line = line[:len(line)-len(lineEnd)]
		start := h.size
		h.size += length
		switch {
		case start == 0:
		case len(line) == 0:
			return h.judge(len(rest) > length)
		case !h.header(line, start):
			return odd
		}
	}
}

var lineEnd = []byte("\r\n")

// judge is called at the end of the head. What came behind it came too early.
func (h *head) judge(more bool) verdict {
	if more || h.seen&needed != needed {
		return odd
	}
	return plain
}

// header takes one line, which lies at start, and tells whether it is plain.
func (h *head) header(line []byte, start int) bool {
	colon := bytes.IndexByte(line, ':')
	if colon <= 0 || !consists(line[:colon], inToken) || !consists(line[colon+1:], inValue) {
		return false
	}
	i, plain := lookUp(line[:colon])
	if i < 0 {
		return plain
	}
	if h.seen&(1<<i) != 0 {
		return false
	}
	h.seen |= 1 << i
	value := span{start + colon + 1, start + len(line)}
	for value.from < value.to && blank(line[value.from-start]) {
		value.from++
	}
	for value.from < value.to && blank(line[value.to-1-start]) {
		value.to--
	}
	h.values[i] = value
	return i != hostHeader || value.from < value.to && consists(line[value.from-start:value.to-start], inHost)
}

// lookUp returns which header of a handshake it is; -1 for one of the others, which are plain if they do not matter.
func lookUp(name []byte) (i int, plain bool) {
	for i, known := range headerNames {
		if len(known) == len(name) && strings.EqualFold(known, string(name)) {
			return i, true
		}
	}
	for _, known := range [...]string{"Content-Length", "Transfer-Encoding", "Trailer", "Expect"} {
		if len(known) == len(name) && strings.EqualFold(known, string(name)) {
			return -1, false
		}
	}
	return -1, true
}

// request makes of a plain head what the Handler, and a mux in front of it, look at. r and its headers are used again,
// so nobody may keep them.
func (h *head) request(data []byte, r *http.Request, values *[headers]string, path *url.URL) {
	text := string(data)
	clear(r.Header)
	for i, name := range headerNames {
		if h.seen&(1<<i) != 0 {
			values[i] = text[h.values[i].from:h.values[i].to]
			if i != hostHeader { // as net/http does
				r.Header[name] = values[i : i+1 : i+1]
			}
		}
	}
	*r = http.Request{
		Method: http.MethodGet, URL: path, RequestURI: path.Path,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: r.Header, Host: values[hostHeader], Body: http.NoBody,
	}
}

// Classes of bytes.
const (
	inToken = 1 << iota // RFC 9110 section 5.6.2
	inValue
	inHost // of a host, with or without a port; net/http takes more
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

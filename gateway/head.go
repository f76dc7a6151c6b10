package gateway

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"

	"github.com/snorky-go/snorky/actors/wire/httphead"
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
	forwardedHeader
	headers // how many there are
)

// headerNames are in the form of http.Header.
var headerNames = [headers]string{"Host", "Upgrade", "Connection", "Sec-Websocket-Version", "Sec-Websocket-Key", "Origin", forwardedFor}

// needed are the headers without which a handshake is refused.
const needed = 1<<hostHeader | 1<<upgradeHeader | 1<<connectionHeader | 1<<versionHeader | 1<<keyHeader

// head reads the beginning of a handshake, line by line as they come in, if it is as plain as those that clients send:
// the one request line, each header that matters once, and none that promises a body. Everything that it takes, net/http
// takes, too, and understands in the same way; what it does not take is odd, which says nothing about whether it is wrong.
type head struct {
	size   int  // of the lines looked at, in bytes
	seen   uint // bits of the headers that have come
	values [headers]httphead.Span
}

// parse goes on where it stopped. data holds all that has come in; if it is plain, the head is all of it. requestLine is
// the only one that is plain, with its end.
func (h *head) parse(data, requestLine []byte) verdict {
	for {
		rest := data[h.size:]
		if h.size == 0 && !bytes.HasPrefix(rest, requestLine[:min(len(rest), len(requestLine))]) {
			return odd // net/http may have an answer before the line is complete
		}
		line, length, ok := httphead.Line(rest)
		switch {
		case !ok:
			return odd
		case length == 0:
			return incomplete
		}
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

// judge is called at the end of the head. What came behind it came too early.
func (h *head) judge(more bool) verdict {
	if more || h.seen&needed != needed {
		return odd
	}
	return plain
}

// header takes one line, which lies at start, and tells whether it is plain.
func (h *head) header(line []byte, start int) bool {
	name, value, ok := httphead.Field(line)
	if !ok {
		return false
	}
	i, plain := lookUp(name)
	if i < 0 {
		return plain
	}
	if h.seen&(1<<i) != 0 {
		return false
	}
	h.seen |= 1 << i
	h.values[i] = httphead.Span{From: start + value.From, To: start + value.To}
	return i != hostHeader || httphead.Host(value.Of(line))
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
			values[i] = text[h.values[i].From:h.values[i].To]
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

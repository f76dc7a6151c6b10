package backendapi

import (
	"bytes"

	"github.com/snorky-go/snorky/actors/wire/httphead"
)

// verdict is what a lane thinks of a head.
type verdict int

const (
	incomplete verdict = iota // so far there is nothing odd in it
	plain
	odd // or wrong, or anything else that this package leaves to net/http
)

// head reads the beginning of a request, line by line as they come in, if it is as plain as those that clients of this
// port send: a POST to the one path, HTTP/1.1, one Host, one key, one Content-Length, and nothing else that has a say in
// where the request ends or in what comes back. Everything that it takes, net/http takes, too, and understands in the
// same way; what it does not take is odd, which says nothing about whether it is wrong.
type head struct {
	size   int   // of the lines looked at, in bytes; of the whole head when it is plain
	length int64 // of the body
	key    httphead.Span

	hasLength, hasKey, hasHost, hasConnection bool
	last                                      bool // the client wants the connection to be closed
}

// parse goes on where it stopped. Request holds all that has come in of it, and possibly more behind it. The line is the
// only request line that is plain, with its end.
func (h *head) parse(request, requestLine []byte) verdict {
	for {
		line, length, ok := httphead.Line(request[h.size:])
		if length == 0 {
			return incomplete
		}
		start := h.size
		h.size += length
		switch {
		case start == 0:
			if !bytes.Equal(request[:length], requestLine) {
				return odd
			}
		case !ok:
			return odd
		case len(line) == 0:
			if h.hasHost && h.hasKey && h.hasLength {
				return plain
			}
			return odd
		case !h.field(line, start):
			return odd
		}
	}
}

// field takes a header line that begins at start, or returns false.
func (h *head) field(line []byte, start int) bool {
	name, value, ok := httphead.Field(line)
	if !ok || len(line) >= maxFramingLine && len(name) == len(lengthName) {
		return false // about long lines framingConn has a say
	}
	return h.meaning(name, value.Of(line), start+value.From)
}

// meaning takes what a header says, or returns false. The value stands at from.
func (h *head) meaning(name, value []byte, from int) bool {
	switch len(name) {
	case len(hostName):
		if bytes.EqualFold(name, hostName) {
			return once(&h.hasHost) && httphead.Host(value)
		}
	case len(connectionName):
		if bytes.EqualFold(name, connectionName) {
			h.last = bytes.EqualFold(value, closeName)
			return once(&h.hasConnection) && (h.last || bytes.EqualFold(value, keepAliveName))
		}
	case len(keyHeader):
		if bytes.EqualFold(name, keyName) {
			h.key = httphead.Span{From: from, To: from + len(value)}
			return once(&h.hasKey)
		}
	case len(lengthName):
		if bytes.EqualFold(name, lengthName) {
			n, ok := parseLength(value)
			h.length = n
			return once(&h.hasLength) && ok
		}
	case len("Expect"), len("Trailer"), len("Content-Encoding"), len("Transfer-Encoding"):
		for _, other := range otherNames {
			if bytes.EqualFold(name, other) {
				return false
			}
		}
	}
	return true
}

func once(seen *bool) bool {
	first := !*seen
	*seen = true
	return first
}

var (
	hostName       = []byte("Host")
	connectionName = []byte("Connection")
	closeName      = []byte("close")
	keepAliveName  = []byte("keep-alive")
	keyName        = []byte(keyHeader)

	// otherNames are headers that change what a request means.
	otherNames = [][]byte{
		[]byte("Expect"), []byte("Trailer"), []byte("Upgrade"), []byte("Content-Encoding"), codingName,
	}
)

package backendapi

import (
	"bytes"
	"net/url"
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
	key    span

	hasLength, hasKey, hasHost, hasConnection bool
	last                                      bool // the client wants the connection to be closed
}

// span is a part of a request: the request may move in memory while it comes in.
type span struct{ from, to int }

func (s span) of(request []byte) []byte { return request[s.from:s.to] }

// plainPath tells whether a request target that is written like path can mean nothing else.
func plainPath(path string) bool {
	u, err := url.ParseRequestURI(path)
	return err == nil && *u == url.URL{Path: path} && !bytes.ContainsFunc([]byte(path), func(r rune) bool { return r <= ' ' || r >= 0x7f })
}

// parse goes on where it stopped. Request holds all that has come in of it, and possibly more behind it. The line is the
// only request line that is plain, with its end.
func (h *head) parse(request, requestLine []byte) verdict {
	for {
		length := bytes.IndexByte(request[h.size:], '\n') + 1
		if length == 0 {
			return incomplete
		}
		line := request[h.size : h.size+length]
		start := h.size
		h.size += length
		switch {
		case start == 0:
			if !bytes.Equal(line, requestLine) {
				return odd
			}
		case !bytes.HasSuffix(line, lineEnd):
			return odd
		case len(line) == len(lineEnd):
			if h.hasHost && h.hasKey && h.hasLength {
				return plain
			}
			return odd
		case !h.field(line[:len(line)-len(lineEnd)], start):
			return odd
		}
	}
}

var lineEnd = []byte("\r\n")

// field takes a header line that begins at start, or returns false.
func (h *head) field(line []byte, start int) bool {
	colon := 0
	for colon < len(line) && isToken[line[colon]] {
		colon++
	}
	if colon == 0 || colon == len(line) || line[colon] != ':' {
		return false
	}
	for _, c := range line[colon+1:] {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	value := span{colon + 1, len(line)}
	for value.from < value.to && isBlank(line[value.from]) {
		value.from++
	}
	for value.from < value.to && isBlank(line[value.to-1]) {
		value.to--
	}
	if len(line) >= maxFramingLine && colon == len(lengthName) {
		return false // framingConn has a say in this
	}
	return h.meaning(line[:colon], value.of(line), start+value.from)
}

// meaning takes what a header says, or returns false. The value stands at from.
func (h *head) meaning(name, value []byte, from int) bool {
	switch len(name) {
	case len(hostName):
		if bytes.EqualFold(name, hostName) {
			return once(&h.hasHost) && isHost(value)
		}
	case len(connectionName):
		if bytes.EqualFold(name, connectionName) {
			h.last = bytes.EqualFold(value, closeName)
			return once(&h.hasConnection) && (h.last || bytes.EqualFold(value, keepAliveName))
		}
	case len(keyHeader):
		if bytes.EqualFold(name, keyName) {
			h.key = span{from, from + len(value)}
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

func isBlank(c byte) bool { return c == ' ' || c == '\t' }

// isHost tells whether a Host is of the letters that names, addresses and ports are made of. Others exist.
func isHost(value []byte) bool {
	for _, c := range value {
		if !isAlphanumeric(c) && c != '.' && c != '-' && c != ':' && c != '[' && c != ']' && c != '_' {
			return false
		}
	}
	return len(value) > 0
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// isToken is the set of bytes that names of headers consist of.
var isToken = func() (set [256]bool) {
	for c := range set {
		set[c] = isAlphanumeric(byte(c)) || bytes.IndexByte([]byte("!#$%&'*+-.^_`|~"), byte(c)) >= 0
	}
	return set
}()

package bench

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// maxHeaderLines bounds the head of an answer; each line has to fit into the reader's buffer.
const maxHeaderLines = 100

var errNoHTTP = errors.New("what answers does not speak HTTP/1.1")

// head is the part of an HTTP answer before its body, as far as it matters here. Its slices are valid until the next
// read.
type head struct {
	status   int
	length   int64 // of the body; -1: it is not said
	chunked  bool
	closing  bool   // the server closes the connection behind this answer
	upgraded bool   // to a WebSocket
	accept   []byte // Sec-WebSocket-Accept
}

// readHead reads the head of an answer (RFC 9112, 4 and 5). It refuses whatever leaves open where the body ends.
func readHead(br *bufio.Reader) (head, error) {
	line, err := readLine(br)
	if err != nil {
		return head{}, err
	}
	h, err := parseStatus(line)
	if err != nil {
		return head{}, err
	}
	var connection, protocol bool
	for range maxHeaderLines {
		if line, err = readLine(br); err != nil {
			return head{}, midway(err)
		}
		if len(line) == 0 {
			h.upgraded = connection && protocol
			if h.chunked && h.length >= 0 {
				return head{}, errNoHTTP
			}
			return h, nil
		}
		name, value, found := bytes.Cut(line, []byte{':'})
		if !found || len(name) == 0 || bytes.ContainsAny(name, " \t") {
			return head{}, errNoHTTP
		}
		value = bytes.Trim(value, " \t")
		switch {
		case is(name, "content-length"):
			n, ok := decimal(value)
			if !ok || h.length >= 0 && h.length != n {
				return head{}, errNoHTTP
			}
			h.length = n
		case is(name, "transfer-encoding"):
			if !is(value, "chunked") {
				return head{}, errNoHTTP
			}
			h.chunked = true
		case is(name, "connection"):
			h.closing = h.closing || has(value, "close")
			connection = connection || has(value, "upgrade")
		case is(name, "upgrade"):
			protocol = protocol || has(value, "websocket")
		case is(name, "sec-websocket-accept"):
			h.accept = append(h.accept[:0], value...)
		}
	}
	return head{}, errNoHTTP
}

func parseStatus(line []byte) (head, error) {
	const version = "HTTP/1."
	if len(line) < len(version)+5 || string(line[:len(version)]) != version || line[len(version)+1] != ' ' {
		return head{}, errNoHTTP
	}
	status, ok := decimal(line[len(version)+2 : len(version)+5])
	if rest := line[len(version)+5:]; !ok || status < 100 || len(rest) > 0 && rest[0] != ' ' {
		return head{}, errNoHTTP
	}
	return head{status: int(status), length: -1, closing: line[len(version)] == '0'}, nil
}

// readLine returns a line without its end.
func readLine(br *bufio.Reader) ([]byte, error) {
	line, err := br.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, errNoHTTP
	case errors.Is(err, io.EOF) && len(line) > 0:
		return nil, io.ErrUnexpectedEOF
	case err != nil:
		return nil, err
	}
	return bytes.TrimSuffix(line[:len(line)-1], []byte{'\r'}), nil
}

// midway is the error of a read behind the beginning of an answer.
func midway(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// is compares without regard to capitals; want is in small letters.
func is(b []byte, want string) bool {
	if len(b) != len(want) {
		return false
	}
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != want[i] {
			return false
		}
	}
	return true
}

// has looks for a word in a list with commas.
func has(list []byte, word string) bool {
	for len(list) > 0 {
		var item []byte
		item, list, _ = bytes.Cut(list, []byte{','})
		if is(bytes.Trim(item, " \t"), word) {
			return true
		}
	}
	return false
}

// decimal reads a number without sign.
func decimal(b []byte) (n int64, ok bool) {
	const longest = 15
	if len(b) == 0 || len(b) > longest {
		return 0, false
	}
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

package backendapi

import (
	"bytes"
	"errors"
	"net"
)

// errFraming makes net/http answer 400 and close.
var errFraming = errors.New("ambiguous framing of a request")

// framingListener gives its connections the checks of framingConn.
type framingListener struct{ net.Listener }

func (l framingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &framingConn{Conn: conn, first: true}, nil
}

// framingConn reads along with net/http and ends a connection on which it is not beyond doubt where a request ends.
// net/http refuses most of that by itself. It lets pass, however, Content-Length next to Transfer-Encoding, a repeated
// Content-Length and folded header lines; and another transfer coding than "chunked" gets 501. In front of a proxy that
// reads those differently, a request could hide in the body of another.
//
// It follows bodies by their Content-Length. After one in chunks it looks no further, since Handler lets no connection
// live on after it. What it does not understand it leaves to net/http.
type framingConn struct {
	net.Conn

	start  [maxFramingLine]byte // the beginning of a line that came in parts
	length int                  // length of that line so far
	first  bool                 // the next line is a request line

	hasLength  bool  // the head has a Content-Length
	hasCoding  bool  // the head has a Transfer-Encoding
	bodyLength int64 // value of Content-Length; after the head: bytes of the body that are still to come
	inBody     bool
	passing    bool // nothing more to check
	failed     bool
}

// maxFramingLine bounds, in bytes, the header lines that matter here. Nobody writes longer ones but with intent.
const maxFramingLine = 64

// maxLengthDigits keeps a Content-Length within an int64.
const maxLengthDigits = 18

// Read implements net.Conn. It returns what precedes the line at which a head became ambiguous, then errFraming, so
// that net/http never sees such a head to its end.
func (c *framingConn) Read(p []byte) (int, error) {
	if c.failed {
		return 0, errFraming
	}
	n, err := c.Conn.Read(p)
	if c.passing || n <= 0 {
		return n, err
	}
	good, ok := c.follow(p[:n])
	if ok {
		return n, err
	}
	c.failed = true
	if good == 0 {
		return 0, errFraming
	}
	return good, nil
}

// CloseWrite lets net/http close a connection so that its last answer is still read.
func (c *framingConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// follow looks at the next bytes of the connection. If they are at fault it returns how many of them are not.
func (c *framingConn) follow(data []byte) (good int, ok bool) {
	for i := 0; i < len(data) && !c.passing; {
		if c.inBody {
			skip := min(c.bodyLength, int64(len(data)-i))
			i += int(skip)
			c.bodyLength -= skip
			c.inBody = c.bodyLength > 0
			continue
		}
		end := bytes.IndexByte(data[i:], '\n')
		if end < 0 {
			c.keep(data[i:])
			return len(data), true
		}
		if !c.line(data[i : i+end]) {
			return i, false
		}
		i += end + 1
	}
	return len(data), true
}

// keep remembers the beginning of a line that is not complete yet.
func (c *framingConn) keep(part []byte) {
	if c.length < len(c.start) {
		copy(c.start[c.length:], part)
	}
	c.length += len(part)
}

// line judges a line, of which rest is what has not been kept.
func (c *framingConn) line(rest []byte) (ok bool) {
	text, whole := rest, c.length+len(rest) <= len(c.start)
	if c.length > 0 {
		c.keep(rest)
		text = c.start[:min(c.length, len(c.start))]
		c.length = 0
	}
	if whole {
		text = bytes.TrimSuffix(text, []byte{'\r'})
	}
	switch {
	case len(text) == 0:
		c.endHead()
		return true
	case c.first:
		c.first = false
		return true
	case text[0] == ' ' || text[0] == '\t':
		return false
	default:
		return c.header(text, whole)
	}
}

var (
	lengthName  = []byte("Content-Length")
	codingName  = []byte("Transfer-Encoding")
	chunkedName = []byte("chunked")
)

func (c *framingConn) header(line []byte, whole bool) (ok bool) {
	name, value, _ := bytes.Cut(line, []byte{':'})
	isLength := bytes.EqualFold(name, lengthName)
	isCoding := bytes.EqualFold(name, codingName)
	if !isLength && !isCoding {
		return true
	}
	if !whole || c.hasLength || c.hasCoding {
		return false
	}
	value = bytes.Trim(value, " \t")
	if isCoding {
		c.hasCoding = true
		return bytes.EqualFold(value, chunkedName)
	}
	c.hasLength = true
	c.bodyLength, ok = parseLength(value)
	return ok
}

// endHead is called at each empty line outside of a body. In front of a request line there may be some, too.
func (c *framingConn) endHead() {
	if c.first {
		return
	}
	c.passing = c.hasCoding
	c.inBody = c.bodyLength > 0
	c.first, c.hasLength, c.hasCoding = true, false, false
}

func parseLength(digits []byte) (n int64, ok bool) {
	if len(digits) == 0 || len(digits) > maxLengthDigits {
		return 0, false
	}
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0, false
		}
		n = n*10 + int64(d-'0')
	}
	return n, true
}

package gateway

import (
	"io"
	"net"
	"time"
)

// replayed is a connection from which somebody has read already. It gives that once more, so that its next reader finds
// everything as if it had been the first one: the bytes, and the deadline.
type replayed struct {
	*net.TCPConn
	bytes []byte
	from  net.Addr
	by    time.Time // bounds the first deadline for reading; zero if it is not bounded
}

// Replay returns a connection that begins with the bytes that have been read ahead from conn, and whose client is at from,
// because a proxy said so before them. A Listener serves it as well as conn itself, and the broker gets conn.
func Replay(conn *net.TCPConn, ahead []byte, from net.Addr) net.Conn {
	return &replayed{TCPConn: conn, bytes: ahead, from: from}
}

// apart is what a Listener needs of a connection: the socket, what has been read from it, and where the client is. The
// socket is nil if there is none.
func apart(conn net.Conn) (socket *net.TCPConn, ahead []byte, from net.Addr) {
	switch c := conn.(type) {
	case *net.TCPConn:
		return c, nil, c.RemoteAddr()
	case *replayed:
		return c.TCPConn, c.bytes, c.from
	}
	return nil, nil, nil
}

// RemoteAddr implements net.Conn.
func (c *replayed) RemoteAddr() net.Addr { return c.from }

// Read implements net.Conn.
func (c *replayed) Read(p []byte) (int, error) {
	if len(c.bytes) == 0 {
		return c.TCPConn.Read(p)
	}
	n := copy(p, c.bytes)
	if c.bytes = c.bytes[n:]; len(c.bytes) == 0 {
		c.bytes = nil
	}
	return n, nil
}

// WriteTo implements io.WriterTo. That of the TCPConn would leave out what has been read.
func (c *replayed) WriteTo(w io.Writer) (n int64, err error) {
	for len(c.bytes) > 0 {
		k, err := w.Write(c.bytes)
		c.bytes = c.bytes[k:]
		if n += int64(k); err != nil {
			return n, err
		}
	}
	rest, err := c.TCPConn.WriteTo(w)
	return n + rest, err
}

// SetReadDeadline implements net.Conn. The first deadline is that for the head, of which some time is over.
func (c *replayed) SetReadDeadline(t time.Time) error {
	if !c.by.IsZero() {
		if t.After(c.by) {
			t = c.by
		}
		c.by = time.Time{}
	}
	return c.TCPConn.SetReadDeadline(t)
}

// bare takes off what was only there for the handshake: the broker knows how to deal with sockets.
func bare(conn net.Conn) net.Conn {
	switch c := conn.(type) {
	case unhurried:
		_ = c.TCPConn.SetDeadline(time.Time{}) // that of the handshake
		return c.TCPConn
	case *replayed:
		if len(c.bytes) == 0 {
			return c.TCPConn
		}
	}
	return conn
}

package backendapi

import (
	"errors"
	"net"
	"sync"
	"time"
)

// handover is the listener of the http.Server: it accepts what lanes give up.
type handover struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newHandover() *handover {
	return &handover{conns: make(chan net.Conn), closed: make(chan struct{})}
}

// offer returns false if nobody accepts any more; then the connection is still the caller's.
func (h *handover) offer(conn net.Conn) bool {
	select {
	case h.conns <- conn:
		return true
	case <-h.closed:
		return false
	}
}

// Accept implements net.Listener.
func (h *handover) Accept() (net.Conn, error) {
	select {
	case conn := <-h.conns:
		return conn, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (h *handover) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}

// Addr implements net.Listener.
func (h *handover) Addr() net.Addr { return &net.TCPAddr{} }

// replayConn is a connection from which somebody has read already. It gives that once more, so that its next reader
// finds everything as if it had been the first one: the bytes, the error that came after them, and the deadline.
type replayConn struct {
	net.Conn
	bytes []byte
	err   error     // after the bytes; nil if none came
	by    time.Time // bounds the first deadline for reading; zero if it is not bounded
}

// Read implements net.Conn.
func (c *replayConn) Read(p []byte) (int, error) {
	if len(c.bytes) > 0 {
		n := copy(p, c.bytes)
		if c.bytes = c.bytes[n:]; len(c.bytes) == 0 {
			c.bytes = nil
		}
		return n, nil
	}
	if err := c.err; err != nil {
		c.err = nil
		return 0, err
	}
	return c.Conn.Read(p)
}

// SetReadDeadline implements net.Conn. It may be called while Read is under way.
func (c *replayConn) SetReadDeadline(t time.Time) error {
	if !c.by.IsZero() && t.After(c.by) {
		t = c.by
	}
	c.by = time.Time{}
	return c.Conn.SetReadDeadline(t)
}

// CloseWrite passes on what framingConn asks for.
func (c *replayConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

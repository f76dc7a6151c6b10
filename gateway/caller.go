package gateway

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"sync"
	"time"
)

const (
	// firstBuffer is what a connection holds that has sent nothing yet, in bytes. Most handshakes fit.
	firstBuffer = 1 << 10
	// largestHead bounds the heads that a Listener reads, in bytes. It is also what net/http takes in one read.
	largestHead = 4 << 10
)

var firstBuffers = sync.Pool{New: func() any { return new([firstBuffer]byte) }}

// receive reads the first request of a connection, of which some bytes may have come ahead. It returns when the connection
// is the broker's, net/http's or closed.
func (l *Listener) receive(conn *net.TCPConn, ahead []byte, from net.Addr) {
	by := time.Now().Add(l.options.HeaderTimeout)
	_ = conn.SetDeadline(by) // a connection that is closed says so when it is read
	buffer := firstBuffers.Get().(*[firstBuffer]byte)
	var h head
	data, verdict := l.read(conn, buffer[:], ahead, &h)
	if verdict == plain {
		l.porch.Busy(conn)
	}
	if verdict == plain && l.greet(conn, from, data, &h) {
		l.porch.Leave(conn)
		firstBuffers.Put(buffer)
		return
	}
	data = bytes.Clone(data)
	firstBuffers.Put(buffer)
	if l.untrack(conn) && len(data) > 0 {
		_ = conn.SetDeadline(time.Time{})
		if l.handOn(arrival{conn: &replayed{TCPConn: conn, bytes: data, from: from, by: by}}) {
			return
		}
	}
	l.porch.Leave(conn)
	_ = conn.Close()
}

// read returns what has come when it is known what to do about it. That may be a part of a head that does not go on,
// about which net/http has something to say at times.
func (l *Listener) read(conn *net.TCPConn, buffer, ahead []byte, h *head) (data []byte, v verdict) {
	if len(ahead) >= len(buffer) {
		return ahead, odd
	}
	n := copy(buffer, ahead)
	for first := n > 0; ; first = false {
		var k int
		var err error
		if !first {
			k, err = conn.Read(buffer[n:])
		}
		n += k
		if v := h.parse(buffer[:n], l.requestLine); v != incomplete {
			return buffer[:n], v
		}
		if err != nil || n == largestHead {
			return buffer[:n], odd
		}
		if n == len(buffer) {
			buffer = append(make([]byte, 0, largestHead), buffer...)[:largestHead]
		}
	}
}

// greet has the Handler answer a handshake. It returns false if the connection is net/http's, untouched.
func (l *Listener) greet(conn *net.TCPConn, from net.Addr, data []byte, h *head) (done bool) {
	by := l.handler.current.Load()
	if by.Authenticator != nil { // since this head was begun; it wants to see more than is in a caller
		return false
	}
	c := callers.Get().(*caller)
	c.listener, c.conn = l, conn
	h.request(data, &c.request, &c.values, l.url)
	if l.options.Mux != nil {
		if handler, _ := l.options.Mux.Handler(&c.request); handler != http.Handler(l.handler) {
			c.release()
			return false
		}
	}
	var remote netip.AddrPort
	if address, ok := from.(*net.TCPAddr); ok {
		remote = by.TrustedProxies.client(plainAddress(address.AddrPort()), c.request.Header)
	}
	defer func() {
		if p := recover(); p != nil { // as net/http does
			l.handler.log.Error().Interface("panic", p).Bytes("stack", debug.Stack()).Msg("a handshake panicked")
			_ = l.untrack(conn)
			_ = conn.Close()
			done = true
		}
	}()
	l.handler.shakeHands(by, c, &c.request, remote)
	refused := c.refused
	c.release()
	return !refused
}

// caller is a client whose handshake is plain, as the Handler sees it. What it would be told if it were refused is for
// net/http to say; of that it is only noted.
//
// It is used again for other clients: gorilla's connection, which has its buffers, is forgotten when the Handler returns
// and has no goroutine of its own.
type caller struct {
	listener *Listener
	conn     *net.TCPConn
	request  http.Request
	values   [headers]string
	buffers  *bufio.ReadWriter
	refused  bool
}

var (
	_ http.ResponseWriter = (*caller)(nil)
	_ http.Hijacker       = (*caller)(nil)
)

// With less than this, gorilla makes buffers of its own.
const handshakeBuffer = 512

var callers = sync.Pool{New: func() any {
	return &caller{
		request: http.Request{Header: http.Header{}},
		buffers: bufio.NewReadWriter(bufio.NewReaderSize(nil, handshakeBuffer), bufio.NewWriterSize(nil, handshakeBuffer)),
	}
}}

// release makes the caller fit for the next client.
func (c *caller) release() {
	c.buffers.Reader.Reset(nil)
	c.buffers.Writer.Reset(nil)
	c.listener, c.conn, c.refused = nil, nil, false
	clear(c.values[:])
	callers.Put(c)
}

// Header implements http.ResponseWriter.
func (c *caller) Header() http.Header { return http.Header{} }

// WriteHeader implements http.ResponseWriter.
func (c *caller) WriteHeader(int) { c.refused = true }

// Write implements http.ResponseWriter.
func (c *caller) Write(b []byte) (int, error) {
	c.refused = true
	return len(b), nil
}

// Hijack implements http.Hijacker. From now on Close leaves the connection alone.
func (c *caller) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if !c.listener.untrack(c.conn) {
		_ = c.conn.Close()
		return nil, nil, net.ErrClosed
	}
	return unhurried{c.conn}, c.buffers, nil
}

// unhurried is a connection that has its deadline for the whole handshake, so that gorilla does not have to set any.
type unhurried struct{ *net.TCPConn }

// SetDeadline implements net.Conn.
func (unhurried) SetDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.Conn.
func (unhurried) SetWriteDeadline(time.Time) error { return nil }

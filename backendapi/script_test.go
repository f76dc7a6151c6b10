package backendapi

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"sync"
	"testing"
	"time"
)

// script is what a client does that does not listen: it sends pieces, with a pause in front of each, and then closes its
// half of the connection or falls silent.
type script struct {
	pieces [][]byte
	pause  time.Duration
	silent bool
	atOnce bool // the last bytes come together with the end, in one read
}

// outcome is what the server made of it.
type outcome struct {
	said   string // all answers, without their dates
	times  []spoken
	after  time.Duration // the connection was closed
	inLane bool          // it never went to net/http
}

// spoken is how much had been said when the server fell silent for a while.
type spoken struct {
	after time.Duration
	bytes int
}

// scriptConn is the server's end of a connection on which a script is played. It reads as many bytes at a time as there are
// in a piece, so that nothing depends on how fast a network is.
type scriptConn struct {
	script script
	start  time.Time
	due    time.Time // when the first of the pieces is there
	taken  int       // of the first piece

	mu       sync.Mutex
	deadline time.Time
	changed  chan struct{} // closed when the deadline is another one, or the connection is closed
	closed   bool
	said     bytes.Buffer
	times    []spoken
	end      chan struct{} // closed by Close
}

func newScriptConn(s script) *scriptConn {
	now := time.Now()
	return &scriptConn{script: s, start: now, due: now.Add(s.pause), changed: make(chan struct{}), end: make(chan struct{})}
}

func (c *scriptConn) Read(p []byte) (int, error) {
	for {
		c.mu.Lock()
		closed, deadline, changed := c.closed, c.deadline, c.changed
		c.mu.Unlock()
		now := time.Now()
		switch {
		case closed:
			return 0, net.ErrClosed
		case !deadline.IsZero() && !now.Before(deadline):
			return 0, os.ErrDeadlineExceeded
		case len(c.script.pieces) == 0 && (c.script.atOnce || !c.script.silent):
			return 0, io.EOF
		case len(c.script.pieces) > 0 && !now.Before(c.due):
			n := c.take(p)
			if len(c.script.pieces) == 0 && c.script.atOnce {
				return n, io.EOF
			}
			return n, nil
		}
		wake := time.NewTimer(1000 * time.Hour)
		if len(c.script.pieces) > 0 {
			wake.Reset(c.due.Sub(now))
		}
		if left := deadline.Sub(now); !deadline.IsZero() && (len(c.script.pieces) == 0 || deadline.Before(c.due)) {
			wake.Reset(left)
		}
		select {
		case <-wake.C:
		case <-changed:
		}
		wake.Stop()
	}
}

func (c *scriptConn) take(p []byte) int {
	piece := c.script.pieces[0][c.taken:]
	n := copy(p, piece)
	c.taken += n
	if n == len(piece) {
		c.script.pieces = c.script.pieces[1:]
		c.taken = 0
		c.due = c.due.Add(c.script.pause)
	}
	return n
}

func (c *scriptConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return 0, net.ErrClosed
	}
	now := spoken{time.Since(c.start), c.said.Len() + len(p)}
	if last := len(c.times) - 1; last >= 0 && now.after < c.times[last].after+slack/2 {
		c.times[last].bytes = now.bytes
	} else {
		c.times = append(c.times, now)
	}
	return c.said.Write(p)
}

func (c *scriptConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	close(c.changed)
	c.changed = make(chan struct{})
	return nil
}

func (c *scriptConn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.closed {
		c.closed = true
		close(c.changed)
		c.changed = make(chan struct{})
		close(c.end)
	}
	return nil
}

func (c *scriptConn) SetDeadline(t time.Time) error      { return c.SetReadDeadline(t) }
func (c *scriptConn) SetWriteDeadline(t time.Time) error { return nil }
func (c *scriptConn) LocalAddr() net.Addr                { return &net.TCPAddr{} }
func (c *scriptConn) RemoteAddr() net.Addr               { return &net.TCPAddr{} }

// stage plays scripts to a server. It has to be made in a test bubble, whose clock makes time limits cheap and exact.
type stage struct {
	listener *pipes
	server   *Server
}

// newStages returns one that has lanes and one that is net/http alone.
func newStages(t testing.TB, h *Handler, o ServerOptions) (lanes, reference stage) {
	a, b := newPipes(), newPipes()
	return stage{a, serveOn(t, a, h, o)}, stage{b, serveOn(t, b, http.HandlerFunc(h.ServeHTTP), o)}
}

var dateLine = regexp.MustCompile(`Date: [A-Z][a-z][a-z], [0-9][0-9] [A-Z][a-z][a-z] [0-9]{4} [0-9:]{8} GMT\r\n`)

func (s stage) play(scr script) outcome {
	before := s.server.handedOver.Load()
	conn := newScriptConn(scr)
	s.listener.conns <- conn
	<-conn.end
	conn.mu.Lock()
	defer conn.mu.Unlock()
	return outcome{
		said:   dateLine.ReplaceAllString(conn.said.String(), "Date: then\r\n"),
		times:  conn.times,
		after:  time.Since(conn.start),
		inLane: s.server.handedOver.Load() == before,
	}
}

// inPieces divides data into pieces of the sizes, over and over again.
func inPieces(data []byte, sizes ...int) (pieces [][]byte) {
	for i := 0; len(data) > 0; i++ {
		n := min(max(sizes[i%len(sizes)], 1), len(data))
		pieces = append(pieces, bytes.Clone(data[:n]))
		data = data[n:]
	}
	return pieces
}

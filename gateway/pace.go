package gateway

import (
	"net"
	"net/http"
	"time"

	"github.com/snorky-go/snorky/actors/limit"
)

// While the event loops have more to do than they do in a moment, there is a breath after every few connections. There are
// some at least in any case: loops that publications keep busy all the time do not keep out clients for ever.
const (
	fewAccepted = 16
	breath      = 2 * time.Millisecond
)

// acceptRate is a rate in force. Who waits for its bucket waits no longer when another takes its place.
type acceptRate struct {
	limit.Rate
	bucket   *limit.Bucket
	replaced chan struct{}
}

// SetAcceptRate changes ListenerOptions.AcceptRate; the zero Rate is no limit. It counts at once, also for a connection that
// is waiting for the one before. The same rate as before goes on as it is.
func (l *Listener) SetAcceptRate(r limit.Rate) {
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.rate.Load()
	if old != nil && old.Rate == r {
		return
	}
	l.rate.Store(&acceptRate{r, r.NewBucket(), make(chan struct{})})
	if old != nil {
		close(old.replaced)
	}
}

// awaitRate returns false if the listener is closed meanwhile.
func (l *Listener) awaitRate() bool {
	for {
		rate := l.rate.Load()
		if rate.bucket.Take(l.closed, rate.replaced) {
			return true
		}
		select {
		case <-l.closed:
			return false
		default: // replaced
		}
	}
}

// SetMaxHandshakes changes ListenerOptions.MaxHandshakes. Connections that are there stay.
func (l *Listener) SetMaxHandshakes(n int) { l.porch.SetMax(n) }

// Handshakes is how many TCP connections have not got through their handshake, or other request, and how many were closed
// so far because they said nothing while others wanted in.
func (l *Listener) Handshakes() (now int, evicted int64) { return l.porch.Len(), l.porch.Evicted() }

// pace waits until another connection may be accepted. It returns false if that will not happen any more.
func (l *Listener) pace() bool {
	if !l.porch.Wait(l.closed) || !l.awaitRate() {
		return false
	}
	if l.accepted++; l.accepted%fewAccepted == 0 && l.handler.isCrowded() {
		timer := time.NewTimer(breath)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-l.closed:
			return false
		}
	}
	return true
}

// isCrowded tells whether the event loops have more to do than they do in a moment.
func (h *Handler) isCrowded() bool {
	b, ok := h.broker.(interface{ IsCrowded() bool })
	return ok && b.IsCrowded()
}

// ConnState is for the field of this name of the http.Server: it has the Listener know what has become of the connections
// that it has handed on.
func (l *Listener) ConnState(conn net.Conn, state http.ConnState) {
	conn = socketOf(conn)
	switch state {
	case http.StateNew:
	case http.StateActive:
		l.porch.Busy(conn)
	case http.StateIdle:
		l.porch.Idle(conn)
	case http.StateHijacked, http.StateClosed:
		l.porch.Leave(conn)
	}
}

// socketOf is by what a connection is known, whatever was put around it.
func socketOf(conn net.Conn) net.Conn {
	if c, ok := conn.(interface{ NetConn() net.Conn }); ok { // TLS
		conn = c.NetConn()
	}
	if c, ok := conn.(*replayed); ok {
		conn = c.TCPConn
	}
	return conn
}

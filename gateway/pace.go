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

// turnstile is an accept rate at work.
type turnstile struct {
	*limit.Bucket
	gone chan struct{} // closed when another one has taken its place, or the Listener has ended
}

// SetAcceptRate changes ListenerOptions.AcceptRate; the zero Rate is no limit. Who waits because of the old rate waits by the
// new one from now on: with a rate of some in an hour that would take long.
func (l *Listener) SetAcceptRate(r limit.Rate) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ending {
		l.replaceRate(r)
	}
}

// replaceRate is called with mu held, for the last time when the end begins: then nobody may wait for long.
func (l *Listener) replaceRate(r limit.Rate) {
	next := &turnstile{Bucket: r.NewBucket(), gone: make(chan struct{})}
	if old := l.rate.Swap(next); old != nil {
		close(old.gone)
	}
}

// admit waits until another connection may be accepted by the rate. It returns false if the Listener is closed.
func (l *Listener) admit() bool {
	for {
		if t := l.rate.Load(); t.Take(t.gone) {
			return true
		}
		select {
		case <-l.closed:
			return false
		default:
		}
	}
}

// SetMaxHandshakes changes ListenerOptions.MaxHandshakes. Connections that are there stay, unless others want in.
func (l *Listener) SetMaxHandshakes(n int) { l.porch.SetMax(n) }

// Handshakes is how many TCP connections have not got through their handshake, or other request, and how many were closed
// so far because they said nothing while others wanted in.
func (l *Listener) Handshakes() (now int, evicted int64) { return l.porch.Len(), l.porch.Evicted() }

// pace waits until another connection may be accepted. It returns false if that will not happen any more.
func (l *Listener) pace() bool {
	if !l.porch.Wait(l.closed) || !l.admit() {
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

// Package entrance is what a connection passes before HTTP: the PROXY header, which says where its client is, and the
// handshake of TLS. It takes time that is the client's to waste, so each connection has a goroutine for it, and nobody
// waits for another.
package entrance

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors/limit"
	"github.com/snorky-go/snorky/gateway"
)

// Options say what stands before HTTP. The zero value is nothing.
type Options struct {
	// Proxy says what is done about PROXY headers, and Proxies whose headers are believed.
	Proxy   Policy
	Proxies gateway.Proxies
	// TLS is nil for plain connections.
	TLS *tls.Config
	// Max bounds the connections that have not passed, by default 1024. If there are more, those that have said nothing for
	// longest are closed, and others wait in the kernel's backlog. See Listener.SetMax.
	Max int
	// Timeout is what a client has for all of it; 0 is no limit.
	Timeout time.Duration
	// Logger gets a line for connections that do not come through, up to ten lines a minute.
	Logger zerolog.Logger
}

// ErrNotTCP says that PROXY headers cannot be had on a listener, since it is none of TCP.
var ErrNotTCP = errors.New("a PROXY header needs a TCP socket")

// Listen returns a listener whose connections have passed the entrance. It owns inner, and is inner where there is nothing
// to pass.
func Listen(inner net.Listener, o Options) (net.Listener, error) {
	if o.Proxy == Off && o.TLS == nil {
		return inner, nil
	}
	if _, ok := inner.Addr().(*net.TCPAddr); !ok && o.Proxy != Off {
		return nil, ErrNotTCP
	}
	o.Logger = o.Logger.Sample(&zerolog.BurstSampler{Burst: 10, Period: time.Minute})
	l := &Listener{
		inner: inner, options: o,
		arrivals: make(chan arrival), closed: make(chan struct{}), passing: map[net.Conn]struct{}{},
		porch: limit.NewPorch(limit.PorchOptions{Max: o.Max}),
	}
	if o.TLS != nil {
		l.options.TLS = listening(o.TLS, l.porch.Said)
	}
	return l, nil
}

// Listener is what Listen returns where there is something to pass. It is safe for concurrent use.
type Listener struct {
	inner   net.Listener
	options Options

	arrivals   chan arrival
	closed     chan struct{}
	goroutines sync.WaitGroup

	porch    *limit.Porch
	failures atomic.Int64

	mu      sync.Mutex
	started bool
	ending  bool
	passing map[net.Conn]struct{} // to be closed by Close
	inside  int                   // those that have been accepted, and neither handed on nor closed
	settled chan struct{}         // closed when inside is 0; nil: nobody waits for that
}

// arrival is what Accept returns. The zero value says nothing: it is taken when somebody accepts.
type arrival struct {
	conn net.Conn
	err  error
}

// Accept implements net.Listener. An error is one of the listener underneath, which is left alone until Accept is called
// again.
func (l *Listener) Accept() (net.Conn, error) {
	l.start()
	for {
		select {
		case a := <-l.arrivals:
			if a.conn != nil || a.err != nil {
				return a.conn, a.err
			}
		case <-l.closed:
			return nil, net.ErrClosed
		}
	}
}

// Addr implements net.Listener.
func (l *Listener) Addr() net.Addr { return l.inner.Addr() }

// Close implements net.Listener. It closes the connections that are passing and waits for their goroutines.
func (l *Listener) Close() error {
	l.mu.Lock()
	err := net.ErrClosed
	if !l.ending {
		l.ending = true
		close(l.closed)
		err = l.inner.Close()
		for conn := range l.passing {
			_ = conn.Close()
		}
	}
	l.mu.Unlock()
	l.goroutines.Wait()
	return err
}

// SetMax changes Options.Max. Connections that are there stay, unless others want in.
func (l *Listener) SetMax(n int) { l.porch.SetMax(n) }

// Passing is how many connections have not passed, and how many were closed so far because they said nothing while others
// wanted in.
func (l *Listener) Passing() (now int, evicted int64) { return l.porch.Len(), l.porch.Evicted() }

// start begins to accept, with the first call of Accept.
func (l *Listener) start() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.started && !l.ending {
		l.started = true
		l.goroutines.Go(l.accept)
	}
}

func (l *Listener) accept() {
	for {
		conn, err := l.inner.Accept()
		switch {
		case err != nil:
			if !l.handOn(arrival{err: err}) || !l.handOn(arrival{}) {
				return
			}
			continue
		case l.track(conn):
			l.porch.Enter(conn)
			l.goroutines.Go(func() { l.admit(conn) })
		default:
			_ = conn.Close()
		}
		if !l.porch.Wait(l.closed) {
			return
		}
	}
}

// admit has one connection pass. It returns when that is somebody else's, or closed.
func (l *Listener) admit(conn net.Conn) {
	defer l.left()
	defer l.porch.Leave(conn) // not before somebody has it: who waits for that counts, too, and holds up who comes later
	passed, err := l.pass(conn)
	if err == nil {
		l.porch.Busy(conn)
	}
	switch {
	case !l.untrack(conn):
		_ = conn.Close()
	case err != nil:
		_ = conn.Close()
		l.complain(conn, err)
	case !l.handOn(arrival{conn: passed}):
		_ = conn.Close()
	}
}

// pass reads what stands before HTTP.
func (l *Listener) pass(conn net.Conn) (net.Conn, error) {
	if l.options.Timeout > 0 {
		_ = conn.SetDeadline(time.Now().Add(l.options.Timeout)) // a connection that is closed says so when it is read
	}
	passed, err := l.readHeader(conn)
	if err == nil && l.options.TLS != nil {
		passed, err = secure(conn, passed, l.options.TLS)
	}
	if err == nil {
		_ = conn.SetDeadline(time.Time{})
	}
	return passed, err
}

// complain logs why a connection did not come through, unless it left by itself without a word.
func (l *Listener) complain(conn net.Conn, err error) {
	if errors.Is(err, io.EOF) {
		return
	}
	l.countFailure(err)
	l.options.Logger.Warn().Err(err).Stringer("peer", conn.RemoteAddr()).Msg("a connection was closed before its first request")
}

// handOn waits until somebody accepts. It returns false if nobody does any more; then a connection is still the caller's.
func (l *Listener) handOn(a arrival) bool {
	select {
	case l.arrivals <- a:
		return true
	case <-l.closed:
		return false
	}
}

func (l *Listener) track(conn net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ending {
		l.passing[conn] = struct{}{}
		l.inside++
	}
	return !l.ending
}

// left is the end of what track has begun.
func (l *Listener) left() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.inside--; l.inside == 0 && l.settled != nil {
		close(l.settled)
		l.settled = nil
	}
}

// Settle waits until all connections that a listener of Listen has accepted are handed on, or closed, or ctx ends. It is
// for one that accepts nobody any more, before it is closed. With other listeners there is nothing to wait for.
func Settle(ctx context.Context, l net.Listener) {
	at, ok := l.(*Listener)
	if !ok {
		return
	}
	at.mu.Lock()
	if at.inside > 0 && at.settled == nil {
		at.settled = make(chan struct{})
	}
	settled := at.settled
	at.mu.Unlock()
	if settled == nil {
		return
	}
	select {
	case <-settled:
	case <-ctx.Done():
	}
}

// untrack tells whether Close has not been here before.
func (l *Listener) untrack(conn net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.passing, conn)
	return !l.ending
}

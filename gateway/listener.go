package gateway

import (
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/snorky-go/snorky/actors/limit"
	"github.com/snorky-go/snorky/actors/wire/httphead"
)

// ListenerOptions say which handshakes a Listener answers. The zero value of each field stands for its default.
type ListenerOptions struct {
	// Path is the path of the Handler; by default "/ws".
	Path string
	// HeaderTimeout is how long a client may take for its first request, and to accept the answer to a handshake; by
	// default 10 s. It should be the ReadHeaderTimeout of the http.Server.
	HeaderTimeout time.Duration
	// Mux is the handler of the http.Server, which has a say in what is the Handler's: a pattern may take the path away
	// from it for some hosts. Nil: whatever asks for Path is the Handler's.
	Mux *http.ServeMux
	// MaxHandshakes bounds the TCP connections that have not got through their handshake, or other request, by default 1024.
	// If there are more, those that have said nothing for longest are closed, and others wait in the kernel's backlog. See
	// SetMaxHandshakes.
	MaxHandshakes int
	// AcceptRate is how many TCP connections are accepted, of all clients together; by default as many as the event loops
	// have time for. Others wait in the kernel's backlog. See SetAcceptRate.
	AcceptRate limit.Rate
}

func (o ListenerOptions) withDefaults() ListenerOptions {
	if o.Path == "" {
		o.Path = "/ws"
	}
	if o.HeaderTimeout <= 0 {
		o.HeaderTimeout = 10 * time.Second
	}
	return o
}

// Listener stands in front of an http.Server and lets a Handler answer plain handshakes at a fraction of what they cost
// there. Everything else, be it other requests, odd or refused handshakes or no HTTP at all, it hands on by Accept with
// all bytes that have come, so that it is the http.Server that decides what is hard about HTTP, and that says no.
//
// While an Authenticator has to look at the whole of each handshake, and may take its time, none is plain.
//
// Each TCP connection has a goroutine until its first request has been read. Others are handed on at once.
//
// A crowd that comes at once is let in at a pace that leaves time for those who are in, see limit.Porch. So that this holds
// for what is handed on, too, the ConnState of the http.Server has to be that of the Listener.
type Listener struct {
	inner       net.Listener
	handler     *Handler
	options     ListenerOptions
	url         *url.URL
	requestLine []byte // the one that is plain; nil if none ever is

	arrivals   chan arrival
	closed     chan struct{}
	goroutines sync.WaitGroup

	mu      sync.Mutex
	ending  bool
	started bool
	reading map[*net.TCPConn]struct{} // to be closed by Close

	porch    *limit.Porch
	rate     atomic.Pointer[turnstile]
	accepted int
}

var _ net.Listener = (*Listener)(nil)

// arrival is what Accept returns. The zero value says nothing: it is taken when somebody accepts.
type arrival struct {
	conn net.Conn
	err  error
}

// NewListener returns a listener for the http.Server that serves h. It owns inner.
func NewListener(inner net.Listener, h *Handler, o ListenerOptions) *Listener {
	o = o.withDefaults()
	l := &Listener{
		inner: inner, handler: h, options: o, url: &url.URL{Path: o.Path},
		arrivals: make(chan arrival), closed: make(chan struct{}), reading: map[*net.TCPConn]struct{}{},
		porch: limit.NewPorch(limit.PorchOptions{Max: o.MaxHandshakes}),
	}
	l.SetAcceptRate(o.AcceptRate)
	if httphead.Path(o.Path) {
		l.requestLine = []byte("GET " + o.Path + " HTTP/1.1\r\n")
	}
	return l
}

// Accept implements net.Listener. It returns the connections that are not the Handler's, and the errors of the listener
// underneath, after each of which that is left alone until Accept is called again.
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

// Close implements net.Listener. It closes the connections whose first request is still being read and waits for their
// goroutines. Those that the Handler or Accept's caller have are not touched.
func (l *Listener) Close() error {
	l.mu.Lock()
	err := net.ErrClosed
	if !l.ending {
		l.ending = true
		close(l.closed)
		l.replaceRate(limit.Rate{})
		err = l.inner.Close()
		for conn := range l.reading {
			_ = conn.Close()
		}
	}
	l.mu.Unlock()
	l.goroutines.Wait()
	return err
}

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
		if err != nil {
			if !l.handOn(arrival{err: err}) || !l.handOn(arrival{}) {
				return
			}
			continue
		}
		l.porch.Enter(socketOf(conn))
		tcp, ahead, from := apart(conn)
		switch {
		case tcp == nil || !l.plainExist():
			if !l.handOn(arrival{conn: conn}) {
				_ = conn.Close()
			}
		case l.track(tcp):
			l.goroutines.Go(func() { l.receive(tcp, ahead, from) })
		default:
			_ = conn.Close()
		}
		if !l.pace() {
			return
		}
	}
}

// plainExist tells whether there are plain handshakes at present.
func (l *Listener) plainExist() bool {
	return l.requestLine != nil && l.handler.current.Load().Authenticator == nil
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

func (l *Listener) track(conn *net.TCPConn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.ending {
		l.reading[conn] = struct{}{}
	}
	return !l.ending
}

// untrack tells whether Close has not been here before.
func (l *Listener) untrack(conn *net.TCPConn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.reading, conn)
	return !l.ending
}

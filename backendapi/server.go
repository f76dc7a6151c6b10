package backendapi

import (
	"bytes"
	"context"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors/limit"
	"github.com/snorky-go/snorky/actors/wire/httphead"
)

// Server is the HTTP server for the backend port: HTTP/1 only, with a time limit on everything a client may leave
// undone, and strict about where requests end.
//
// Each connection begins in a lane and goes on to the http.Server when something comes that is not plain. Where the
// handler is not a *Handler, whose semantics lanes know, all is done by the http.Server.
type Server struct {
	http     *http.Server
	handler  *Handler // nil: there are no lanes
	options  ServerOptions
	log      *log.Logger
	fallback *handover

	requestLine  []byte       // the one that is plain
	writeTimeout atomic.Int64 // see SetWriteTimeout
	dates        dates

	stopping   atomic.Bool // no request is begun any more
	ending     chan struct{}
	goroutines sync.WaitGroup
	handedOver atomic.Int64 // connections
	porch      *limit.Porch

	mu        sync.Mutex
	listeners map[*net.Listener]struct{}
	lanes     map[*lane]struct{}
	fallsBack bool          // the http.Server accepts
	closed    bool          // what is accepted is cut at once
	drained   chan struct{} // closed when there are no lanes left and none will come
}

// NewServer returns a server for handler, which is a *Handler or holds one. One that is a *Handler is served at a
// fraction of the cost.
func NewServer(handler http.Handler, o ServerOptions) *Server {
	o = o.withDefaults()
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	lines := &errorLog{logger: o.Logger, throttle: throttle{every: o.LogInterval}}
	s := &Server{
		options:   o,
		log:       log.New(lines, "", 0),
		fallback:  newHandover(),
		ending:    make(chan struct{}),
		listeners: map[*net.Listener]struct{}{},
		lanes:     map[*lane]struct{}{},
		drained:   make(chan struct{}),
		porch:     limit.NewPorch(limit.PorchOptions{Max: o.MaxConnections}),
	}
	s.writeTimeout.Store(int64(o.WriteTimeout))
	s.http = &http.Server{
		Handler:                      s.inTime(handler),
		ReadHeaderTimeout:            o.HeaderTimeout,
		IdleTimeout:                  o.IdleTimeout,
		WriteTimeout:                 o.WriteTimeout,
		MaxHeaderBytes:               o.MaxHeaderBytes,
		Protocols:                    protocols,
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     s.log,
		ConnState:                    s.connState,
	}
	if h, ok := handler.(*Handler); ok && httphead.Path(h.options.Path) {
		s.handler = h
		s.requestLine = []byte("POST " + h.options.Path + " HTTP/1.1\r\n")
	}
	return s
}

// SetWriteTimeout replaces ServerOptions.WriteTimeout, for answers to requests whose heads are complete from now on.
func (s *Server) SetWriteTimeout(d time.Duration) { s.writeTimeout.Store(int64(d)) }

// inTime gives answers the time that SetWriteTimeout has set: that of an http.Server may not be changed while it runs.
func (s *Server) inTime(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if timeout := time.Duration(s.writeTimeout.Load()); timeout != s.options.WriteTimeout {
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(timeout)) // a connection that is closed says so when it is written
		}
		handler.ServeHTTP(w, r)
	})
}

// writeBy is when the answer has to be sent to a request whose head was complete at the given time.
func (s *Server) writeBy(began time.Time) time.Time {
	return after(began, time.Duration(s.writeTimeout.Load()))
}

// Shutdown stops accepting, lets the requests in progress be answered and closes what is idle; a connection that has
// asked for nothing yet has a second for that. It returns when that is done, or with the error of ctx.
func (s *Server) Shutdown(ctx context.Context) error {
	err := s.stop()
	defer time.AfterFunc(firstRequest, s.retireFresh).Stop()
	if e := s.http.Shutdown(ctx); e != nil {
		err = e
	}
	select {
	case <-s.drained:
		s.goroutines.Wait()
		return err
	case <-ctx.Done():
		select {
		case <-s.drained:
			return err
		default:
			return ctx.Err()
		}
	}
}

// closeGrace is for calls that do not heed the end of their context. They are left behind.
const closeGrace = time.Second

// Close closes the listener and all connections at once, and ends the contexts of the calls in progress.
func (s *Server) Close() error {
	err := s.stop()
	s.mu.Lock()
	s.closed = true
	for l := range s.lanes {
		l.cut()
	}
	s.mu.Unlock()
	if e := s.http.Close(); e != nil {
		err = e
	}
	grace := time.NewTimer(closeGrace)
	defer grace.Stop()
	select {
	case <-s.drained:
		s.goroutines.Wait()
	case <-grace.C:
	}
	return err
}

// errorLog takes the lines that net/http writes, one per failing connection at times, and lets few of them through.
type errorLog struct {
	logger   zerolog.Logger
	throttle throttle
}

func (l *errorLog) Write(line []byte) (int, error) {
	if muted, ok := l.throttle.allow(); ok {
		l.logger.Warn().Str("detail", cut(string(bytes.TrimSpace(line)))).Uint64("more", muted).Msg("backend HTTP server")
	}
	return len(line), nil
}

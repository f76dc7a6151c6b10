package backendapi

import (
	"bytes"
	"context"
	"log"
	"net"
	"net/http"

	"github.com/rs/zerolog"
)

// Server is the HTTP server for the backend port: HTTP/1 only, with a time limit on everything a client may leave
// undone, and strict about where requests end.
type Server struct{ http *http.Server }

// NewServer returns a server for handler, which is a *Handler or holds one.
func NewServer(handler http.Handler, o ServerOptions) *Server {
	o = o.withDefaults()
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	lines := &errorLog{logger: o.Logger, throttle: throttle{every: o.LogInterval}}
	return &Server{&http.Server{
		Handler:                      handler,
		ReadHeaderTimeout:            o.HeaderTimeout,
		IdleTimeout:                  o.IdleTimeout,
		WriteTimeout:                 o.WriteTimeout,
		MaxHeaderBytes:               o.MaxHeaderBytes,
		Protocols:                    protocols,
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     log.New(lines, "", 0),
	}}
}

// Serve accepts connections until Shutdown or Close, then returns http.ErrServerClosed. Any other error is one of the
// listener. It closes the listener in any case.
func (s *Server) Serve(l net.Listener) error { return s.http.Serve(framingListener{l}) }

// Shutdown stops accepting, lets the requests in progress be answered and closes what is idle. It returns when that is
// done, or with the error of ctx.
func (s *Server) Shutdown(ctx context.Context) error { return s.http.Shutdown(ctx) }

// Close closes the listener and all connections at once.
func (s *Server) Close() error { return s.http.Close() }

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

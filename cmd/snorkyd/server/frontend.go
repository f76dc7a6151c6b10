package server

import (
	"bytes"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/gateway"
	"github.com/snorky-go/snorky/gateway/js"
)

// The paths of the two doors.
const (
	WebSocketPath = "/ws"
	HealthPath    = "/healthz"
	ScriptPath    = "/snorky.js"  // the JavaScript client, for script tags
	ModulePath    = "/snorky.mjs" // the same, as a module
	BackendPath   = "/backend"
)

// buildFrontend makes the server for browsers. Nothing but what is named here, and what Handle adds, is served there:
// the default mux, in which profilers register themselves, is not used.
func (s *Server) buildFrontend() {
	s.routes, s.bodiless = http.NewServeMux(), map[string]bool{}
	s.routes.Handle(WebSocketPath, s.ws)
	s.routes.HandleFunc("GET "+HealthPath, s.health)
	s.routes.Handle(ScriptPath, js.Handler())
	s.routes.Handle(ModulePath, js.Handler())
	for _, path := range []string{WebSocketPath, "GET " + HealthPath, ScriptPath, ModulePath, ""} { // the last one is no page
		s.bodiless[path] = true
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	s.front = &http.Server{
		Handler:                      http.HandlerFunc(s.serveFrontend),
		ReadHeaderTimeout:            s.config.HeaderTimeout,
		ReadTimeout:                  s.config.HeaderTimeout + answerTime,
		WriteTimeout:                 s.config.HeaderTimeout + 2*answerTime,
		IdleTimeout:                  s.config.IdleTimeout,
		MaxHeaderBytes:               s.config.MaxHeaderBytes,
		Protocols:                    protocols,
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     log.New(newErrorLog(s.log), "", 0),
	}
}

// unwantedBody is how long a body may take that nobody reads.
const unwantedBody = time.Second

// serveFrontend is s.routes, but does not wait for bodies where there is nothing that reads one. net/http reads them away
// before the answer leaves, as long as ReadTimeout lets it; meanwhile the connection has a place among the handshakes from
// which it is not sent away, and some hundred of them would keep out everybody else.
func (s *Server) serveFrontend(w http.ResponseWriter, r *http.Request) {
	if r.ContentLength != 0 {
		if _, pattern := s.routes.Handler(r); s.bodiless[pattern] {
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(unwantedBody)) // a closed connection says so when it is read
		}
	}
	s.routes.ServeHTTP(w, r)
	if !s.answered.Load() {
		s.answered.Store(true)
	}
}

// guard puts the listener in front of s.front that answers plain handshakes.
func (s *Server) guard(inner net.Listener) net.Listener {
	s.handshakes = gateway.NewListener(inner, s.ws, listenerOptions(s.config, s.routes))
	s.front.ConnState = s.handshakes.ConnState
	return s.handshakes
}

// health answers 200 from when both doors are open until the draining begins, so that nobody sends new clients to a
// server that is about to end, and while the actors answer, as far as is known: to ask them costs more than strangers may
// cause. What hangs is not theirs to know.
func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	if s.draining.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "draining\n")
		return
	}
	if s.heart.Last().Err != nil {
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "the actors do not answer\n")
		return
	}
	_, _ = io.WriteString(w, "ok\n")
}

// errorLog takes what net/http has to say: panics of handlers and failing accepts, which may be many.
type errorLog struct{ log zerolog.Logger }

const maxDetail = 500

func newErrorLog(l zerolog.Logger) errorLog {
	return errorLog{l.Sample(&zerolog.BurstSampler{Burst: 10, Period: time.Minute})}
}

func (e errorLog) Write(line []byte) (int, error) {
	detail := bytes.TrimSpace(line)
	detail = detail[:min(len(detail), maxDetail)]
	e.log.Warn().Bytes("detail", detail).Msg("frontend HTTP server")
	return len(line), nil
}

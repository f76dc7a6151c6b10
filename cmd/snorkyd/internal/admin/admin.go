// Package admin is the HTTP server for those who run snorkyd: whether it is well, what it counts, and profiles. It has an
// address of its own, away from the public.
package admin

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/cmd/internal/overview"
)

// Source is what is shown. Its methods are safe for concurrent use.
type Source interface {
	// State is one of overview.Starting, Ready and Draining.
	State() string
	// Snapshot returns what there is to count. It does not block.
	Snapshot() Snapshot
	// Probe asks whether the server is alive. It blocks until that is known or ctx ends.
	Probe(ctx context.Context) error
	// Busiest returns the busiest channels.
	Busiest(n int) []actors.ChannelLoad
	// Slowest returns the connections that are behind. It blocks until the loops have answered or ctx ends.
	Slowest(ctx context.Context, n int) ([]actors.ConnectionLoad, error)
}

// Options are the settings of a Server.
type Options struct {
	// Host is the name under which the address is configured; requests may ask for it, as for any IP address.
	Host string
	// Network says that others than this machine reach the address. Then /metrics, /healthz and /readyz answer by any name,
	// as Prometheus may have found one by DNS. A page whose name was made to point here (DNS rebinding) could read those three
	// through a browser in that network: counts, and names of services, which that network may read anyhow. The rest, with
	// names of channels, addresses and profiles, stays with names that no page can have.
	Network bool
	// Logger gets what net/http has to say, such as a failing accept.
	Logger zerolog.Logger
}

const (
	headerTimeout = 5 * time.Second
	idleTimeout   = 2 * time.Minute
	maxHeader     = 16 << 10 // bytes
	closeTime     = 2 * time.Second
)

// Server answers at an admin address. Nothing that its clients do, or leave undone, holds up anything else.
type Server struct {
	source   Source
	http     *http.Server
	requests sync.WaitGroup
	end      context.CancelFunc
	log      zerolog.Logger
	strange  zerolog.Logger // of requests by a name that is not ours
}

// New returns a Server.
func New(source Source, o Options) *Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	ctx, end := context.WithCancel(context.Background())
	s := &Server{source: source, end: end, log: o.Logger, strange: o.Logger.Sample(&zerolog.BurstSampler{Burst: 1, Period: time.Minute})}
	s.http = &http.Server{
		Handler:                      s.guard(newHosts(o.Host), o.Network, s.routes()),
		ReadHeaderTimeout:            headerTimeout,
		ReadTimeout:                  headerTimeout,
		IdleTimeout:                  idleTimeout, // of writing, each path has a limit of its own
		MaxHeaderBytes:               maxHeader,
		Protocols:                    protocols,
		DisableGeneralOptionsHandler: true,
		BaseContext:                  func(net.Listener) context.Context { return ctx },
		ErrorLog:                     log.New(newErrorLog(o.Logger), "", 0),
	}
	return s
}

// Serve answers on l until Close. When l breaks before, it says so in the log: that is no reason to end the server.
func (s *Server) Serve(l net.Listener) {
	if err := s.http.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		s.log.Error().Err(err).Msg("the admin address does not answer any more")
	}
}

// Close ends everything: the listener, connections, profiles that are being made. It waits for requests, unless one does
// not end.
func (s *Server) Close() {
	s.end()
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	if s.http.Shutdown(ctx) != nil {
		_ = s.http.Close()
		return
	}
	s.requests.Wait()
}

// routes are all that is served. The default mux, in which others may register themselves, is not used.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", limited(maxScrapes, writeTime, newMetrics(s.source)))
	mux.Handle("GET /healthz", limited(maxProbes, probeTime+writeTime, http.HandlerFunc(s.health)))
	mux.Handle("GET /readyz", limited(maxProbes, writeTime, http.HandlerFunc(s.ready)))
	mux.Handle("GET "+overview.Path, limited(maxScrapes, overviewTime+writeTime, http.HandlerFunc(s.top)))
	profiles(mux)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, "/healthz\n/readyz\n/metrics\n"+overview.Path+"\n"+profilePath+"\n")
	})
	return mux
}

// answer writes a plain text.
func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text)
}

package server

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/cmd/internal/overview"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/admin"
)

// Process is what a Server cannot know of the process that it runs in, for its admin address.
type Process struct {
	Version string
	// LogLinesLost is how many lines of the log have been lost so far; nil: nobody counts them.
	LogLinesLost func() uint64
}

// WithProcess has the admin address tell of the process, too.
func WithProcess(p Process) Option { return func(s *Server) { s.process = p } }

// watched is a Server as its admin address shows it.
type watched struct{ *Server }

var _ admin.Source = watched{}

// reloads are guarded by a mutex of their own: to be counted, one need not wait for anything.
type reloads struct {
	mu   sync.Mutex
	seen admin.Reloads
}

// NoteReload counts a reading of the configuration, or of what it names, after the start; err says why it changed nothing.
func (s *Server) NoteReload(err error) {
	s.reloads.mu.Lock()
	defer s.reloads.mu.Unlock()
	seen := &s.reloads.seen
	seen.LastFailed = err != nil
	if err != nil {
		seen.Failed++
		return
	}
	seen.Succeeded++
	seen.LastSuccess = time.Now()
}

// wait notes how many settings of the configuration that was read wait for a restart.
func (r *reloads) wait(settings int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen.Waiting = settings
}

func (r *reloads) snapshot() admin.Reloads {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen
}

// State implements admin.Source.
func (s watched) State() string {
	switch {
	case s.draining.Load():
		return overview.Draining
	case s.isOpen():
		return overview.Ready
	default:
		return overview.Starting
	}
}

// isOpen tells whether both doors accept.
func (s watched) isOpen() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == running && s.failure == nil
}

// Snapshot implements admin.Source.
func (s watched) Snapshot() admin.Snapshot {
	shot := admin.Snapshot{
		Version: s.process.Version, Started: s.started, Open: s.isOpen(), Draining: s.draining.Load(), Pulse: s.heart.Last(),
		Frontend: s.Addr(), Backend: s.BackendAddr(), MaxConnections: s.Config().MaxConnections,
		MaxBacklog: s.Config().MaxBacklogBytes,
		Broker:     s.broker.Metrics(), Gateway: s.ws.Stats(), Calls: s.calls.Stats(), Backends: s.back.Stats(),
		Entrances: s.entranceStats(), Reloads: s.reloads.snapshot(), Pressure: s.Pressure(),
	}
	if v := s.tokens.current.Load(); v != nil {
		shot.Tokens = v.Stats()
	}
	shot.Application = s.applications.stats()
	if s.process.LogLinesLost != nil {
		shot.LogLinesLost = s.process.LogLinesLost()
	}
	return shot
}

// Probe implements admin.Source.
func (s watched) Probe(ctx context.Context) error { return s.broker.Probe(ctx) }

// Busiest implements admin.Source.
func (s watched) Busiest(n int) []actors.ChannelLoad { return s.broker.Busiest(n) }

// Slowest implements admin.Source.
func (s watched) Slowest(ctx context.Context, n int) ([]actors.ConnectionLoad, error) {
	return s.broker.Slowest(ctx, n)
}

// startAdmin serves the admin address, if there is one, until endAdmin. The caller holds mu.
func (s *Server) startAdmin() {
	if s.adminListener == nil {
		return
	}
	host, _, _ := net.SplitHostPort(s.config.Admin)
	s.admin = admin.New(watched{s}, admin.Options{Host: host, Network: isNetwork(s.adminListener.Addr()), Logger: s.log})
	l := s.adminListener
	s.adminDone.Go(func() { s.admin.Serve(l) })
}

// isNetwork tells whether others than this machine reach an address.
func isNetwork(a net.Addr) bool {
	tcp, ok := a.(*net.TCPAddr)
	return ok && !tcp.IP.IsLoopback()
}

// endAdmin is the last thing that a Server does: until then people may want to know what it is at.
func (s *Server) endAdmin() {
	if s.admin != nil {
		s.admin.Close()
		s.adminDone.Wait()
	}
}

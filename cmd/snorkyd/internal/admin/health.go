package admin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/cmd/internal/overview"
)

// probeTime is how long the actors may take before they count as dead.
const probeTime = 2 * time.Second

// health answers 200 while the server is alive, which it also is while it drains.
func (s *Server) health(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), probeTime)
	defer cancel()
	err := s.source.Probe(ctx)
	draining := s.source.State() == overview.Draining
	switch {
	case err == nil && !draining:
		answer(w, http.StatusOK, "ok\n")
	case draining && (err == nil || errors.Is(err, actors.ErrStopped)):
		answer(w, http.StatusOK, "ok, draining\n")
	default:
		answer(w, http.StatusServiceUnavailable, err.Error()+"\n")
	}
}

// ready answers 200 from when both doors are open until the draining begins.
func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	status, state := http.StatusServiceUnavailable, s.source.State()
	if state == overview.Ready {
		status = http.StatusOK
	}
	answer(w, status, state+"\n")
}

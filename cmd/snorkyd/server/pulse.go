package server

import (
	"context"
	"sync"

	"github.com/snorky-go/snorky/cmd/snorkyd/internal/pulse"
)

// heart is what knows whether the actors are alive.
type heart struct {
	*pulse.Monitor
	watching sync.WaitGroup
	end      context.CancelFunc // nil: nobody watches
}

// watch has the actors asked until close.
func (h *heart) watch() {
	var ctx context.Context
	ctx, h.end = context.WithCancel(context.Background())
	h.watching.Go(func() { h.Run(ctx) })
}

func (h *heart) close() {
	if h.end != nil {
		h.end()
		h.watching.Wait()
	}
}

// Probe is Broker.Probe for those who ask again and again, such as the watchdog of a service manager: what they learn shows
// in the health and the metrics of the server, which need not ask then.
func (s *Server) Probe(ctx context.Context) error { return s.heart.Probe(ctx) }

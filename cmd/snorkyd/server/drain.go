package server

import (
	"context"
	"net"
	"time"
)

const (
	// closing is the part of the drain time that is left for the clients to answer the last close frame, and for the
	// services to end.
	closing = 1250 * time.Millisecond
	// shortest is what even a server without drain time has for its end.
	shortest = 2 * time.Second
	// lastAnswers is what requests in progress get on the frontend when all connections are closed.
	lastAnswers = 250 * time.Millisecond
)

// Shutdown ends the server. At once it makes /healthz say so, refuses further clients and stops accepting backend
// requests. Those in progress are answered; what was acknowledged is delivered; then the connections are closed, spread
// over Config.Drain. When that time is over, or ctx ends, what is left is cut off. It returns when everything has ended,
// with an error if something was cut off. The first call counts; later ones wait for it, or for their ctx.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	before := s.state
	s.state = ending
	s.mu.Unlock()
	if before == ending {
		select {
		case <-s.done:
			return nil
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	err := s.drain(ctx)
	s.doors.Wait()
	s.endAdmin()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finish(nil)
	return err
}

func (s *Server) drain(ctx context.Context) error {
	began := time.Now()
	stats := s.broker.Stats()
	s.log.Info().Int("connections", stats.Connections).Int("channels", stats.Channels).
		Stringer("within", s.config.Drain).Msg("draining")
	s.draining.Store(true)
	s.ws.Close()
	ctx, cancel := context.WithDeadline(ctx, began.Add(max(s.config.Drain, shortest)))
	defer cancel()

	s.endBackend(ctx)
	spread := max(0, time.Until(began.Add(s.config.Drain))-closing)
	lastQuestion := time.AfterFunc(spread, s.closeApplication) // connections wait for the answers to be closed
	err := s.broker.Shutdown(ctx, spread)
	lastQuestion.Stop()
	s.closeApplication()
	s.endFrontend(ctx)
	s.closeTokens()
	s.endMemory()
	s.log.Info().Int("closed", stats.Connections).Dur("took_ms", time.Since(began)).AnErr("cut_off", err).Msg("drained")
	return err
}

// endBackend answers the requests in progress. They may take half of the time at most, since the connections come after
// them: what they publish is delivered, too.
func (s *Server) endBackend(ctx context.Context) {
	ctx, cancel := half(ctx)
	defer cancel()
	if err := s.back.Shutdown(ctx); err != nil {
		s.log.Warn().Err(err).Msg("backend requests were cut off")
		_ = s.back.Close()
	}
	closeUnused(s.backListener)
}

func (s *Server) endFrontend(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lastAnswers)
	defer cancel()
	if err := s.front.Shutdown(ctx); err != nil {
		_ = s.front.Close()
	}
	closeUnused(s.frontListener)
}

// closeUnused closes what was handed over by WithListeners to a server that did not start; it does no harm to others.
func closeUnused(l net.Listener) {
	if l != nil {
		_ = l.Close()
	}
}

func half(ctx context.Context) (context.Context, context.CancelFunc) {
	end, _ := ctx.Deadline()
	now := time.Now()
	return context.WithDeadline(ctx, now.Add(end.Sub(now)/2))
}

// finish records the end, and why it came if nobody has said so before. The caller holds mu.
func (s *Server) finish(reason error) {
	if s.failure == nil {
		s.failure = reason
	}
	close(s.done)
}

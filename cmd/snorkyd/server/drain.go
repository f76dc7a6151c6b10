package server

import (
	"context"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/entrance"
)

const (
	// closing is the part of the drain time that is left for the clients to answer the last close frame, and for the
	// services to end.
	closing = 1250 * time.Millisecond
	// shortest is what even a server without drain time has for its end.
	shortest = 2 * time.Second
	// lastAnswers is what requests in progress get on the frontend when all connections are closed.
	lastAnswers = 250 * time.Millisecond
	// lastWait is how long a client may be left waiting for the next server, without an answer: less than the time that
	// clients have for connecting.
	lastWait = 5 * time.Second
	// lastHandshake is what clients have that were accepted before the others were left waiting: those of the frontend for
	// becoming one, those of the backend for the handshake of TLS. For their request they have as long there if they need none.
	lastHandshake = time.Second
	// lastAccepted is how long it may take until a door that was left has handed on whom it had accepted already.
	lastAccepted = 100 * time.Millisecond
)

// Shutdown ends the server. At once it makes /healthz say so, refuses further clients and stops accepting backend
// requests. Those in progress are answered; what was acknowledged is delivered; then the connections are closed, spread
// over Config.Drain, and their clients asked to come back over Config.ReconnectSpread. When the time is over, or ctx ends,
// what is left is cut off. It returns when everything has ended, with an error if something was cut off. The first call
// counts; later ones wait for it, or for their ctx.
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
	s.endAdmin() //nolint:contextcheck // the last to end, also after the time of ctx
	s.mu.Lock()
	defer s.mu.Unlock()
	s.finish(nil)
	return err
}

func (s *Server) drain(ctx context.Context) error {
	began := time.Now()
	limit := began.Add(s.DrainLimit())
	s.limit.Store(&limit)
	stats := s.broker.Stats()
	s.log.Info().Int("connections", stats.Connections).Int("channels", stats.Channels).
		Stringer("within", s.Config().Drain).Stringer("return", s.Config().ReconnectSpread).Msg("draining")
	s.draining.Store(true)
	ctx, cancel := context.WithDeadline(ctx, limit)
	defer cancel()

	defer s.leaveDoor(ctx, limit)()
	cutOff := s.endBackend(ctx)
	spread := max(0, time.Until(began.Add(s.Config().Drain))-closing)
	lastQuestion := time.AfterFunc(spread, s.applications.close) // connections wait for the answers to be closed
	err := s.broker.Drain(ctx, actors.Waves{Close: spread, Return: s.Config().ReconnectSpread})
	lastQuestion.Stop()
	s.ws.Close()
	s.applications.close()
	s.endFrontend(ctx)
	cutOff()
	s.tokens.close()
	s.endMemory()
	s.heart.close()
	s.certificates.close()
	s.log.Info().Int("closed", stats.Connections).Dur("took_ms", time.Since(began)).AnErr("cut_off", err).Msg("drained")
	return err
}

// leaveDoor begins to refuse clients. Where there may be a next server they are left to that from lastWait before the
// limit on, and nobody is refused: who was accepted before becomes a client, or is told when to come back. The function it
// returns ends that.
func (s *Server) leaveDoor(ctx context.Context, limit time.Time) (end func()) {
	end = func() {}
	if s.kept == nil {
		s.ws.Close()
		return end
	}
	if wait := time.Until(limit) - lastWait; wait > 0 {
		s.ws.Close()
		later := time.AfterFunc(wait, s.kept.leave)
		return func() { later.Stop() }
	}
	s.kept.leave()
	s.settleFrontend(ctx)
	return end
}

// settleFrontend gives those who were accepted the time to become clients. It comes back at once when there are none, and
// uses half of the time that is left at most: the rest is for those who are in already.
func (s *Server) settleFrontend(ctx context.Context) {
	if s.handshakes == nil { // it did not start
		return
	}
	ctx, cancel := half(ctx)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, lastHandshake)
	defer cancel()
	s.kept.settle(ctx, lastAccepted)
	if s.frontEntrance != nil {
		entrance.Settle(ctx, s.frontEntrance)
	}
	s.front.SetKeepAlivesEnabled(false) // who was answered need not be waited for
	s.handshakes.Settle(ctx)
}

// retryAfter is how long a client that is refused now should stay away; 0 if there is no reason but that it is one too
// many.
func (s *Server) retryAfter() time.Duration {
	limit := s.limit.Load()
	if limit == nil || s.Config().ReconnectSpread <= 0 {
		return 0
	}
	if after, ok := s.broker.ReconnectAfter(); ok {
		return after
	}
	// The requests of the backend come first, and may take long.
	return max(0, time.Until(*limit)) + rand.N(s.Config().ReconnectSpread)
}

// endBackend answers the requests in progress. They may take half of the time at most, since the connections come after
// them: what they publish is delivered, too. The function it returns waits for those that were cut off.
func (s *Server) endBackend(ctx context.Context) (wait func()) {
	ctx, cancel := half(ctx)
	defer cancel()
	s.leaveBackend(ctx)
	wait = func() {}
	if err := s.back.Shutdown(ctx); err != nil {
		s.log.Warn().Err(err).Msg("backend requests were cut off")
		var closed sync.WaitGroup
		closed.Go(func() { _ = s.back.Close() }) // which waits a second for calls that go on nevertheless
		wait = closed.Wait
	}
	closeUnused(s.backListener)
	return wait
}

// leaveBackend leaves those who come to the next server, where there may be one. Who was accepted but is not through the
// entrance yet, becomes one of those whose request is answered.
func (s *Server) leaveBackend(ctx context.Context) {
	if s.keptBack == nil {
		return
	}
	s.keptBack.leave()
	ctx, cancel := context.WithTimeout(ctx, lastHandshake)
	defer cancel()
	entrance.Settle(ctx, s.beforeBack)
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

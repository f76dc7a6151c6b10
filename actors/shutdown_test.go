package actors_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/snorky-go/snorky/actors"
)

// A service that does not return holds up the end of the broker as long as the caller has patience, and no longer.
func TestShutdownLeavesAStuckServiceBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, "pipe", actors.Options{})
		g := newGate()
		s.register("gate", g)
		c := s.connect()
		c.send(request("gate", "wait", "{}", 1))
		<-g.waiting
		_ = c.conn.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		if err := s.broker.Shutdown(ctx, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("shutdown: %v", err)
		}
		if took := time.Since(start); took != 3*time.Second {
			t.Errorf("it took %v", took)
		}
		if err := s.broker.Shutdown(t.Context(), 0); !errors.Is(err, actors.ErrStopped) {
			t.Errorf("a second shutdown: %v", err)
		}
		if _, err := s.broker.Call(t.Context(), "nobody", nil); !errors.Is(err, actors.ErrStopped) && !errors.Is(err, actors.ErrUnknownService) {
			t.Errorf("a call: %v", err)
		}
		g.open() // so that nothing is left in the bubble
	})
}

package server_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/trial"
	"github.com/snorky-go/snorky/cmd/snorkyd/server"
)

// sleeper is a service whose Start holds up the registry.
type sleeper struct{ wake chan struct{} }

func (sleeper) Commands() actors.Commands { return actors.Commands{} }

func (s sleeper) Start(*actors.ServiceContext) error {
	<-s.wake
	return errors.New("not today")
}

// That the actors hang shows at both doors that are asked for it, and goes when they answer.
func TestActorsThatHang(t *testing.T) {
	t.Parallel()
	s := watched(t, nil)
	health := func() (int, string) { return trial.Get(t, "http://"+s.Addr()+server.HealthPath) }
	probe := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		return s.Probe(ctx)
	}
	if status, body := health(); status != http.StatusOK {
		t.Errorf("before: %d %s", status, body)
	}
	hasLines(t, scrape(t, s), "snorky_healthy 1")

	wake, registered := make(chan struct{}), make(chan error)
	go func() { registered <- s.Broker().Frontend().Register("sleeper", sleeper{wake}) }()
	trial.Eventually(t, "the registry hangs", func() bool { return probe() != nil })
	if status, body := health(); status != http.StatusServiceUnavailable || !strings.Contains(body, "do not answer") || strings.Contains(body, "registry") {
		t.Errorf("while they hang: %d %s", status, body)
	}
	hasLines(t, scrape(t, s), "snorky_healthy 0", "snorky_ready 1")

	close(wake)
	if err := <-registered; err == nil {
		t.Error("a service whose Start fails is registered")
	}
	if err := s.Probe(t.Context()); err != nil {
		t.Error(err)
	}
	if status, body := health(); status != http.StatusOK {
		t.Errorf("after: %d %s", status, body)
	}
	hasLines(t, scrape(t, s), "snorky_healthy 1")
}

package server_test

import (
	"context"
	"testing"

	"go.uber.org/goleak"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/trial"
	"github.com/snorky-go/snorky/cmd/snorkyd/server"
)

func TestMain(m *testing.M) {
	// net/http lets a refused client read the refusal for half a second, in a goroutine that nobody can wait for.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// local is a configuration on free ports of this machine.
func local() server.Config {
	cfg := server.Default()
	cfg.Frontend, cfg.Backend, cfg.Admin = "127.0.0.1:0", "127.0.0.1:0", ""
	return cfg
}

// boot starts a server that ends with the test.
func boot(t *testing.T, cfg server.Config, options ...server.Option) *server.Server {
	t.Helper()
	s, err := server.New(cfg, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(t, s) })
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	return s
}

func end(t *testing.T, s *server.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), trial.Patience)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

// slow is a service whose one command answers when the test says so.
type slow struct {
	called  chan struct{}
	release chan struct{}
}

func newSlow() *slow { return &slow{called: make(chan struct{}, 1), release: make(chan struct{})} }

func (s *slow) Commands() actors.Commands {
	return actors.Commands{"wait": actors.Command(func(*actors.Call, actors.NoParams) (string, error) {
		s.called <- struct{}{}
		<-s.release
		return "done", nil
	})}
}

package faults_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/backendapi/client"
	"github.com/snorky-go/snorky/cmd/snorkyd/config"
	"github.com/snorky-go/snorky/cmd/snorkyd/server"
)

const (
	testKey = "correct-horse-battery-staple"
	// proofTime is how long a publication may take to a healthy subscriber after an attack.
	proofTime = 3 * time.Second
	// bystanders is the channel of the one who does nothing wrong. Attacks publish to it, too, in ways that must not
	// succeed.
	bystanders = "bystanders"
)

// site is a server under attack, with a subscriber who does nothing wrong. Of its services everybody may publish in
// pubsub, nobody in announcements.
type site struct {
	front, back string
	publisher   *client.Client
	bystander   *socket
	proofs      int
	broker      *actors.Broker // nil where the server is a process of its own
}

var services = []config.PubSub{
	{Name: "pubsub", Publish: config.Everybody, Backend: "pubsub_backend"},
	{Name: "announcements", Publish: config.Nobody, Backend: "announcements_backend"},
}

// boot starts a server within the test.
func boot(t *testing.T, change func(*server.Config)) *site {
	t.Helper()
	return bootLogged(t, change, zerolog.Nop())
}

func bootLogged(t *testing.T, change func(*server.Config), log zerolog.Logger) *site {
	t.Helper()
	cfg := server.Default()
	cfg.Frontend, cfg.Backend, cfg.Admin, cfg.Drain = "127.0.0.1:0", "127.0.0.1:0", "", 0
	cfg.PubSub = services
	change(&cfg)
	s, err := server.New(cfg, server.WithKey(testKey), server.WithLogger(log))
	must(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("shutting down: %v", err)
		}
	})
	must(t, s.Start())
	open := openSite(t, s.Addr(), s.BackendAddr())
	open.broker = s.Broker()
	return open
}

// openSite gives a running server its bystander.
func openSite(t *testing.T, front, back string) *site {
	t.Helper()
	publisher, err := client.New("http://"+back+"/backend", testKey, client.WithTimeout(patience))
	must(t, err)
	t.Cleanup(publisher.Close)
	s := &site{front: front, back: back, publisher: publisher}
	s.bystander = s.dial(t)
	s.bystander.subscribe("pubsub", bystanders)
	s.well(t)
	return s
}

// ways runs a test with sockets on event loops, and with the portable ones.
func ways(t *testing.T, change func(*server.Config), test func(*testing.T, *site)) {
	t.Helper()
	for name, portable := range map[string]bool{"loops": false, "portable": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := boot(t, func(cfg *server.Config) {
				change(cfg)
				cfg.Portable = portable
			})
			test(t, s)
			s.well(t)
		})
	}
}

func unchanged(*server.Config) {}

func (s *site) publish(t *testing.T, service, channel string, message any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.publisher.Publish(ctx, service, channel, message); err != nil {
		t.Fatalf("publishing: %v", err)
	}
}

// well proves that the bystander is served in time, and that nothing else has reached him since the last proof. A
// machine that is busy with other things has three attempts.
func (s *site) well(t *testing.T) {
	t.Helper()
	var took time.Duration
	for range 3 {
		s.proofs++
		start := time.Now()
		s.publish(t, "pubsub_backend", bystanders, s.proofs)
		s.bystander.expect(publication(`"`+bystanders+`"`, fmt.Sprint(s.proofs)))
		if took = time.Since(start); took <= proofTime {
			return
		}
	}
	t.Errorf("a publication took %v to a healthy subscriber", took)
}

// welcome proves that new clients are served.
func (s *site) welcome(t *testing.T) {
	t.Helper()
	c := s.dial(t)
	c.subscribe("pubsub", "welcome")
	c.call("pubsub", "publish", `{"channel":"welcome","message":"hello"}`, publication(`"welcome"`, `"hello"`))
	_ = c.conn.Close()
}

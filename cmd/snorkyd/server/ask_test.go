package server_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/snorky-go/snorky/cmd/snorkyd/config"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/trial"
	"github.com/snorky-go/snorky/cmd/snorkyd/server"
)

func TestAsk(t *testing.T) {
	t.Parallel()
	listen := func(network, address string) net.Listener {
		l, err := net.Listen(network, address)
		if err != nil {
			t.Skip(err) // no such addresses here
		}
		return l
	}
	for name, test := range map[string]struct{ network, address string }{
		"one address":   {"tcp", "127.0.0.1:0"},
		"all addresses": {"tcp", ":0"},
		"all of IPv4":   {"tcp4", "0.0.0.0:0"},
		"all of IPv6":   {"tcp6", "[::]:0"}, // and none of IPv4
		"IPv6":          {"tcp6", "[::1]:0"},
		"a Unix socket": {"unix", filepath.Join(t.TempDir(), "door")},
	} {
		t.Run(name, func(t *testing.T) {
			if test.network == "unix" && runtime.GOOS == "windows" {
				t.Skip("paths of sockets may be too long there")
			}
			s := boot(t, local(), server.WithListeners(listen(test.network, test.address), nil))
			ctx, cancel := context.WithTimeout(t.Context(), trial.Patience)
			defer cancel()
			if err := s.Ask(ctx); err != nil {
				t.Error(err)
			}
		})
	}
}

// mute is a door in which people wait, as in front of a process that does not accept.
type mute struct {
	net.Listener
	closed chan struct{}
}

func (m mute) Accept() (net.Conn, error) {
	<-m.closed
	return nil, net.ErrClosed
}

func (m mute) Close() error {
	select {
	case <-m.closed:
	default:
		close(m.closed)
	}
	return m.Listener.Close()
}

func TestAskWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	for _, door := range []string{"frontend", "backend"} {
		t.Run(door, func(t *testing.T) {
			t.Parallel()
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			silent := mute{l, make(chan struct{})}
			handed := server.WithListeners(silent, nil)
			if door == "backend" {
				handed = server.WithListeners(nil, silent)
			}
			s := boot(t, local(), handed)
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			err = s.Ask(ctx)
			if err == nil || !strings.HasPrefix(err.Error(), door+" at "+l.Addr().String()+": ") || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// rationed is a door that lets in one client, and has the others wait.
type rationed struct {
	mute
	only chan struct{} // capacity 1: may come in
}

func (r rationed) Accept() (net.Conn, error) {
	select {
	case <-r.only:
		return r.Listener.Accept()
	case <-r.closed:
		return nil, net.ErrClosed
	}
}

// A door has answered when it has served anybody, however long the queue is in which our own question waits.
func TestAskBehindOthers(t *testing.T) {
	t.Parallel()
	ration := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		r := rationed{mute{l, make(chan struct{})}, make(chan struct{}, 1)}
		r.only <- struct{}{}
		return r
	}
	for name, client := range map[string]func(t *testing.T, s *server.Server){
		"a connection": func(t *testing.T, s *server.Server) {
			if socket, status := trial.Dial(t, s.Addr()); socket == nil {
				t.Errorf("status %d", status)
			}
		},
		"a refusal": func(t *testing.T, s *server.Server) {
			if _, status := trial.DialWith(t, s.Addr(), "", "Origin: https://evil.example"); status != http.StatusForbidden {
				t.Errorf("status %d", status)
			}
		},
		"a request": func(t *testing.T, s *server.Server) {
			if status := trial.Status(t, "http://"+s.Addr()+"/nothing"); status != http.StatusNotFound {
				t.Errorf("status %d", status)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := boot(t, local(), server.WithListeners(ration(), ration()))
			client(t, s)
			trial.Publish(t, trial.Publisher(t, s.BackendAddr(), s.Key()), "pubsub_backend", "news", 1)
			ctx, cancel := context.WithTimeout(t.Context(), trial.Patience)
			defer cancel()
			if err := s.Ask(ctx); err != nil {
				t.Error(err)
			}
		})
	}
}

// A door that broke is another thing than one that is slow.
func TestAskABrokenDoor(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := boot(t, local(), server.WithListeners(l, nil))
	_ = l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), trial.Patience)
	defer cancel()
	if err := s.Ask(ctx); err == nil || errors.Is(err, context.DeadlineExceeded) || !strings.HasPrefix(err.Error(), "frontend: ") {
		t.Errorf("got %v", err)
	}
}

// Doors that let in few still have to answer: one that speaks TLS, one that wants a certificate of its clients, one that
// wants each connection to come by a proxy.
func TestAskPickyDoors(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*server.Config){
		"TLS": func(*server.Config) {},
		"a PROXY line": func(c *server.Config) {
			c.ProxyProtocol, c.BackendProxyProtocol = config.ProxyRequired, config.ProxyRequired
		},
		"certificates": func(c *server.Config) { c.BackendTLSClientCAFile = c.BackendTLSCertFile },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := secured(t, trial.NewAuthority(t))
			cfg.TrustedProxies = []string{"192.0.2.1"}
			change(&cfg)
			s := boot(t, cfg)
			ctx, cancel := context.WithTimeout(t.Context(), trial.Patience)
			defer cancel()
			if err := s.Ask(ctx); err != nil {
				t.Error(err)
			}
		})
	}
}

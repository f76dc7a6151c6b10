package server_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/snorky-go/snorky/actors/wire"
	backend "github.com/snorky-go/snorky/backendapi/client"
	"github.com/snorky-go/snorky/cmd/snorkyd/config"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/trial"
	"github.com/snorky-go/snorky/cmd/snorkyd/server"
)

// Whenever the end comes, a reload comes back: it has changed what it should, or the server was ending.
func TestReloadDuringTheEnd(t *testing.T) {
	t.Parallel()
	for range 10 {
		cfg := local()
		cfg.Drain = 0
		s := boot(t, cfg)
		var running sync.WaitGroup
		stop := make(chan struct{})
		running.Go(func() {
			for n := 1; ; n++ {
				next := cfg
				next.MaxSubscriptions = n
				if n%2 == 1 {
					next.ApplicationURL = "http://127.0.0.1:1/"
				}
				_, err := s.Reload(next)
				if err != nil && !errors.Is(err, server.ErrState) && !config.IsError(err) {
					t.Errorf("reload %d: %v", n, err)
				}
				select {
				case <-stop:
					return
				default:
				}
			}
		})
		end(t, s)
		close(stop)
		running.Wait()
	}
}

// announced says when a connection was accepted.
type announced struct {
	*net.TCPListener
	accepted chan struct{}
}

func (l announced) Accept() (net.Conn, error) {
	conn, err := l.TCPListener.Accept()
	if err == nil {
		l.accepted <- struct{}{}
	}
	return conn, err
}

// An application that shakes hands while the server begins to end is answered, as one is that needs no handshake.
func TestHandshakeWithTheBackendAtTheEnd(t *testing.T) {
	t.Parallel()
	a := trial.NewAuthority(t)
	cfg := local()
	cfg.BackendTLSCertFile, cfg.BackendTLSKeyFile = a.Issue(time.Hour)
	back, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	kept := departing{announced{back.(*net.TCPListener), make(chan struct{}, 100)}, make(chan struct{})}
	s := boot(t, cfg, server.WithKeptListeners(nil, kept))
	conn, err := net.Dial("tcp", s.BackendAddr())
	if err != nil {
		t.Fatal(err)
	}
	<-kept.accepted
	var ending sync.WaitGroup
	ending.Go(func() { end(t, s) })
	<-kept.left
	trusting := a.Client()
	trusting.ServerName = "127.0.0.1"
	transport := &http.Transport{
		DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			secure := tls.Client(conn, trusting)
			return secure, secure.HandshakeContext(ctx)
		},
		DisableKeepAlives: true,
	}
	publisher, err := backend.New("https://"+s.BackendAddr()+server.BackendPath, s.Key(), backend.WithTransport(transport), backend.WithTimeout(trial.Patience))
	if err != nil {
		t.Fatal(err)
	}
	if err := publisher.Publish(t.Context(), "pubsub_backend", "news", 1); err != nil {
		t.Error(err)
	}
	ending.Wait()
}

// departing says, too, when the server leaves the door to the next one.
type departing struct {
	announced
	left chan struct{}
}

func (l departing) SetDeadline(by time.Time) error {
	close(l.left)
	return l.announced.SetDeadline(by)
}

// Who was accepted before the door was left becomes a client, also if the next packet takes a while, and is told when to
// come back.
func TestHandshakeWithTheFrontendAtTheEnd(t *testing.T) {
	t.Parallel()
	for name, secure := range map[string]bool{"plain": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, a := local(), trial.NewAuthority(t)
			if secure {
				cfg.TLSCertFile, cfg.TLSKeyFile = a.Issue(time.Hour)
			}
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			kept := departing{announced{l.(*net.TCPListener), make(chan struct{}, 100)}, make(chan struct{})}
			s := boot(t, cfg, server.WithKeptListeners(kept, nil))
			conn, err := net.Dial("tcp", s.Addr())
			if err != nil {
				t.Fatal(err)
			}
			<-kept.accepted
			var ending sync.WaitGroup
			ending.Go(func() { end(t, s) })
			<-kept.left
			<-time.After(200 * time.Millisecond) // a slow network
			if secure {
				trusting := a.Client()
				trusting.ServerName = "127.0.0.1"
				conn = tls.Client(conn, trusting)
			}
			socket, status := trial.Shake(t, conn, s.Addr(), "")
			if socket == nil {
				t.Fatalf("refused with %d", status)
			}
			_, code := socket.Next()
			if _, ok := wire.Hint(socket.Reason); code != wire.CloseGoingAway || !ok {
				t.Errorf("closed with %d %q", code, socket.Reason)
			}
			ending.Wait()
		})
	}
}

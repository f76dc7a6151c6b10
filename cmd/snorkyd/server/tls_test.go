package server_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	backend "github.com/snorky-go/snorky/backendapi/client"
	"github.com/snorky-go/snorky/cmd/snorkyd/config"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/trial"
	"github.com/snorky-go/snorky/cmd/snorkyd/server"
	"github.com/snorky-go/snorky/gateway/client"
)

// secured is a configuration with TLS at both doors.
func secured(t *testing.T, a *trial.Authority) server.Config {
	t.Helper()
	cfg := local()
	cfg.TLSCertFile, cfg.TLSKeyFile = a.Issue(time.Hour, "live.example.com")
	cfg.BackendTLSCertFile, cfg.BackendTLSKeyFile = a.Issue(time.Hour)
	return cfg
}

// connectTLS returns a client of ours by wss.
func connectTLS(t *testing.T, s *server.Server, a *trial.Authority, o client.Options) *client.Client {
	t.Helper()
	o.TLS = a.Client()
	ctx, cancel := context.WithTimeout(t.Context(), trial.Patience)
	defer cancel()
	c, err := client.Dial(ctx, "wss://"+s.Addr()+server.WebSocketPath, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func publisherTLS(t *testing.T, s *server.Server, config *tls.Config) *backend.Client {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: config}
	t.Cleanup(transport.CloseIdleConnections)
	c, err := backend.New("https://"+s.BackendAddr()+server.BackendPath, s.Key(), backend.WithTransport(transport), backend.WithTimeout(trial.Patience))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// dialTLS opens a WebSocket whose frames can be looked at.
func dialTLS(t *testing.T, s *server.Server, a *trial.Authority) *trial.Socket {
	t.Helper()
	conn, err := tls.Dial("tcp", s.Addr(), a.Client())
	if err != nil {
		t.Fatal(err)
	}
	socket, status := trial.Shake(t, conn, s.Addr(), "")
	if socket == nil {
		t.Fatalf("status %d", status)
	}
	return socket
}

// From end to end over TLS: large messages, many subscribers, and what each publisher sent in its order.
func TestTLSEndToEnd(t *testing.T) {
	t.Parallel()
	a := trial.NewAuthority(t)
	s := boot(t, secured(t, a))
	ctx, cancel := context.WithTimeout(t.Context(), trial.Patience)
	defer cancel()
	const subscribers, messages = 50, 20
	large := strings.Repeat("x", 200_000)
	var heard sync.WaitGroup
	for range subscribers {
		next := 0
		heard.Add(messages)
		c := connectTLS(t, s, a, client.Options{})
		if err := c.Subscribe(ctx, "pubsub", "news", func(m client.Message) {
			if want := fmt.Sprintf("%q", fmt.Sprintf("%d %s", next, large[:10_000*(next%10)])); string(m.Content) != want {
				t.Errorf("message %d: %.30s, %d bytes", next, m.Content, len(m.Content))
			}
			next++
			heard.Done()
		}); err != nil {
			t.Fatal(err)
		}
	}
	p := publisherTLS(t, s, a.Client())
	for i := range messages {
		if err := p.Publish(ctx, "pubsub_backend", "news", fmt.Sprintf("%d %s", i, large[:10_000*(i%10)])); err != nil {
			t.Fatal(err)
		}
	}
	heard.Wait()
}

// Draining says 1001, and then the end of TLS, so that nobody takes it for one that was cut off.
func TestTLSDrain(t *testing.T) {
	t.Parallel()
	a := trial.NewAuthority(t)
	cfg := secured(t, a)
	cfg.Drain = 2 * time.Second
	s := boot(t, cfg)
	var guests []*trial.Socket
	for range 10 {
		g := dialTLS(t, s, a)
		g.Subscribe("pubsub", "news")
		guests = append(guests, g)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Shutdown(context.Background()) }()
	for _, g := range guests {
		if m, code := g.Next(); code != 1001 {
			t.Errorf("got %+v, code %d", m, code)
		}
		g.AnswerClose(1001)
		if err := g.End(); err != io.EOF {
			t.Errorf("after the close frame: %v", err)
		}
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// Who does not read over TLS is cut off; the others get everything.
func TestTLSSlowReader(t *testing.T) {
	t.Parallel()
	a := trial.NewAuthority(t)
	cfg := secured(t, a)
	cfg.MaxQueuedBytes, cfg.WriteTimeout = 256<<10, time.Second
	s := boot(t, cfg)
	slow, quick := dialTLS(t, s, a), dialTLS(t, s, a)
	slow.Subscribe("pubsub", "news")
	quick.Subscribe("pubsub", "news")
	p := publisherTLS(t, s, a.Client())
	const messages = 300
	text := strings.Repeat("x", 60_000)
	for i := range messages {
		if err := p.Publish(t.Context(), "pubsub_backend", "news", text); err != nil {
			t.Fatal(err)
		}
		if m, code := quick.Next(); len(m.Message) != len(text)+2 {
			t.Fatalf("message %d: %d bytes, code %d", i, len(m.Message), code)
		}
	}
	trial.Eventually(t, "the slow one is gone", func() bool { return s.Broker().Stats().Connections == 1 })
}

// A client that ends its direction, with or without a word, is gone; so is one whose record is wrong.
func TestTLSHalfClose(t *testing.T) {
	t.Parallel()
	a := trial.NewAuthority(t)
	s := boot(t, secured(t, a))
	for name, end := range map[string]func(c *tls.Conn){
		"close_notify": func(c *tls.Conn) { _ = c.CloseWrite() },
		"TCP only":     func(c *tls.Conn) { _ = c.NetConn().(*net.TCPConn).CloseWrite() },
		"garbage":      func(c *tls.Conn) { _, _ = c.NetConn().Write([]byte("GET / HTTP/1.1\r\n\r\n")) },
	} {
		conn, err := tls.Dial("tcp", s.Addr(), a.Client())
		if err != nil {
			t.Fatal(err)
		}
		g, status := trial.Shake(t, conn, s.Addr(), "")
		if g == nil {
			t.Fatalf("status %d", status)
		}
		g.Subscribe("pubsub", "news")
		end(conn)
		trial.Eventually(t, name, func() bool { return s.Broker().Stats().Connections == 0 })
	}
}

// HTTP to a door of TLS, and TLS to a plain one: both are told at once.
func TestWrongDoor(t *testing.T) {
	t.Parallel()
	a := trial.NewAuthority(t)
	with, without := boot(t, secured(t, a)), boot(t, local())
	for _, addr := range []string{with.Addr(), with.BackendAddr()} {
		status, text := trial.Get(t, "http://"+addr+"/healthz")
		if status != http.StatusBadRequest || !strings.Contains(text, "HTTPS") {
			t.Errorf("%d %s", status, text)
		}
	}
	for _, addr := range []string{without.Addr(), without.BackendAddr()} {
		if _, err := tls.Dial("tcp", addr, a.Client()); err == nil || !strings.Contains(err.Error(), "first record does not look like a TLS handshake") {
			t.Errorf("%v", err)
		}
	}
}

// One that is connected does not notice a new certificate; whoever comes next sees it. A pair that cannot be used changes
// nothing at either door.
func TestReloadCertificates(t *testing.T) {
	t.Parallel()
	a := trial.NewAuthority(t)
	cfg := secured(t, a)
	s := boot(t, cfg)
	serial := func(addr string) string {
		conn, err := tls.Dial("tcp", addr, a.Client())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	before := dialTLS(t, s, a)
	front, back := serial(s.Addr()), serial(s.BackendAddr())
	a.Renew(cfg.TLSCertFile, cfg.TLSKeyFile, time.Hour)
	good, err := os.ReadFile(cfg.BackendTLSKeyFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cfg.BackendTLSKeyFile, []byte("hunter2"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Reload(cfg); !config.IsError(err) || strings.Contains(err.Error(), "hunter2") {
		t.Error(err)
	}
	if err := os.WriteFile(cfg.BackendTLSKeyFile, good, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Reload(cfg); err != nil {
		t.Error(err)
	}
	if serial(s.Addr()) == front || serial(s.BackendAddr()) != back {
		t.Error("not the certificates that there are")
	}
	before.Subscribe("pubsub", "news")
}

// Files that change are noticed without anybody's saying so.
func TestCertificatesThatChange(t *testing.T) {
	t.Parallel()
	a := trial.NewAuthority(t)
	cfg := secured(t, a)
	var log lockedLog
	s := boot(t, cfg, server.WithLogger(zerolog.New(&log)))
	a.Renew(cfg.TLSCertFile, cfg.TLSKeyFile, time.Hour, "new.example.com")
	trial.Eventually(t, "the new certificate is there", func() bool {
		conn, err := tls.Dial("tcp", s.Addr(), a.Client())
		if err != nil {
			return false
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].VerifyHostname("new.example.com") == nil
	})
	if text := log.String(); !strings.Contains(text, `"door":"frontend"`) || !strings.Contains(text, "the certificate was read") {
		t.Errorf("the log says %s", text)
	}
}

// Clients without a certificate of the authority do not get as far as showing a key.
func TestClientCertificates(t *testing.T) {
	t.Parallel()
	a := trial.NewAuthority(t)
	cfg := secured(t, a)
	cfg.BackendTLSClientCAFile = a.File
	s := boot(t, cfg)
	stranger := trial.NewAuthority(t)
	for name, of := range map[string]*trial.Authority{"none": nil, "of another authority": stranger, "good": a} {
		config := a.Client()
		if of != nil {
			pair, err := tls.LoadX509KeyPair(of.Issue(time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			config.Certificates = []tls.Certificate{pair}
		}
		err := publisherTLS(t, s, config).Publish(t.Context(), "pubsub_backend", "news", 1)
		if (err == nil) != (name == "good") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What stands between the addresses and HTTP goes together: PROXY header, TLS, WebSocket.
func TestPROXYAndTLS(t *testing.T) {
	t.Parallel()
	a := trial.NewAuthority(t)
	cfg := secured(t, a)
	cfg.ProxyProtocol, cfg.BackendProxyProtocol, cfg.TrustedProxies = "required", "optional", []string{"loopback"}
	cfg.MaxConnectionsPerAddress = 1
	s := boot(t, cfg)
	shake := func(header string) int {
		conn, err := net.Dial("tcp", s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, header)
		config := a.Client()
		config.ServerName = "127.0.0.1"
		_, status := trial.Shake(t, tls.Client(conn, config), s.Addr(), "", "X-Forwarded-For: 10.10.10.10")
		return status
	}
	for i, want := range []int{101, 429} {
		if got := shake("PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\r\n"); got != want {
			t.Errorf("connection %d: status %d", i, got)
		}
	}
	if got := shake("PROXY TCP4 203.0.113.8 192.0.2.1 4711 443\r\n"); got != 101 {
		t.Errorf("another address: status %d", got)
	}
	if got := shake(""); got != 0 {
		t.Errorf("without a header: status %d", got)
	}
	if err := publisherTLS(t, s, a.Client()).Publish(t.Context(), "pubsub_backend", "news", 1); err != nil {
		t.Error(err)
	}
}

// A plain door behind PROXY headers serves what comes right behind them.
func TestPROXYOnly(t *testing.T) {
	t.Parallel()
	cfg := local()
	cfg.ProxyProtocol, cfg.TrustedProxies, cfg.MaxConnectionsPerAddress = "optional", []string{"loopback"}, 1
	s := boot(t, cfg)
	for i, want := range []int{101, 429} {
		conn, err := net.Dial("tcp", s.Addr())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, "PROXY TCP4 203.0.113.7 192.0.2.1 4711 443\r\n")
		g, got := trial.Shake(t, conn, "a", "")
		if got != want {
			t.Errorf("connection %d: status %d", i, got)
		}
		if g != nil {
			g.Subscribe("pubsub", "news")
		}
	}
	if got := trial.Status(t, "http://"+s.Addr()+"/healthz"); got != 200 {
		t.Errorf("without a header: status %d", got)
	}
}

// A server whose certificate cannot be used does not start, and says why without showing anything.
func TestCertificatesThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	a := trial.NewAuthority(t)
	good := secured(t, a)
	open := t.TempDir() + "/open.key"
	key, err := os.ReadFile(good.TLSKeyFile)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(open, key, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*server.Config){
		"tls-cert-file":                   func(c *server.Config) { c.TLSCertFile = "/nowhere" },
		"private key does not match":      func(c *server.Config) { c.TLSKeyFile = c.BackendTLSKeyFile },
		"others may access it":            func(c *server.Config) { c.TLSKeyFile = open },
		"is a directory":                  func(c *server.Config) { c.TLSKeyFile = os.TempDir() },
		"backend-tls-client-ca-file":      func(c *server.Config) { c.BackendTLSClientCAFile = c.BackendTLSKeyFile },
		"is not a regular file":           func(c *server.Config) { c.TLSCertFile = "/dev/null" },
		"not shown; it may be the secret": func(c *server.Config) { c.TLSKeyFile = "MIGHAgEAMBMGByqGSM49" },
	} {
		cfg := good
		change(&cfg)
		_, err := server.New(cfg)
		checked := server.CheckFiles(cfg)
		if !config.IsError(err) || !strings.Contains(err.Error(), want) || checked == nil || checked.Error() != err.Error() {
			t.Errorf("%s: New says %v, CheckFiles %v", want, err, checked)
		}
	}
}

// The line for curl, and the address for programs, are those of the certificate.
func TestAddressesOfTLS(t *testing.T) {
	t.Parallel()
	a := trial.NewAuthority(t)
	cfg := secured(t, a)
	s := boot(t, cfg)
	want := "curl --cacert '" + cfg.BackendTLSCertFile + "' https://" + s.BackendAddr() + "/backend -H 'X-Backend-Key: "
	if got := s.Curl(); !strings.HasPrefix(got, want) {
		t.Errorf("%s\nwant %s", got, want)
	}
	url, trust := s.BackendURL()
	if url != "https://"+s.BackendAddr()+"/backend" {
		t.Errorf("the URL is %s", url)
	}
	if err := publisherTLS(t, s, trust).Publish(t.Context(), "pubsub_backend", "news", 1); err != nil {
		t.Error(err)
	}
	if url, trust := boot(t, local()).BackendURL(); !strings.HasPrefix(url, "http://") || trust != nil {
		t.Errorf("without TLS: %s, %v", url, trust)
	}
}

type lockedLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/snorky-go/snorky/backendapi/client"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/trial"
	front "github.com/snorky-go/snorky/gateway/client"
)

// From end to end through each proxy, with our client, as deploy/PROXIES.md says.
func TestBehindProxies(t *testing.T) {
	everyProxy(t, func(t *testing.T, k kindOfProxy) {
		p := behind(t, k, nil)
		if err := k.check(filepath.Join(p.proxy.Dir, k.file)); err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), trial.Patience)
		defer cancel()
		c := p.connect()
		heard := make(chan int, 1)
		if err := c.Subscribe(ctx, "pubsub", "news", func(m front.Message) { heard <- len(m.Content) }); err != nil {
			t.Fatal(err)
		}
		publish := trial.Publisher(t, p.back, testKey)
		for _, size := range []int{1, 1000, 900_000} { // the largest needs some of everybody's buffers
			trial.Publish(t, publish, "pubsub_backend", "news", strings.Repeat("x", size))
			if got := <-heard; got != size+2 {
				t.Errorf("%d bytes came of %d", got, size+2)
			}
		}
		// A large one in the other direction: it is refused, by snorkyd and with a reason, not by the proxy.
		if err := c.Publish(ctx, "pubsub", "news", strings.Repeat("x", 60_000)); !errors.As(err, new(*front.Error)) {
			t.Errorf("a client's large message: %v", err)
		}
		for _, path := range []string{"/healthz", "/snorky.js", "/snorky.mjs"} {
			if status, _, _ := p.get("127.0.0.2", path); status != http.StatusOK {
				t.Errorf("%s: status %d", path, status)
			}
		}
		for _, path := range []string{"/", "/metrics", "/debug/pprof/"} {
			if status, _, _ := p.get("127.0.0.2", path); status != http.StatusNotFound {
				t.Errorf("%s: status %d", path, status)
			}
		}
	})
}

// snorkyd sees the client's address, and nothing that a client says about itself changes it.
func TestAddressesBehindProxies(t *testing.T) {
	everyProxy(t, func(t *testing.T, k kindOfProxy) {
		p := behind(t, k, nil, "-max-connections-per-address", "2")
		if _, status := p.shake("127.0.0.4", "Origin: https://evil.example", "X-Forwarded-For: 203.0.113.9"); status != http.StatusForbidden {
			t.Errorf("foreign origin: status %d", status)
		}
		if _, status := p.shake("127.0.0.4", "Origin: https://"+liveHost); status != http.StatusSwitchingProtocols {
			t.Errorf("own origin: status %d", status)
		}
		lies := [][]string{
			nil,
			{"X-Forwarded-For: 203.0.113.9"},
			{"X-Forwarded-For: 203.0.113.9, 127.0.0.1"},
			{"X-FORWARDED-FOR: unknown"},
			{"Forwarded: for=203.0.113.9"},
			{"X-Real-IP: 203.0.113.9"},
			{"X-Forwarded-For: 203.0.113.8", "X-Forwarded-For: 203.0.113.9"},
			{"Connection: Upgrade, X-Forwarded-For", "X-Forwarded-For: 203.0.113.9"},
		}
		for _, from := range []string{"127.0.0.2", "127.0.0.3"} {
			for i, lie := range lies {
				want := http.StatusSwitchingProtocols
				if i >= 2 {
					want = http.StatusTooManyRequests
				}
				if _, status := p.shake(from, lie...); status != want {
					t.Errorf("connection %d of %s, with %q: status %d, want %d", i, from, lie, status, want)
				}
			}
		}
		log := p.log.String()
		for _, want := range []string{`"remote":"127.0.0.2:`, `"remote":"127.0.0.3:`, `"remote":"127.0.0.4:`} {
			if !strings.Contains(log, want) {
				t.Errorf("the log has no %s:\n%s", want, log)
			}
		}
		if strings.Contains(log, "203.0.113") || strings.Contains(log, `"remote":"127.0.0.1:`) {
			t.Errorf("the log believes it:\n%s", log)
		}
	})
}

// Pings keep a connection alive on which nothing happens, for longer than the proxy would have patience without them.
func TestIdleBehindProxies(t *testing.T) {
	everyProxy(t, func(t *testing.T, k kindOfProxy) {
		p := behind(t, k, k.slow, "-ping-interval", "500ms", "-pong-timeout", "0s")
		s, status := p.shake("127.0.0.2")
		if s == nil {
			t.Fatalf("status %d", status)
		}
		s.Subscribe("pubsub", "news")
		s.Pings(12)
		trial.Publish(t, trial.Publisher(t, p.back, testKey), "pubsub_backend", "news", "still here")
		for {
			if m, code := s.Next(); string(m.Message) == `"still here"` {
				break
			} else if code != 0 {
				t.Fatalf("closed with %d", code)
			}
		}
	})
}

// A reload of the proxy does not end the connections that there are, and lets new ones in.
func TestReloadOfProxies(t *testing.T) {
	everyProxy(t, func(t *testing.T, k kindOfProxy) {
		if k.reload == nil {
			t.Skip("it ends WebSockets with a reload, as deploy/PROXIES.md says")
		}
		p := behind(t, k, nil)
		old, status := p.shake("127.0.0.2")
		if old == nil {
			t.Fatalf("status %d", status)
		}
		old.Subscribe("pubsub", "news")
		if err := k.reload(p); err != nil {
			t.Fatal(err)
		}
		publish := trial.Publisher(t, p.back, testKey)
		for i := range 20 {
			next, status := p.shake("127.0.0.3")
			if next == nil {
				t.Fatalf("connection %d while it reloads: status %d", i, status)
			}
			next.Subscribe("pubsub", "news")
			trial.Publish(t, publish, "pubsub_backend", "news", i)
			for name, s := range map[string]*trial.Socket{"before": old, "after": next} {
				if m, code := s.Next(); string(m.Message) != fmt.Sprint(i) {
					t.Fatalf("%s: got %+v, code %d, want %d", name, m, code, i)
				}
			}
		}
	})
}

// While snorkyd is away clients are told to come back, and afterwards ours are there again by themselves.
func TestRestartBehindProxies(t *testing.T) {
	everyProxy(t, func(t *testing.T, k kindOfProxy) {
		p := behind(t, k, nil, "-drain", "1s")
		c := p.connect()
		heard := make(chan string, 1000)
		ctx, cancel := context.WithTimeout(t.Context(), 2*trial.Patience)
		defer cancel()
		if err := c.Subscribe(ctx, "pubsub", "news", func(m front.Message) { heard <- string(m.Content) }); err != nil {
			t.Fatal(err)
		}
		if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		p.ends()
		if k.http {
			status, header, _ := p.get("127.0.0.2", "/healthz")
			if status != http.StatusServiceUnavailable || header.Get("Retry-After") == "" {
				t.Errorf("while it is away: status %d, %v", status, header)
			}
		}
		p.again()
		publish := trial.Publisher(t, p.back, testKey)
		trial.Eventually(t, "the client is back", func() bool {
			trial.Publish(t, publish, "pubsub_backend", "news", "back")
			select {
			case got := <-heard:
				return got == `"back"`
			case <-time.After(100 * time.Millisecond):
				return false
			}
		})
	})
}

// Where the proxy understands HTTP the backend can be reached through it, by those who may.
func TestBackendBehindProxies(t *testing.T) {
	everyProxy(t, func(t *testing.T, k kindOfProxy) {
		if !k.http {
			t.Skip("it passes the frontend on, and nothing else")
		}
		p := behind(t, k, nil)
		s, status := p.shake("127.0.0.2")
		if s == nil {
			t.Fatalf("status %d", status)
		}
		s.Subscribe("pubsub", "news")
		transport := &http.Transport{TLSClientConfig: p.tls()}
		defer transport.CloseIdleConnections()
		c, err := client.New("https://"+p.address+"/backend", testKey, client.WithTransport(transport), client.WithTimeout(trial.Patience))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 20 {
			trial.Publish(t, c, "pubsub_backend", "news", i)
			if m, code := s.Next(); string(m.Message) != fmt.Sprint(i) {
				t.Fatalf("got %+v, code %d", m, code)
			}
		}
		// 127.0.0.2 is none of those who may, whatever it says.
		if status, _, _ := p.get("127.0.0.2", "/backend"); status != http.StatusForbidden && status != http.StatusNotFound {
			t.Errorf("a stranger gets status %d", status)
		}
	})
}

// Without trusted-proxies all clients share the proxy's address: the trap that the page warns of.
func TestTrapOfUntrustedProxies(t *testing.T) {
	t.Parallel()
	k := kindsOfProxy[0]
	k.untrusted = true
	p := behind(t, k, nil, "-max-connections-per-address", "1")
	if _, status := p.shake("127.0.0.2"); status != http.StatusSwitchingProtocols {
		t.Errorf("the first: status %d", status)
	}
	if _, status := p.shake("127.0.0.3"); status != http.StatusTooManyRequests {
		t.Errorf("the second: status %d", status)
	}
}

package gateway

import (
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/limit"
	"github.com/snorky-go/snorky/actors/wire"
)

const never = 1e-6 // per second

// expectStatus asks for a connection and checks what is said, and what a refusal says besides.
func expectStatus(t *testing.T, f *front, want int, retryAfter string, lines ...string) {
	t.Helper()
	r, _ := ask(t, f.address, handshake(f.address, lines...))
	if r.StatusCode != want || r.Header.Get("Retry-After") != retryAfter || r.Close != (want != http.StatusSwitchingProtocols) {
		t.Errorf("status %s, Retry-After %q, close %v; want %d, %q", r.Status, r.Header.Get("Retry-After"), r.Close, want, retryAfter)
	}
	if want != http.StatusSwitchingProtocols {
		_, _ = io.Copy(io.Discard, r.Body)
	}
}

func TestConnectRatePerAddress(t *testing.T) {
	for name, guarded := range map[string]bool{"listener": true, "net/http": false} {
		t.Run(name, func(t *testing.T) {
			f := newFront(t, guarded, patience, Options{
				ConnectRatePerAddress: limit.Rate{PerSecond: never, Burst: 2}, MaxConnections: 100,
			})
			for range 2 {
				expectStatus(t, f, http.StatusSwitchingProtocols, "")
			}
			for range 3 {
				expectStatus(t, f, http.StatusTooManyRequests, "3600")
			}
			if rate, full := f.handler.Refused(); rate != 3 || full != 0 {
				t.Errorf("refused %d and %d", rate, full)
			}
			expectSeats(t, f.handler, 2)
			f.handler.SetConnectRates(limit.Rate{PerSecond: never, Burst: 2}, limit.Rate{PerSecond: 1, Burst: 1})
			expectStatus(t, f, http.StatusTooManyRequests, "3600") // as used up as before
			f.handler.SetConnectRates(limit.Rate{PerSecond: 1000, Burst: 1}, limit.Rate{})
			expectStatus(t, f, http.StatusSwitchingProtocols, "")
			f.handler.SetConnectRates(limit.Rate{}, limit.Rate{})
			for range 5 {
				expectStatus(t, f, http.StatusSwitchingProtocols, "")
			}
		})
	}
}

// The application is not asked about those who come too often.
func TestConnectRateComesBeforeTheAuthenticator(t *testing.T) {
	asked := 0
	f := newFront(t, true, patience, Options{
		ConnectRatePerAddress: limit.Rate{PerSecond: never, Burst: 1},
		Authenticator: judge(func(*http.Request) (actors.Principal, error) {
			asked++
			return actors.Principal{}, wire.ErrForbidden
		}),
	})
	if r, _ := ask(t, f.address, handshake(f.address)); r.StatusCode != http.StatusForbidden {
		t.Errorf("status %s", r.Status)
	}
	expectStatus(t, f, http.StatusTooManyRequests, "3600")
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	expectSeats(t, f.handler, 0)
}

func TestConnectRatePerIdentity(t *testing.T) {
	f := newFront(t, true, patience, Options{
		ConnectRatePerIdentity: limit.Rate{PerSecond: 0.1, Burst: 1},
		Authenticator: judge(func(r *http.Request) (actors.Principal, error) {
			return actors.Principal{Identity: json.RawMessage(r.Header.Get("X-Me"))}, nil
		}),
	})
	for _, nobody := range []string{"null", " null ", "", "null"} {
		expectStatus(t, f, http.StatusSwitchingProtocols, "", "X-Me: "+nobody)
	}
	expectStatus(t, f, http.StatusSwitchingProtocols, "", `X-Me: "ann"`)
	expectStatus(t, f, http.StatusTooManyRequests, "10", `X-Me: "\u0061nn"`)
	expectStatus(t, f, http.StatusSwitchingProtocols, "", `X-Me: "bob"`)
	expectStatus(t, f, http.StatusSwitchingProtocols, "", `X-Me: no JSON`)
	expectStatus(t, f, http.StatusTooManyRequests, "10", `X-Me: no JSON`)
	expectSeats(t, f.handler, 7)
}

func TestFullHandlerRefuses(t *testing.T) {
	for name, guarded := range map[string]bool{"listener": true, "net/http": false} {
		t.Run(name, func(t *testing.T) {
			f := newFront(t, guarded, patience, Options{RetryAfter: func() time.Duration { return 4001 * time.Millisecond }})
			expectStatus(t, f, http.StatusSwitchingProtocols, "")
			f.handler.SetFull(true)
			expectStatus(t, f, http.StatusServiceUnavailable, "5")
			if r, _ := ask(t, f.address, handshake(f.address, "Sec-WebSocket-Version: 8")); r.StatusCode != http.StatusUpgradeRequired {
				t.Errorf("what is wrong is told first, not %s", r.Status)
			}
			f.handler.SetFull(false)
			expectStatus(t, f, http.StatusSwitchingProtocols, "")
			if rate, full := f.handler.Refused(); rate != 0 || full != 1 {
				t.Errorf("refused %d and %d", rate, full)
			}
			expectSeats(t, f.handler, 2)
		})
	}
}

// Who says nothing does not keep out who does, however many they are, and whoever answers.
func TestSilentConnections(t *testing.T) {
	for name, o := range map[string]Options{"listener": {}, "net/http": {Authenticator: judge(welcome)}} {
		t.Run(name, func(t *testing.T) {
			f := newGuarded(t, ListenerOptions{MaxHandshakes: 60, HeaderTimeout: time.Hour}, o)
			for i := range 100 {
				conn := dial(t, f.address)
				if i%2 == 0 {
					_, _ = io.WriteString(conn, "GET /ws HTTP/1.1\r\nHost: x\r\nX-")
				}
			}
			start := time.Now()
			expectStatus(t, f, http.StatusSwitchingProtocols, "")
			if took := time.Since(start); took > patience/2 {
				t.Errorf("a client waited %v", took)
			}
			now, evicted := f.listener.Handshakes()
			if now > 60 || evicted < 40 {
				t.Errorf("%d are left, %d were closed", now, evicted)
			}
		})
	}
}

// A kept connection that has made its request is no reason to refuse others.
func TestIdleConnectionsMakeRoom(t *testing.T) {
	f := newGuarded(t, ListenerOptions{MaxHandshakes: 20}, Options{})
	f.mux.HandleFunc("/page", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	for range 30 {
		if r, _ := ask(t, f.address, "GET /page HTTP/1.1\r\nHost: x\r\n\r\n"); r.StatusCode != http.StatusOK {
			t.Fatalf("status %s", r.Status)
		}
	}
	expectStatus(t, f, http.StatusSwitchingProtocols, "")
	f.listener.SetMaxHandshakes(1000)
}

// Those who are through, and those who have gone, do not count.
func TestRefusedHandshakesAreCounted(t *testing.T) {
	for name, o := range map[string]Options{"listener": {}, "net/http": {Authenticator: judge(welcome)}} {
		t.Run(name, func(t *testing.T) {
			f := newGuarded(t, ListenerOptions{}, o)
			expectStatus(t, f, http.StatusSwitchingProtocols, "")
			_ = dial(t, f.address).Close()
			odd := dial(t, f.address)
			_, _ = io.WriteString(odd, "GET / HTTP/1.0\r\n\r\n")
			_, _ = io.Copy(io.Discard, odd)
			until(t, "nobody is left", func() bool { now, _ := f.listener.Handshakes(); return now == 0 })
		})
	}
}

func TestAcceptRate(t *testing.T) {
	f := newGuarded(t, ListenerOptions{AcceptRate: limit.Rate{PerSecond: 50, Burst: 1}}, Options{})
	start := time.Now()
	for range 6 {
		expectStatus(t, f, http.StatusSwitchingProtocols, "")
	}
	if took := time.Since(start); took < 80*time.Millisecond {
		t.Errorf("6 connections took only %v", took)
	}
	f.listener.SetAcceptRate(limit.Rate{})
	expectStatus(t, f, http.StatusSwitchingProtocols, "")
}

// Who waits because of a rate that is too low does not wait any more when it is changed, or when the end comes.
func TestAcceptRateChangesForThoseWhoWait(t *testing.T) {
	f := newGuarded(t, ListenerOptions{AcceptRate: limit.Rate{PerSecond: never, Burst: 1}}, Options{})
	for _, more := range []limit.Rate{{PerSecond: never, Burst: 2}, {PerSecond: never, Burst: 2}, {}} {
		for range 2 { // which use it up: after the second one the Listener waits
			expectStatus(t, f, http.StatusSwitchingProtocols, "")
		}
		f.listener.SetAcceptRate(more)
	}
	expectStatus(t, f, http.StatusSwitchingProtocols, "")
	f.listener.SetAcceptRate(limit.Rate{PerSecond: never, Burst: 1})
	_ = dial(t, f.address)
	_ = dial(t, f.address)
}

// busyBroker has event loops that are busy all the time.
type busyBroker struct{ *fakeBroker }

func (busyBroker) IsCrowded() bool { return true }

// Event loops that are busy for ever do not keep out clients.
func TestBusyLoopsDoNotKeepOutClients(t *testing.T) {
	f := newGuarded(t, ListenerOptions{}, Options{})
	f.handler.broker = busyBroker{f.broker}
	for range 3 * fewAccepted {
		expectStatus(t, f, http.StatusSwitchingProtocols, "")
	}
}

// newGuarded is a front whose http.Server tells its Listener what has become of connections.
func newGuarded(t *testing.T, o ListenerOptions, h Options) *front {
	t.Helper()
	f := newFrontWith(t, h, func(f *front) {
		o.Mux = f.mux
		f.listener = NewListener(f.server.Listener, f.handler, o)
		f.server.Listener, f.server.Config.ConnState = f.listener, f.listener.ConnState
	})
	return f
}

// until waits for what another goroutine brings about.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	deadline := time.After(patience)
	for !condition() {
		select {
		case <-again.C:
		case <-deadline:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

package gateway

import (
	"io"
	"net/http"
	"net/netip"
	"testing"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// Handshakes go by the options that were set last, whether they are plain or not.
func TestOptionsChange(t *testing.T) {
	f := newFront(t, true, patience, Options{})
	expect := func(what string, status int, passed int32, lines ...string) {
		t.Helper()
		before := f.passed.Load()
		if r, _ := ask(t, f.address, handshake(f.address, lines...)); r.StatusCode != status {
			t.Errorf("%s: status %s, want %d", what, r.Status, status)
		}
		if got := f.passed.Load() - before; got != passed {
			t.Errorf("%s: net/http got %d requests, want %d", what, got, passed)
		}
	}
	const foreign = "Origin: https://app.example"
	nobody := Options{Authenticator: judge(func(*http.Request) (actors.Principal, error) {
		return actors.Principal{}, wire.ErrNotAuthenticated
	})}
	expect("plain", 101, 0)
	expect("foreign page", 403, 1, foreign)
	f.handler.SetOptions(Options{Origins: []string{"https://app.example"}})
	expect("listed page", 101, 0, foreign)
	f.handler.SetOptions(nobody)
	expect("judged", 401, 1)
	f.handler.SetOptions(Options{Authenticator: judge(welcome)})
	expect("welcomed", 101, 1)
	f.handler.SetOptions(Options{})
	expect("plain again", 101, 0)
	expect("foreign page again", 403, 1, foreign)
	f.handler.SetOptions(Options{MaxConnections: 3})
	expect("the fifth", 503, 1)
	f.handler.SetOptions(Options{MaxConnections: 5})
	expect("with more room", 101, 0)
	f.handler.SetOptions(Options{MaxConnectionsPerAddress: 5})
	expect("the sixth of this address, five of which came without a bound", 429, 1)
}

// A head that was begun when nobody was judged is judged if somebody judges when it ends.
func TestAuthenticatorComesInTheMiddleOfAHead(t *testing.T) {
	f := newFront(t, true, patience, Options{})
	conn := dial(t, f.address)
	head := handshake(f.address, "Cookie: session=c")
	if _, err := io.WriteString(conn, head[:40]); err != nil {
		t.Fatal(err)
	}
	// Another connection is through, so this one is being read.
	if r, _ := ask(t, f.address, handshake(f.address)); r.StatusCode != http.StatusSwitchingProtocols {
		t.Fatal(r.Status)
	}
	asked := make(chan string, 1)
	f.handler.SetOptions(Options{Authenticator: judge(func(r *http.Request) (actors.Principal, error) {
		asked <- r.Header.Get("Cookie")
		return actors.Principal{}, wire.ErrNotAuthenticated
	})})
	if _, err := io.WriteString(conn, head[40:]); err != nil {
		t.Fatal(err)
	}
	if got := <-asked; got != "session=c" {
		t.Errorf("the Authenticator sees %q", got)
	}
}

func TestReadLimitChanges(t *testing.T) {
	p := newPeer(10)
	p.feed(clientFrame(text, "0123456789"))
	p.door.SetOptions(Options{ReadLimit: 20})
	p.feed(clientFrame(text, "01234567890123456789"))
	p.door.SetOptions(Options{ReadLimit: 5})
	p.feed(clientFrame(text, "012345"))
	if len(p.events) != 3 || p.events[1] != "text 01234567890123456789" || p.events[2] != "close 1009 false" {
		t.Errorf("got %q", p.events)
	}
}

// A message that has begun under a larger limit than it goes on under may end, and not grow.
func TestReadLimitChangesInAMessage(t *testing.T) {
	for name, c := range map[string]struct {
		next  []byte
		event string
	}{
		"nothing more": {clientFrame(continuation, ""), "text 01234567"},
		"a byte more":  {clientFrame(continuation, "8"), "close 1009 false"},
		"far more":     {announced(more, 1<<30), "close 1009 false"},
		"no end":       {announced(more, 1<<63-1), "close 1009 false"},
	} {
		p := newPeer(10)
		p.feed(clientFrame(textStart, "01234567"))
		p.door.SetOptions(Options{ReadLimit: 5})
		p.feed(c.next)
		if len(p.events) != 1 || p.events[0] != c.event {
			t.Errorf("%s: %q", name, p.events)
		}
	}
}

// Seats are counted alike whatever bounds there were when they were taken.
func TestSeatsBetweenBounds(t *testing.T) {
	s := newSeats()
	for range 3 {
		if status, _ := s.take(netip.MustParseAddrPort("192.0.2.1:1")); status != 0 {
			t.Fatal(status)
		}
	}
	s.limit(0, 2)
	if status, _ := s.take(netip.MustParseAddrPort("192.0.2.1:1")); status != http.StatusTooManyRequests {
		t.Errorf("status %d", status)
	}
	s.free(netip.MustParseAddrPort("192.0.2.1:1"))
	s.free(netip.MustParseAddrPort("192.0.2.1:1"))
	if status, _ := s.take(netip.MustParseAddrPort("192.0.2.1:1")); status != 0 {
		t.Errorf("status %d", status)
	}
	s.limit(1, 0)
	s.free(netip.MustParseAddrPort("192.0.2.1:1"))
	s.free(netip.MustParseAddrPort("192.0.2.1:1"))
	if s.taken != 0 || len(s.bySource) != 0 {
		t.Errorf("%d counted, %v", s.taken, s.bySource)
	}
}

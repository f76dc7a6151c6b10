package gateway

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors"
)

func proxies(t testing.TB, list ...string) Proxies {
	t.Helper()
	p, err := ParseProxies(list)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestParseProxies(t *testing.T) {
	for text, inside := range map[string]string{
		"10.0.0.0/8":           "10.255.0.1",
		"192.0.2.7":            "192.0.2.7",
		"2001:db8::/32":        "2001:db8:ffff::1",
		"2001:db8::1":          "2001:db8::1",
		"::ffff:10.0.0.0/104":  "10.1.2.3",
		"::ffff:192.0.2.7":     "192.0.2.7",
		"0.0.0.0/0":            "203.0.113.1",
		"::/0":                 "2001:db8::1",
		"loopback":             "::1",
		"127.0.0.1":            "::ffff:127.0.0.1",
		"fe80::/10":            "fe80::1%eth0",
		"192.0.2.128/25":       "192.0.2.200",
		"2001:db8:0:8000::/49": "2001:db8:0:8000::1",
	} {
		p := proxies(t, text)
		if !p.Trusts(netip.MustParseAddr(inside)) || p.Trusts(netip.Addr{}) || p.None() {
			t.Errorf("%s does not cover %s, or too much", text, inside)
		}
	}
	for _, text := range []string{
		"", "a", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0", "10.0.0.1:80", "[::1]", "localhost",
		"*", "all", "Loopback", "fe80::1%eth0", "::ffff:0.0.0.0/90", "10.0.0.1 ", "10.0.0.1,10.0.0.2", "010.0.0.1",
	} {
		if ValidateProxy(text) == nil {
			t.Errorf("%q is taken", text)
		}
	}
	if _, err := ParseProxies([]string{"10.0.0.0/8", "x"}); err == nil {
		t.Error("a list is taken with one that is wrong")
	}
	if p := proxies(t); !p.None() || p.Trusts(netip.MustParseAddr("127.0.0.1")) || p.Trusts(netip.Addr{}) {
		t.Error("an empty list trusts somebody")
	}
	if p := proxies(t, "unix"); p.None() || !p.Trusts(netip.Addr{}) || p.Trusts(netip.MustParseAddr("127.0.0.1")) {
		t.Error("unix is not those without an address")
	}
}

// clients are what proxies say about where requests come from, from which peer, and what is made of it where
// 10.0.0.0/8, fd00::/8 and Unix sockets are trusted.
var clients = map[string]struct {
	peer string
	says []string
	want string
}{
	"no header":                 {"10.0.0.1:1", nil, "10.0.0.1:1"},
	"one":                       {"10.0.0.1:1", []string{"203.0.113.7"}, "203.0.113.7:0"},
	"not trusted":               {"192.0.2.1:9", []string{"203.0.113.7"}, "192.0.2.1:9"},
	"peer as IPv6":              {"[::ffff:10.0.0.1]:1", []string{"203.0.113.7"}, "203.0.113.7:0"},
	"spoofed left":              {"10.0.0.1:1", []string{"127.0.0.1, 10.9.9.9, 203.0.113.7"}, "203.0.113.7:0"},
	"chain":                     {"10.0.0.1:1", []string{"6.6.6.6, 203.0.113.7, 10.0.0.3, 10.0.0.2"}, "203.0.113.7:0"},
	"chain in lines":            {"10.0.0.1:1", []string{"6.6.6.6", "203.0.113.7, 10.0.0.3", "10.0.0.2"}, "203.0.113.7:0"},
	"last line counts":          {"10.0.0.1:1", []string{"6.6.6.6", "203.0.113.7"}, "203.0.113.7:0"},
	"all trusted":               {"10.0.0.1:1", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3:0"},
	"port":                      {"10.0.0.1:1", []string{"203.0.113.7:4711"}, "203.0.113.7:4711"},
	"IPv6":                      {"10.0.0.1:1", []string{"2001:db8::7"}, "[2001:db8::7]:0"},
	"IPv6 in brackets":          {"10.0.0.1:1", []string{"[2001:db8::7]"}, "[2001:db8::7]:0"},
	"IPv6 and port":             {"10.0.0.1:1", []string{"[2001:db8::7]:443"}, "[2001:db8::7]:443"},
	"IPv4 as IPv6":              {"10.0.0.1:1", []string{"::ffff:203.0.113.7"}, "203.0.113.7:0"},
	"trusted IPv4 as IPv6":      {"10.0.0.1:1", []string{"203.0.113.7, ::ffff:10.0.0.2"}, "203.0.113.7:0"},
	"trusted IPv6 peer":         {"[fd00::1]:1", []string{"203.0.113.7, fd00::2"}, "203.0.113.7:0"},
	"blanks":                    {"10.0.0.1:1", []string{" \t203.0.113.7\t "}, "203.0.113.7:0"},
	"empty elements":            {"10.0.0.1:1", []string{"203.0.113.7,, ,\t,", ""}, "203.0.113.7:0"},
	"empty":                     {"10.0.0.1:1", []string{""}, "10.0.0.1:1"},
	"commas only":               {"10.0.0.1:1", []string{",,,", ","}, "10.0.0.1:1"},
	"garbage":                   {"10.0.0.1:1", []string{"unknown"}, "10.0.0.1:1"},
	"garbage left of the truth": {"10.0.0.1:1", []string{"<script>, 203.0.113.7"}, "203.0.113.7:0"},
	"garbage behind a proxy":    {"10.0.0.1:1", []string{"203.0.113.7, unknown, 10.0.0.2"}, "10.0.0.2:0"},
	"zone":                      {"10.0.0.1:1", []string{"fe80::1%eth0"}, "10.0.0.1:1"},
	"brackets around IPv4":      {"10.0.0.1:1", []string{"[203.0.113.7]"}, "10.0.0.1:1"},
	"port too large":            {"10.0.0.1:1", []string{"203.0.113.7:65536"}, "10.0.0.1:1"},
	"leading zeros":             {"10.0.0.1:1", []string{"203.0.113.007"}, "10.0.0.1:1"},
	"number":                    {"10.0.0.1:1", []string{"3405803783"}, "10.0.0.1:1"},
	"network":                   {"10.0.0.1:1", []string{"203.0.113.0/24"}, "10.0.0.1:1"},
	"quoted":                    {"10.0.0.1:1", []string{`"203.0.113.7"`}, "10.0.0.1:1"},
	"semicolon":                 {"10.0.0.1:1", []string{"203.0.113.7;x"}, "10.0.0.1:1"},
	"long":                      {"10.0.0.1:1", []string{strings.Repeat("1", 5000)}, "10.0.0.1:1"},
	"10,000 invented":           {"10.0.0.1:1", []string{strings.Repeat("1.1.1.1, ", 10_000) + "203.0.113.7"}, "203.0.113.7:0"},
	"10,000 trusted":            {"10.0.0.1:1", []string{"203.0.113.7" + strings.Repeat(", 10.0.0.2", 10_000)}, "203.0.113.7:0"},
	"10,000 commas":             {"10.0.0.1:1", []string{"203.0.113.7" + strings.Repeat(",", 10_000)}, "203.0.113.7:0"},
	"Unix":                      {"@", []string{"203.0.113.7"}, "203.0.113.7:0"},
	"Unix without a header":     {"@", nil, "invalid AddrPort"},
	"Unix with garbage":         {"", []string{"unknown"}, "invalid AddrPort"},
}

func TestClient(t *testing.T) {
	p := proxies(t, "10.0.0.0/8", "fd00::/8", "unix")
	for name, c := range clients {
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{"Forwarded": {"for=9.9.9.9"}, "X-Real-Ip": {"9.9.9.9"}}}
		if c.says != nil {
			r.Header[forwardedFor] = c.says
		}
		if got := p.Client(r); got.String() != c.want {
			t.Errorf("%s: got %v, want %s", name, got, c.want)
		}
		if got := (Proxies{}).Client(r); got != remoteAddress(r) {
			t.Errorf("%s: got %v where nobody is trusted", name, got)
		}
	}
}

// FuzzClient compares with splitting the whole list at once, and checks that whatever stands left of an address that is
// not a proxy's is of no account.
func FuzzClient(f *testing.F) {
	for _, c := range clients {
		f.Add(strings.Join(c.says, ","))
	}
	p := proxies(f, "10.0.0.0/8", "fd00::/8")
	peer := netip.MustParseAddrPort("10.0.0.1:1")
	f.Fuzz(func(t *testing.T, says string) {
		got := p.client(peer, http.Header{forwardedFor: {says}})
		want := peer
		parts := strings.Split(says, ",")
		for i := len(parts) - 1; i >= 0 && p.Trusts(want.Addr()); i-- {
			part := strings.Trim(parts[i], " \t")
			if part == "" {
				continue
			}
			next, ok := parseHop(part)
			if !ok {
				break
			}
			want = next
		}
		if got != want || !got.IsValid() || got.Addr().Zone() != "" || got.Addr().Is4In6() {
			t.Fatalf("%q: got %v, want %v", says, got, want)
		}
		honest := says + ", 203.0.113.7"
		if got := p.client(peer, http.Header{forwardedFor: {honest}}); got.String() != "203.0.113.7:0" {
			t.Fatalf("%q: got %v", honest, got)
		}
		if got := p.client(peer, http.Header{forwardedFor: {says, "203.0.113.7"}}); got.String() != "203.0.113.7:0" {
			t.Fatalf("%q in a line of its own: got %v", says, got)
		}
	})
}

// Whichever way a handshake goes, the broker gets the address that the proxy tells.
func TestForwardedHandshakes(t *testing.T) {
	for name, c := range map[string]struct {
		trusted []string
		lines   []string
		want    string // empty: that of the connection
		passed  int32
	}{
		"plain":             {[]string{"loopback"}, []string{"X-Forwarded-For: 203.0.113.7"}, "203.0.113.7:0", 0},
		"other case":        {[]string{"loopback"}, []string{"x-FORWARDED-for:203.0.113.7"}, "203.0.113.7:0", 0},
		"none":              {[]string{"loopback"}, nil, "", 0},
		"garbage":           {[]string{"loopback"}, []string{"X-Forwarded-For: unknown"}, "", 0},
		"two headers":       {[]string{"loopback"}, []string{"X-Forwarded-For: 6.6.6.6", "X-Forwarded-For: 203.0.113.7"}, "203.0.113.7:0", 1},
		"large":             {[]string{"loopback"}, []string{"X-Forwarded-For: " + strings.Repeat("6.6.6.6, ", 2000) + "203.0.113.7"}, "203.0.113.7:0", 1},
		"nobody is trusted": {nil, []string{"X-Forwarded-For: 203.0.113.7"}, "", 0},
		"others are":        {[]string{"192.0.2.0/24", "unix"}, []string{"X-Forwarded-For: 203.0.113.7"}, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFront(t, true, patience, Options{TrustedProxies: proxies(t, c.trusted...)})
			sent := handshake(f.address)
			sent = strings.Replace(sent, wsLine, wsLine+strings.Join(append(c.lines, ""), "\r\n"), 1)
			for i, sent := range []string{sent, strings.Replace(sent, "/ws", "/ws?x", 1)} {
				r, client := ask(t, f.address, sent)
				if r.StatusCode != http.StatusSwitchingProtocols {
					t.Fatalf("status %s", r.Status)
				}
				want := c.want
				if want == "" {
					want = client.LocalAddr().String()
				}
				if a := f.broker.next(t); a.Remote.String() != want {
					t.Errorf("request %d: attached as %v, want %s", i, a.Remote, want)
				}
				if got := f.passed.Load(); i == 0 && got != c.passed {
					t.Errorf("net/http served %d requests", got)
				}
			}
		})
	}
}

// Seats are counted for the client, not for the proxy, and the client cannot choose whose they are.
func TestSeatsOfForwardedClients(t *testing.T) {
	f := newFront(t, true, patience, Options{MaxConnectionsPerAddress: 1, TrustedProxies: proxies(t, "loopback")})
	for _, c := range []struct {
		says   string
		status int
	}{
		{"203.0.113.7", 101},
		{"203.0.113.8", 101},
		{"203.0.113.7", 429},
		{"1.2.3.4, 203.0.113.7", 429},
		{"203.0.113.9, 203.0.113.7:99", 429},
		{"2001:db8::1", 101},
		{"2001:db8::2", 429}, // the same /64
		{"unknown", 101},     // the proxy's own
		{"nobody, unknown", 429},
	} {
		if r, _ := ask(t, f.address, handshake(f.address, "X-Forwarded-For: "+c.says)); r.StatusCode != c.status {
			t.Errorf("%s: status %s, want %d", c.says, r.Status, c.status)
		}
	}
	expectSeats(t, f.handler, 4)
	for range 4 {
		a := f.broker.next(t)
		a.Door.Closed(a.Remote, 1000)
	}
	expectSeats(t, f.handler, 0)
}

type remembering struct{ asked chan string }

func (a remembering) Authenticate(r *http.Request) (actors.Principal, error) {
	a.asked <- r.RemoteAddr
	return actors.Principal{}, context.Canceled
}

// The Authenticator and the log hear of the client, not of the proxy.
func TestForwardedClientInQuestionsAndLog(t *testing.T) {
	var log lockedBuffer
	a := remembering{make(chan string, 1)}
	f := newFront(t, true, patience, Options{TrustedProxies: proxies(t, "loopback"), Authenticator: a, Logger: zerolog.New(&log)})
	if r, _ := ask(t, f.address, handshake(f.address, "X-Forwarded-For: 203.0.113.7:5")); r.StatusCode != 503 {
		t.Errorf("status %s", r.Status)
	}
	if got := <-a.asked; got != "203.0.113.7:5" {
		t.Errorf("asked about %s", got)
	}
	if got := log.String(); !strings.Contains(got, `"remote":"203.0.113.7:5"`) {
		t.Errorf("the log says %s", got)
	}
}

// aheadListener has read the first bytes of each connection, and knows where the client is.
type aheadListener struct {
	net.Listener
	n int
}

var elsewhere = &net.TCPAddr{IP: net.IPv4(203, 0, 113, 7), Port: 99}

func (l aheadListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	ahead := make([]byte, l.n)
	if n, err := io.ReadFull(conn, ahead); err != nil {
		ahead = ahead[:n]
	}
	return Replay(conn.(*net.TCPConn), ahead, elsewhere), nil
}

// Connections of which some bytes have been read are served as others, and quickly where they are plain.
func TestListenerOfReplayedConnections(t *testing.T) {
	for _, n := range []int{0, 1, 20, 100, firstBuffer - 1, firstBuffer, 2000} {
		for _, query := range []string{"", "?x"} {
			var passed atomic.Int32
			broker := newFakeBroker()
			h := New(broker, Options{})
			inner, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				passed.Add(1)
				h.ServeHTTP(w, r)
			}), ReadHeaderTimeout: patience}
			done := make(chan error, 1)
			go func() { done <- server.Serve(NewListener(aheadListener{inner, n}, h, ListenerOptions{})) }()
			sent := strings.Replace(handshake("a", "X-A: "+strings.Repeat("a", n)), "/ws", "/ws"+query, 1)
			if r, _ := ask(t, inner.Addr().String(), sent); r.StatusCode != http.StatusSwitchingProtocols {
				t.Fatalf("status %s", r.Status)
			}
			a := broker.next(t)
			if _, ok := a.Conn.(*net.TCPConn); !ok || a.Remote.String() != elsewhere.String() {
				t.Errorf("%d bytes ahead: attached %T of %v", n, a.Conn, a.Remote)
			}
			if quick := query == "" && n < firstBuffer; quick != (passed.Load() == 0) {
				t.Errorf("%d bytes ahead: net/http served %d requests", n, passed.Load())
			}
			broker.closeAll()
			_ = server.Close()
			if err := <-done; !errors.Is(err, http.ErrServerClosed) {
				t.Error(err)
			}
		}
	}
}

package gateway

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

func TestMain(m *testing.M) {
	// net/http lets a refused client read the refusal for half a second, in a goroutine that nobody can wait for.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// fakeBroker takes connections and does nothing with them.
type fakeBroker struct {
	err      error
	attached chan actors.Attachment

	mu    sync.Mutex
	conns []net.Conn
}

func newFakeBroker() *fakeBroker { return &fakeBroker{attached: make(chan actors.Attachment, 100)} }

func (b *fakeBroker) Attach(a actors.Attachment) error {
	if b.err != nil {
		return b.err
	}
	b.mu.Lock()
	b.conns = append(b.conns, a.Conn)
	b.mu.Unlock()
	b.attached <- a
	return nil
}

// next waits for the next connection; it may come a little after the client has its answer.
func (b *fakeBroker) next(t *testing.T) actors.Attachment {
	t.Helper()
	select {
	case a := <-b.attached:
		return a
	case <-time.After(patience):
		t.Fatal("no connection was attached")
		return actors.Attachment{}
	}
}

func (b *fakeBroker) closeAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, conn := range b.conns {
		_ = conn.Close()
	}
}

// serve starts a server with a Handler and returns its address.
func serve(t *testing.T, o Options) (address string, broker *fakeBroker, h *Handler) {
	t.Helper()
	broker = newFakeBroker()
	h = New(broker, o)
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	t.Cleanup(broker.closeAll)
	return server.Listener.Addr().String(), broker, h
}

// handshake is a correct request, after which the lines that are given are added; one that starts with the name of a
// header of the request replaces it, and "-Name" removes it.
func handshake(host string, lines ...string) string {
	request := []string{
		"GET /ws HTTP/1.1", "Host: " + host, "Upgrade: websocket", "Connection: Upgrade",
		"Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
	}
next:
	for _, line := range lines {
		name, _, _ := strings.Cut(line, ":")
		for i, old := range request {
			if n, _, _ := strings.Cut(old, ":"); strings.EqualFold(n, strings.TrimPrefix(name, "-")) {
				request[i] = line
				if strings.HasPrefix(line, "-") {
					request[i] = "X-Nothing: 1"
				}
				continue next
			}
		}
		request = append(request, line)
	}
	return strings.Join(request, "\r\n") + "\r\n\r\n"
}

// ask sends raw bytes and returns the answer's head. The connection is closed with the test.
func ask(t *testing.T, address, request string) (*http.Response, net.Conn) {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("no answer: %v", err)
	}
	return response, conn
}

func TestHandshake(t *testing.T) {
	address, broker, h := serve(t, Options{})
	for name, lines := range map[string][]string{
		"plain":                  nil,
		"lists and other case":   {"Upgrade: foo, WebSocket", "Connection: keep-alive, upgrade"},
		"offers of subprotocols": {"Sec-WebSocket-Protocol: chat, " + strings.Repeat(" ", 8000) + "superchat"},
		"offers of extensions":   {"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=99, foo; bar"},
		"own origin":             {"Origin: http://" + address},
	} {
		t.Run(name, func(t *testing.T) {
			r, conn := ask(t, address, handshake(address, lines...))
			if r.StatusCode != http.StatusSwitchingProtocols {
				t.Fatalf("status %s", r.Status)
			}
			if got := r.Header.Get("Sec-WebSocket-Accept"); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" { // RFC 6455 section 1.3
				t.Errorf("accept value %q", got)
			}
			for _, header := range []string{"Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"} {
				if got := r.Header.Values(header); len(got) > 0 {
					t.Errorf("%s: %q", header, got)
				}
			}
			a := broker.next(t)
			if _, ok := a.Conn.(*net.TCPConn); !ok || a.Door != h || a.Remote.String() != conn.LocalAddr().String() {
				t.Errorf("attached %T of %v with door %v", a.Conn, a.Remote, a.Door)
			}
		})
	}
}

func TestHandshakeRefused(t *testing.T) {
	address, broker, _ := serve(t, Options{})
	for name, c := range map[string]struct {
		request string
		status  int
		header  string // that the answer must have
	}{
		"no upgrade":           {"GET /ws HTTP/1.1\r\nHost: a\r\n\r\n", 400, ""},
		"no Upgrade header":    {handshake(address, "-Upgrade"), 400, ""},
		"no Connection header": {handshake(address, "-Connection"), 400, ""},
		"no key":               {handshake(address, "-Sec-WebSocket-Key"), 400, ""},
		"short key":            {handshake(address, "Sec-WebSocket-Key: YWJj"), 400, ""},
		"key of other letters": {handshake(address, "Sec-WebSocket-Key: ????????????????????????"), 400, ""},
		"version 8":            {handshake(address, "Sec-WebSocket-Version: 8"), 426, "Sec-Websocket-Version: 13"},
		"version 12":           {handshake(address, "Sec-WebSocket-Version: 12"), 426, "Upgrade: websocket"},
		"version 130":          {handshake(address, "Sec-WebSocket-Version: 130"), 426, "Connection: Upgrade"},
		"no version":           {handshake(address, "-Sec-WebSocket-Version"), 426, "Sec-Websocket-Version: 13"},
		"POST":                 {strings.Replace(handshake(address), "GET", "POST", 1), 405, "Allow: GET"},
		"HEAD":                 {strings.Replace(handshake(address), "GET", "HEAD", 1), 405, "Allow: GET"},
		"HTTP/1.0":             {strings.Replace(handshake(address), "HTTP/1.1", "HTTP/1.0", 1), 400, ""},
		"foreign origin":       {handshake(address, "Origin: https://evil.example"), 403, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r, _ := ask(t, address, c.request)
			if r.StatusCode != c.status {
				t.Errorf("status %s, want %d", r.Status, c.status)
			}
			if name, value, _ := strings.Cut(c.header, ": "); r.Header.Get(name) != value {
				t.Errorf("%s: %q, want %q", name, r.Header.Get(name), value)
			}
		})
	}
	if n := len(broker.attached); n > 0 {
		t.Errorf("%d connections were attached", n)
	}
}

// Bytes that come before the answer to the handshake are no WebSocket's: the connection ends.
func TestFrameGluedToTheHandshake(t *testing.T) {
	address, broker, h := serve(t, Options{MaxConnections: 1})
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, handshake(address)+string(clientFrame(text, "too early"))); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(conn); errors.Is(err, net.ErrClosed) || bytes.Contains(got, []byte("101")) {
		t.Errorf("got %q, error %v", got, err)
	}
	if len(broker.attached) > 0 {
		t.Error("attached")
	}
	expectSeats(t, h, 0)
}

// expectSeats waits until so many connections are counted.
func expectSeats(t *testing.T, h *Handler, want int) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		h.seats.mu.Lock()
		got, sources := h.seats.taken, len(h.seats.bySource)
		h.seats.mu.Unlock()
		if got == want && sources <= want {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("%d connections of %d sources counted, want %d", got, sources, want)
		case <-tick.C:
		}
	}
}

func TestTooManyConnections(t *testing.T) {
	address, broker, h := serve(t, Options{MaxConnections: 2})
	expect := func(status int) *http.Response {
		t.Helper()
		r, _ := ask(t, address, handshake(address))
		if r.StatusCode != status {
			t.Fatalf("status %s, want %d", r.Status, status)
		}
		return r
	}
	expect(101)
	if r, _ := ask(t, address, handshake(address, "Sec-WebSocket-Key: x")); r.StatusCode != 400 {
		t.Fatalf("status %s", r.Status)
	}
	expect(101)
	if r := expect(503); r.Header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	h.Closed(broker.next(t).Remote, wire.CloseNormal)
	expect(101)
	expect(503)
}

func TestTooManyConnectionsOfOneAddress(t *testing.T) {
	address, broker, h := serve(t, Options{MaxConnectionsPerAddress: 1})
	for i, status := range []int{101, 429, 429} {
		r, _ := ask(t, address, handshake(address))
		if r.StatusCode != status {
			t.Fatalf("connection %d: status %s, want %d", i, r.Status, status)
		}
	}
	h.Closed(broker.next(t).Remote, wire.CloseAbnormal)
	expectSeats(t, h, 0)
	if r, _ := ask(t, address, handshake(address)); r.StatusCode != 101 {
		t.Errorf("status %s", r.Status)
	}
}

func TestClosedHandlerRefuses(t *testing.T) {
	address, _, h := serve(t, Options{})
	h.Close()
	if r, _ := ask(t, address, handshake(address)); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("status %s, Retry-After %q", r.Status, r.Header.Get("Retry-After"))
	}
}

func TestBrokerThatDoesNotTake(t *testing.T) {
	address, broker, h := serve(t, Options{RetryAfter: func() time.Duration { return 2500 * time.Millisecond }})
	broker.err = actors.ErrStopped
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(conn, handshake(address))
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Errorf("the connection is still there: %v", err)
	}
	_, frame, _ := bytes.Cut(answer, []byte("\r\n\r\n"))
	if want := wire.AppendCloseFrame(nil, wire.CloseGoingAway, "server is going away; reconnect in 2500 ms"); !bytes.Equal(frame, want) {
		t.Errorf("turned away with %q", frame)
	}
	expectSeats(t, h, 0)
}

func TestRetryAfter(t *testing.T) {
	for name, test := range map[string]struct {
		asked     func() time.Duration
		low, high int
	}{
		"nobody says":    {nil, 5, 10},
		"nothing to say": {func() time.Duration { return 0 }, 5, 10},
		"whole seconds":  {func() time.Duration { return 3 * time.Second }, 3, 3},
		"rounded up":     {func() time.Duration { return 3*time.Second + 1 }, 4, 4},
		"far too long":   {func() time.Duration { return 1<<63 - 1 }, 600, 600},
	} {
		t.Run(name, func(t *testing.T) {
			address, _, h := serve(t, Options{RetryAfter: test.asked})
			h.Close()
			seen := map[string]bool{}
			for range 40 {
				r, _ := ask(t, address, handshake(address))
				after := r.Header.Get("Retry-After")
				if n, err := strconv.Atoi(after); err != nil || n < test.low || n > test.high {
					t.Errorf("Retry-After %q, want %d to %d", after, test.low, test.high)
				}
				seen[after] = true
			}
			if (len(seen) == 1) != (test.low == test.high) {
				t.Errorf("refused together, they come back after %v", seen)
			}
		})
	}
}

func TestSeats(t *testing.T) {
	at := netip.MustParseAddrPort
	for name, c := range map[string]struct {
		first, second string
		status        int
	}{
		"same address":             {"192.0.2.1:1", "192.0.2.1:2", 429},
		"same address, mapped":     {"192.0.2.1:1", "[::ffff:192.0.2.1]:2", 429},
		"neighbours":               {"192.0.2.1:1", "192.0.2.2:1", 0},
		"same network of IPv6":     {"[2001:db8::1]:1", "[2001:db8::ffff:1]:1", 429},
		"same network, with zones": {"[fe80::1%eth0]:1", "[fe80::2%eth1]:1", 429},
		"other network of IPv6":    {"[2001:db8::1]:1", "[2001:db8:0:1::1]:1", 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSeats()
			s.limit(0, 1)
			if status, _ := s.take(at(c.first)); status != 0 {
				t.Fatalf("the first gets %d", status)
			}
			if status, reason := s.take(at(c.second)); status != c.status || (status != 0) != (reason != "") {
				t.Errorf("the second gets %d %q, want %d", status, reason, c.status)
			}
			s.free(at(c.first))
			if status, _ := s.take(at(c.first)); status != 0 && c.status != 0 {
				t.Errorf("after the first has gone: %d", status)
			}
		})
	}
	t.Run("no address", func(t *testing.T) {
		s := newSeats()
		s.limit(0, 1)
		for range 3 {
			if status, _ := s.take(netip.AddrPort{}); status != 0 {
				t.Errorf("status %d", status)
			}
		}
		for range 3 {
			s.free(netip.AddrPort{})
		}
		if s.taken != 0 || len(s.bySource) != 0 {
			t.Errorf("%d counted, %v", s.taken, s.bySource)
		}
	})
}

// A stranger chooses what is logged about him, so it is cut, harmless on a terminal, and not a line per attempt.
func TestLogOfRefusals(t *testing.T) {
	var log lockedBuffer
	address, _, h := serve(t, Options{Logger: zerolog.New(&log)})
	origin := "http://evil\u202e\u009b.example/" + strings.Repeat("x", 5000)
	for range 200 {
		if r, _ := ask(t, address, handshake(address, "Origin: "+origin)); r.StatusCode != 403 {
			t.Fatalf("status %s", r.Status)
		}
	}
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) >= 200 {
		t.Errorf("%d lines", len(lines))
	}
	if line := lines[0]; !strings.Contains(line, `"status":403`) || !strings.Contains(line, "evil") || len(line) > 600 ||
		strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r > '~' }) {
		t.Errorf("line %q", line)
	}
	h.Close()
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"http://a.example":            "http://a.example",
		"a\nb\x1b[31m":                `a\nb\x1b[31m`,
		"\u202e\xff":                  `\u202e\xff`,
		strings.Repeat("x", 101):      strings.Repeat("x", 100) + "...",
		strings.Repeat("x", 99) + "é": strings.Repeat("x", 99) + "...",
		strings.Repeat("\x80", 200):   strings.Repeat(`\x80`, 96) + "...",
	} {
		if got := printable(in); got != want {
			t.Errorf("printable(%q) = %q, want %q", in, got, want)
		}
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestRemoteAddress(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1:80":          "192.0.2.1:80",
		"[::ffff:192.0.2.1]:80": "192.0.2.1:80",
		"[2001:db8::1]:80":      "[2001:db8::1]:80",
		"@":                     "invalid AddrPort",
		"":                      "invalid AddrPort",
	} {
		if got := fmt.Sprint(remoteAddress(&http.Request{RemoteAddr: in})); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
}

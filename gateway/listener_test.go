package gateway

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors"
)

// front is an http.Server with the Handler at /ws, and perhaps a Listener in front of it.
type front struct {
	address string
	broker  *fakeBroker
	handler *Handler
	mux     *http.ServeMux
	server  *httptest.Server

	listener *Listener    // nil: it is of no interest
	passed   atomic.Int32 // requests that the http.Server got
}

func newFront(t *testing.T, guarded bool, headerTimeout time.Duration, o Options) *front {
	t.Helper()
	return newFrontWith(t, o, func(f *front) {
		f.server.Config.ReadHeaderTimeout = headerTimeout
		if guarded {
			f.server.Listener = NewListener(f.server.Listener, f.handler, ListenerOptions{HeaderTimeout: headerTimeout, Mux: f.mux})
		}
	})
}

// newFrontWith starts a front after it was changed.
func newFrontWith(t *testing.T, o Options, change func(*front)) *front {
	t.Helper()
	f := &front{broker: newFakeBroker(), mux: http.NewServeMux()}
	f.handler = New(f.broker, o)
	f.mux.Handle("/ws", f.handler)
	f.server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.passed.Add(1)
		f.mux.ServeHTTP(w, r)
	}))
	f.server.Config.ErrorLog = nil
	change(f)
	f.server.Start()
	f.address = f.server.Listener.Addr().String()
	t.Cleanup(f.server.Close)
	t.Cleanup(f.broker.closeAll)
	return f
}

func dial(t *testing.T, address string) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return conn.(*net.TCPConn)
}

var dateLine = regexp.MustCompile(`Date: [^\r]*`)

// tell sends pieces, the last of which ends what the client says if that is asked for, and returns all that comes back
// until the server closes. The fakeBroker does so at once.
func (f *front) tell(t *testing.T, finish bool, pieces ...string) string {
	t.Helper()
	conn := dial(t, f.address)
	for _, piece := range pieces {
		_, _ = io.WriteString(conn, piece) // a server that refuses early does not read all of it
	}
	if finish {
		_ = conn.CloseWrite()
	}
	answer, err := io.ReadAll(conn)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		t.Errorf("%.80q is not answered", strings.Join(pieces, ""))
	}
	return dateLine.ReplaceAllString(string(answer), "Date: now")
}

// closing is a broker that closes what it gets.
type closingBroker struct{ *fakeBroker }

func (b closingBroker) Attach(a actors.Attachment) error {
	_ = a.Conn.Close()
	a.Door.Closed(a.Remote, 1000)
	return nil
}

// requests are what clients say, beside the heads of head_test.go, and whether they say no more then.
var requests = map[string]struct {
	sent   string
	finish bool
}{
	"other page":           {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false},
	"two requests":         {"GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false},
	"body":                 {"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc", false},
	"no upgrade":           {"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false},
	"bad key":              {handshake("a", "Sec-WebSocket-Key: x"), true},
	"version 8":            {handshake("a", "Sec-WebSocket-Version: 8"), true},
	"foreign origin":       {handshake("a", "Origin: https://evil.example"), true},
	"own origin":           {handshake("a", "Origin: http://a"), false},
	"tokens":               {handshake("a", "Upgrade: websocketx"), true},
	"glued":                {handshake("a") + string(clientFrame(text, "early")), false},
	"glued, large":         {handshake("a") + strings.Repeat("x", 10_000), false},
	"1 KiB, and no more":   {handshake("a", "X-A: "+strings.Repeat("a", firstBuffer-len(handshake("a"))-len("X-A: \r\n"))), false},
	"more than 1 KiB":      {handshake("a", "X-A: "+strings.Repeat("a", 2000)), false},
	"4 KiB, and no more":   {handshake("a", "X-A: "+strings.Repeat("a", largestHead-len(handshake("a"))-len("X-A: \r\n"))), false},
	"4 KiB and a byte":     {handshake("a", "X-A: "+strings.Repeat("a", largestHead-len(handshake("a"))-len("X-A: \r\n")+1)), false},
	"large":                {handshake("a", "X-A: "+strings.Repeat("a", 100_000)), false},
	"too large":            {handshake("a", "X-A: "+strings.Repeat("a", 2<<20)), false},
	"many headers":         {handshake("a", strings.TrimSuffix(strings.Repeat("X-A: b\r\n", 300), "\r\n")), false},
	"ends at once":         {"", true},
	"ends in the line":     {"GET /w", true},
	"ends after the line":  {wsLine, true},
	"ends in a header":     {handshake("a")[:60], true},
	"ends before the last": {strings.TrimSuffix(handshake("a"), "\n"), true},
}

// From outside, nobody can tell whether there is a Listener.
func TestListenerAnswersAsNetHTTP(t *testing.T) {
	open := func(guarded bool) *front {
		f := newFront(t, guarded, patience, Options{})
		f.handler.broker = closingBroker{f.broker}
		return f
	}
	behind, alone := open(true), open(false)
	all := map[string]struct {
		sent   string
		finish bool
	}{}
	for name, c := range heads() {
		all["head: "+name] = struct {
			sent   string
			finish bool
		}{c.sent, true}
	}
	maps.Copy(all, requests)
	for name, c := range all {
		t.Run(name, func(t *testing.T) {
			want := alone.tell(t, c.finish, c.sent)
			if got := behind.tell(t, c.finish, c.sent); got != want {
				t.Errorf("%.100q\ngot  %q\nwant %q", c.sent, got, want)
			}
			cut := len(c.sent) / 3 // inside of the first head
			if got := behind.tell(t, c.finish, c.sent[:cut], c.sent[cut:]); got != want {
				t.Errorf("%.100q in two pieces\ngot  %q\nwant %q", c.sent, got, want)
			}
		})
	}
	expectSeats(t, behind.handler, 0)
}

// A handshake may be cut anywhere.
func TestListenerReadsPieces(t *testing.T) {
	f := newFront(t, true, patience, Options{})
	f.handler.broker = closingBroker{f.broker}
	for _, sent := range []string{handshake("a"), strings.Replace(handshake("a"), "/ws", "/ws?q", 1)} {
		for cut := range len(sent) {
			if got := f.tell(t, false, sent[:cut], sent[cut:]); !strings.HasPrefix(got, "HTTP/1.1 101 ") {
				t.Fatalf("%q and %q: got %q", sent[:cut], sent[cut:], got)
			}
		}
	}
}

// Heads that do not go on are cut off in time, with the answer that net/http has for them.
func TestListenerTimeout(t *testing.T) {
	const limit = time.Second
	behind, alone := newFront(t, true, limit, Options{}), newFront(t, false, limit, Options{})
	for name, sent := range map[string]string{
		"nothing": "", "a byte": "G", "half a line": "GET /w", "the line": wsLine, "half a head": handshake("a")[:70],
		"all but a byte": strings.TrimSuffix(handshake("a"), "\n"), "odd": "GET /x HT",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := alone.tell(t, false, sent)
			if got := behind.tell(t, false, sent); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// Whoever has shaken hands is not held to the time for it.
func TestBareLiftsTheDeadline(t *testing.T) {
	conn := replay(t, time.Time{}).TCPConn
	_ = conn.SetDeadline(time.Now().Add(-time.Second))
	got := bare(unhurried{conn})
	if got != net.Conn(conn) {
		t.Errorf("got %T", got)
	}
	if n, err := got.Read(make([]byte, 10)); n != 5 || err != nil {
		t.Errorf("read %d bytes, %v", n, err)
	}
	if _, err := got.Write([]byte("y")); err != nil {
		t.Errorf("writing: %v", err)
	}
}

// Until then gorilla cannot lift it.
func TestUnhurriedKeepsItsDeadline(t *testing.T) {
	c := unhurried{replay(t, time.Time{}).TCPConn}
	_ = c.TCPConn.SetDeadline(time.Now().Add(-time.Second))
	_ = c.SetDeadline(time.Time{})
	_ = c.SetWriteDeadline(time.Time{})
	if _, err := c.Write([]byte("y")); errTimeout(err) == nil {
		t.Errorf("got %v, want a timeout", err)
	}
}

// The broker gets a socket, whichever way the handshake went, and the client's address.
func TestListenerAttachesSockets(t *testing.T) {
	f := newFront(t, true, patience, Options{MaxConnectionsPerAddress: 100})
	for _, c := range []struct {
		request string
		passed  int32
	}{
		{handshake(f.address), 0},
		{handshake(f.address, "Origin: http://"+f.address), 0},
		{strings.Replace(handshake(f.address), "/ws", "/ws?token=1", 1), 1},
		{handshake(f.address, "X-A: "+strings.Repeat("a", 5000)), 1},
	} {
		before := f.passed.Load()
		r, client := ask(t, f.address, c.request)
		if r.StatusCode != http.StatusSwitchingProtocols {
			t.Fatalf("status %s", r.Status)
		}
		a := f.broker.next(t)
		if _, ok := a.Conn.(*net.TCPConn); !ok || a.Remote.String() != client.LocalAddr().String() || a.Door != f.handler {
			t.Errorf("attached %T of %v with door %v", a.Conn, a.Remote, a.Door)
		}
		if got := f.passed.Load() - before; got != c.passed {
			t.Errorf("net/http served %d requests, want %d", got, c.passed)
		}
	}
	expectSeats(t, f.handler, 4)
}

// What the mux gives to another handler is not the WebSocket's.
func TestListenerAsksTheMux(t *testing.T) {
	f := newFront(t, true, patience, Options{})
	f.mux.HandleFunc("other.example/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	for host, want := range map[string]int{"a.example": 101, "other.example": http.StatusTeapot} {
		if r, _ := ask(t, f.address, handshake(host)); r.StatusCode != want {
			t.Errorf("%s: status %s, want %d", host, r.Status, want)
		}
	}
}

// Refusals are net/http's to write and the Handler's to log, once.
func TestListenerRefuses(t *testing.T) {
	var log lockedBuffer
	f := newFront(t, true, patience, Options{MaxConnections: 1, Logger: zerolog.New(&log)})
	expect := func(status int, lines ...string) {
		t.Helper()
		if r, _ := ask(t, f.address, handshake(f.address, lines...)); r.StatusCode != status {
			t.Fatalf("status %s, want %d", r.Status, status)
		}
	}
	expect(403, "Origin: https://evil.example")
	expect(400, "Sec-WebSocket-Key: x")
	expect(101)
	expect(503)
	f.handler.Close()
	expect(503)
	if got := strings.Count(log.String(), "handshake refused"); got != 4 {
		t.Errorf("%d lines:\n%s", got, log.String())
	}
	expectSeats(t, f.handler, 1)
}

type panickingBroker struct{}

func (panickingBroker) Attach(actors.Attachment) error { panic("boo") }

func TestListenerSurvivesPanics(t *testing.T) {
	var log lockedBuffer
	f := newFront(t, true, patience, Options{Logger: zerolog.New(&log)})
	f.handler.broker = panickingBroker{}
	for range 3 {
		if got := f.tell(t, false, handshake("a")); !strings.HasPrefix(got, "HTTP/1.1 101 ") {
			t.Errorf("got %q", got)
		}
	}
	if got := log.String(); strings.Count(got, "boo") < 3 || f.passed.Load() != 0 {
		t.Errorf("%d requests passed, the log says %s", f.passed.Load(), got)
	}
}

func TestListenerOfABrokerThatDoesNotTake(t *testing.T) {
	f := newFront(t, true, patience, Options{})
	f.broker.err = actors.ErrStopped
	if got := f.tell(t, false, handshake("a")); !strings.HasPrefix(got, "HTTP/1.1 101 ") {
		t.Errorf("got %q", got)
	}
	expectSeats(t, f.handler, 0)
}

// Handshakes leave little garbage. With net/http it would be several times as much.
func TestHandshakeAllocations(t *testing.T) {
	h := New(quietBroker{}, Options{})
	l := NewListener(nil, h, ListenerOptions{Mux: http.NewServeMux()})
	l.options.Mux.Handle("/ws", h)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client := dial(t, listener.Addr().String())
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	sent := []byte(handshake("127.0.0.1", "Origin: http://127.0.0.1"))
	answer := make([]byte, 1000)
	allocations := testing.AllocsPerRun(200, func() {
		var parsed head
		if parsed.parse(sent, l.requestLine) != plain || !l.greet(server.(*net.TCPConn), server.RemoteAddr(), sent, &parsed) {
			t.Fatal("refused")
		}
		n := 0
		for !bytes.HasSuffix(answer[:n], []byte("\r\n\r\n")) {
			k, err := client.Read(answer[n:])
			if n += k; err != nil {
				t.Fatal(err)
			}
		}
	})
	if allocations > 16 { // 10, and more where the race detector has pools lose what is in them
		t.Errorf("%v allocations", allocations)
	}
}

// quietBroker keeps nothing.
type quietBroker struct{}

func (quietBroker) Attach(actors.Attachment) error { return nil }

package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// judge is an Authenticator made of a function.
type judge func(*http.Request) (actors.Principal, error)

func (j judge) Authenticate(r *http.Request) (actors.Principal, error) { return j(r) }

// welcome admits everybody.
func welcome(*http.Request) (actors.Principal, error) { return actors.Principal{}, nil }

// body is what else an answer says.
func body(t *testing.T, r *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The Authenticator sees the whole handshake, and what it says goes with the connection.
func TestAuthenticatorNamesClients(t *testing.T) {
	until := time.Now().Add(time.Hour)
	f := newFront(t, true, patience, Options{Authenticator: judge(func(r *http.Request) (actors.Principal, error) {
		cookie, err := r.Cookie("session")
		if err != nil {
			return actors.Principal{}, wire.ErrNotAuthenticated
		}
		name := r.URL.Query().Get("name") + " " + r.Header.Get("Authorization") + " " + cookie.Value
		return actors.Principal{Identity: json.RawMessage(`"` + name + `"`), Claims: json.RawMessage(`{"a":1}`), Expires: until}, nil
	})})
	request := strings.Replace(handshake(f.address, "Authorization: Bearer b", "Cookie: session=c"), "/ws", "/ws?name=ann", 1)
	if r, _ := ask(t, f.address, request); r.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("status %s", r.Status)
	}
	got := f.broker.next(t).Principal
	if string(got.Identity) != `"ann Bearer b c"` || string(got.Claims) != `{"a":1}` || !got.Expires.Equal(until) {
		t.Errorf("attached %s, %s, %v", got.Identity, got.Claims, got.Expires)
	}
	if f.passed.Load() != 1 {
		t.Error("the Listener answered by itself")
	}
}

func TestAuthenticatorRefuses(t *testing.T) {
	var log lockedBuffer
	var verdict error
	f := newFront(t, true, patience, Options{
		Logger:        zerolog.New(&log),
		Authenticator: judge(func(*http.Request) (actors.Principal, error) { return actors.Principal{}, verdict }),
		RetryAfter:    func() time.Duration { return 6001 * time.Millisecond },
	})
	for name, c := range map[string]struct {
		err    error
		status int
		header string
		body   string
	}{
		"no credentials":  {wire.ErrNotAuthenticated, 401, "Www-Authenticate: Bearer", "Not authenticated\n"},
		"bad credentials": {fmt.Errorf("%w: detail", wire.ErrInvalidToken), 401, "Www-Authenticate: Bearer", "Invalid token\n"},
		"forbidden":       {fmt.Errorf("detail: %w", wire.ErrForbidden), 403, "", "Forbidden\n"},
		"own text":        {wire.NewError("forbidden", "Suspended"), 403, "", "Suspended\n"},
		"unavailable":     {wire.ErrUnavailable, 503, "Retry-After: 7", "Temporarily unavailable\n"},
		"any other error": {errors.New("detail"), 503, "Retry-After: 7", "Service Unavailable\n"},
	} {
		t.Run(name, func(t *testing.T) {
			verdict = c.err
			r, _ := ask(t, f.address, handshake(f.address))
			if r.StatusCode != c.status {
				t.Errorf("status %s, want %d", r.Status, c.status)
			}
			if name, value, _ := strings.Cut(c.header, ": "); r.Header.Get(name) != value {
				t.Errorf("%s: %q, want %q", name, r.Header.Get(name), value)
			}
			if got := body(t, r); got != c.body {
				t.Errorf("body %q, want %q", got, c.body)
			}
			expectSeats(t, f.handler, 0)
		})
	}
	if !strings.Contains(log.String(), "Invalid token: detail") {
		t.Errorf("the log says %s", log.String())
	}
	if len(f.broker.attached) > 0 {
		t.Error("a connection was attached")
	}
}

// With an Authenticator, too, nobody can tell from outside whether there is a Listener.
func TestListenerAnswersAsNetHTTPWithAnAuthenticator(t *testing.T) {
	open := func(guarded bool) *front {
		f := newFront(t, guarded, patience, Options{Authenticator: judge(func(r *http.Request) (actors.Principal, error) {
			if r.Header.Get("Authorization") == "" {
				return actors.Principal{}, wire.ErrNotAuthenticated
			}
			return actors.Principal{}, nil
		})})
		f.handler.broker = closingBroker{f.broker}
		return f
	}
	behind, alone := open(true), open(false)
	all := map[string]string{}
	for name, c := range requests {
		all[name] = c.sent
	}
	for name, c := range heads() {
		all["head: "+name] = c.sent
	}
	for name, sent := range all {
		t.Run(name, func(t *testing.T) {
			for _, sent := range []string{sent, strings.Replace(sent, wsLine, wsLine+"Authorization: x\r\n", 1)} {
				want := alone.tell(t, true, sent)
				if got := behind.tell(t, true, sent); got != want {
					t.Errorf("%.100q\ngot  %q\nwant %q", sent, got, want)
				}
			}
		})
	}
	expectSeats(t, behind.handler, 0)
}

// Nobody is asked who is refused in any case: a foreign page may not use the cookies of its visitors.
func TestAuthenticatorIsAskedLast(t *testing.T) {
	var asked atomic.Int32
	f := newFront(t, true, patience, Options{MaxConnections: 1, Authenticator: judge(func(*http.Request) (actors.Principal, error) {
		asked.Add(1)
		return actors.Principal{}, nil
	})})
	expect := func(what string, status int, request string) {
		t.Helper()
		if r, _ := ask(t, f.address, request); r.StatusCode != status {
			t.Errorf("%s: status %s, want %d", what, r.Status, status)
		}
	}
	expect("foreign origin", 403, handshake(f.address, "Origin: https://evil.example"))
	expect("no upgrade", 400, "GET /ws HTTP/1.1\r\nHost: a\r\n\r\n")
	expect("version", 426, handshake(f.address, "Sec-WebSocket-Version: 8"))
	expect("method", 405, strings.Replace(handshake(f.address), "GET", "POST", 1))
	if n := asked.Load(); n != 0 {
		t.Errorf("asked %d times", n)
	}
	expect("bad key", 400, handshake(f.address, "Sec-WebSocket-Key: x"))
	expect("first", 101, handshake(f.address))
	before := asked.Load()
	expect("no room", 503, handshake(f.address))
	f.handler.Close()
	expect("closed", 503, handshake(f.address))
	if n := asked.Load(); n != before {
		t.Errorf("asked %d times more", n-before)
	}
}

// thinking is an Authenticator that takes its time for those who ask for it.
type thinking struct {
	begun chan struct{}
	ended chan error
}

func newThinking() thinking { return thinking{make(chan struct{}, 10), make(chan error, 10)} }

func (j thinking) Authenticate(r *http.Request) (actors.Principal, error) {
	if r.URL.RawQuery == "" {
		return actors.Principal{}, nil
	}
	j.begun <- struct{}{}
	<-r.Context().Done()
	j.ended <- r.Context().Err()
	return actors.Principal{}, r.Context().Err()
}

func slow(address string) string { return strings.Replace(handshake(address), "/ws", "/ws?slow", 1) }

// wait takes what has to come.
func wait[T any](t *testing.T, from <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-from:
	case <-time.After(patience):
		t.Fatal("nothing happens")
	}
	return v
}

// Clients about whom there is much to think hold up nobody, and are bounded in number.
func TestSlowAuthentication(t *testing.T) {
	j := newThinking()
	f := newFront(t, true, patience, Options{Authenticator: j, MaxAuthenticating: 2})
	first := dial(t, f.address)
	_, _ = io.WriteString(first, slow(f.address))
	wait(t, j.begun)
	if r, _ := ask(t, f.address, handshake(f.address)); r.StatusCode != 101 {
		t.Errorf("another client: status %s", r.Status)
	}
	second := dial(t, f.address)
	_, _ = io.WriteString(second, slow(f.address))
	wait(t, j.begun)
	r, _ := ask(t, f.address, handshake(f.address))
	if got := body(t, r); r.StatusCode != 503 || r.Header.Get("Retry-After") == "" || got != "Temporarily unavailable\n" {
		t.Errorf("one too many: status %s, %q", r.Status, got)
	}
	_ = first.Close() // who leaves is no longer thought about
	if err := wait(t, j.ended); err == nil {
		t.Error("the context goes on")
	}
	expectSeats(t, f.handler, 2)
	if r, _ := ask(t, f.address, handshake(f.address)); r.StatusCode != 101 {
		t.Errorf("after one has left: status %s", r.Status)
	}
}

func TestAuthenticationTimeout(t *testing.T) {
	f := newFront(t, true, patience, Options{Authenticator: newThinking(), AuthenticationTimeout: 20 * time.Millisecond})
	if r, _ := ask(t, f.address, slow(f.address)); r.StatusCode != 503 {
		t.Errorf("status %s", r.Status)
	}
	expectSeats(t, f.handler, 0)
}

// Closing ends the checks, and what they say no longer counts.
func TestCloseDuringAuthentication(t *testing.T) {
	begun := make(chan struct{})
	f := newFront(t, true, patience, Options{Authenticator: judge(func(r *http.Request) (actors.Principal, error) {
		close(begun)
		<-r.Context().Done()
		return actors.Principal{}, nil
	})})
	conn := dial(t, f.address)
	_, _ = io.WriteString(conn, handshake(f.address))
	wait(t, begun)
	f.handler.Close()
	_ = conn.CloseWrite()
	if got, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(got), "HTTP/1.1 503 ") {
		t.Errorf("got %q, %v", got, err)
	}
	expectSeats(t, f.handler, 0)
}

func TestAuthenticatorThatPanics(t *testing.T) {
	var log lockedBuffer
	f := newFront(t, true, patience, Options{
		Logger:        zerolog.New(&log),
		Authenticator: judge(func(*http.Request) (actors.Principal, error) { panic("boo") }),
	})
	if r, _ := ask(t, f.address, handshake(f.address)); r.StatusCode != 503 {
		t.Errorf("status %s", r.Status)
	}
	expectSeats(t, f.handler, 0)
	if n := f.handler.checks.Load(); n != 0 || !strings.Contains(log.String(), "boo") {
		t.Errorf("%d checks are left, the log says %s", n, log.String())
	}
}

// What a client says in its query is nobody's business.
func TestLogHasNoQueries(t *testing.T) {
	var log lockedBuffer
	f := newFront(t, true, patience, Options{Logger: zerolog.New(&log), Authenticator: judge(welcome)})
	for _, lines := range [][]string{{"Origin: https://evil.example"}, {"Sec-WebSocket-Key: x"}, {"Sec-WebSocket-Version: 8"}} {
		request := strings.Replace(handshake(f.address, lines...), "/ws", "/ws?access_token=sesame", 1)
		if r, _ := ask(t, f.address, request); r.StatusCode == 101 {
			t.Errorf("status %s", r.Status)
		}
	}
	if got := log.String(); strings.Count(got, "handshake refused") != 3 || strings.Contains(got, "sesame") {
		t.Errorf("the log says %s", got)
	}
}

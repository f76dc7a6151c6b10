package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/snorky-go/snorky/actors/wire"
	"github.com/snorky-go/snorky/cmd/snorkyd/config"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/outlet"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/trial"
)

// subject is a process whose configuration file changes.
type subject struct {
	trialRun
	t           *testing.T
	file        string
	front, back string
	socket      *trial.Socket // one for the whole test
	after       bool          // the configuration has changed
	reads       int
	ending      bool
}

func subjectOf(t *testing.T, text string) *subject {
	t.Helper()
	s := &subject{t: t, file: filepath.Join(t.TempDir(), "snorkyd.toml")}
	s.write(text)
	s.front, s.back = freePorts(t)
	args := []string{"-config", s.file}
	loader := config.Loader{Program: program, About: about, Defaults: config.Default()}
	env := []string{"SNORKY_FRONTEND=" + s.front, "SNORKY_BACKEND=" + s.back, "SNORKY_ADMIN=none"}
	load := func() (config.Command, error) { return loader.Load(args, env) }
	command, err := load()
	if err != nil {
		t.Fatal(err)
	}
	s.signals, s.ended = make(chan os.Signal, 8), make(chan error, 1)
	s.p = &process{command: command, load: load, signals: s.signals, stdout: outlet.New(&s.out), stderr: outlet.New(&s.trialRun.log)}
	go func() {
		err := s.p.serve()
		s.p.stdout.Close(flushTime)
		s.p.stderr.Close(flushTime)
		s.ended <- err
	}()
	t.Cleanup(func() {
		if !s.ending {
			s.signals <- syscall.SIGTERM
		}
		if err := <-s.ended; err != nil {
			t.Errorf("ended with %v\n%s", err, s.trialRun.log.String())
		}
	})
	trial.Eventually(t, "it is well", func() bool { return trial.Status(t, "http://"+s.front+"/healthz") == 200 })
	return s
}

func (s *subject) write(text string) {
	s.t.Helper()
	if err := os.WriteFile(s.file, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

const wasRead = `"message":"SIGHUP: the configuration was read"`

// becomes has the process read another text.
func (s *subject) becomes(text string) {
	s.t.Helper()
	s.write(text)
	s.reads++
	s.signals <- syscall.SIGHUP
	trial.Eventually(s.t, "it was read", func() bool {
		log := s.trialRun.log.String()
		if strings.Contains(log, "stays as it was") {
			s.t.Fatal(log)
		}
		return strings.Count(log, wasRead) >= s.reads
	})
	s.after = true
}

func (s *subject) status(query string, lines ...string) string {
	_, status := trial.DialWith(s.t, s.front, query, lines...)
	return fmt.Sprint(status)
}

// client connects, or fails the test.
func (s *subject) client(query string, lines ...string) *trial.Socket {
	s.t.Helper()
	socket, status := trial.DialWith(s.t, s.front, query, lines...)
	if socket == nil {
		s.t.Fatalf("status %d\n%s", status, s.trialRun.log.String())
	}
	return socket
}

func (s *subject) who(query string, lines ...string) string {
	return string(s.client(query, lines...).Call("session", "whoami", "{}").Data)
}

// said is an answer, or a refusal, in short.
func said(m trial.Message) string {
	if m.Type == "response" {
		return "yes"
	}
	return strings.Trim(string(m.Message), `"`)
}

func (s *subject) publishes(key, body string) string {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, "http://"+s.back+"/backend", strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("X-Backend-Key", key)
	r.Close = true
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	return fmt.Sprint(response.StatusCode)
}

func publication(channel, message string) string {
	return fmt.Sprintf(`{"service":"pubsub_backend","message":{"command":"publish","params":{"channel":%q,"message":%q},"callId":1}}`, channel, message)
}

// flood publishes 5 MB to a client that does not read meanwhile.
func (s *subject) flood() *trial.Socket {
	socket := trial.Subscribe(s.t, s.front, "pubsub", "flood")
	for range 320 {
		if got := s.publishes(testKey, publication("flood", strings.Repeat("x", 16<<10))); got != "200" {
			s.t.Fatal(got)
		}
	}
	return socket
}

// reads320 tells whether the client gets all of a flood, or the code with which it is closed.
func reads320(socket *trial.Socket) string {
	for range 320 {
		if _, code := socket.Next(); code != 0 {
			return fmt.Sprint(code)
		}
	}
	return "all"
}

const (
	secretA = "the-secret-of-application-a-0123456789"
	secretB = "the-secret-of-application-b-0123456789"
)

func base64url(v []byte) string { return base64.RawURLEncoding.EncodeToString(v) }

// hs256 is a token.
func hs256(secret, claims string) string {
	signed := base64url([]byte(`{"alg":"HS256"}`)) + "." + base64url([]byte(claims))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(signed))
	return "?access_token=" + signed + "." + base64url(mac.Sum(nil))
}

// lasting are claims of a token that is good for an hour.
func lasting(more string) string {
	return fmt.Sprintf(`{"sub":"ann","user":"bob","exp":%d%s}`, time.Now().Add(time.Hour).Unix(), more)
}

// keyPair is one of an application that signs with ES256.
type keyPair struct{ *ecdsa.PrivateKey }

func newKeyPair(t *testing.T) keyPair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return keyPair{key}
}

func (k keyPair) token(t *testing.T) string {
	t.Helper()
	signed := base64url([]byte(`{"alg":"ES256"}`)) + "." + base64url([]byte(lasting("")))
	sum := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, k.PrivateKey, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	return "?access_token=" + signed + "." + base64url(signature)
}

func (k keyPair) point(t *testing.T) []byte {
	t.Helper()
	public, err := k.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return public
}

func (k keyPair) jwks(t *testing.T) string {
	t.Helper()
	point := k.point(t)
	return fmt.Sprintf(`{"keys":[{"kty":"EC","crv":"P-256","x":%q,"y":%q}]}`, base64url(point[1:33]), base64url(point[33:]))
}

func (k keyPair) pem(t *testing.T) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// page is a server with one answer for everybody.
func page(t *testing.T, text string) (url string, asked *atomic.Int32) {
	t.Helper()
	asked = new(atomic.Int32)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

// probe is a setting at work: what is seen with one text of the configuration and with the next.
type probe struct {
	before, after string
	always        string // is in both
	setup         func(s *subject)
	see           func(s *subject) string
	want          [2]string
}

func probes(t *testing.T) map[string]probe {
	one, two := newKeyPair(t), newKeyPair(t)
	allows, _ := page(t, `{"allow":true,"identity":"ann"}`)
	denies, _ := page(t, `{"allow":false}`)
	urlOne, _ := page(t, one.jwks(t))
	urlTwo, asked := page(t, two.jwks(t))
	late := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(time.Second):
		case <-r.Context().Done():
		}
		_, _ = io.WriteString(w, `{"allow":true}`)
	}))
	t.Cleanup(late.Close)
	var most, now atomic.Int32
	counting := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		most.Store(max(most.Load(), now.Add(1)))
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for n := 0; most.Load() < 2 && n < 500; n++ {
			<-tick.C
		}
		now.Add(-1)
		_, _ = io.WriteString(w, `{"allow":true}`)
	}))
	t.Cleanup(counting.Close)
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, `{"allow":true,"identity":"%v"}`, strings.Contains(string(body), "house"))
	}))
	t.Cleanup(echo.Close)
	hangs := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(hangs.Close)

	file := func(text string) string { return fmt.Sprintf("%q\n", keyFile(t, text)) }
	tokens := "token-secret-file = " + file(secretA)
	asks := "[[pubsub]]\nname = \"pubsub\"\npublish = \"application\"\n"
	open := func(s *subject) { s.socket = s.client("") }
	publish := func(s *subject) string {
		return said(s.client("").Call("pubsub", "publish", `{"channel":"c","message":1}`))
	}
	drowned := func(line string) func(*subject) string {
		return func(s *subject) string {
			socket := s.flood()
			if !s.after {
				return reads320(socket)
			}
			s.says(s.t, line)
			return "cut off"
		}
	}
	admitted := func(query string) func(*subject) string {
		return func(s *subject) string { return s.status(query) }
	}
	expired := fmt.Sprintf(`{"sub":"ann","exp":%d}`, time.Now().Add(-time.Minute).Unix())
	return map[string]probe{
		"key-file": {
			before: "key-file = " + file(testKey), after: "key-file = " + file("another-key-0123456789"),
			see:  func(s *subject) string { return s.publishes("another-key-0123456789", publication("c", "x")) },
			want: [2]string{"401", "200"},
		},
		"allow-origin": {
			after: `allow-origin = "https://app.example"`, want: [2]string{"403", "101"},
			see: func(s *subject) string { return s.status("", "Origin: https://app.example") },
		},
		"max-connections":             {before: `max-connections = 1`, after: `max-connections = 2`, setup: open, see: admitted(""), want: [2]string{"503", "101"}},
		"max-connections-per-address": {before: `max-connections-per-address = 1`, after: `max-connections-per-address = 2`, setup: open, see: admitted(""), want: [2]string{"429", "101"}},
		"max-subscriptions": {
			before: `max-subscriptions = 1`, after: `max-subscriptions = 2`, want: [2]string{"Too many subscriptions", "yes"},
			setup: func(s *subject) { s.socket = trial.Subscribe(s.t, s.front, "pubsub", "a") },
			see:   func(s *subject) string { return said(s.socket.Call("pubsub", "subscribe", `{"channel":"b"}`)) },
		},
		"max-channel-name": {
			before: `max-channel-name = 3`, after: `max-channel-name = 4`, want: [2]string{"Channel name too long", "yes"}, setup: open,
			see: func(s *subject) string { return said(s.socket.Call("pubsub", "subscribe", `{"channel":"four"}`)) },
		},
		"read-limit": {
			before: `read-limit = 1024`, after: `read-limit = 128`, want: [2]string{"yes", "1009"}, setup: open,
			see: func(s *subject) string {
				s.socket.Send(`{"service":"pubsub","message":{"command":"subscribe","params":{"channel":"` + strings.Repeat("x", 200) + `"},"callId":1}}`)
				m, code := s.socket.Next()
				if code != 0 {
					return fmt.Sprint(code)
				}
				return said(m)
			},
		},

		"token-secret-file": {before: tokens, after: "token-secret-file = " + file(secretB), see: admitted(hs256(secretB, lasting(""))), want: [2]string{"401", "101"}},
		"token-key-file":    {before: "token-key-file = " + file(one.pem(t)), after: "token-key-file = " + file(two.pem(t)), see: admitted(two.token(t)), want: [2]string{"401", "101"}},
		"token-jwks-file":   {before: "token-jwks-file = " + file(one.jwks(t)), after: "token-jwks-file = " + file(two.jwks(t)), see: admitted(two.token(t)), want: [2]string{"401", "101"}},
		"token-jwks-url":    {before: fmt.Sprintf("token-jwks-url = %q", urlOne), after: fmt.Sprintf("token-jwks-url = %q", urlTwo), see: admitted(two.token(t)), want: [2]string{"401", "101"}},
		"token-jwks-refresh": {
			always: fmt.Sprintf("token-jwks-url = %q\n", urlTwo+"/refresh"), after: `token-jwks-refresh = "10s"`, want: [2]string{"", "again"},
			see: func(s *subject) string {
				if !s.after {
					return ""
				}
				known := asked.Load()
				trial.Eventually(s.t, "it is read again", func() bool { return asked.Load() > known })
				return "again"
			},
		},
		"token-algorithms":     {always: "token-secret-file = " + file(secretA+secretA), before: `token-algorithms = "HS384"`, after: `token-algorithms = "HS256"`, see: admitted(hs256(secretA+secretA, lasting(""))), want: [2]string{"401", "101"}},
		"token-audience":       {always: tokens, before: `token-audience = "x"`, after: `token-audience = "us"`, see: admitted(hs256(secretA, lasting(`,"aud":"us"`))), want: [2]string{"401", "101"}},
		"token-issuer":         {always: tokens, before: `token-issuer = "x"`, after: `token-issuer = "app"`, see: admitted(hs256(secretA, lasting(`,"iss":"app"`))), want: [2]string{"401", "101"}},
		"token-leeway":         {always: tokens, after: `token-leeway = "1h"`, see: admitted(hs256(secretA, expired)), want: [2]string{"401", "101"}},
		"token-unlimited":      {always: tokens, after: `token-unlimited = true`, see: admitted(hs256(secretA, `{"sub":"ann"}`)), want: [2]string{"401", "101"}},
		"token-identity-claim": {always: tokens, after: `token-identity-claim = "user"`, see: func(s *subject) string { return s.who(hs256(secretA, lasting(""))) }, want: [2]string{`"ann"`, `"bob"`}},
		"token-sources":        {always: tokens, before: `token-sources = "header"`, after: `token-sources = "query"`, see: func(s *subject) string { return s.who(hs256(secretA, lasting(""))) }, want: [2]string{`null`, `"ann"`}},
		"token-cookie": {
			always: tokens + "token-sources = \"cookie\"\n", before: `token-cookie = "a"`, after: `token-cookie = "b"`, want: [2]string{`null`, `"ann"`},
			see: func(s *subject) string {
				return s.who("", "Cookie: b="+strings.TrimPrefix(hs256(secretA, lasting("")), "?access_token="))
			},
		},
		"require-identity": {always: tokens + "token-sources = \"query\"\n", after: `require-identity = true`, see: admitted(""), want: [2]string{"101", "401"}},
		"auth-timeout": {
			always: tokens + "require-identity = true\n", before: `auth-timeout = "1h"`, after: `auth-timeout = "100ms"`, want: [2]string{"null", fmt.Sprint(wire.CloseUnauthenticated)},
			see: func(s *subject) string {
				if !s.after {
					return s.who("")
				}
				_, code := s.client("").Next()
				return fmt.Sprint(code)
			},
		},
		"expiry-notice": {
			always: tokens + "token-leeway = \"0s\"\n", before: `expiry-notice = "100ms"`, after: `expiry-notice = "1h"`, want: [2]string{"late", "early"},
			see: func(s *subject) string {
				soon := fmt.Sprintf(`{"sub":"ann","exp":%d}`, time.Now().Add(6*time.Second).Unix())
				if m, _ := s.client(hs256(secretA, soon)).Next(); m.Type == "expiring" && m.ExpiresIn > 0 {
					return "early"
				}
				return "late"
			},
		},

		"application-url":     {always: asks, before: fmt.Sprintf("application-url = %q\n", denies), after: fmt.Sprintf("application-url = %q\n", allows), see: publish, want: [2]string{"Not authorized", "yes"}},
		"application-connect": {always: tokens + fmt.Sprintf("application-url = %q\n", allows), after: `application-connect = true`, see: func(s *subject) string { return s.who("") }, want: [2]string{"null", `"ann"`}},
		"application-timeout": {
			always: asks, before: fmt.Sprintf("application-url = %q\napplication-timeout = \"100ms\"\n", late.URL),
			after: fmt.Sprintf("application-url = %q\napplication-timeout = \"30s\"\n", late.URL), see: publish, want: [2]string{"Authorization unavailable", "yes"},
		},
		"application-max-calls": {
			always: asks, before: fmt.Sprintf("application-url = %q\napplication-max-calls = 1\n", counting.URL),
			after: fmt.Sprintf("application-url = %q\napplication-max-calls = 2\n", counting.URL), want: [2]string{"1", "2"},
			see: func(s *subject) string {
				a, b := s.client(""), s.client("")
				const request = `{"service":"pubsub","message":{"command":"publish","params":{"channel":"c","message":1},"callId":1}}`
				a.Send(request)
				b.Send(request)
				_, _ = a.Next()
				_, _ = b.Next()
				return fmt.Sprint(most.Load())
			},
		},
		"application-headers": {
			always: tokens + fmt.Sprintf("application-url = %q\napplication-connect = true\n", echo.URL), after: `application-headers = "X-Session"`,
			see: func(s *subject) string { return s.who("", "X-Session: house") }, want: [2]string{`"false"`, `"true"`},
		},

		"max-queued": {before: `max-queued = "64MiB"`, after: `max-queued = "4KiB"`, see: drowned("slow reader cut off"), want: [2]string{"all", "cut off"}},
		"write-timeout": {
			always: "max-queued = \"64MiB\"\n", before: `write-timeout = "1h"`, after: `write-timeout = "100ms"`, want: [2]string{"all", "cut off"},
			see: drowned("reader takes nothing, cut off"),
		},
		"ping-interval": {
			always: "pong-timeout = \"0s\"\n", before: `ping-interval = "1h"`, after: `ping-interval = "100ms"`, want: [2]string{"yes", "ping"}, setup: open,
			see: func(s *subject) string {
				if !s.after {
					return said(s.socket.Call("pubsub", "subscribe", `{"channel":"a"}`))
				}
				if op, _, err := s.socket.Frame(); err != nil || op != wire.OpPing {
					return fmt.Sprint(op, err)
				}
				return "ping"
			},
		},
		"pong-timeout": {
			always: "ping-interval = \"100ms\"\n", before: `pong-timeout = "1h"`, after: `pong-timeout = "300ms"`, want: [2]string{"ping", fmt.Sprint(wire.ClosePongTimeout)}, setup: open,
			see: func(s *subject) string {
				if s.after {
					_, code := s.socket.Next()
					return fmt.Sprint(code)
				}
				if op, _, err := s.socket.Frame(); err != nil || op != wire.OpPing {
					return fmt.Sprint(op, err)
				}
				return "ping"
			},
		},
		"backend-max-body": {before: `backend-max-body = 128`, after: `backend-max-body = 2048`, see: func(s *subject) string { return s.publishes(testKey, publication("c", strings.Repeat("x", 500))) }, want: [2]string{"413", "200"}},
		"backend-timeout": {
			before: `backend-timeout = "1h"`, after: `backend-timeout = "100ms"`, want: [2]string{"", "HTTP/1.1 408"},
			see: func(s *subject) string {
				if !s.after {
					return ""
				}
				conn, err := new(net.Dialer).DialContext(s.t.Context(), "tcp", s.back)
				if err != nil {
					s.t.Fatal(err)
				}
				defer conn.Close()
				_, _ = fmt.Fprintf(conn, "POST /backend HTTP/1.1\r\nHost: x\r\nX-Backend-Key: %s\r\nContent-Length: 9\r\n\r\n{", testKey)
				_ = conn.SetDeadline(time.Now().Add(trial.Patience))
				var first [12]byte
				_, _ = io.ReadFull(conn, first[:])
				return string(first[:])
			},
		},
		"call-timeout": {
			before: fmt.Sprintf("token-jwks-url = %q\n", hangs.URL+"/1"), after: fmt.Sprintf("token-jwks-url = %q\ncall-timeout = \"1s\"", hangs.URL+"/2"), want: [2]string{"Temporarily unavailable", "Internal error"},
			see: func(s *subject) string {
				token := strings.TrimPrefix(two.token(s.t), "?access_token=")
				return said(s.client("").Call("session", "authenticate", fmt.Sprintf(`{"token":%q}`, token)))
			},
		},
		"drain": {
			after: `drain = "3s"`, want: [2]string{"", "3s"},
			see: func(s *subject) string {
				if s.after {
					s.ending = true
					s.signals <- syscall.SIGTERM
					s.says(s.t, `"within":"3s"`)
					return "3s"
				}
				return ""
			},
		},
		"log-level": {
			before: `log-level = "error"`, after: `log-level = "info"`, want: [2]string{"silent", "told"},
			see: func(s *subject) string {
				s.status("", "Origin: https://evil.example")
				if s.after {
					s.says(s.t, "handshake refused")
				}
				if strings.Contains(s.trialRun.log.String(), "handshake refused") {
					return "told"
				}
				return "silent"
			},
		},
		"pubsub": {
			before: "[[pubsub]]\nname = \"pubsub\"\n", after: "[[pubsub]]\nname = \"pubsub\"\npublish = \"everybody\"\n", setup: open, want: [2]string{"Not authorized", "yes"},
			see: func(s *subject) string {
				return said(s.socket.Call("pubsub", "publish", `{"channel":"c","message":1}`))
			},
		},
	}
}

// elsewhere are the settings whose work cannot be seen from outside, with the tests that see it.
var elsewhere = map[string]string{
	"max-pending": "actors.TestPendingBoundChanges",
	"max-backlog": "actors.TestBacklogBoundChanges",
	"send-buffer": "actors.TestSendBufferChanges",
}

// Each setting that is said to take effect with SIGHUP does.
func TestSIGHUPChangesEachLiveSetting(t *testing.T) {
	t.Parallel()
	all := probes(t)
	maps.Copy(all, limitProbes(t))
	for _, setting := range config.Settings() {
		if _, is := all[setting.Name]; setting.Live != (is || elsewhere[setting.Name] != "") {
			t.Errorf("%s: live %v, and a probe %v", setting.Name, setting.Live, is)
		}
	}
	for name, p := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			always := p.always
			if name != "key-file" {
				always = fmt.Sprintf("key-file = %q\n", keyFile(t, testKey)) + always
			}
			text := func(changing string) string { // settings before tables
				if table := strings.Index(always, "[["); table >= 0 {
					return always[:table] + changing + "\n" + always[table:]
				}
				return always + changing + "\n"
			}
			s := subjectOf(t, text(p.before))
			if p.setup != nil {
				p.setup(s)
			}
			before := p.see(s)
			s.becomes(text(p.after))
			if got := [2]string{before, p.see(s)}; got != p.want {
				t.Errorf("got %q, want %q\n%s", got, p.want, s.trialRun.log.String())
			}
			if !strings.Contains(s.trialRun.log.String(), `"`+name) {
				t.Errorf("the log does not name it:\n%s", s.trialRun.log.String())
			}
		})
	}
}

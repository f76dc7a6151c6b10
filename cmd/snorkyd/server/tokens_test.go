package server_test

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors/wire"
	"github.com/snorky-go/snorky/cmd/snorkyd/config"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/trial"
	"github.com/snorky-go/snorky/cmd/snorkyd/server"
	"github.com/snorky-go/snorky/gateway/client"
)

const tokenSecret = "a-secret-that-only-the-application-has"

func encoded(v []byte) string { return base64.RawURLEncoding.EncodeToString(v) }

func claims(sub string, lifetime time.Duration) string {
	return fmt.Sprintf(`{"sub":%q,"exp":%d}`, sub, time.Now().Add(lifetime).Unix())
}

// jwt is a token for sub, of an application with this secret.
func jwt(secret, sub string, lifetime time.Duration) string {
	signed := encoded([]byte(`{"alg":"HS256"}`)) + "." + encoded([]byte(claims(sub, lifetime)))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(signed))
	return signed + "." + encoded(mac.Sum(nil))
}

// withTokens is a server whose application has tokenSecret.
func withTokens(t *testing.T, change func(*server.Config), options ...server.Option) *server.Server {
	t.Helper()
	cfg := local()
	cfg.TokenSecretFile = keyFile(t, tokenSecret+"\n")
	if change != nil {
		change(&cfg)
	}
	return boot(t, cfg, options...)
}

func whoIs(t *testing.T, s *trial.Socket) string {
	t.Helper()
	if s == nil {
		t.Fatal("not connected")
	}
	return string(s.Call("session", "whoami", "{}").Data)
}

func authenticate(s *trial.Socket, token string) trial.Message {
	return s.Call("session", "authenticate", fmt.Sprintf(`{"token":%q}`, token))
}

func TestTokensOfEachSource(t *testing.T) {
	t.Parallel()
	s := withTokens(t, func(c *server.Config) { c.TokenSources = []string{"query", "header", "cookie", "session"} })
	token, other, bad := jwt(tokenSecret, "ann", time.Hour), jwt(tokenSecret, "bob", time.Hour), jwt("another-secret", "ann", time.Hour)
	header, cookie := "Authorization: Bearer "+token, "Cookie: access_token="+token
	for name, c := range map[string]struct {
		query  string
		lines  []string
		status int
		who    string
	}{
		"nothing":         {"", nil, 101, "null"},
		"query":           {"?access_token=" + token, nil, 101, `"ann"`},
		"header":          {"", []string{header}, 101, `"ann"`},
		"cookie":          {"", []string{cookie}, 101, `"ann"`},
		"everywhere":      {"?access_token=" + token, []string{header, cookie}, 101, `"ann"`},
		"bad query":       {"?access_token=" + bad, nil, 401, ""},
		"bad header":      {"", []string{"Authorization: Bearer " + bad}, 401, ""},
		"bad cookie":      {"", []string{"Cookie: access_token=" + bad}, 401, ""},
		"expired":         {"?access_token=" + jwt(tokenSecret, "ann", -time.Hour), nil, 401, ""},
		"different ones":  {"?access_token=" + other, []string{header}, 401, ""},
		"other parameter": {"?token=" + token, nil, 101, "null"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			socket, status := trial.DialWith(t, s.Addr(), c.query, c.lines...)
			if status != c.status {
				t.Fatalf("status %d, want %d", status, c.status)
			}
			if c.who == "" {
				return
			}
			if got := whoIs(t, socket); got != c.who {
				t.Errorf("it is %s, want %s", got, c.who)
			}
			if c.who != "null" {
				return
			}
			if m := authenticate(socket, bad); m.Type != "error" || string(m.Message) != `"Invalid token"` {
				t.Errorf("%+v", m)
			}
			if m := authenticate(socket, token); m.Type != "response" || !strings.HasPrefix(string(m.Data), `{"identity":"ann","expiresIn":3`) {
				t.Errorf("%+v", m)
			}
			if got := whoIs(t, socket); got != `"ann"` {
				t.Errorf("it is %s", got)
			}
			if m := authenticate(socket, other); string(m.Message) != `"Identity cannot change"` {
				t.Errorf("%+v", m)
			}
		})
	}
}

// A token counts where it may stand, and nowhere else.
func TestTokenSourcesThatAreOff(t *testing.T) {
	t.Parallel()
	token := jwt(tokenSecret, "ann", time.Hour)
	s := withTokens(t, func(c *server.Config) { c.TokenSources = []string{"cookie"}; c.TokenCookie = "id" })
	for _, lines := range [][]string{{"Authorization: Bearer " + token}, {"Cookie: access_token=" + token}, {"Cookie: id="}} {
		socket, _ := trial.DialWith(t, s.Addr(), "?access_token="+token, lines...)
		if got := whoIs(t, socket); got != "null" {
			t.Errorf("%s: it is %s", lines, got)
		}
		if m := authenticate(socket, token); string(m.Message) != `"Not authenticated"` {
			t.Errorf("%+v", m)
		}
	}
	socket, _ := trial.DialWith(t, s.Addr(), "", "Cookie: id="+token)
	if m := authenticate(socket, jwt(tokenSecret, "ann", 2*time.Hour)); m.Type != "response" { // renewing is always possible
		t.Errorf("%+v", m)
	}
}

// Without tokens nothing of them is there.
func TestNoTokens(t *testing.T) {
	t.Parallel()
	s := boot(t, local())
	socket, status := trial.DialWith(t, s.Addr(), "?access_token=x", "Authorization: Bearer x")
	if status != 101 {
		t.Fatalf("status %d", status)
	}
	socket.Send(`{"service":"session","message":{"command":"whoami","params":{}}}`)
	if m := socket.Call("pubsub", "subscribe", `{"channel":"c"}`); m.Type != "response" || string(m.Data) != "null" {
		t.Errorf("%+v", m)
	}
}

func TestRequireIdentityAtTheHandshake(t *testing.T) {
	t.Parallel()
	s := withTokens(t, func(c *server.Config) { c.RequireIdentity, c.TokenSources = true, []string{"header"} })
	for want, lines := range map[int][]string{
		401: nil, 101: {"Authorization: Bearer " + jwt(tokenSecret, "ann", time.Hour)},
	} {
		socket, status := trial.DialWith(t, s.Addr(), "", lines...)
		if status != want {
			t.Errorf("%s: status %d", lines, status)
		}
		if status == 101 && socket.Call("pubsub", "subscribe", `{"channel":"c"}`).Type != "response" {
			t.Error("a client with a token may do nothing")
		}
	}
}

func TestRequireIdentityBySession(t *testing.T) {
	t.Parallel()
	s := withTokens(t, func(c *server.Config) { c.RequireIdentity, c.AuthTimeout = true, time.Second })
	late, _ := trial.Dial(t, s.Addr())
	socket, status := trial.Dial(t, s.Addr())
	if status != 101 {
		t.Fatalf("status %d", status)
	}
	if m := socket.Call("announcements", "subscribe", `{"channel":"c"}`); string(m.Message) != `"Not authenticated"` {
		t.Errorf("%+v", m)
	}
	if m := authenticate(socket, jwt(tokenSecret, "ann", time.Hour)); m.Type != "response" {
		t.Errorf("%+v", m)
	}
	if m := socket.Call("announcements", "subscribe", `{"channel":"c"}`); m.Type != "response" {
		t.Errorf("%+v", m)
	}
	if _, code := late.Next(); code != wire.CloseUnauthenticated {
		t.Errorf("closed with %d", code)
	}
	if got := whoIs(t, socket); got != `"ann"` {
		t.Errorf("it is %s", got)
	}
}

// Who renews in time goes on, on the same connection; who does not has to come back with another token.
func TestTokenExpires(t *testing.T) {
	t.Parallel()
	s := withTokens(t, func(c *server.Config) { c.ExpiryNotice = time.Second })
	query := func() string { return "?access_token=" + jwt(tokenSecret, "ann", 2*time.Second) }
	lazy, _ := trial.DialWith(t, s.Addr(), query())
	busy, _ := trial.DialWith(t, s.Addr(), query())
	for _, socket := range []*trial.Socket{lazy, busy} {
		if m, code := socket.Next(); m.Type != "expiring" || m.ExpiresIn > 1 || code != 0 {
			t.Fatalf("%+v, code %d", m, code)
		}
	}
	if m := authenticate(busy, jwt(tokenSecret, "ann", time.Hour)); m.Type != "response" {
		t.Fatalf("%+v", m)
	}
	if m, code := lazy.Next(); code != wire.CloseExpired {
		t.Errorf("%+v, code %d", m, code)
	}
	if got := whoIs(t, busy); got != `"ann"` {
		t.Errorf("it is %s", got)
	}
}

// The Go client renews its token on the one connection that it has.
func TestGoClientRenews(t *testing.T) {
	t.Parallel()
	s := withTokens(t, func(c *server.Config) { c.ExpiryNotice = time.Second })
	made := make(chan struct{}, 100)
	states := make(chan client.State, 100)
	c, err := client.Dial(t.Context(), "ws://"+s.Addr()+"/ws", client.Options{
		Token: func(context.Context) (string, error) {
			made <- struct{}{}
			return jwt(tokenSecret, "ann", 2*time.Second), nil
		},
		OnState: func(s client.State, _ error) { states <- s },
	})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 4 {
		select {
		case <-made:
		case <-time.After(trial.Patience):
			t.Fatalf("%d tokens in all", n)
		}
	}
	if got, err := c.Call(t.Context(), "session", "whoami", nil); err != nil || string(got) != `"ann"` {
		t.Errorf("it is %s, %v", got, err)
	}
	_ = c.Close()
	if first, second := <-states, <-states; first != client.Connected || second != client.Closed {
		t.Errorf("states %v, %v", first, second)
	}
}

func TestReloadOfTokenKeys(t *testing.T) {
	t.Parallel()
	var file string
	s := withTokens(t, func(c *server.Config) { file = c.TokenSecretFile })
	const next = "the-next-secret-of-the-application"
	status := func(secret string) int {
		_, status := trial.DialWith(t, s.Addr(), "?access_token="+jwt(secret, "ann", time.Hour))
		return status
	}
	expect := func(when string, first, second int) {
		t.Helper()
		if a, b := status(tokenSecret), status(next); a != first || b != second {
			t.Errorf("%s: %d and %d", when, a, b)
		}
	}
	expect("at the start", 101, 401)
	for _, bad := range []string{"", "too-short", "-----BEGIN PUBLIC KEY-----\nxxxxxxxxxxxxxxxxxxxxxxxxx"} {
		writeKey(t, file, bad)
		if _, err := s.Reload(s.Config()); !config.IsError(err) || strings.Contains(err.Error(), "too-short") {
			t.Errorf("%q: %v", bad, err)
		}
		expect("after a bad file", 101, 401)
	}
	_ = os.Remove(file)
	if _, err := s.Reload(s.Config()); !config.IsError(err) {
		t.Errorf("without a file: %v", err)
	}
	writeKey(t, file, next)
	if _, err := s.Reload(s.Config()); err != nil {
		t.Error(err)
	}
	expect("after a good file", 401, 101)
}

// signer is an application with an RSA key that it publishes.
type signer struct {
	key *rsa.PrivateKey
	kid string
}

func newSigner(t *testing.T, kid string) signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return signer{key, kid}
}

func (s signer) jwks() []byte {
	e := big.NewInt(int64(s.key.E)).Bytes()
	return fmt.Appendf(nil, `{"keys":[{"kty":"RSA","kid":%q,"alg":"RS256","use":"sig","n":%q,"e":%q}]}`, s.kid, encoded(s.key.N.Bytes()), encoded(e))
}

func (s signer) jwt(t *testing.T) string {
	t.Helper()
	signed := encoded(fmt.Appendf(nil, `{"alg":"RS256","kid":%q}`, s.kid)) + "." + encoded([]byte(claims("ann", time.Hour)))
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, s.key, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + encoded(signature)
}

// Keys of a file and of a URL count both; while the URL is not there, clients who need it come back later.
func TestPublishedKeys(t *testing.T) {
	t.Parallel()
	filed, published := newSigner(t, "filed"), newSigner(t, "published")
	var mu sync.Mutex
	down := true
	application := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if down {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_, _ = w.Write(published.jwks())
	}))
	t.Cleanup(application.Close)
	cfg := local()
	cfg.TokenJWKSFile = filepath.Join(t.TempDir(), "keys.json")
	writeKey(t, cfg.TokenJWKSFile, string(filed.jwks()))
	cfg.TokenJWKSURL = application.URL
	status := func(s *server.Server, by signer) int {
		_, status := trial.DialWith(t, s.Addr(), "?access_token="+by.jwt(t))
		return status
	}
	s := boot(t, cfg)
	if got := status(s, filed); got != 101 {
		t.Errorf("a key of the file: %d", got)
	}
	if got := status(s, published); got != http.StatusServiceUnavailable {
		t.Errorf("a key of the URL that is down: %d", got)
	}
	mu.Lock()
	down = false
	mu.Unlock()
	s = boot(t, cfg)
	if got := status(s, published); got != 101 {
		t.Errorf("a key of the URL: %d", got)
	}
	if got := status(s, newSigner(t, "other")); got != 401 {
		t.Errorf("an unknown key: %d", got)
	}
}

// Why a token is refused is in the log, and nothing of the token.
func TestTokensAreNotLogged(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	s := withTokens(t, func(c *server.Config) { c.LogLevel = "debug" }, server.WithLogger(zerolog.New(&log)))
	bad, good := jwt("another-secret", "eve", time.Hour), jwt(tokenSecret, "ann", time.Hour)
	for _, token := range []string{bad, good, bad + "x.y"} {
		_, _ = trial.DialWith(t, s.Addr(), "?access_token="+token)
		_, _ = trial.DialWith(t, s.Addr(), "", "Authorization: Bearer "+token)
		socket, _ := trial.Dial(t, s.Addr())
		authenticate(socket, token)
	}
	text := log.String()
	if !strings.Contains(text, "its signature is wrong") || !strings.Contains(text, "handshake refused") {
		t.Errorf("the log says nothing: %s", text)
	}
	for _, token := range []string{bad, good} {
		for part := range strings.SplitSeq(token, ".") {
			if strings.Contains(text, part) {
				t.Errorf("the log has a token in it: %s", text)
			}
		}
	}
}

func TestBadTokenFiles(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*server.Config){
		"missing":      func(c *server.Config) { c.TokenKeyFile = filepath.Join(t.TempDir(), "nothing") },
		"short secret": func(c *server.Config) { c.TokenSecretFile = keyFile(t, "sesame") },
		"no algorithm": func(c *server.Config) {
			c.TokenSecretFile, c.TokenAlgorithms = keyFile(t, tokenSecret), []string{"ES256"}
		},
		"taken name": func(c *server.Config) {
			c.TokenSecretFile, c.Chat = keyFile(t, tokenSecret), []config.Plain{{Name: config.SessionService}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := local()
			change(&cfg)
			if _, err := server.New(cfg); !config.IsError(err) || strings.Contains(err.Error(), "sesame") {
				t.Errorf("got %v", err)
			}
		})
	}
	good := local()
	good.TokenSecretFile = keyFile(t, tokenSecret)
	if err := server.CheckFiles(good); err != nil {
		t.Error(err)
	}
}

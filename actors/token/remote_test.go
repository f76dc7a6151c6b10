package token_test

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors/token"
	"github.com/snorky-go/snorky/actors/wire"
)

// keyServer is where keys are published, without a network. Its answers take no time in a bubble, unless they should.
type keyServer struct {
	mu       sync.Mutex
	document []byte
	status   int
	err      error
	stuck    bool // until the request is given up
	asked    atomic.Int32
}

func (s *keyServer) publish(keys map[string]crypto.Signer) { s.say(200, jwks(keys)) }

func (s *keyServer) say(status int, document []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status, s.document, s.err, s.stuck = status, document, nil, false
}

func (s *keyServer) fail(err error, stuck bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err, s.stuck = err, stuck
}

func (s *keyServer) RoundTrip(r *http.Request) (*http.Response, error) {
	s.asked.Add(1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stuck {
		s.mu.Unlock()
		<-r.Context().Done()
		s.mu.Lock()
		return nil, r.Context().Err()
	}
	if s.err != nil {
		return nil, s.err
	}
	return &http.Response{StatusCode: s.status, Body: io.NopCloser(bytes.NewReader(s.document)), Request: r}, nil
}

// withServer runs a test with a verifier whose keys are those of a server.
func withServer(t *testing.T, f func(t *testing.T, s *keyServer, v *token.Verifier)) {
	synctest.Test(t, func(t *testing.T) {
		s := &keyServer{}
		s.publish(map[string]crypto.Signer{"rsa": rsaKey})
		f(t, s, newVerifier(t, token.Options{URL: "https://app.example/keys", Transport: s}))
	})
}

func unavailable(t *testing.T, v *token.Verifier, text string) {
	t.Helper()
	if p, err := v.Verify(t.Context(), text); !errors.Is(err, wire.ErrUnavailable) {
		t.Errorf("got %s, %v", p.Identity, err)
	}
}

func signedBy(kid string) string {
	switch kid {
	case "rsa":
		return sign("RS256", rsaKey, headers{"kid": kid}, good())
	default:
		return sign("ES256", p256, headers{"kid": kid}, good())
	}
}

// The first tokens wait for the keys; from then on nobody waits.
func TestKeysOfAURL(t *testing.T) {
	withServer(t, func(t *testing.T, s *keyServer, v *token.Verifier) {
		for range 100 {
			if p := accept(t, v, signedBy("rsa")); string(p.Identity) != `"ann"` {
				t.Error(p.Identity)
			}
		}
		if _, err := v.Verify(over(), signedBy("rsa")); err != nil {
			t.Errorf("known keys need waiting: %v", err)
		}
		if n := s.asked.Load(); n != 1 {
			t.Errorf("asked %d times", n)
		}
	})
}

// A token with a key that is not known makes the URL be read, but not more often than every ten seconds.
func TestRotation(t *testing.T) {
	withServer(t, func(t *testing.T, s *keyServer, v *token.Verifier) {
		accept(t, v, signedBy("rsa"))
		s.publish(map[string]crypto.Signer{"new": p256})
		for range 50 {
			refuse(t, v, signedBy("new"), "no key") // too early
		}
		<-time.After(11 * time.Second)
		accept(t, v, signedBy("new"))
		refuse(t, v, signedBy("rsa"), "no key")
		if n := s.asked.Load(); n != 2 {
			t.Errorf("asked %d times", n)
		}
	})
}

// Not all applications give their keys names, or each a name of its own. A token that none of the known ones has signed
// makes the URL be read, too, which forged ones cannot do all the time; while that fails they are still forged.
func TestRotationWithoutNewNames(t *testing.T) {
	for _, kid := range []string{"", "always the same"} {
		t.Run(kid, func(t *testing.T) {
			withServer(t, func(t *testing.T, s *keyServer, v *token.Verifier) {
				s.publish(map[string]crypto.Signer{kid: rsaKey})
				<-time.After(2 * time.Hour)
				old, young := sign("RS256", rsaKey, headers{"kid": kid}, good()), sign("RS256", otherRSA, headers{"kid": kid}, good())
				accept(t, v, old)
				s.publish(map[string]crypto.Signer{kid: otherRSA})
				<-time.After(11 * time.Second)
				accept(t, v, young)
				refuse(t, v, old, "signature")
				before := s.asked.Load()
				s.fail(errors.New("connection refused"), false)
				for range 600 {
					refuse(t, v, old, "signature")
					<-time.After(100 * time.Millisecond)
				}
				if n := s.asked.Load() - before; n < 5 || n > 7 {
					t.Errorf("asked %d times in a minute", n)
				}
				if _, err := v.Verify(over(), young); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// Invented keys do not make the server of keys be asked all the time.
func TestUnknownKeys(t *testing.T) {
	withServer(t, func(t *testing.T, s *keyServer, v *token.Verifier) {
		for range 600 {
			refuse(t, v, signedBy("invented"), "no key")
			<-time.After(100 * time.Millisecond)
		}
		if n := s.asked.Load(); n < 5 || n > 7 { // in a minute
			t.Errorf("asked %d times", n)
		}
	})
}

// What is published anew or withdrawn is noticed without a token that says so.
func TestRefresh(t *testing.T) {
	withServer(t, func(t *testing.T, s *keyServer, v *token.Verifier) {
		accept(t, v, signedBy("rsa"))
		s.publish(map[string]crypto.Signer{"new": p256})
		<-time.After(time.Hour + time.Second)
		if _, err := v.Verify(over(), signedBy("new")); err != nil {
			t.Error(err)
		}
		refuse(t, v, signedBy("rsa"), "no key")
	})
}

// Who withdraws a key need not wait.
func TestRefreshNow(t *testing.T) {
	withServer(t, func(t *testing.T, s *keyServer, v *token.Verifier) {
		accept(t, v, signedBy("rsa"))
		s.publish(map[string]crypto.Signer{"new": p256})
		if v.Refresh() {
			t.Error("it is read again at once")
		}
		<-time.After(11 * time.Second)
		if !v.Refresh() {
			t.Error("it is not read")
		}
		synctest.Wait()
		if _, err := v.Verify(over(), signedBy("new")); err != nil {
			t.Error(err)
		}
		refuse(t, v, signedBy("rsa"), "no key")
		v.Close()
		<-time.After(11 * time.Second)
		if v.Refresh() {
			t.Error("it is read after its end")
		}
	})
	if newVerifier(t, token.Options{Keys: token.Keys{Secret: secret}}).Refresh() {
		t.Error("there is nothing to read")
	}
}

// Nobody is locked out when the keys cannot be read again, whatever is the matter.
func TestStaleKeys(t *testing.T) {
	set := string(jwks(map[string]crypto.Signer{"new": p256}))
	for name, spoil := range map[string]func(*keyServer){
		"down":    func(s *keyServer) { s.fail(errors.New("connection refused"), false) },
		"slow":    func(s *keyServer) { s.fail(nil, true) },
		"error":   func(s *keyServer) { s.say(500, []byte(set)) },
		"missing": func(s *keyServer) { s.say(404, nil) },
		"huge":    func(s *keyServer) { s.say(200, []byte(strings.Repeat(" ", 256<<10)+set)) },
		"garbage": func(s *keyServer) { s.say(200, []byte("<html>"+set)) },
		"empty":   func(s *keyServer) { s.say(200, nil) },
		"no keys": func(s *keyServer) { s.say(200, []byte(`{"keys":[]}`)) },
	} {
		t.Run(name, func(t *testing.T) {
			withServer(t, func(t *testing.T, s *keyServer, v *token.Verifier) {
				accept(t, v, signedBy("rsa"))
				spoil(s)
				for range 30 {
					<-time.After(10 * time.Minute)
					if _, err := v.Verify(over(), signedBy("rsa")); err != nil {
						t.Fatal(err)
					}
				}
				unavailable(t, v, signedBy("new")) // it may be a good one
				before := s.asked.Load()
				s.say(200, []byte(set))
				<-time.After(time.Hour + time.Second)
				accept(t, v, signedBy("new"))
				if n := s.asked.Load() - before; n > 2 {
					t.Errorf("asked %d times more", n)
				}
			})
		})
	}
}

// A server of keys that is not there yet does not keep this one from starting, and is asked again soon.
func TestServerOfKeysStartsLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &keyServer{}
		s.fail(errors.New("connection refused"), false)
		var log bytes.Buffer
		v := newVerifier(t, token.Options{URL: "http://user:sesame@app.example/keys?key=sesame", Transport: s, Logger: zerolog.New(&log)})
		synctest.Wait()
		unavailable(t, v, signedBy("rsa"))
		s.publish(map[string]crypto.Signer{"rsa": rsaKey})
		<-time.After(11 * time.Second)
		if _, err := v.Verify(over(), signedBy("rsa")); err != nil {
			t.Error(err)
		}
		if text := log.String(); strings.Count(text, "cannot be read") != 1 || !strings.Contains(text, "unencrypted") || strings.Contains(text, "sesame") {
			t.Errorf("the log says %s", text)
		}
	})
}

// A slow server of keys holds up those only whose keys are not known, and those not for ever.
func TestSlowServerOfKeys(t *testing.T) {
	withServer(t, func(t *testing.T, s *keyServer, v *token.Verifier) {
		accept(t, v, signedBy("rsa"))
		<-time.After(time.Minute)
		s.fail(nil, true)
		start := time.Now()
		var waiting sync.WaitGroup
		for range 10 {
			waiting.Go(func() { unavailable(t, v, signedBy("new")) })
		}
		synctest.Wait()
		accept(t, v, signedBy("rsa"))
		if time.Since(start) != 0 {
			t.Error("a known key had to wait")
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := v.Verify(ctx, signedBy("new")); !errors.Is(err, wire.ErrUnavailable) || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		waiting.Wait()
		if got := time.Since(start); got != 5*time.Second {
			t.Errorf("it took %v", got)
		}
		if n := s.asked.Load(); n != 2 {
			t.Errorf("asked %d times", n)
		}
	})
}

// Secrets are never a matter of the URL.
func TestSymmetricTokensDoNotAskTheURL(t *testing.T) {
	withServer(t, func(t *testing.T, s *keyServer, v *token.Verifier) {
		synctest.Wait()
		<-time.After(time.Minute)
		refuse(t, v, sign("HS256", secret, headers{"kid": "new"}, good()), "no key")
		if n := s.asked.Load(); n != 1 {
			t.Errorf("asked %d times", n)
		}
	})
}

func TestClose(t *testing.T) {
	withServer(t, func(t *testing.T, s *keyServer, v *token.Verifier) {
		accept(t, v, signedBy("rsa"))
		<-time.After(time.Minute)
		s.fail(nil, true)
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			unavailable(t, v, signedBy("new"))
		}()
		synctest.Wait()
		v.Close()
		<-ended
		accept(t, v, signedBy("rsa"))
		unavailable(t, v, signedBy("new"))
		v.Close()
	})
}

// The same over a network, with redirections, which may not leave https.
func TestURLOverHTTP(t *testing.T) {
	var mux http.ServeMux
	mux.HandleFunc("/keys", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept") == "application/json" {
			_, _ = w.Write(jwks(map[string]crypto.Signer{"rsa": rsaKey}))
		}
	})
	mux.Handle("/moved", http.RedirectHandler("/keys", http.StatusFound))
	mux.Handle("/round", http.RedirectHandler("/round", http.StatusFound))
	plain := httptest.NewServer(&mux)
	defer plain.Close()
	encrypted := httptest.NewTLSServer(http.RedirectHandler(plain.URL+"/keys", http.StatusFound))
	defer encrypted.Close()
	for _, path := range []string{"/keys", "/moved"} {
		accept(t, newVerifier(t, token.Options{URL: plain.URL + path}), signedBy("rsa"))
	}
	unavailable(t, newVerifier(t, token.Options{URL: plain.URL + "/round"}), signedBy("rsa"))
	unavailable(t, newVerifier(t, token.Options{URL: encrypted.URL, Transport: encrypted.Client().Transport}), signedBy("rsa"))
	encrypted.Client().CloseIdleConnections()
}

package application

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors/wire"
)

const key = "the key of the backend"

func TestWhatIsAsked(t *testing.T) {
	a := newApp(t, says(http.StatusOK, `{"allow":true}`))
	c := a.client(t, Options{Key: key})
	for _, test := range []struct {
		ask  func() error
		want string
	}{
		{
			func() error {
				_, err := c.Connect(handshake(t, "token=a%20b&x", "Origin", "https://example.com", "Cookie", "a=1", "Cookie", "b=<2>",
					"X-Forwarded-For", "192.0.2.1", "X-Forwarded-For", "192.0.2.2", "X-Other", "secret"))
				return err
			},
			`{"event":"connect","remote":"192.0.2.7:50312","host":"live.example.com","origin":"https://example.com",` +
				`"query":"token=a%20b&x","headers":{"cookie":"a=1; b=<2>","x-forwarded-for":"192.0.2.1, 192.0.2.2"}}`,
		},
		{
			func() error {
				_, err := c.Connect(handshake(t, "\xff\"", "User-Agent", "\xe9"))
				return err
			},
			`{"event":"connect","remote":"192.0.2.7:50312","host":"live.example.com","origin":"","query":"\ufffd\"",` +
				`"headers":{"user-agent":"\ufffd"}}`,
		},
		{
			func() error {
				_, err := c.Authorize(t.Context(), Question{
					Service: "pub\"sub", Channel: []byte(`"room:\u0037"`), Identity: []byte(`12345678901234567890`), Claims: []byte(`{"a":[1e400]}`),
				})
				return err
			},
			`{"event":"subscribe","service":"pub\"sub","channel":"room:\u0037","identity":12345678901234567890,"claims":{"a":[1e400]}}`,
		},
		{
			func() error {
				_, err := c.Authorize(t.Context(), Question{Publish: true, Service: "p", Channel: []byte(`[1]`), Message: []byte(`{"n":"\ud800"}`)})
				return err
			},
			`{"event":"publish","service":"p","channel":[1],"identity":null,"claims":null,"message":{"n":"\ud800"}}`,
		},
	} {
		if err := test.ask(); err != nil {
			t.Error(err)
		}
		all := a.all()
		got := all[len(all)-1]
		if got.body != test.want {
			t.Errorf("asked\n%s, not\n%s", got.body, test.want)
		}
		if got.method != http.MethodPost || got.path != "/snorky" || got.header.Get("X-Backend-Key") != key ||
			got.header.Get("Content-Type") != "application/json" || got.header["Idempotency-Key"] != nil {
			t.Errorf("asked with %s %s %v", got.method, got.path, got.header)
		}
		if err := wire.Valid([]byte(got.body)); err != nil {
			t.Errorf("%s: %v", got.body, err)
		}
	}
}

func TestHeadersThatAreChosen(t *testing.T) {
	a := newApp(t, says(http.StatusOK, `{"allow":true}`))
	c := a.client(t, Options{Headers: []string{"X-Session", "accept-language"}})
	if _, err := c.Connect(handshake(t, "", "Cookie", "a=1", "x-session", "s", "Accept-Language", "de")); err != nil {
		t.Fatal(err)
	}
	got := a.all()[0]
	if !strings.HasSuffix(got.body, `"headers":{"x-session":"s","accept-language":"de"}}`) {
		t.Errorf("asked %s", got.body)
	}
	if _, sent := got.header["X-Backend-Key"]; sent {
		t.Error("a key is sent where there is none")
	}
	c.SetKey("another")
	if _, err := c.Connect(handshake(t, "")); err != nil || a.all()[1].header.Get("X-Backend-Key") != "another" {
		t.Errorf("%v, asked with %v", err, a.all()[1].header)
	}
}

// What the answers of an application come to: for connecting the identity and claims, or the error; for the rest whether
// it is allowed.
func TestAnswers(t *testing.T) {
	const never, maybe = "no answer", "yes"
	for _, test := range []struct {
		status        int
		body          string
		connect, rest string
	}{
		{200, `{"allow":true}`, " ", "yes"},
		{200, ` { "allow" : true } ` + "\n", " ", "yes"},
		{200, `{"allow":true,"identity":"ann","claims":{"a":1},"expiresIn":60,"cacheFor":1,"other":[]}`, `"ann" {"a":1}`, "yes"},
		{200, `{"allow":true,"identity":null,"claims":null,"expiresIn":null,"cacheFor":null}`, " ", "yes"},
		{200, `{"allow":true,"identity":{"id":9007199254740993}}`, `{"id":9007199254740993} `, "yes"},
		{200, `{"\u0061llow":true}`, " ", "yes"},
		{200, `{"allow":true,"expiresIn":0.5}`, " ", maybe},
		{200, `{"allow":true,"expiresIn":1e400}`, " ", maybe},
		{200, `{"allow":true,"expiresIn":0}`, "Not authenticated", maybe},
		{200, `{"allow":true,"expiresIn":-5}`, "Not authenticated", maybe},
		{200, `{"allow":false}`, "Forbidden", "no"},
		{200, `{"allow":true,"allow":false}`, "Forbidden", "no"},
		{200, `{"allow":false,"identity":"ann"}`, "Forbidden", "no"},
		{401, ``, "Not authenticated", "no"},
		{401, `{"allow":true}`, "Not authenticated", "no"},
		{403, `whatever`, "Forbidden", "no"},

		{200, ``, never, never},
		{200, `OK`, never, never},
		{200, `{}`, never, never},
		{200, `[]`, never, never},
		{200, `true`, never, never},
		{200, `{"allow":true}x`, never, never},
		{200, `{"allow":"true"}`, never, never},
		{200, `{"allow":1}`, never, never},
		{200, `{"allow":null}`, never, never},
		{200, `{"Allow":true}`, never, never},
		{200, `{"allow":true,"allow":null}`, never, never},
		{200, `{"allow":true,"claims":[]}`, never, never},
		{200, `{"allow":true,"claims":"{}"}`, never, never},
		{200, `{"allow":true,"expiresIn":"60"}`, never, never},
		{200, `{"allow":true,"cacheFor":true}`, never, never},
		{200, "{\"allow\":true,\"identity\":\"\xff\"}", never, never},
		{200, `{"allow":true,"identity":"` + strings.Repeat("n", 64<<10) + `"}`, never, never},
		{200, `{"allow":true}` + strings.Repeat(" ", 64<<10), never, never},
		{201, `{"allow":true}`, never, never},
		{204, ``, never, never},
		{301, `{"allow":true}`, never, never},
		{400, `{"allow":true}`, never, never},
		{404, ``, never, never},
		{500, `{"allow":true}`, never, never},
		{503, `{"allow":false}`, never, never},
	} {
		a := newApp(t, says(test.status, test.body))
		c := a.client(t, Options{})
		name := fmt.Sprintf("%d %.80s", test.status, test.body)

		admission, err := c.Connect(handshake(t, ""))
		got := fmt.Sprintf("%s %s", admission.Identity, admission.Claims)
		switch shown, ok := errors.AsType[*wire.Error](err); {
		case ok:
			got = shown.Text
		case errors.Is(err, ErrNoAnswer):
			got = never
		}
		if got != test.connect {
			t.Errorf("%s: connecting comes to %q (%v), not %q", name, got, err, test.connect)
		}

		allow, err := c.Authorize(t.Context(), Question{Service: "p", Channel: []byte(`1`)})
		got = map[bool]string{true: "yes", false: "no"}[allow]
		if errors.Is(err, ErrNoAnswer) && !allow {
			got = never
		}
		if got != test.rest {
			t.Errorf("%s: subscribing comes to %q (%v), not %q", name, got, err, test.rest)
		}
		c.Close()
		a.Close()
	}
}

func TestAdmissionExpires(t *testing.T) {
	a := newApp(t, says(http.StatusOK, `{"allow":true,"expiresIn":90.5}`))
	before := time.Now()
	got, err := a.client(t, Options{}).Connect(handshake(t, ""))
	const span = 90*time.Second + 500*time.Millisecond
	if err != nil || got.Expires.Before(before.Add(span)) || got.Expires.After(time.Now().Add(span)) {
		t.Errorf("expires %v, %v", got.Expires, err)
	}
}

// The key must not go wherever somebody points.
func TestRedirectsAreNotFollowed(t *testing.T) {
	elsewhere := newApp(t, says(http.StatusOK, `{"allow":true}`))
	a := newApp(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
	})
	if _, err := a.client(t, Options{Key: key}).Connect(handshake(t, "")); !errors.Is(err, ErrNoAnswer) {
		t.Error(err)
	}
	if n := len(elsewhere.all()); n > 0 {
		t.Errorf("%d requests elsewhere", n)
	}
}

func TestNobodyThere(t *testing.T) {
	a := newApp(t, nil)
	c := a.client(t, Options{Key: key})
	a.Close()
	allow, err := c.Authorize(t.Context(), Question{Channel: []byte("1")})
	if allow || !errors.Is(err, ErrNoAnswer) || strings.Contains(err.Error(), "/snorky") {
		t.Errorf("%v, %v", allow, err)
	}
}

// An application that takes a kept connection away has not answered yet.
func TestKeptConnectionThatIsGone(t *testing.T) {
	gone := false
	a := newApp(t, func(w http.ResponseWriter, r *http.Request) {
		if first := !gone; first && r.Header.Get("X-Backend-Key") == "gone" {
			gone = true
			panic(http.ErrAbortHandler)
		}
		says(http.StatusOK, `{"allow":true}`)(w, r)
	})
	c := a.client(t, Options{})
	for _, key := range []string{"here", "gone", "here"} {
		c.SetKey(key)
		if allow, err := c.Authorize(t.Context(), Question{Channel: []byte("1")}); !allow || err != nil {
			t.Errorf("%s: %v, %v", key, allow, err)
		}
	}
}

func TestTimeout(t *testing.T) {
	release := make(chan struct{})
	for name, answer := range map[string]http.HandlerFunc{
		"silence": func(http.ResponseWriter, *http.Request) { <-release },
		"half an answer": func(w http.ResponseWriter, r *http.Request) {
			says(http.StatusOK, `{"allow":`)(w, r)
			_ = http.NewResponseController(w).Flush()
			<-release
		},
	} {
		log := &lines{}
		a := newApp(t, answer)
		c := a.client(t, Options{Timeout: 50 * time.Millisecond, Logger: zerolog.New(log)})
		for range 10 {
			if allow, err := c.Authorize(t.Context(), Question{Channel: []byte("1")}); allow || !errors.Is(err, ErrNoAnswer) {
				t.Errorf("%s: %v, %v", name, allow, err)
			}
		}
		if n := strings.Count(log.String(), "\n"); n != 5 || !strings.Contains(log.String(), "deadline") {
			t.Errorf("%s: %d lines\n%s", name, n, log)
		}
	}
	close(release)
}

// Who no longer wants to know is no fault of the application.
func TestClientThatLeaves(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	log := &lines{}
	a := newApp(t, func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-release
	})
	c := a.client(t, Options{Logger: zerolog.New(log)})
	r := handshake(t, "")
	ctx, cancel := context.WithCancel(t.Context())
	answer := make(chan error)
	go func() {
		_, err := c.Connect(r.WithContext(ctx))
		answer <- err
	}()
	<-arrived
	cancel()
	if err := <-answer; !errors.Is(err, ErrNoAnswer) || log.String() != "" {
		t.Errorf("%v, logged %s", err, log)
	}
}

func TestBadOptions(t *testing.T) {
	for _, url := range []string{"", "localhost:80", "ftp://example.com", "http://", "http://:80/", "http://me:secret@bad host/"} {
		if _, err := New(Options{URL: url}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", url, err)
		}
	}
	for _, name := range []string{"", "a b", "a:", "ü", "a\n"} {
		if _, err := New(Options{URL: "http://example.com", Headers: []string{name}}); err == nil {
			t.Errorf("%q is taken for the name of a header", name)
		}
	}
}

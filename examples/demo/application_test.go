package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/backendapi/client"
)

const key = "correct-horse-battery-staple"

// snorky stands in for a broker's backend: it keeps what is published and answers what it is told to.
type snorky struct {
	mu        sync.Mutex
	listeners int
	down      bool
	published []string // channel and message
}

type packet struct {
	Service string
	Message struct {
		Command string
		Params  struct{ Channel, Message json.RawMessage }
	}
}

func (s *snorky) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var p packet
	switch err := json.NewDecoder(r.Body).Decode(&p); {
	case s.down:
		return nil, errors.New("connection refused")
	case err != nil || r.Header.Get("X-Backend-Key") != key || p.Service != "announcements_backend":
		return answer(http.StatusUnauthorized, ""), nil
	}
	data, err := []byte("null"), error(nil)
	if p.Message.Command == "subscribers" {
		data, err = json.Marshal(s.listeners)
	} else {
		s.published = append(s.published, string(p.Message.Params.Channel)+" "+string(p.Message.Params.Message))
	}
	return answer(http.StatusOK, `{"message":{"type":"response","data":`+string(data)+`}}`), err
}

func answer(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body))}
}

func (s *snorky) set(change func(*snorky)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(s)
}

func (s *snorky) seen() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.published
	s.published = nil
	return seen
}

func newTestApplication(t *testing.T) (*application, *snorky) {
	t.Helper()
	s := new(snorky)
	c, err := client.New("http://127.0.0.1:5801/backend", key, client.WithTransport(s))
	if err != nil {
		t.Fatal(err)
	}
	return newApplication(zerolog.Nop(), func() (*client.Client, error) { return c, nil }), s
}

// post is what the page does.
func post(body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "http://localhost:5800/demo/announce", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Origin", "http://localhost:5800")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return r
}

func TestAnnouncing(t *testing.T) {
	for _, c := range []struct {
		name   string
		body   string
		change func(*http.Request)
		status int
		seen   []string
	}{
		{"a message", `{"text":" Hello! "}`, nil, 204, []string{`"news" {"text":"Hello!"}`}},
		{"with a name", `{"text":"<b>","from":" Ada"}`, nil, 204, []string{`"news" {"text":"<b>","from":"Ada"}`}},
		{"the longest", `{"text":"` + strings.Repeat("é", 280) + `"}`, nil, 204, []string{`"news" {"text":"` + strings.Repeat("é", 280) + `"}`}},
		{"by no browser", `{"text":"x"}`, func(r *http.Request) { r.Header.Del("Origin"); r.Header.Del("Sec-Fetch-Site") }, 204, []string{`"news" {"text":"x"}`}},
		{"nothing", `{"text":" \n"}`, nil, 400, nil},
		{"no text", `{}`, nil, 400, nil},
		{"no JSON", `text=x`, nil, 400, nil},
		{"something else", `{"text":"x","channel":"other"}`, nil, 400, nil},
		{"too long", `{"text":"` + strings.Repeat("é", 281) + `"}`, nil, 413, nil},
		{"too long a name", `{"text":"x","from":"` + strings.Repeat("é", 41) + `"}`, nil, 413, nil},
		{"a huge body", `{"text":"` + strings.Repeat("x", 1<<20) + `"}`, nil, 413, nil},
		{"the form of a page without scripts", `text=x`, func(r *http.Request) {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}, 415, nil},
		{"another site", `{"text":"x"}`, func(r *http.Request) {
			r.Header.Set("Origin", "https://evil.example")
			r.Header.Set("Sec-Fetch-Site", "cross-site")
		}, 403, nil},
		{"another site, in an old browser", `{"text":"x"}`, func(r *http.Request) {
			r.Header.Set("Origin", "https://evil.example")
			r.Header.Del("Sec-Fetch-Site")
		}, 403, nil},
		{"another port", `{"text":"x"}`, func(r *http.Request) {
			r.Header.Set("Origin", "http://localhost:5900")
			r.Header.Set("Sec-Fetch-Site", "same-site")
		}, 403, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			app, s := newTestApplication(t)
			r, w := post(c.body), httptest.NewRecorder()
			if c.change != nil {
				c.change(r)
			}
			app.announcing().ServeHTTP(w, r)
			if w.Code != c.status {
				t.Errorf("status %d, want %d: %s", w.Code, c.status, w.Body)
			}
			if seen := s.seen(); !slices.Equal(seen, c.seen) {
				t.Errorf("published %q, want %q", seen, c.seen)
			}
		})
	}
}

func TestAnnouncingWithoutSnorky(t *testing.T) {
	app, s := newTestApplication(t)
	s.set(func(s *snorky) { s.down = true })
	w := httptest.NewRecorder()
	app.announcing().ServeHTTP(w, post(`{"text":"x"}`))
	var said struct{ Error string }
	if err := json.NewDecoder(w.Body).Decode(&said); err != nil || w.Code != 502 || said.Error != "Snorky did not take the announcement." {
		t.Errorf("status %d, %+v, %v", w.Code, said, err)
	}
}

func TestAnnouncingTooOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, s := newTestApplication(t)
		send := func(from string, times int) (accepted int) {
			for range times {
				r, w := post(`{"text":"x"}`), httptest.NewRecorder()
				r.RemoteAddr = from
				app.announcing().ServeHTTP(w, r)
				switch w.Code {
				case 204:
					accepted++
				case 429:
					if w.Header().Get("Retry-After") == "" {
						t.Error("no Retry-After")
					}
				default:
					t.Errorf("status %d", w.Code)
				}
			}
			return accepted
		}
		if n := send("192.0.2.1:1", 12); n != 10 {
			t.Errorf("%d of 12 were accepted, want 10", n)
		}
		if n := send("192.0.2.1:2", 1) + send("[2001:db8::1]:1", 1); n != 1 {
			t.Errorf("%d accepted, want the other visitor's only", n)
		}
		<-time.After(10 * time.Second)
		if n := send("192.0.2.1:3", 1); n != 1 {
			t.Error("there is no second chance")
		}
		if n := len(s.seen()); n != 12 {
			t.Errorf("%d were published, want 12", n)
		}
	})
}

func TestCounting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		app, s := newTestApplication(t)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- app.count(ctx) }()
		after := func(seconds int, want ...string) {
			t.Helper()
			<-time.After(time.Duration(seconds) * time.Second)
			synctest.Wait()
			if seen := s.seen(); !slices.Equal(seen, want) {
				t.Errorf("published %q, want %q", seen, want)
			}
		}
		after(1, `"news/listeners" 0`)
		s.set(func(s *snorky) { s.listeners = 3 })
		after(1, `"news/listeners" 3`)
		after(4)
		after(1, `"news/listeners" 3`) // for those who came in place of others
		s.set(func(s *snorky) { s.down, s.listeners = true, 2 })
		after(10)
		s.set(func(s *snorky) { s.down = false })
		after(1, `"news/listeners" 2`)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

package application

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second

// asked is a request as the application sees it.
type asked struct {
	method, path, body string
	header             http.Header
}

// app is an application that answers as it is told.
type app struct {
	*httptest.Server
	mu    sync.Mutex
	asked []asked
}

func newApp(t *testing.T, answer http.HandlerFunc) *app {
	t.Helper()
	a := &app{}
	a.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		a.mu.Lock()
		a.asked = append(a.asked, asked{r.Method, r.URL.Path, string(body), r.Header})
		a.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(a.Close)
	return a
}

func (a *app) all() []asked {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.asked
}

// says is a handler that always answers the same.
func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// client returns a Client of the application, which is closed before it.
func (a *app) client(t *testing.T, o Options) *Client {
	t.Helper()
	o.URL = a.URL + "/snorky"
	if o.Timeout == 0 {
		o.Timeout = patience
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func handshake(t *testing.T, query string, headers ...string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/ws?"+query, nil)
	r.Host, r.RemoteAddr = "live.example.com", "192.0.2.7:50312"
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

// lines is a log that can be read while it is written.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// eventually returns when a condition holds.
func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	again := time.NewTicker(time.Millisecond)
	defer again.Stop()
	deadline := time.After(patience)
	for !condition() {
		select {
		case <-again.C:
		case <-deadline:
			t.Fatal("waited in vain")
		}
	}
}

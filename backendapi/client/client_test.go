package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// net/http lets a refused client read the refusal for half a second, in a goroutine that nobody can wait for.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

const key = "swordfish"

// serverThat runs an HTTP server and returns a client for it.
func serverThat(t testing.TB, answers http.HandlerFunc, options ...Option) *Client {
	t.Helper()
	server := httptest.NewServer(answers)
	t.Cleanup(server.Close)
	return clientFor(t, server.URL+"/backend", options...)
}

func clientFor(t testing.TB, address string, options ...Option) *Client {
	t.Helper()
	c, err := New(address, key, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
}

func TestRequest(t *testing.T) {
	var got *http.Request
	var body string
	c := serverThat(t, func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		got, body = r, string(raw)
		says(`{"service":"s","message":{"type":"response","data":null}}`)(w, r)
	})
	for _, c2 := range []struct {
		name string
		do   func() error
		want string
	}{
		{
			"publish", func() error { return c.Publish(t.Context(), "pubsub_backend", "news", map[string]any{"a": "<&>"}) },
			`{"service":"pubsub_backend","message":{"command":"publish","params":{"channel":"news","message":{"a":"<&>"}}}}`,
		},
		{
			"publish raw JSON", func() error { return c.Publish(t.Context(), "p", json.RawMessage(`[1e400]`), nil) },
			`{"service":"p","message":{"command":"publish","params":{"channel":[1e400],"message":null}}}`,
		},
		{
			"call without params", func() error { _, err := c.Call(t.Context(), "s", "list", nil); return err },
			`{"service":"s","message":{"command":"list","params":{}}}`,
		},
	} {
		t.Run(c2.name, func(t *testing.T) {
			if err := c2.do(); err != nil {
				t.Fatal(err)
			}
			if got.Method != "POST" || got.URL.Path != "/backend" || strings.TrimSpace(body) != c2.want {
				t.Errorf("got %s %s %s\nwant %s", got.Method, got.URL, body, c2.want)
			}
			if got.Header.Get("X-Backend-Key") != key || got.Header.Get("Content-Type") != "application/json" || got.ContentLength < 1 {
				t.Errorf("headers %v", got.Header)
			}
		})
	}
}

func TestResults(t *testing.T) {
	for _, c := range []struct{ body, want string }{
		{`{"service":"s","message":{"type":"response","data":null}}`, `null`},
		{`{"service":"s","message":{"type":"response","data":9007199254740993}}`, `9007199254740993`},
		{`{"message":{"data":{"a":[1e400]},"type":"response","callId":1}}`, `{"a":[1e400]}`},
	} {
		got, err := serverThat(t, says(c.body)).Call(t.Context(), "s", "c", nil)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: got %s, %v", c.body, got, err)
		}
	}
}

func TestServiceError(t *testing.T) {
	c := serverThat(t, says(`{"service":"s","message":{"type":"error","callId":null,"message":"Unknown command"}}`))
	var failure *Error
	if err := c.Publish(t.Context(), "s", 1, 2); !errors.As(err, &failure) || failure.Text != "Unknown command" {
		t.Errorf("got %v", err)
	}
	if failure.Error() != "snorky: Unknown command" {
		t.Errorf("reads %q", failure)
	}
}

func TestStatusErrors(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		want   StatusError
		reads  string
	}{
		{401, "no key\n", StatusError{401, "no key"}, `snorky: HTTP status 401 Unauthorized: "no key"`},
		{404, "", StatusError{404, ""}, "snorky: HTTP status 404 Not Found"},
		{599, "\x1b[31m\xff", StatusError{599, "\x1b[31m\uFFFD"}, `snorky: HTTP status 599: "\x1b[31m�"`},
		{302, "moved", StatusError{302, "moved"}, `snorky: HTTP status 302 Found: "moved"`},
		{500, strings.Repeat("x", 9999), StatusError{500, strings.Repeat("x", 512)}, ""},
	} {
		client := serverThat(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://127.0.0.1:1/elsewhere")
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.body)
		})
		_, err := client.Call(t.Context(), "s", "c", nil)
		var got *StatusError
		if !errors.As(err, &got) || *got != c.want {
			t.Errorf("status %d: got %v", c.status, err)
		}
		if c.reads != "" && err.Error() != c.reads {
			t.Errorf("reads %s, want %s", err, c.reads)
		}
	}
}

func TestBadAnswers(t *testing.T) {
	for _, body := range []string{
		"", "<html>", "null", "[]", "{}", `{"message":null}`, `{"message":{"type":"response"}}`, `{"message":{"type":"error"}}`,
		`{"message":{"type":"error","message":null}}`, `{"message":{"type":"message","data":1}}`, `{"message":{"type":1}}`,
		`{"service":"s","message":{"type":"response","data":1}}x`,
		`{"message":{"type":"response","data":"` + strings.Repeat("x", 1000) + `"}}`,
	} {
		c := serverThat(t, says(body), WithMaxResponse(1000))
		if got, err := c.Call(t.Context(), "s", "c", nil); !errors.Is(err, ErrBadAnswer) {
			t.Errorf("%.50q: got %s, %v", body, got, err)
		}
	}
}

func TestTimeouts(t *testing.T) {
	release := make(chan struct{})
	c := serverThat(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(200)
		_ = http.NewResponseController(w).Flush()
		<-release
	}, WithTimeout(20*time.Millisecond))
	if _, err := c.Call(t.Context(), "s", "c", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("own limit: %v", err)
	}
	WithTimeout(0)(c)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.Call(ctx, "s", "c", nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("limit of the context: %v", err)
	}
	cancelled, stop := context.WithCancel(t.Context())
	stop()
	if _, err := c.Call(cancelled, "s", "c", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	close(release)
}

func TestBadSettings(t *testing.T) {
	for _, c := range []struct{ address, key string }{
		{"", key},
		{"127.0.0.1:5801/backend", key},
		{"/backend", key},
		{"ftp://127.0.0.1/backend", key},
		{"http:///backend", key},
		{"http://127.0.0.1:x/", key},
		{"http://user:" + key + "@127.0.0.1:x/", key},
		{"ftp://user:" + key + "@127.0.0.1/", key},
		{"http://127.0.0.1/", ""},
		{"http://127.0.0.1/", key + "\n"},
		{"http://127.0.0.1/", key + " "},
		{"http://127.0.0.1/", "sword\x00fish"},
	} {
		_, err := New(c.address, c.key)
		if err == nil || strings.Contains(err.Error(), "fish") {
			t.Errorf("%q, %q: %v", c.address, c.key, err)
		}
	}
}

func TestValuesThatAreNoJSON(t *testing.T) {
	c := clientFor(t, "http://127.0.0.1:1/")
	if err := c.Publish(t.Context(), "s", "c", func() {}); err == nil {
		t.Error("a function was published")
	}
	if err := c.Publish(t.Context(), "s", json.RawMessage("{"), 1); err == nil {
		t.Error("half a value was published")
	}
}

func TestUnreachableServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + l.Addr().String() + "/backend"
	_ = l.Close()
	err = clientFor(t, address).Publish(t.Context(), "s", "c", 1)
	var failure *url.Error
	if !errors.As(err, &failure) || strings.Contains(err.Error(), key) {
		t.Errorf("got %v", err)
	}
}

func TestKeyIsNeverPrinted(t *testing.T) {
	c := clientFor(t, "http://127.0.0.1:1/backend")
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		if text := fmt.Sprintf(verb, c) + fmt.Sprintf(verb, *c); strings.Contains(text, key) || strings.Contains(text, fmt.Sprintf("%x", key)) {
			t.Errorf("%s shows the key: %s", verb, text)
		}
	}
}

func TestCallsAtOnceShareConnections(t *testing.T) {
	var dials atomic.Int64
	transport := newTransport()
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		dials.Add(1)
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	c := serverThat(t, func(w http.ResponseWriter, r *http.Request) {
		var p struct {
			Message struct{ Params json.RawMessage }
		}
		_ = json.NewDecoder(r.Body).Decode(&p)
		_, _ = fmt.Fprintf(w, `{"service":"s","message":{"type":"response","data":%s}}`, p.Message.Params)
	}, WithTransport(transport))
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := range 50 {
				want := fmt.Sprintf(`{"w":%d,"i":%d}`, worker, i)
				got, err := c.Call(t.Context(), "s", "c", json.RawMessage(want))
				if err != nil || string(got) != want {
					t.Errorf("got %s, %v", got, err)
				}
			}
		})
	}
	group.Wait()
	if n := dials.Load(); n > 50 {
		t.Errorf("%d connections for 400 calls of 8 workers", n)
	}
}

// A request must not be sent twice behind the application's back.
func TestBrokenConnectionIsNotRetried(t *testing.T) {
	var requests atomic.Int64
	c := serverThat(t, func(w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) == 2 {
			panic(http.ErrAbortHandler)
		}
		says(`{"message":{"type":"response","data":1}}`)(w, r)
	})
	if _, err := c.Call(t.Context(), "s", "c", nil); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Call(t.Context(), "s", "c", nil); err == nil {
		t.Error("no error")
	}
	if n := requests.Load(); n != 2 {
		t.Errorf("%d requests", n)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"service":"s","message":{"type":"response","data":[1]}}`))
	f.Add([]byte(`{"service":"s","message":{"type":"error","callId":1,"message":"no"}}`))
	f.Add([]byte(`{"message":{"type":"error"}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		data, err := decode(body)
		var failure *Error
		switch {
		case err == nil && !json.Valid(data):
			t.Errorf("%q gave %q", body, data)
		case err != nil && data != nil:
			t.Errorf("%q gave both %q and %v", body, data, err)
		case err != nil && !errors.As(err, &failure) && !errors.Is(err, ErrBadAnswer):
			t.Errorf("%q gave %v", body, err)
		}
	})
}

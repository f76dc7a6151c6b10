package backendapi

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/services"
)

var nothing = []byte(`{"type":"response","data":null}`)

func publishBroker(context.Context, string, []byte) ([]byte, error) { return nothing, nil }

var publication = []byte(`{"service":"pubsub_backend","message":{"command":"publish","params":{"channel":"news","message":{"title":"A headline of usual length","body":"` +
	`and a body that brings the whole packet to about two hundred bytes"}}}}`)

// discarder is a ResponseWriter without cost of its own.
type discarder struct{ header http.Header }

func (d *discarder) Header() http.Header         { return d.header }
func (d *discarder) Write(p []byte) (int, error) { return len(p), nil }
func (d *discarder) WriteHeader(int)             {}

func (d *discarder) SetReadDeadline(time.Time) error { return nil }

// The handler alone, without net/http around it.
func BenchmarkHandler(b *testing.B) {
	h, err := New(callerFunc(publishBroker), Options{Keys: [][]byte{[]byte("first"), []byte("a key of the length that openssl rand -hex 32 has")}})
	if err != nil {
		b.Fatal(err)
	}
	body := bytes.NewReader(nil)
	r := httptest.NewRequest(http.MethodPost, "/backend", io.NopCloser(body))
	r.Header.Set("X-Backend-Key", "a key of the length that openssl rand -hex 32 has")
	r.ContentLength = int64(len(publication))
	w := &discarder{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		body.Reset(publication)
		h.ServeHTTP(w, r)
	}
}

// BenchmarkRequest is one kept-alive connection over loopback, the client's share included: in a lane, and by net/http
// alone; with a service that does nothing, and with a publication that nobody hears.
func BenchmarkRequest(b *testing.B) {
	for _, c := range []struct {
		name string
		make func(testing.TB) Caller
	}{
		{"nothing", func(testing.TB) Caller { return callerFunc(publishBroker) }},
		{"publish", publishingBroker},
	} {
		for _, way := range []string{"lane", "nethttp"} {
			b.Run(c.name+"/"+way, func(b *testing.B) { benchmarkRequest(b, c.make(b), way == "lane") })
		}
	}
}

func benchmarkRequest(b *testing.B, caller Caller, lane bool) {
	h, err := New(caller, Options{Keys: [][]byte{[]byte(testKey)}})
	if err != nil {
		b.Fatal(err)
	}
	handler := http.Handler(h)
	if !lane {
		handler = http.HandlerFunc(h.ServeHTTP)
	}
	conn := dial(b, serve(b, handler, ServerOptions{}))
	_ = conn.SetDeadline(time.Time{})
	request := []byte(post("", string(publication)))
	from := bufio.NewReader(conn)
	_, _ = conn.Write(request)
	first, err := readReply(b, from)
	if err != nil || first.status != 200 {
		b.Fatal(first, err)
	}
	_, _ = conn.Write(request)
	if _, err = from.Peek(1); err != nil {
		b.Fatal(err)
	}
	answer := make([]byte, from.Buffered()) // all answers but the Date are alike
	_, _ = io.ReadFull(from, answer)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = conn.Write(request)
		if _, err := io.ReadFull(from, answer); err != nil {
			b.Fatal(err)
		}
	}
}

// publishingBroker is a broker with a PubSub that nobody has subscribed to.
func publishingBroker(t testing.TB) Caller {
	t.Helper()
	broker, err := actors.NewBroker(actors.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := broker.Shutdown(ctx, 0); err != nil {
			t.Error(err)
		}
	})
	pubsub := services.NewPubSub(services.Nobody)
	if err := errors.Join(broker.Frontend().Register("pubsub", pubsub),
		broker.Backend().Register("pubsub_backend", services.NewPubSubBackend(pubsub))); err != nil {
		t.Fatal(err)
	}
	return broker
}

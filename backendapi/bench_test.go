package backendapi

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
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

// One kept-alive connection over loopback, the client's share included.
func BenchmarkServer(b *testing.B) {
	h, err := New(callerFunc(publishBroker), Options{Keys: [][]byte{[]byte(testKey)}})
	if err != nil {
		b.Fatal(err)
	}
	conn := dial(b, serve(b, h, ServerOptions{}))
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

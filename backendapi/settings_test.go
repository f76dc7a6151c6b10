package backendapi

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// chunked is a request with a body in chunks, which is none for a lane.
func chunked(body string) string {
	return "POST /backend HTTP/1.1\r\nHost: x\r\nX-Backend-Key: " + testKey + "\r\nTransfer-Encoding: chunked\r\n\r\n" +
		fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body)
}

// Keys and bounds change together or not at all, on lanes and in net/http.
func TestOptionsChange(t *testing.T) {
	h := newHandler(t, Options{})
	addr := serve(t, h, ServerOptions{})
	body := call("ok", `{"x":"`+strings.Repeat("x", 1000)+`"}`)
	expect := func(when string, want int) {
		t.Helper()
		for _, request := range []string{post("Connection: close\r\n", body), strings.Replace(chunked(body), "Host: x", "Host: x\r\nConnection: close", 1)} {
			if got := raw(t, addr, request); len(got) != 1 || got[0].status != want {
				t.Errorf("%s: %q is answered with %s", when, request[:60], statuses(got))
			}
		}
	}
	expect("at first", 200)
	narrow := Options{Keys: [][]byte{[]byte(testKey)}, MaxBody: 1000}
	if err := h.SetOptions(Options{Keys: [][]byte{[]byte(testKey), nil}, MaxBody: 1000}); !errors.Is(err, ErrBadKey) {
		t.Errorf("got %v", err)
	}
	expect("after a bad key", 200)
	if err := h.SetOptions(narrow); err != nil {
		t.Fatal(err)
	}
	expect("with a lower bound", 413)
	if err := h.SetKeys([]byte(testKey), []byte("another")); err != nil {
		t.Fatal(err)
	}
	expect("with another key besides", 413)
	if err := h.SetOptions(Options{Keys: [][]byte{[]byte("another")}}); err != nil {
		t.Fatal(err)
	}
	expect("without its key", 401)
}

// A call may take longer than the server was made for, on connections that were there before, too.
func TestTimeoutsChange(t *testing.T) {
	for name, request := range map[string]func(string) string{
		"lane":     func(body string) string { return post("", body) },
		"net/http": chunked,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, h := newPipes(), newHandler(t, Options{Timeout: 20 * time.Second})
				s := serveOn(t, l, h, ServerOptions{WriteTimeout: 40 * time.Second})
				conn := l.dial()
				defer func() { _ = conn.Close() }()
				in := bufio.NewReader(conn)
				answeredAfter := func(want time.Duration) {
					t.Helper()
					if name == "net/http" { // which does not keep it after chunks
						_ = conn.Close()
						conn = l.dial()
						in.Reset(conn)
					}
					start := time.Now()
					if _, err := io.WriteString(conn, request(call("slow", "1"))); err != nil {
						t.Fatal(err)
					}
					r, err := readReply(t, in)
					if err != nil || r.status != 200 || time.Since(start) != want {
						t.Errorf("%v, status %d after %v, want %v", err, r.status, time.Since(start), want)
					}
				}
				answeredAfter(20 * time.Second)
				if err := h.SetOptions(Options{Keys: [][]byte{[]byte(testKey)}, Timeout: 10 * time.Minute}); err != nil {
					t.Fatal(err)
				}
				s.SetWriteTimeout(11 * time.Minute)
				answeredAfter(10 * time.Minute)
			})
		})
	}
}

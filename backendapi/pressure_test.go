package backendapi

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/snorky-go/snorky/actors/limit"
)

// Wrong keys are answered with 429 after some, and right ones as ever, from the same address and at the same time.
func TestWrongKeysAreThrottled(t *testing.T) {
	h := newHandler(t, Options{BadKeyRate: limit.Rate{PerSecond: 1e-6, Burst: 3}})
	addr := serve(t, h, ServerOptions{})
	wrong := strings.Replace(post("", call("ok", "1")), testKey, "wrong", 1)
	right := dial(t, addr)
	answers := bufio.NewReader(right)
	for i := range 10 {
		got := raw(t, addr, wrong)
		want := "401"
		if i >= 3 {
			want = "429"
			if len(got) == 1 && got[0].header.Get("Retry-After") != "10" {
				t.Errorf("429 with %v", got[0].header)
			}
		}
		if statuses(got) != want {
			t.Errorf("%d: %s, want %s", i, statuses(got), want)
		}
		_, _ = io.WriteString(right, post("", call("ok", "1")))
		if r, err := readReply(t, answers); err != nil || r.status != http.StatusOK {
			t.Fatalf("the right key: %v, %v", r, err)
		}
	}
	empty := "POST /backend HTTP/1.1\r\nHost: x\r\nX-Backend-Key: wrong\r\nContent-Length: 0\r\n\r\n"
	if got := raw(t, addr, empty+empty); statuses(got) != "429" {
		t.Errorf("two in a row: %s", statuses(got)) // raw waits for the end of the connection
	}
	h.SetBadKeyRate(limit.Rate{PerSecond: 1e-6, Burst: 3})
	if got := raw(t, addr, wrong); statuses(got) != "429" {
		t.Errorf("the same rate: %s", statuses(got))
	}
	h.SetBadKeyRate(limit.Rate{})
	for range 5 {
		if got := raw(t, addr, wrong); statuses(got) != "401" {
			t.Errorf("no limit: %s", statuses(got))
		}
	}
}

// Connections that say nothing do not keep out a backend, nor cost one that is there its place.
func TestSilentConnectionsOfTheBackend(t *testing.T) {
	l := listen(t)
	s := serveOn(t, l, newHandler(t, Options{}), ServerOptions{MaxConnections: 20, HeaderTimeout: time.Hour, IdleTimeout: time.Hour})
	addr := l.Addr().String()
	ask := func(to io.Writer, answers *bufio.Reader) {
		t.Helper()
		_, _ = io.WriteString(to, post("", call("ok", "1")))
		if r, err := readReply(t, answers); err != nil || r.status != http.StatusOK {
			t.Fatalf("%v, %v", r, err)
		}
	}
	old := dial(t, addr)
	oldAnswers := bufio.NewReader(old)
	ask(old, oldAnswers)
	for i := range 100 {
		conn := dial(t, addr)
		switch i % 3 {
		case 1:
			_, _ = io.WriteString(conn, "POST /backend HTTP/1.1\r\nHost: x\r\nX-")
		case 2: // goes on to the http.Server, and idles there
			_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		}
	}
	fresh := dial(t, addr)
	ask(fresh, bufio.NewReader(fresh))
	ask(old, oldAnswers)
	// One more than the bound is what shows that there are too many.
	if now, evicted := s.Connections(); now > 21 || evicted < 80 {
		t.Errorf("%d are left, %d were closed", now, evicted)
	}
	s.SetMaxConnections(0)
	for range 50 {
		_ = dial(t, addr)
	}
	ask(old, oldAnswers)
}

// Whatever becomes of a connection, it does not count any more when it has ended.
func TestConnectionsAreCountedAgainstTheirBound(t *testing.T) {
	l := listen(t)
	s := serveOn(t, l, newHandler(t, Options{}), ServerOptions{})
	addr := l.Addr().String()
	_ = dial(t, addr).Close()
	raw(t, addr, post("Connection: close\r\n", call("ok", "1")))
	raw(t, addr, "GET / HTTP/1.0\r\n\r\n")
	raw(t, addr, "rubbish\r\n\r\n")
	half := dial(t, addr)
	_, _ = io.WriteString(half, "POST /backend HT")
	_ = half.Close()
	deadline, again := time.After(patience), time.NewTicker(time.Millisecond)
	defer again.Stop()
	for {
		if now, _ := s.Connections(); now == 0 {
			return
		}
		select {
		case <-again.C:
		case <-deadline:
			now, _ := s.Connections()
			t.Fatalf("%d are left", now)
		}
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

package backendapi

import (
	"maps"
	"strings"
	"testing"
)

// What a lane answers and what net/http answers counts alike.
func TestRequestsAreCounted(t *testing.T) {
	ok, failing := call("ok", `"abc"`), call("odd", "1")
	requests := []string{
		post("", ok), post("", failing), post("", call("boom", "1")), post("", call("late", "1")), post("", "[]"),
		strings.Replace(post("", ok), testKey, "sword", 1),
		strings.Replace(post("", ok), "POST", "GET", 1),
	}
	want := map[int]uint64{200: 2, 500: 1, 503: 1, 400: 1, 401: 1, 405: 1}
	for name, more := range map[string]string{"lane": "", "net/http": "Transfer: x\r\nExpect: \r\n"} {
		t.Run(name, func(t *testing.T) {
			h := newHandler(t, Options{})
			addr := serve(t, h, ServerOptions{})
			answers, bodies := 0, 0
			for _, request := range requests {
				head, body, _ := strings.Cut(request, "\r\n\r\n")
				replies := raw(t, addr, head+"\r\n"+more+"Connection: close\r\n\r\n"+body)
				if len(replies) != 1 {
					t.Fatalf("%d answers to %q", len(replies), request)
				}
				answers += len(replies[0].body)
				if replies[0].status != 401 && replies[0].status != 405 {
					bodies += len(body)
				}
			}
			got := h.Stats()
			if !maps.Equal(got.Requests, want) || got.Failed != 1 || got.Keys != 1 {
				t.Errorf("got %+v, want %v and one that failed", got, want)
			}
			if got.ReceivedBytes != uint64(bodies) || got.SentBytes != uint64(answers) {
				t.Errorf("%d bytes received, %d sent; want %d and %d", got.ReceivedBytes, got.SentBytes, bodies, answers)
			}
		})
	}
}

func TestConnectionsAreCounted(t *testing.T) {
	l := newPipes()
	s := serveOn(t, l, newHandler(t, Options{}), ServerOptions{})
	l.dial()
	odd := l.dial()
	_, _ = odd.Write([]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	one := make([]byte, 1)
	_, _ = odd.Read(one) // net/http has it
	if got := s.Stats(); got != (ServerStats{Lanes: 1, HandedOver: 1}) {
		t.Errorf("got %+v", got)
	}
}

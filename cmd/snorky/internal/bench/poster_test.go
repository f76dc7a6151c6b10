package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func posterOn(answers string) *Poster {
	return &Poster{br: bufio.NewReaderSize(strings.NewReader(answers), 8<<10)}
}

func TestAnswersThatAreNone(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{
		"",
		"HTTP/2 200 OK\r\n\r\n",
		"HTTP/1.1 20\r\n\r\n",
		"HTTP/1.1 2000 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
		"HTTP/1.1 200 OK\r\nName : x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1fffffff\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("A: b\r\n", 200),
		"HTTP/1.1 101 Switching Protocols\r\n\r\n",
		"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 9000) + "\r\n\r\n",
		"HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 200) + "\r\n",
	} {
		if status, err := posterOn(answer).readAnswer(); err == nil {
			t.Errorf("%.60q is taken as status %d", answer, status)
		}
	}
}

// FuzzAnswer holds the answers that are taken against what net/http makes of them.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"))
	f.Add([]byte("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"))
	f.Add([]byte("HTTP/1.0 404 Not Found\nContent-Length: 0\n\n"))
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;a=b\r\nhi\r\n0\r\nX: y\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 500 x\r\ncontent-length:1\r\n\r\nx"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		p := posterOn(string(answer))
		status, err := p.readAnswer()
		if err != nil {
			return
		}
		theirs := bufio.NewReader(bytes.NewReader(answer))
		request := &http.Request{Method: http.MethodPost}
		r, err := http.ReadResponse(theirs, request)
		for err == nil && r.StatusCode < 200 && r.StatusCode != http.StatusSwitchingProtocols {
			r, err = http.ReadResponse(theirs, request)
		}
		if err != nil {
			return // net/http looks at more than what matters here
		}
		body, err := io.ReadAll(r.Body)
		if err == nil && (r.StatusCode != status || !bytes.Equal(body, p.answer)) {
			t.Fatalf("%d %q instead of %d %q", status, p.answer, r.StatusCode, body)
		}
	})
}

func endpoint(f *fake) Endpoint {
	u, err := url.Parse(f.http.URL + "/backend")
	if err != nil {
		f.t.Fatal(err)
	}
	return Endpoint{URL: u, Header: http.Header{"X-Backend-Key": {"key"}}, Wait: patience}
}

const somePublication = `{"message":{"command":"publish","params":{"channel":"c","message":1}}}`

func TestAClosedPosterPostsNothing(t *testing.T) {
	t.Parallel()
	p, err := endpoint(newFake(t, false)).Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if status, answer, err := p.Post(t.Context(), []byte(somePublication)); status != 200 || err != nil {
		t.Errorf("%d %s, %v", status, answer, err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if _, _, err := p.Post(t.Context(), nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestTheEndOfAContextInterruptsARequest(t *testing.T) {
	t.Parallel()
	f := newFake(t, false)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f.answer = func(int, int) string { cancel(); return hang }
	p, err := endpoint(f).Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.Post(ctx, []byte(somePublication)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

func TestHostPort(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"http://a":        "a:80",
		"https://a/x":     "a:443",
		"ws://a:81":       "a:81",
		"wss://[::1]/ws":  "[::1]:443",
		"wss://[::1]:5/w": "[::1]:5",
	} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := HostPort(u); got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
}

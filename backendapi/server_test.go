package backendapi

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

// hidden is a request that must not be carried out if what precedes it is badly framed.
var hidden = post("", call("ok", `"hidden"`))

func TestBadFraming(t *testing.T) {
	addr := serve(t, newHandler(t, Options{}), ServerOptions{})
	ok := call("ok", "1")
	chunks := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(ok), ok)
	head := "POST /backend HTTP/1.1\r\nHost: x\r\nX-Backend-Key: " + testKey + "\r\n"
	length := fmt.Sprintf("Content-Length: %d\r\n", len(ok))
	for _, c := range []struct{ name, request string }{
		{"Content-Length and chunks", head + length + "Transfer-Encoding: chunked\r\n\r\n" + chunks},
		{"chunks and Content-Length", head + "Transfer-Encoding: chunked\r\n" + length + "\r\n" + chunks},
		{"Content-Length and chunks in lower case", head + "content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n" + chunks},
		{"Content-Length and coding after a tab", head + length + "Transfer-Encoding:\tchunked\r\n\r\n" + chunks},
		{"two lengths", head + length + "Content-Length: 0\r\n\r\n" + ok},
		{"two equal lengths", head + length + length + "\r\n" + ok},
		{"list of lengths", head + fmt.Sprintf("Content-Length: %d, %d\r\n\r\n", len(ok), len(ok)) + ok},
		{"xchunked", head + "Transfer-Encoding: xchunked\r\n\r\n" + chunks},
		{"gzip, chunked", head + "Transfer-Encoding: gzip, chunked\r\n\r\n" + chunks},
		{"identity", head + "Transfer-Encoding: identity\r\n" + length + "\r\n" + ok},
		{"chunked twice", head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks},
		{"coding with control character", head + "Transfer-Encoding: \x0bchunked\r\n\r\n" + chunks},
		{"folded coding", head + "Transfer-Encoding:\r\n chunked\r\n\r\n" + chunks},
		{"folded length", head + fmt.Sprintf("Content-Length:\r\n %d\r\n\r\n", len(ok)) + ok},
		{"blank before the colon", head + fmt.Sprintf("Content-Length : %d\r\n\r\n", len(ok)) + ok},
		{"coding with blank before the colon", head + length + "Transfer-Encoding : chunked\r\n\r\n" + ok},
		{"length with plus", head + fmt.Sprintf("Content-Length: +%d\r\n\r\n", len(ok)) + ok},
		{"negative length", head + "Content-Length: -1\r\n\r\n" + ok},
		{"hexadecimal length", head + fmt.Sprintf("Content-Length: %#x\r\n\r\n", len(ok)) + ok},
		{"empty length", head + "Content-Length:\r\n\r\n" + ok},
		{"overflowing length", head + "Content-Length: 18446744073709551617\r\n\r\n" + ok},
		{"bare LF after the chunk size", head + "Transfer-Encoding: chunked\r\n\r\n" + strings.ReplaceAll(chunks, "\r", "")},
		{"bare LF in a chunk extension", head + "Transfer-Encoding: chunked\r\n\r\n2;a\nxx\r\n" + chunks},
		{"bare CR in a chunk extension", head + "Transfer-Encoding: chunked\r\n\r\n2;a\rb\r\nxx\r\n" + chunks},
		{"chunk size overflows", head + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n" + chunks},
		{"chunk size with 0x", head + "Transfer-Encoding: chunked\r\n\r\n0x2\r\n" + chunks},
		{"negative chunk size", head + "Transfer-Encoding: chunked\r\n\r\n-2\r\n" + chunks},
		{"chunk longer than said", head + "Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n" + chunks},
		{"chunks over HTTP/1.0", strings.Replace(head, "1.1", "1.0", 1) + "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks},
		{"chunks and a length over HTTP/1.0", strings.Replace(head, "1.1", "1.0", 1) + "Connection: keep-alive\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"},
		{"NUL in a header", head + "X: a\x00b\r\n" + length + "\r\n" + ok},
		{"CR in a header", head + "X: a\rContent-Length: 0\r\n" + length + "\r\n" + ok},
		{"header without a colon", head + "garbage\r\n" + length + "\r\n" + ok},
		{"no Host", strings.Replace(head, "Host: x\r\n", "", 1) + length + "\r\n" + ok},
		{"two Hosts", head + "Host: y\r\n" + length + "\r\n" + ok},
		{"blank in front", " " + head + length + "\r\n" + ok},
		{"HTTP/0.9", "POST /backend\r\n"},
		{"random bytes", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			replies := raw(t, addr, c.request+hidden)
			if statuses(replies) != "400" {
				t.Fatalf("answers %v, want 400 and nothing else", replies)
			}
		})
	}
}

func TestGoodFraming(t *testing.T) {
	addr := serve(t, newHandler(t, Options{}), ServerOptions{})
	ok := call("ok", "1")
	last := post("Connection: close\r\n", call("ok", `"last"`))
	head := "POST /backend HTTP/1.1\r\nHost: x\r\nX-Backend-Key: " + testKey + "\r\n"
	chunks := fmt.Sprintf("%x;x=y\r\n%s\r\n3\r\n   \r\n0\r\nTrailer: 1\r\n\r\n", len(ok), ok)
	for _, c := range []struct{ name, request, want string }{
		{"three in a row", post("", ok) + post("", call("ok", "2")) + last, "200 200 200"},
		{"empty lines between", post("", ok) + "\r\n" + last, "200 200"},
		{"errors keep the connection", post("", "x") + post("", call("nope", "{}")) + post("", `{"service":"x","message":0}`) + last, "400 200 404 200"},
		{"refused without a body", "GET /backend HTTP/1.1\r\nHost: x\r\n\r\n" + last, "405 200"},
		{"refused with a body", "POST /elsewhere HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}" + last, "404"},
		{"chunks end the connection", head + "Transfer-Encoding: Chunked\r\n\r\n" + chunks + last, "200"},
		{"bare LF ends header lines", strings.ReplaceAll(post("", ok), "\r\n", "\n") + last, "200 200"},
		{"long header lines", post("X-Long: "+strings.Repeat("content-length: 1 ", 500)+"\r\n", ok) + last, "200 200"},
		{"length with blanks", head + fmt.Sprintf("cOnTeNt-lEnGtH: \t %04d \t\r\n\r\n", len(ok)) + ok + last, "200 200"},
		{"absolute address", strings.Replace(post("", ok), " /backend", " http://evil.example/backend", 1) + last, "200 200"},
		{"upgrade to HTTP/2 is not taken up", post("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n", ok) + last, "200 200"},
		{"WebSocket handshake", "GET /backend HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n" + last, "405 200"},
		{"OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n" + last, "404 200"},
		{"CONNECT", "CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n" + last, "404 200"},
		{"lower-case method", strings.Replace(post("", ok), "POST", "post", 1) + last, "405"},
		{"preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", "404"},
		{"HTTP/2.0", strings.Replace(post("", ok), "HTTP/1.1", "HTTP/2.0", 1) + last, "505"},
		{"HTTP/1.0", strings.Replace(post("Connection: keep-alive\r\n", ok), "HTTP/1.1", "HTTP/1.0", 1) + last, "200"},
		{"unknown expectation", post("Expect: 200-ok\r\n", ok) + last, "417"},
		{"request line of 1 MiB", "POST /" + strings.Repeat("a", 1<<20) + " HTTP/1.1\r\nHost: x\r\n\r\n", "431"},
		{"headers of 2 MiB", head + "X: " + strings.Repeat("a", 2<<20) + "\r\n\r\n", "431"},
		{"10,000 headers", head + strings.Repeat("X: a\r\n", 10000) + "\r\n", "431"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := statuses(raw(t, addr, c.request)); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestPipelinedAnswersAreInOrder(t *testing.T) {
	addr := serve(t, newHandler(t, Options{}), ServerOptions{})
	replies := raw(t, addr, post("", call("ok", `"a"`))+post("", call("ok", `"b"`))+post("Connection: close\r\n", call("ok", `"c"`)))
	for i, want := range []string{`"a"`, `"b"`, `"c"`} {
		if len(replies) != 3 || !strings.Contains(replies[i].body, `"data":`+want) {
			t.Fatalf("answers %v", replies)
		}
	}
}

// A client that closes its half still awaits its answer.
func TestHalfClosedClientIsAnswered(t *testing.T) {
	addr := serve(t, newHandler(t, Options{}), ServerOptions{})
	for range 20 {
		conn := dial(t, addr).(*net.TCPConn)
		_, _ = io.WriteString(conn, post("", call("ok", "1")))
		_ = conn.CloseWrite()
		got, err := readReply(t, bufio.NewReader(conn))
		if err != nil || got.status != 200 || !strings.Contains(got.body, `"data":1`) {
			t.Fatalf("got %v, %v", got, err)
		}
		_ = conn.Close()
	}
}

// readAll reads what the server says until it closes, without ever sending the body that was promised.
func readAll(t *testing.T, addr, head string) string {
	t.Helper()
	conn := dial(t, addr)
	_, _ = io.WriteString(conn, head)
	said, err := io.ReadAll(conn)
	if err != nil {
		t.Fatalf("after %q: %v", said, err)
	}
	return string(said)
}

func TestRefusedBeforeTheBody(t *testing.T) {
	addr := serve(t, newHandler(t, Options{}), ServerOptions{})
	for _, c := range []struct{ name, key, headers, want string }{
		{"wrong key, 1 GiB", "wrong", "Content-Length: 1073741824\r\n", "HTTP/1.1 401 "},
		{"wrong key, small body", "wrong", "Content-Length: 20\r\n", "HTTP/1.1 401 "},
		{"wrong key, chunks", "wrong", "Transfer-Encoding: chunked\r\n", "HTTP/1.1 401 "},
		{"wrong key, continue", "wrong", "Content-Length: 20\r\nExpect: 100-continue\r\n", "HTTP/1.1 401 "},
		{"too large", testKey, "Content-Length: 104857600\r\n", "HTTP/1.1 413 "},
		{"too large, continue", testKey, "Content-Length: 104857600\r\nExpect: 100-continue\r\n", "HTTP/1.1 413 "},
		{"gzip, continue", testKey, "Content-Length: 20\r\nContent-Encoding: gzip\r\nExpect: 100-continue\r\n", "HTTP/1.1 415 "},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			said := readAll(t, addr, "POST /backend HTTP/1.1\r\nHost: x\r\nX-Backend-Key: "+c.key+"\r\n"+c.headers+"\r\n")
			if !strings.HasPrefix(said, c.want) || !strings.Contains(said, "Connection: close\r\n") {
				t.Errorf("got %q", said)
			}
		})
	}
}

func TestContinueWithTheRightKey(t *testing.T) {
	addr := serve(t, newHandler(t, Options{}), ServerOptions{})
	conn := dial(t, addr)
	head, body, _ := strings.Cut(post("Expect: 100-continue\r\n", call("ok", "1")), "\r\n\r\n")
	_, _ = io.WriteString(conn, head+"\r\n\r\n")
	from := bufio.NewReader(conn)
	line, err := from.ReadString('\n')
	if err != nil || line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("got %q, %v", line, err)
	}
	_, _ = from.ReadString('\n')
	_, _ = io.WriteString(conn, body)
	if got, err := readReply(t, from); err != nil || got.status != 200 {
		t.Fatalf("got %v, %v", got, err)
	}
}

// endless is a body in chunks that goes on until the server stops reading.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return copy(p, bytes.Repeat([]byte{' '}, len(p))), nil }

func TestEndlessBody(t *testing.T) {
	addr := serve(t, newHandler(t, Options{MaxBody: 100_000}), ServerOptions{})
	for _, size := range []int64{64 << 20, -1} {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+addr+"/backend", io.LimitReader(endless{}, 64<<20))
		r.Header.Set("X-Backend-Key", testKey)
		r.ContentLength = size
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		response, err := client.Do(r)
		if err != nil {
			t.Fatalf("length %d: %v", size, err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("length %d: status %d", size, response.StatusCode)
		}
	}
}

func TestCutBody(t *testing.T) {
	addr := serve(t, newHandler(t, Options{}), ServerOptions{})
	conn := dial(t, addr).(*net.TCPConn)
	_, _ = io.WriteString(conn, strings.TrimSuffix(post("", call("ok", "1")), "}"))
	_ = conn.CloseWrite()
	if got, err := readReply(t, bufio.NewReader(conn)); err != nil || got.status != 400 {
		t.Fatalf("got %v, %v", got, err)
	}
}

func TestManyBadClientsDoNotKeepOutAGoodOne(t *testing.T) {
	addr := serve(t, newHandler(t, Options{}), ServerOptions{})
	wrong := strings.Replace(post("Connection: close\r\n", "{}"), testKey, "wrong", 1)
	for range 300 {
		conn := dial(t, addr)
		_, _ = io.WriteString(conn, wrong[:len(wrong)/2])
		_ = conn.(*net.TCPConn).SetLinger(0) // the reset of a client that is gone
		_ = conn.Close()
	}
	for range 20 {
		if got := statuses(raw(t, addr, wrong)); got != "401" {
			t.Fatalf("wrong key: %s", got)
		}
	}
	if got := statuses(raw(t, addr, post("Connection: close\r\n", call("ok", "1")))); got != "200" {
		t.Errorf("right key: %s", got)
	}
}

// brokenListener fails as a listener does when the process has no descriptors left, then is closed.
type brokenListener struct {
	net.Listener
	failures int
}

type acceptError struct{ error }

func (acceptError) Timeout() bool   { return false }
func (acceptError) Temporary() bool { return true }

func (l *brokenListener) Accept() (net.Conn, error) {
	if l.failures > 0 {
		l.failures--
		return nil, acceptError{errors.New("too many open files")}
	}
	return l.Listener.Accept()
}

func TestFailingAcceptIsSurvivedAndLoggedOnce(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	lines := new(lockedBuffer)
	serveOn(t, &brokenListener{l, 4}, newHandler(t, Options{}), ServerOptions{Logger: zerolog.New(lines)})
	if got := statuses(raw(t, l.Addr().String(), post("Connection: close\r\n", call("ok", "1")))); got != "200" {
		t.Errorf("after failures: %s", got)
	}
	if got := lines.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "too many open files") {
		t.Errorf("log:\n%s", got)
	}
}

func TestShutdownAnswersWhatIsInProgress(t *testing.T) {
	started := make(chan struct{})
	finish := make(chan struct{})
	h, err := New(blockingCaller{started, finish}, Options{Keys: [][]byte{[]byte(testKey)}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := serveOn(t, l, h, ServerOptions{})
	conn := dial(t, l.Addr().String())
	_, _ = io.WriteString(conn, post("", call("ok", "1")))
	<-started
	done := make(chan error, 1)
	go func() { done <- s.Shutdown(t.Context()) }()
	for refused := false; !refused; {
		probe, err := net.DialTimeout("tcp", l.Addr().String(), time.Second)
		if refused = err != nil; !refused {
			_ = probe.Close()
		}
	}
	close(finish)
	if got, err := readReply(t, bufio.NewReader(conn)); err != nil || got.status != 200 {
		t.Errorf("got %v, %v", got, err)
	}
	if err := <-done; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

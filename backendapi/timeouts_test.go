package backendapi

import (
	"bufio"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener inside the process, so that the clock of a test bubble is the only one.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

func (*pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial() net.Conn {
	mine, theirs := net.Pipe()
	p.conns <- theirs
	return mine
}

// TestTimeLimits sends what is sent and then nothing more, with default settings.
func TestTimeLimits(t *testing.T) {
	head := "POST /backend HTTP/1.1\r\nHost: x\r\nX-Backend-Key: " + testKey + "\r\n"
	for _, c := range []struct {
		name, sent string
		answer     string        // beginning of what comes back
		answered   time.Duration // when the answer comes
		closed     time.Duration // when the connection ends
	}{
		{"silence", "", "", 0, 10 * time.Second},
		{"half a head", head, "", 0, 10 * time.Second},
		{"body never comes", head + "Content-Length: 2\r\n\r\n", "HTTP/1.1 408 ", 10 * time.Second, 11 * time.Second},
		{"body half comes", head + "Content-Length: 2\r\n\r\n{", "HTTP/1.1 408 ", 10 * time.Second, 11 * time.Second},
		{"chunks without end", head + "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", "HTTP/1.1 408 ", 10 * time.Second, 10 * time.Second},
		{"wrong key", strings.Replace(head, testKey, "x", 1) + "Content-Length: 2\r\n\r\n", "HTTP/1.1 401 ", 0, time.Second},
		{"wrong key, large body", strings.Replace(head, testKey, "x", 1) + "Content-Length: 1073741824\r\n\r\n", "HTTP/1.1 401 ", 0, 500 * time.Millisecond},
		{"too large a body", head + "Content-Length: 1073741824\r\n\r\n", "HTTP/1.1 413 ", 0, time.Second},
		{"idle after a call", post("", call("ok", "1")), "HTTP/1.1 200 ", 0, 2 * time.Minute},
		{"idle after a refusal", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404 ", 0, 2 * time.Minute},
		{"service that never answers", post("Connection: close\r\n", call("slow", "1")), "HTTP/1.1 200 ", time.Minute, time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newPipes()
				serveOn(t, l, newHandler(t, Options{}), ServerOptions{})
				start := time.Now()
				conn := l.dial()
				go func() { _, _ = io.WriteString(conn, c.sent) }()
				from := bufio.NewReader(conn)
				if c.answer != "" {
					line, err := from.ReadString('\n')
					if err != nil || !strings.HasPrefix(line, c.answer) {
						t.Fatalf("answer %q, %v", line, err)
					}
					if took := time.Since(start); took != c.answered {
						t.Errorf("answered after %v, want %v", took, c.answered)
					}
				}
				rest, err := io.ReadAll(from)
				if err != nil {
					t.Errorf("the connection ended with %v", err)
				}
				if took := time.Since(start); took < c.closed || took > c.closed+500*time.Millisecond {
					t.Errorf("closed after %v, want %v", took, c.closed)
				}
				if strings.Contains(c.name, "service") && !strings.Contains(string(rest), `{"type":"error","callId":7,"message":"Internal error"}`) {
					t.Errorf("answer %s", rest)
				}
			})
		})
	}
}

// The time for the body must not run on while the service works.
func TestServiceMayTakeLongerThanTheBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		caller := blockingCaller{make(chan struct{}), make(chan struct{})}
		h, err := New(caller, Options{Keys: [][]byte{[]byte(testKey)}, BodyTimeout: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		serveOn(t, l, h, ServerOptions{})
		conn := l.dial()
		go func() { _, _ = io.WriteString(conn, post("Connection: close\r\n", call("ok", "1"))) }()
		<-caller.started
		<-time.After(30 * time.Second)
		close(caller.finish)
		if got, err := readReply(t, bufio.NewReader(conn)); err != nil || got.status != 200 {
			t.Errorf("got %v, %v", got, err)
		}
	})
}

// A client that takes no answers is given up.
func TestClientThatDoesNotReadIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		serveOn(t, l, newHandler(t, Options{}), ServerOptions{})
		conn := l.dial()
		start := time.Now()
		request := post("", call("ok", "1"))
		var err error
		for err == nil && time.Since(start) < time.Hour {
			_, err = io.WriteString(conn, request)
		}
		if took := time.Since(start); err == nil || took > 2*time.Minute {
			t.Errorf("after %v: %v", took, err)
		}
	})
}

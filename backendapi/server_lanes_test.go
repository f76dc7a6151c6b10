package backendapi

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Shutdown closes what lies idle, at once; half a head counts as idle, half a body does not.
func TestShutdownOfLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		s := serveOn(t, l, newHandler(t, Options{}), ServerOptions{})
		request := post("", call("ok", "1"))
		fresh, half, idle, body, calling := l.dial(), l.dial(), l.dial(), l.dial(), l.dial()
		answers := bufio.NewReader(idle)
		_, _ = io.WriteString(half, request[:30])
		_, _ = io.WriteString(idle, request)
		if got, err := readReply(t, answers); err != nil || got.status != 200 {
			t.Errorf("before: %v, %v", got, err)
		}
		_, _ = io.WriteString(body, request[:len(request)-1])
		_, _ = io.WriteString(calling, post("", call("slow", "1")))
		synctest.Wait()

		start := time.Now()
		done := make(chan error, 1)
		go func() { done <- s.Shutdown(t.Context()) }()
		for _, c := range []struct {
			name string
			conn io.Reader
			end  time.Duration
		}{{"idle", answers, 0}, {"fresh", fresh, time.Second}, {"half", half, time.Second}} {
			if said, err := io.ReadAll(c.conn); err != nil || len(said) > 0 || time.Since(start) != c.end {
				t.Errorf("%s: %q, %v after %v", c.name, said, err, time.Since(start))
			}
		}
		<-time.After(5 * time.Second)
		go func() { _, _ = io.WriteString(body, request[len(request)-1:]) }()
		for name, conn := range map[string]io.Reader{"body": body, "calling": calling} {
			said, err := io.ReadAll(conn)
			if err != nil || strings.Count(string(said), "HTTP/1.1 200 OK") != 1 || !strings.Contains(string(said), "\r\nConnection: close\r\n") {
				t.Errorf("%s: %q, %v", name, said, err)
			}
		}
		if err := <-done; err != nil || time.Since(start) != time.Minute {
			t.Errorf("Shutdown: %v after %v", err, time.Since(start))
		}
	})
}

// Who was accepted in the last moment, and could not ask for anything yet, is answered.
func TestShutdownAnswersFirstRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		s := serveOn(t, l, newHandler(t, Options{}), ServerOptions{})
		fresh, half := l.dial(), l.dial()
		request := post("", call("ok", "1"))
		_, _ = io.WriteString(half, request[:30])
		synctest.Wait()
		start := time.Now()
		done := make(chan error, 1)
		go func() { done <- s.Shutdown(t.Context()) }()
		synctest.Wait()
		go func() {
			_, _ = io.WriteString(fresh, request+request) // one of them, since the other could be asked elsewhere
			_, _ = io.WriteString(half, request[30:])
		}()
		for name, conn := range map[string]io.Reader{"fresh": fresh, "half": half} {
			said, err := io.ReadAll(conn)
			if err != nil || strings.Count(string(said), "HTTP/1.1 200 OK") != 1 || !strings.Contains(string(said), "\r\nConnection: close\r\n") {
				t.Errorf("%s: %q, %v", name, said, err)
			}
		}
		if err := <-done; err != nil || time.Since(start) > 0 {
			t.Errorf("Shutdown: %v after %v", err, time.Since(start))
		}
	})
}

// A first request that is none for a lane is not dropped without a word, either.
func TestShutdownRefusesOddFirstRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		s := serveOn(t, l, newHandler(t, Options{}), ServerOptions{})
		requests := map[string]string{
			"waits for 100":  post("Expect: 100-continue\r\n", call("ok", "1")),
			"in chunks":      strings.Replace(post("", "0\r\n\r\n"), "Content-Length: 5", "Transfer-Encoding: chunked", 1),
			"with a bad key": strings.Replace(post("", call("ok", "1")), testKey, "wrong", 1),
		}
		conns := map[string]net.Conn{}
		for name := range requests {
			conns[name] = l.dial()
		}
		synctest.Wait()
		start := time.Now()
		done := make(chan error, 1)
		go func() { done <- s.Shutdown(t.Context()) }()
		synctest.Wait()
		for name, conn := range conns {
			go func() { _, _ = io.WriteString(conn, requests[name]) }()
			said, err := io.ReadAll(conn)
			if err != nil || !strings.HasPrefix(string(said), "HTTP/1.1 503 ") ||
				!strings.Contains(string(said), "\r\nRetry-After: 1\r\n") || !strings.Contains(string(said), "\r\nConnection: close\r\n") {
				t.Errorf("%s: %q, %v", name, said, err)
			}
		}
		if err := <-done; err != nil || time.Since(start) > 0 {
			t.Errorf("Shutdown: %v after %v", err, time.Since(start))
		}
	})
}

// hookedConn calls a function when something is written.
type hookedConn struct {
	net.Conn
	writing func()
}

func (c hookedConn) Write(p []byte) (int, error) {
	c.writing()
	return c.Conn.Write(p)
}

// A connection that becomes idle after Shutdown has looked for idle ones does not stay.
func TestShutdownInTheMomentOfTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		s := serveOn(t, l, newHandler(t, Options{}), ServerOptions{})
		mine, theirs := net.Pipe()
		start := time.Now()
		done := make(chan error, 1)
		l.conns <- hookedConn{theirs, func() {
			go func() { done <- s.Shutdown(t.Context()) }()
			synctest.Wait()
		}}
		go func() { _, _ = io.WriteString(mine, post("", call("ok", "1"))) }()
		if said, err := io.ReadAll(mine); err != nil || !strings.HasPrefix(string(said), "HTTP/1.1 200 OK") {
			t.Errorf("%q, %v", said, err)
		}
		if err := <-done; err != nil || time.Since(start) > 0 {
			t.Errorf("Shutdown: %v after %v", err, time.Since(start))
		}
	})
}

// A body that does not come holds up the end for as long as it may take, and is not waited for by net/http once more.
func TestShutdownEndsWhatLanesGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		s := serveOn(t, l, newHandler(t, Options{}), ServerOptions{})
		conn := l.dial()
		_, _ = io.WriteString(conn, post("", "{}")[:len(post("", "{}"))-1])
		synctest.Wait()
		start := time.Now()
		if err := s.Shutdown(t.Context()); err != nil || time.Since(start) != 10*time.Second {
			t.Errorf("Shutdown: %v after %v", err, time.Since(start))
		}
		if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the connection is open: %v", err)
		}
	})
}

func TestShutdownGivesUpWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		s := serveOn(t, l, newHandler(t, Options{}), ServerOptions{})
		conn := l.dial()
		_, _ = io.WriteString(conn, post("", call("slow", "1")))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v", err)
		}
		start := time.Now()
		if err := s.Close(); err != nil || time.Since(start) > 0 {
			t.Errorf("Close: %v after %v", err, time.Since(start))
		}
		if said, err := io.ReadAll(conn); err != nil || len(said) > 0 {
			t.Errorf("%q, %v", said, err)
		}
	})
}

// Close does not wait for ever for a Caller that does not heed its context.
func TestCloseLeavesBehindWhatDoesNotEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		caller := blockingCaller{make(chan struct{}), make(chan struct{})}
		h, err := New(caller, Options{Keys: [][]byte{[]byte(testKey)}})
		if err != nil {
			t.Fatal(err)
		}
		l := newPipes()
		s := serveOn(t, l, h, ServerOptions{})
		conn := l.dial()
		_, _ = io.WriteString(conn, post("", call("ok", "1")))
		<-caller.started
		start := time.Now()
		if err := s.Close(); err != nil || time.Since(start) != closeGrace {
			t.Errorf("Close: %v after %v", err, time.Since(start))
		}
		close(caller.finish)
	})
}

// A call that ends because of Close is the last one of its connection.
func TestCloseEndsConnectionsInTheMiddle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		h, err := New(callerFunc(func(ctx context.Context, _ string, _ []byte) ([]byte, error) {
			calls.Add(1)
			<-ctx.Done()
			return nil, context.Cause(ctx)
		}), Options{Keys: [][]byte{[]byte(testKey)}})
		if err != nil {
			t.Fatal(err)
		}
		l := newPipes()
		s := serveOn(t, l, h, ServerOptions{})
		conn := l.dial()
		_, _ = io.WriteString(conn, strings.Repeat(post("", call("ok", "1")), 3))
		<-time.After(90 * time.Second) // in the second call
		if err := s.Close(); err != nil || calls.Load() != 2 {
			t.Errorf("Close: %v with %d calls", err, calls.Load())
		}
	})
}

func TestServeAfterTheEnd(t *testing.T) {
	for name, end := range map[string]func(*Server) error{
		"Close":    (*Server).Close,
		"Shutdown": func(s *Server) error { return s.Shutdown(context.Background()) },
	} {
		for kind, handler := range map[string]http.Handler{
			"lanes":   newHandler(t, Options{}),
			"nethttp": http.HandlerFunc(newHandler(t, Options{}).ServeHTTP),
		} {
			s := NewServer(handler, ServerOptions{})
			if err := end(s); err != nil {
				t.Errorf("%s, %s: %v", kind, name, err)
			}
			l := newPipes()
			if err := s.Serve(l); err != http.ErrServerClosed {
				t.Errorf("%s: Serve after %s returned %v", kind, name, err)
			}
			if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("%s: the listener is open after %s: %v", kind, name, err)
			}
			if err := errors.Join(s.Close(), s.Shutdown(t.Context()), s.Close()); err != nil {
				t.Errorf("%s: once more: %v", kind, err)
			}
		}
	}
}

// failingListener cannot accept any more, for good.
type failingListener struct{ *pipes }

var errListener = errors.New("no listener")

func (failingListener) Accept() (net.Conn, error) { return nil, errListener }

func (l failingListener) Close() error {
	_ = l.pipes.Close()
	return errListener
}

func TestErrorsOfListeners(t *testing.T) {
	s := NewServer(newHandler(t, Options{}), ServerOptions{})
	l := failingListener{newPipes()}
	if err := s.Serve(l); err != errListener {
		t.Errorf("Serve: %v", err)
	}
	if _, err := l.pipes.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener is open: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// The pause after a failing accept does not hold up the end.
func TestCloseWhileAcceptFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewServer(newHandler(t, Options{}), ServerOptions{})
		ended := make(chan error, 1)
		go func() { ended <- s.Serve(&brokenListener{newPipes(), 1 << 30}) }()
		<-time.After(time.Hour)
		start := time.Now()
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if err := <-ended; err != http.ErrServerClosed || time.Since(start) > 0 {
			t.Errorf("Serve: %v after %v", err, time.Since(start))
		}
	})
}

// Whatever was carried out while the server goes down was answered.
func TestShutdownUnderLoad(t *testing.T) {
	var calls, answers atomic.Int64
	h, err := New(callerFunc(func(context.Context, string, []byte) ([]byte, error) {
		calls.Add(1)
		return nothing, nil
	}), Options{Keys: [][]byte{[]byte(testKey)}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := serveOn(t, l, h, ServerOptions{})
	var clients sync.WaitGroup
	busy := make(chan struct{}, 1000)
	for i := range 8 {
		clients.Go(func() {
			conn := dial(t, l.Addr().String())
			from := bufio.NewReader(conn)
			request := post("", call("ok", "1"))
			if i == 0 { // by net/http
				request = strings.ReplaceAll(request, "\r\n", "\n")
			}
			for {
				_, _ = io.WriteString(conn, request)
				if _, err := readReply(t, from); err != nil {
					return
				}
				answers.Add(1)
				select {
				case busy <- struct{}{}:
				default:
				}
			}
		})
	}
	for range 500 {
		<-busy
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	clients.Wait()
	if calls.Load() != answers.Load() {
		t.Errorf("%d calls and %d answers", calls.Load(), answers.Load())
	}
}

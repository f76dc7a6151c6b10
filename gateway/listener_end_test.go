package gateway

import (
	"errors"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// script is a listener that has what the test puts into it.
type script struct {
	turns chan arrival
	calls chan struct{} // one for each Accept
	once  sync.Once
	done  chan struct{}
}

func newScript() *script {
	return &script{turns: make(chan arrival), calls: make(chan struct{}, 100), done: make(chan struct{})}
}

func (s *script) Accept() (net.Conn, error) {
	s.calls <- struct{}{}
	select {
	case a := <-s.turns:
		return a.conn, a.err
	case <-s.done:
		return nil, net.ErrClosed
	}
}

func (s *script) Close() error   { s.once.Do(func() { close(s.done) }); return nil }
func (s *script) Addr() net.Addr { return &net.UnixAddr{Name: "script"} }

func (s *script) called(t *testing.T) {
	t.Helper()
	select {
	case <-s.calls:
	case <-time.After(patience):
		t.Fatal("Accept is not called")
	}
}

// acceptAsync has Accept's results come by a channel.
func acceptAsync(l net.Listener) <-chan arrival {
	c := make(chan arrival, 1)
	go func() {
		conn, err := l.Accept()
		c <- arrival{conn, err}
	}()
	return c
}

func await(t *testing.T, c <-chan arrival) arrival {
	t.Helper()
	select {
	case a := <-c:
		return a
	case <-time.After(patience):
		t.Fatal("Accept does not return")
		return arrival{}
	}
}

// When a process has no descriptors left, it is net/http that waits, longer each time. It is asked before every try.
func TestListenerPassesErrorsOn(t *testing.T) {
	inner := newScript()
	l := NewListener(inner, New(nil, Options{}), ListenerOptions{})
	defer l.Close()
	if l.Addr() != inner.Addr() && l.Addr().String() != "script" {
		t.Errorf("address %v", l.Addr())
	}
	for range 3 {
		full := errors.New("too many open files")
		accepted := acceptAsync(l)
		inner.called(t)
		inner.turns <- arrival{err: full}
		if a := await(t, accepted); a.err != full {
			t.Fatalf("got %v", a.err)
		}
		if len(inner.calls) > 0 {
			t.Fatal("tries again before it is asked to")
		}
	}
	accepted := acceptAsync(l)
	inner.called(t)
	one, other := net.Pipe()
	defer other.Close()
	inner.turns <- arrival{conn: one}
	if a := await(t, accepted); a.conn != one {
		t.Errorf("got %v, %v; want the pipe as it is", a.conn, a.err)
	}
	_ = one.Close()
}

func TestListenerClosed(t *testing.T) {
	inner := newScript()
	l := NewListener(inner, New(nil, Options{}), ListenerOptions{})
	accepted := acceptAsync(l)
	inner.called(t)
	if err := l.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if a := await(t, accepted); !errors.Is(a.err, net.ErrClosed) {
		t.Errorf("got %v", a.err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept after the end: %v", err)
	}
	if err := l.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("second Close: %v", err)
	}
	unused := newScript()
	l = NewListener(unused, New(nil, Options{}), ListenerOptions{})
	_ = l.Close()
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) || len(unused.calls) > 0 {
		t.Errorf("Accept after an early end: %v", err)
	}
}

// bareListener is a Listener without an http.Server, on the network.
func bareListener(t *testing.T, o ListenerOptions) (*Listener, *fakeBroker) {
	t.Helper()
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	broker := newFakeBroker()
	t.Cleanup(broker.closeAll)
	l := NewListener(inner, New(broker, Options{}), o)
	t.Cleanup(func() { _ = l.Close() })
	return l, broker
}

// What is still being read ends with Close, whether it waits for its client or for somebody who accepts. What has been
// given away does not.
func TestListenerCloseEndsWhatIsBeingRead(t *testing.T) {
	l, broker := bareListener(t, ListenerOptions{})
	first := acceptAsync(l)
	passed := dial(t, l.Addr().String())
	_, _ = io.WriteString(passed, "X")
	accepted := await(t, first).conn
	defer accepted.Close()
	_, attached := ask(t, l.Addr().String(), handshake("a"))
	broker.next(t)
	var doomed []*net.TCPConn
	for _, sent := range []string{"", "G", handshake("a")[:50], "nobody accepts it"} {
		conn := dial(t, l.Addr().String())
		_, _ = io.WriteString(conn, sent)
		doomed = append(doomed, conn)
	}
	expectReading(t, l, 3)
	if err := l.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	for i, conn := range doomed {
		if n, err := conn.Read(make([]byte, 1)); err == nil || errTimeout(err) != nil {
			t.Errorf("connection %d: %d bytes, %v", i, n, err)
		}
	}
	for name, conn := range map[string]net.Conn{"passed": passed, "attached": attached} {
		_ = conn.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
		if _, err := conn.Read(make([]byte, 1)); errTimeout(err) == nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// errTimeout is err if that is a timeout.
func errTimeout(err error) error {
	var e net.Error
	if errors.As(err, &e) && e.Timeout() {
		return e
	}
	return nil
}

// expectReading waits until so many connections are being read.
func expectReading(t *testing.T, l *Listener, want int) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		l.mu.Lock()
		got := len(l.reading)
		l.mu.Unlock()
		if got == want {
			return
		}
		select {
		case <-deadline:
			t.Fatalf("%d connections are being read, want %d", got, want)
		case <-tick.C:
		}
	}
}

// A handshake that comes with the end is either answered or closed.
func TestListenerClosedDuringHandshakes(t *testing.T) {
	l, _ := bareListener(t, ListenerOptions{})
	accepting := acceptAsync(l)
	var clients sync.WaitGroup
	for range 20 {
		conn := dial(t, l.Addr().String())
		clients.Go(func() {
			_, _ = io.WriteString(conn, handshake("a"))
			if _, err := conn.Read(make([]byte, 1)); errTimeout(err) != nil {
				t.Errorf("left alone: %v", err)
			}
		})
	}
	_ = l.Close()
	clients.Wait()
	if a := await(t, accepting); !errors.Is(a.err, net.ErrClosed) {
		t.Errorf("got %v", a.err)
	}
}

// Where there is nothing to be gained, a Listener passes on what comes.
func TestListenerWithoutHandshakes(t *testing.T) {
	t.Run("odd path", func(t *testing.T) {
		l, _ := bareListener(t, ListenerOptions{Path: "/w?s"})
		accepted := acceptAsync(l)
		_ = dial(t, l.Addr().String())
		a := await(t, accepted)
		if _, ok := a.conn.(*net.TCPConn); !ok {
			t.Fatalf("got %T, %v", a.conn, a.err)
		}
		_ = a.conn.Close()
	})
	t.Run("Unix socket", func(t *testing.T) {
		inner, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
		if err != nil {
			t.Fatal(err)
		}
		l := NewListener(inner, New(nil, Options{}), ListenerOptions{})
		defer l.Close()
		accepted := acceptAsync(l)
		client, err := net.Dial("unix", inner.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		a := await(t, accepted)
		if _, ok := a.conn.(*net.UnixConn); !ok {
			t.Fatalf("got %T, %v", a.conn, a.err)
		}
		_ = a.conn.Close()
	})
}

// replay is a connection of which "hello, " has been read and "world" has not, and of which nothing comes afterwards.
func replay(t *testing.T, by time.Time) *replayed {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client := dial(t, listener.Addr().String())
	if _, err := io.WriteString(client, "world"); err != nil {
		t.Fatal(err)
	}
	_ = client.CloseWrite()
	conn, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &replayed{TCPConn: conn.(*net.TCPConn), bytes: []byte("hello, "), from: conn.RemoteAddr(), by: by}
}

func TestReplay(t *testing.T) {
	for name, read := range map[string]func(c *replayed) (string, error){
		"at once": func(c *replayed) (string, error) {
			b, err := io.ReadAll(c)
			return string(b), err
		},
		"in bytes": func(c *replayed) (text string, err error) {
			for b := make([]byte, 1); err == nil; {
				var n int
				n, err = c.Read(b)
				text += string(b[:n])
			}
			if err == io.EOF {
				err = nil
			}
			return text, err
		},
		"copied": func(c *replayed) (string, error) {
			var text strings.Builder
			n, err := io.Copy(&text, c)
			if n != 12 {
				t.Errorf("copied %d bytes", n)
			}
			return text.String(), err
		},
	} {
		c := replay(t, time.Time{})
		if bare(c) != net.Conn(c) {
			t.Error("bare before it has been read")
		}
		if got, err := read(c); got != "hello, world" || err != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if bare(c) != net.Conn(c.TCPConn) {
			t.Error("not bare afterwards")
		}
	}
	broken := errors.New("broken")
	if n, err := io.Copy(brokenWriter{broken}, replay(t, time.Time{})); n != 0 || err != broken {
		t.Errorf("copied %d bytes, error %v", n, err)
	}
}

type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

// The first deadline does not give a client more time than it had, and the later ones are those of other requests.
func TestReplayKeepsTheDeadline(t *testing.T) {
	c := replay(t, time.Now().Add(-time.Second))
	_, _ = c.Read(make([]byte, 10))
	_ = c.SetReadDeadline(time.Now().Add(patience))
	if _, err := c.Read(make([]byte, 10)); errTimeout(err) == nil {
		t.Errorf("got %v, want a timeout", err)
	}
	_ = c.SetReadDeadline(time.Now().Add(patience))
	if n, err := c.Read(make([]byte, 10)); n != 5 || err != nil {
		t.Errorf("got %d bytes, %v", n, err)
	}
}

//go:build systemd && linux

package boot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const (
	frontend = "127.0.0.1:5800"
	backend  = "127.0.0.1:5801"
)

// dial connects to an address of the machine, from here: a socket belongs to the network in which its thread made it.
func (m *machine) dial(ctx context.Context, network, address string) (net.Conn, error) {
	type outcome struct {
		conn net.Conn
		err  error
	}
	result := make(chan outcome, 1)
	go func() {
		// Never unlocked: a thread that is in the machine's network ends with this goroutine.
		runtime.LockOSThread()
		conn, err := func() (net.Conn, error) {
			fd, err := unix.Open("/proc/"+m.init+"/ns/net", unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				return nil, err
			}
			defer func() { _ = unix.Close(fd) }()
			if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
				return nil, err
			}
			return (&net.Dialer{}).DialContext(ctx, network, address)
		}()
		result <- outcome{conn, err}
	}()
	r := <-result
	return r.conn, r.err
}

// client makes a connection for each request.
func (m *machine) client() *http.Client {
	return &http.Client{
		Timeout:   patience,
		Transport: &http.Transport{DialContext: m.dial, DisableKeepAlives: true},
	}
}

// publish asks the backend to publish; the answer comes when subscribers have it on its way.
func publish(ctx context.Context, c *http.Client, key, message string) error {
	body := fmt.Sprintf(`{"service":"announcements_backend","message":{"command":"publish","params":{"channel":"news","message":%q}}}`, message)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+backend+"/backend", strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("X-Backend-Key", key)
	req.Header.Set("Content-Type", "application/json")
	return roundTrip(c, req, http.StatusOK)
}

// join becomes a client, and leaves.
func join(ctx context.Context, c *http.Client) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+frontend+"/ws", nil)
	if err != nil {
		return err
	}
	for name, value := range map[string]string{
		"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
	} {
		req.Header.Set(name, value)
	}
	return roundTrip(c, req, http.StatusSwitchingProtocols)
}

// ask asks the frontend whether it is there.
func ask(ctx context.Context, c *http.Client) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+frontend+"/healthz", nil)
	if err != nil {
		return err
	}
	return roundTrip(c, req, http.StatusOK)
}

func roundTrip(c *http.Client, req *http.Request, want int) error {
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode == want && want == http.StatusSwitchingProtocols {
		return nil // what follows is a connection, which has no end
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != want {
		return fmt.Errorf("status %d: %s", resp.StatusCode, text)
	}
	return nil
}

// load are clients that connect all the time.
type load struct {
	// mayLose is for when a process is killed: what it had accepted is lost. Nobody is refused then either.
	mayLose bool

	stop func()
	done sync.WaitGroup

	mu       sync.Mutex
	answered map[string]int // by door
	failed   []error
	latest   time.Duration // the longest that one waited
}

// load has clients at both doors, until end.
func (m *machine) load(key string) *load {
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{stop: cancel, answered: map[string]int{}}
	c := m.client()
	for range 3 {
		l.client(ctx, "backend", func() error { return publish(context.Background(), c, key, "load") })
		l.client(ctx, "frontend", func() error { return join(context.Background(), c) })
	}
	return l
}

// client asks until ctx is done; what it has asked by then is answered.
func (l *load) client(ctx context.Context, door string, ask func() error) {
	l.done.Go(func() {
		for ctx.Err() == nil {
			began := time.Now()
			err := ask()
			l.mu.Lock()
			l.latest = max(l.latest, time.Since(began))
			if err != nil {
				l.failed = append(l.failed, fmt.Errorf("%s: %w", door, err))
			} else {
				l.answered[door]++
			}
			l.mu.Unlock()
		}
	})
}

func (l *load) count() (frontend, backend int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.answered["frontend"], l.answered["backend"]
}

// flows waits until both doors have answered more.
func (l *load) flows(t *testing.T) {
	t.Helper()
	front, back := l.count()
	eventually(t, "answers at both doors", func() bool {
		f, b := l.count()
		return f >= front+20 && b >= back+20
	})
}

// end ends the clients. Nothing that they asked may have been refused, or have had no answer.
func (l *load) end(t *testing.T) {
	t.Helper()
	l.stop()
	l.done.Wait()
	t.Logf("%d answers of the frontend, %d of the backend, the latest after %v; %d failures",
		l.answered["frontend"], l.answered["backend"], l.latest.Round(time.Millisecond), len(l.failed))
	for i, failure := range l.failed {
		if i < 5 && (!l.mayLose || !lost(failure)) {
			t.Error(failure)
		}
	}
}

// lost tells whether a connection was made and then broke off.
func lost(err error) bool {
	// What net/http says, by a value that it keeps for itself, when that comes before it has written the request.
	if strings.Contains(err.Error(), "server closed idle connection") {
		return true
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) && !dialing(err)
}

func dialing(err error) bool {
	op, is := errors.AsType[*net.OpError](err)
	return is && op.Op == "dial"
}

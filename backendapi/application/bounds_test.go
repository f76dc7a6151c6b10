package application

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func authorize(ctx context.Context, c *Client) <-chan error {
	answer := make(chan error, 1)
	go func() {
		allow, err := c.Authorize(ctx, Question{Channel: []byte("1")})
		if err == nil && !allow {
			err = errors.New("not allowed")
		}
		answer <- err
	}()
	return answer
}

// At most MaxCalls questions are with the application; others wait, and at most MaxWaiting do.
func TestQuestionsTakeTurns(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	var now, most atomic.Int32
	a := newApp(t, func(w http.ResponseWriter, r *http.Request) {
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		arrived <- struct{}{}
		<-release
		now.Add(-1)
		says(http.StatusOK, `{"allow":true}`)(w, r)
	})
	c := a.client(t, Options{MaxCalls: 2, MaxWaiting: 3})
	var answers []<-chan error
	for range 2 {
		answers = append(answers, authorize(t.Context(), c))
		<-arrived
	}
	for i := range 3 {
		answers = append(answers, authorize(t.Context(), c))
		eventually(t, func() bool { return c.waiting.Load() == int64(i+1) })
	}
	if err := <-authorize(t.Context(), c); !errors.Is(err, errBusy) || !errors.Is(err, ErrNoAnswer) {
		t.Errorf("one too many: %v", err)
	}
	for range 3 {
		release <- struct{}{}
		<-arrived
	}
	for range 2 {
		release <- struct{}{}
	}
	for _, answer := range answers {
		if err := <-answer; err != nil {
			t.Error(err)
		}
	}
	if most.Load() != 2 {
		t.Errorf("%d questions at the same time", most.Load())
	}
}

// The time to wait for a turn counts.
func TestWaitingTakesNoLongerThanTheTimeout(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	a := newApp(t, func(w http.ResponseWriter, r *http.Request) {
		arrived <- struct{}{}
		<-release
		says(http.StatusOK, `{"allow":true}`)(w, r)
	})
	c := a.client(t, Options{MaxCalls: 1})
	first := authorize(t.Context(), c)
	<-arrived
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := <-authorize(ctx, c); !errors.Is(err, ErrNoAnswer) || !strings.Contains(err.Error(), "turn") {
		t.Error(err)
	}
	close(release)
	if err := <-first; err != nil {
		t.Error(err)
	}
}

// Close ends what is under way, and everything after it has no answer.
func TestClose(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	a := newApp(t, func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-release
	})
	defer close(release)
	c := a.client(t, Options{MaxCalls: 1})
	asking := authorize(t.Context(), c)
	<-arrived
	waiting := authorize(t.Context(), c)
	eventually(t, func() bool { return c.waiting.Load() == 1 })
	var all sync.WaitGroup
	for range 3 {
		all.Go(c.Close)
	}
	all.Wait()
	for _, answer := range []<-chan error{asking, waiting, authorize(t.Context(), c)} {
		if err := <-answer; !errors.Is(err, ErrNoAnswer) {
			t.Error(err)
		}
	}
	if n := len(c.lines); n > 0 {
		t.Errorf("%d connections are left", n)
	}
	if _, err := c.dial(t.Context(), "tcp", a.Listener.Addr().String()); !errors.Is(err, errClosed) {
		t.Errorf("a connection is made after the end: %v", err)
	}
}

// net/http makes connections that nobody waits for any more. They end with the Client.
func TestCloseWhileConnecting(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	c, err := New(Options{URL: "https://" + silent.Addr().String(), Timeout: patience})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	answer := authorize(ctx, c)
	conn, err := silent.Accept() // and say nothing to its TLS
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	cancel()
	if err := <-answer; !errors.Is(err, ErrNoAnswer) {
		t.Error(err)
	}
	c.Close() // goleak sees whether the handshake goes on
}

// A message that is too long is neither sent nor allowed, nor looked up.
func TestLongMessages(t *testing.T) {
	a := newApp(t, says(http.StatusOK, `{"allow":true,"cacheFor":60}`))
	c := a.client(t, Options{MaxMessage: 10})
	for message, want := range map[string]bool{`"12345678"`: true, `"123456789"`: false} {
		allow, err := c.Authorize(t.Context(), Question{Publish: true, Channel: []byte("1"), Message: []byte(message)})
		if allow != want || err != nil {
			t.Errorf("%s: %v, %v", message, allow, err)
		}
	}
	if n := len(a.all()); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/snorky-go/snorky/actors/wire"
)

func TestReconnect(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		var events []string
		c := s.open(Options{OnState: func(state State, err error) {
			events = append(events, fmt.Sprintf("%v %v", state, err != nil))
		}}, 0.5, 0.5, 1)
		p := s.peer()
		messages := make(chan Message, 10)
		s.subscribed(c, p, `"first"`, messages)
		s.subscribed(c, p, `{"b":2,"a":1}`, messages)
		lost := s.call(t.Context(), c, "lost", nil)
		p.expect("calc", "lost", `{}`)

		s.set(func() { s.down = true })
		began := time.Now()
		_ = p.ws.Close()
		if r := <-lost; !errors.Is(r.err, ErrConnectionLost) || !strings.Contains(r.err.Error(), "1006") {
			t.Errorf("the call under way gets %v", r.err)
		}
		waiting := s.call(t.Context(), c, "waiting", nil)
		synctest.Wait()
		time.AfterFunc(1500*time.Millisecond, func() { s.set(func() { s.down = false }) })
		p = s.peer()
		// Attempts come after 0.5 x 500 ms, 0.5 x 1 s and 1 x 2 s.
		var waits []time.Duration
		for _, d := range s.dials[1:] {
			waits = append(waits, d.Sub(began))
		}
		if want := []time.Duration{250 * time.Millisecond, 750 * time.Millisecond, 2750 * time.Millisecond}; !slices.Equal(waits, want) {
			t.Errorf("attempts after %v, want %v", waits, want)
		}
		// Subscriptions are renewed in their order, then the calls go out that waited.
		first := p.expect("pubsub", "subscribe", `{"channel":"first"}`)
		second := p.expect("pubsub", "subscribe", `{"channel":{"a":1,"b":2}}`)
		p.respond("pubsub", first, "null")
		p.respond("pubsub", second, "null")
		p.publish(`"first"`, `1`)
		p.publish(`{"a":1e0,"b":2}`, `2`)
		for _, want := range []string{`pubsub "first" 1`, `pubsub {"a":1e0,"b":2} 2`} {
			if m := <-messages; m.String() != want {
				t.Errorf("got %v, want %s", m, want)
			}
		}
		p.respond("calc", p.expect("calc", "waiting", `{}`), "1")
		if r := <-waiting; r.err != nil {
			t.Error(r.err)
		}
		synctest.Wait()
		if want := []string{
			"connected false", "waiting true", "connecting false", "waiting true", "connecting false",
			"waiting true", "connecting false", "connected false",
		}; !slices.Equal(events, want) {
			t.Errorf("got  %q\nwant %q", events, want)
		}
	})
}

// A connection that stood for a while was a good one: the next loss starts with a short wait again.
func TestBackoffStartsAnew(t *testing.T) {
	for name, e := range map[string]struct{ lives, wait time.Duration }{
		"short life": {stable / 2, 4 * time.Second},
		"long life":  {stable, 500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *server) {
				s.open(Options{})
				for range 3 {
					s.peer().close(wire.CloseServiceRestart)
				}
				p := s.peer()
				<-time.After(e.lives)
				p.close(wire.CloseServiceRestart)
				began := time.Now()
				s.peer()
				if got := time.Since(began); got != e.wait {
					t.Errorf("back after %v, want %v", got, e.wait)
				}
			})
		})
	}
}

// The moment that a server gives is kept to the millisecond, and what goes wrong then is treated as usual.
func TestServerThatSaysWhen(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		var waits []time.Duration
		s.open(Options{OnWait: func(delay time.Duration, cause error) {
			if cause == nil {
				t.Error("a wait without a cause")
			}
			waits = append(waits, delay)
		}}, 0.5, 0.5)
		p := s.peer()
		s.set(func() { s.down = true })
		began := time.Now()
		p.closeWith(wire.CloseGoingAway, wire.WithHint("server is going away", 8300*time.Millisecond))
		time.AfterFunc(8400*time.Millisecond, func() { s.set(func() { s.down = false }) })
		s.peer()
		if got, want := time.Since(began), 8300*time.Millisecond+500*time.Millisecond; got != want {
			t.Errorf("back after %v, want %v", got, want)
		}
		synctest.Wait()
		if want := []time.Duration{8300 * time.Millisecond, 500 * time.Millisecond}; !slices.Equal(waits, want) {
			t.Errorf("waits of %v, want %v", waits, want)
		}
	})
}

// Who is asked again and again to come back at once does so ever less often.
func TestServerThatSaysAtOnceForEver(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		s.open(Options{})
		began := time.Now()
		for range 20 {
			s.peer().closeWith(wire.CloseGoingAway, wire.WithHint("", 0))
		}
		if took := time.Since(began); took < 5*time.Minute {
			t.Errorf("20 connections in %v", took)
		}
	})
}

func TestCloseWhileTheServerWantsNobody(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		c := s.open(Options{})
		s.peer().closeWith(wire.CloseGoingAway, wire.WithHint("", wire.MaxHint))
		<-time.After(time.Minute)
		began := time.Now()
		_ = c.Close()
		if took := time.Since(began); took != 0 || !errors.Is(c.Err(), ErrClosed) {
			t.Errorf("Close takes %v, error %v", took, c.Err())
		}
		s.nobodyComes()
	})
}

func TestServerThatSaysNever(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		var last error
		c := s.open(Options{OnState: func(_ State, err error) { last = err }})
		p := s.peer()
		p.ws.SetCloseHandler(nil)
		subscription := s.subscribe(t.Context(), c, "news", nil)
		p.expect("pubsub", "subscribe", `{"channel":"news"}`)
		got := make(chan string, 1)
		c.Handle("chat", func(n json.RawMessage) { got <- string(n) })
		p.notify("chat", `"last words"`)
		p.close(wire.CloseForbidden)
		<-c.Done()
		var closed *wire.CloseError
		if !errors.As(c.Err(), &closed) || closed.Code != wire.CloseForbidden || last != c.Err() {
			t.Errorf("error %v, last state's %v", c.Err(), last)
		}
		if r := <-subscription; !errors.As(r.err, &closed) {
			t.Errorf("the subscription gets %v", r.err)
		}
		if _, err := c.Call(t.Context(), "calc", "sum", nil); !errors.As(err, &closed) {
			t.Errorf("a call gets %v", err)
		}
		if len(got) != 1 {
			t.Error("what came before the end is not delivered")
		}
		_ = c.Close()
		s.nobodyComes()
	})
}

func TestServerThatSaysLater(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		s.open(Options{}, 0.5)
		s.peer().close(wire.CloseOverloaded)
		began := time.Now()
		s.peer()
		if got := time.Since(began); got != 45*time.Second {
			t.Errorf("back after %v", got)
		}
	})
}

func TestReconnectRefusedByStatus(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		var last error
		s.open(Options{OnState: func(state State, err error) {
			if state == Waiting {
				last = err
			}
		}}, 0, 0)
		p := s.peer()
		s.set(func() { s.status, s.header = 503, http.Header{"Retry-After": {"5"}} })
		p.close(wire.CloseGoingAway)
		began := time.Now()
		time.AfterFunc(time.Second, func() { s.set(func() { s.status = 0 }) })
		s.peer()
		var refused *HandshakeError
		if got := time.Since(began); got != 5*time.Second || !errors.As(last, &refused) {
			t.Errorf("back after %v, error %v", got, last)
		}
	})
}

func TestCloseWhileAway(t *testing.T) {
	for name, prepare := range map[string]func(*server){
		"between attempts":    func(s *server) { s.down = true },
		"during an attempt":   func(s *server) { s.mute = true },
		"before there is one": func(*server) {},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *server) {
				c := s.open(Options{ConnectTimeout: time.Hour, MinBackoff: time.Second, MaxBackoff: time.Hour})
				p := s.peer()
				s.set(func() { prepare(s) })
				p.close(wire.CloseGoingAway)
				waiting := s.call(t.Context(), c, "sum", nil)
				if name != "before there is one" {
					<-time.After(90 * time.Second)
				}
				synctest.Wait()
				began := time.Now()
				_ = c.Close()
				if took := time.Since(began); took != 0 {
					t.Errorf("Close takes %v", took)
				}
				if r := <-waiting; !errors.Is(r.err, ErrClosed) {
					t.Errorf("the call gets %v", r.err)
				}
			})
		})
	}
}

func TestPendingIsBoundedWhileAway(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		c := s.open(Options{MaxPendingBytes: 1000})
		p := s.peer()
		s.set(func() { s.down = true })
		p.close(wire.CloseGoingAway)
		ctx, cancel := context.WithCancel(t.Context())
		large := map[string]string{"x": strings.Repeat("x", 400)}
		one, two := s.call(ctx, c, "sum", large), s.call(t.Context(), c, "sum", large)
		synctest.Wait()
		if _, err := c.Call(t.Context(), "calc", "sum", large); !errors.Is(err, ErrTooMuchPending) {
			t.Errorf("a third call gets %v", err)
		}
		cancel()
		if r := <-one; !errors.Is(r.err, context.Canceled) {
			t.Errorf("the first call gets %v", r.err)
		}
		three := s.call(t.Context(), c, "diff", large)
		synctest.Wait()
		s.set(func() { s.down = false })
		p = s.peer()
		for _, command := range []string{"sum", "diff"} {
			p.respond("calc", p.expect("calc", command, `{"x":"`+large["x"]+`"}`), "1")
		}
		for _, call := range []<-chan outcome[json.RawMessage]{two, three} {
			if r := <-call; r.err != nil {
				t.Error(r.err)
			}
		}
		if c.queued != 0 {
			t.Errorf("%d bytes counted in an empty queue", c.queued)
		}
	})
}

// With a connection, who has no room waits for some.
func TestPendingIsBoundedWhileConnected(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		c := s.open(Options{MaxPendingBytes: 1000, WriteTimeout: time.Hour, PingInterval: -1, SilenceTimeout: time.Hour})
		p := s.peer()
		large := map[string]string{"x": strings.Repeat("x", 400)}
		var calls []<-chan outcome[json.RawMessage]
		for range 6 {
			calls = append(calls, s.call(t.Context(), c, "sum", large))
		}
		synctest.Wait()
		if c.queued > 1000 {
			t.Errorf("%d bytes wait", c.queued)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.Call(ctx, "calc", "sum", large); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		for range calls {
			p.respond("calc", p.expect("calc", "sum", `{"x":"`+large["x"]+`"}`), "1")
		}
		for _, call := range calls {
			if r := <-call; r.err != nil {
				t.Error(r.err)
			}
		}
	})
}

func TestSilentServer(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		s.open(Options{}, 0)
		p := s.peer()
		p.ws.SetPingHandler(func(string) error { return nil })
		began := time.Now()
		p.discard()
		s.peer()
		if got := time.Since(began); got != 60*time.Second {
			t.Errorf("given up after %v", got)
		}
	})
}

func TestQuietServerThatAnswersPings(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		s.open(Options{})
		s.peer().discard()
		s.nobodyComes()
		s.set(func() {
			if want := int(time.Hour / (25 * time.Second)); s.pings < want-1 {
				t.Errorf("%d pings in an hour, want %d", s.pings, want)
			}
		})
	})
}

func TestPingsAreAnswered(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		s.open(Options{PingInterval: -1})
		p := s.peer()
		pongs := make(chan string, 1)
		p.ws.SetPongHandler(func(payload string) error { pongs <- payload; return nil })
		p.discard()
		for range 10 {
			<-time.After(50 * time.Second)
			if err := p.ws.WriteControl(websocket.PingMessage, []byte("you?"), time.Now().Add(time.Second)); err != nil {
				t.Fatal(err)
			}
			if got := <-pongs; got != "you?" {
				t.Errorf("pong %q", got)
			}
		}
	})
}

func TestServerThatDoesNotRead(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		c := s.open(Options{PingInterval: -1}, 0)
		s.peer()
		began := time.Now()
		if _, err := c.Call(t.Context(), "calc", "sum", nil); !errors.Is(err, ErrConnectionLost) || !strings.Contains(err.Error(), "writing") {
			t.Errorf("got %v", err)
		}
		s.peer()
		if got := time.Since(began); got != 10*time.Second {
			t.Errorf("given up after %v", got)
		}
	})
}

func TestMessageBeyondTheReadLimit(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		s.open(Options{ReadLimit: 1000})
		p := s.peer()
		p.send(`"` + strings.Repeat("x", 1001) + `"`)
		if err := p.gone(); !websocket.IsCloseError(err, websocket.CloseMessageTooBig) {
			t.Errorf("the server sees %v", err)
		}
	})
}

// Handlers that fall behind slow the server down, and lose nothing.
func TestSlowHandler(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		c := s.open(Options{MaxInboxBytes: 500, PingInterval: -1, SilenceTimeout: time.Hour})
		p := s.peer()
		var got []string
		c.Handle("chat", func(n json.RawMessage) {
			<-time.After(10 * time.Second)
			got = append(got, string(n))
		})
		var sent atomic.Int32
		sending := later(func() (int, error) {
			for ; sent.Load() < 30; sent.Add(1) {
				p.notify("chat", fmt.Sprintf(`"%03d %s"`, sent.Load(), strings.Repeat("x", 100)))
			}
			return 0, nil
		})
		<-time.After(time.Second)
		synctest.Wait()
		if n := sent.Load(); n > 8 {
			t.Errorf("%d messages taken while none is done", n)
		}
		<-sending
		<-time.After(10 * time.Minute)
		synctest.Wait()
		if len(got) != 30 || !slices.IsSorted(got) {
			t.Errorf("got %d of 30: %.5q", len(got), got)
		}
		s.set(func() {
			if n := len(s.dials); n != 1 {
				t.Errorf("%d connections", n)
			}
		})
	})
}

// A handler that waits for an answer which is behind more than fits into the inbox would wait for ever.
func TestStuckHandler(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		var last error
		c := s.open(Options{MaxInboxBytes: 500, OnState: func(state State, err error) {
			if state == Waiting {
				last = err
			}
		}}, 0)
		p := s.peer()
		var got error
		c.Handle("chat", func(json.RawMessage) {
			if _, err := c.Call(t.Context(), "calc", "sum", nil); got == nil {
				got = err
			}
		})
		flood := func() (int, error) {
			for {
				if err := p.ws.WriteMessage(websocket.TextMessage, []byte(`{"service":"chat","message":{"type":"x"}}`)); err != nil {
					return 0, err
				}
			}
		}
		flooding := later(flood)
		p.expect("calc", "sum", `{}`)
		next := s.peer()
		next.discard()
		<-flooding
		synctest.Wait()
		if !errors.Is(got, ErrConnectionLost) || !errors.Is(got, ErrSlowHandler) {
			t.Errorf("the call gets %v; the connection was lost with %v", got, last)
		}
	})
}

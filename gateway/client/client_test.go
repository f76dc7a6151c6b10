package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"github.com/snorky-go/snorky/actors/wire"
)

func TestCall(t *testing.T) {
	for name, c := range map[string]struct {
		params any
		sent   string
	}{
		"none":   {nil, `{}`},
		"map":    {map[string]any{"html": "<b>&"}, `{"html":"<b>&"}`},
		"struct": {struct{ A int }{7}, `{"A":7}`},
		"raw":    {json.RawMessage(`{"n":90071992547409931234}`), `{"n":90071992547409931234}`},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *server) {
				c2 := s.open(Options{})
				p := s.peer()
				result := s.call(t.Context(), c2, "sum", c.params)
				p.respond("calc", p.expect("calc", "sum", c.sent), `90071992547409931234`)
				if r := <-result; r.err != nil || string(r.value) != "90071992547409931234" {
					t.Errorf("got %s, %v", r.value, r.err)
				}
			})
		})
	}
}

func TestCallFails(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		c := s.open(Options{})
		p := s.peer()
		result := s.call(t.Context(), c, "sum", nil)
		p.fail("calc", p.expect("calc", "sum", `{}`), "Invalid params")
		var failure *Error
		if r := <-result; !errors.As(r.err, &failure) || failure.Text != "Invalid params" || r.value != nil {
			t.Errorf("got %s, %v", r.value, r.err)
		}
		for name, params := range map[string]any{"channel": make(chan int), "bad JSON": json.RawMessage(`{`), "nothing": json.RawMessage(nil)} {
			if _, err := c.Call(t.Context(), "calc", "sum", params); err == nil {
				t.Errorf("%s as params: no error", name)
			}
		}
	})
}

func TestCallsInAnyOrder(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		c := s.open(Options{})
		p := s.peer()
		const n = 50
		var results []<-chan outcome[json.RawMessage]
		ids := map[int]string{}
		for i := range n {
			results = append(results, s.call(t.Context(), c, "sum", map[string]int{"i": i}))
			ids[i] = p.expect("calc", "sum", fmt.Sprintf(`{"i":%d}`, i))
		}
		p.respond("calc", "12345", `"nobody asked"`)
		p.respond("other", ids[0], `"another service"`)
		for i := n - 1; i >= 0; i-- {
			p.respond("calc", ids[i], fmt.Sprint(i))
		}
		for i, result := range results {
			if r := <-result; r.err != nil || string(r.value) != fmt.Sprint(i) {
				t.Errorf("call %d: got %s, %v", i, r.value, r.err)
			}
		}
	})
}

func TestCallWhoseContextEnds(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		c := s.open(Options{})
		p := s.peer()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		result := s.call(ctx, c, "slow", nil)
		id := p.expect("calc", "slow", `{}`)
		if r := <-result; !errors.Is(r.err, context.DeadlineExceeded) {
			t.Errorf("got %v", r.err)
		}
		if _, err := c.Call(ctx, "calc", "late", nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a call with a context that has ended: %v", err)
		}
		p.respond("calc", id, "1")
		result = s.call(t.Context(), c, "next", nil)
		p.respond("calc", p.expect("calc", "next", `{}`), "2")
		if r := <-result; r.err != nil || string(r.value) != "2" {
			t.Errorf("got %s, %v", r.value, r.err)
		}
		if len(c.sent) != 0 {
			t.Errorf("%d calls are remembered", len(c.sent))
		}
	})
}

// What makes no sense is dropped, and the connection goes on.
func TestNonsenseFromTheServer(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		c := s.open(Options{})
		p := s.peer()
		for _, packet := range []string{
			``, `hello`, `[]`, `{}`, `{"service":"calc"}`, `{"service":1,"message":{}}`,
			`{"service":"calc","message":1}`, `{"service":"calc","message":{"type":"response"}}`,
			`{"service":"calc","message":{"type":"error","callId":null,"message":"x"}}`,
			`{"service":"pubsub","message":{"type":"message","channel":1,"message":2}}`,
			`{"service":"calc","message":{"type":1}}`, "\xff",
		} {
			p.send(packet)
		}
		result := s.call(t.Context(), c, "sum", nil)
		p.respond("calc", p.expect("calc", "sum", `{}`), "3")
		if r := <-result; r.err != nil || string(r.value) != "3" {
			t.Errorf("got %s, %v", r.value, r.err)
		}
	})
}

func TestNotifications(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		c := s.open(Options{})
		p := s.peer()
		got := make(chan string, 10)
		c.Handle("chat", func(n json.RawMessage) { got <- string(n) })
		p.notify("other", `{"type":"presence"}`)
		p.notify("chat", `{"type":"presence"}`)
		p.notify("chat", `{"type":"message","channel":"c","body":"b"}`)
		p.notify("chat", `["no object"]`)
		for _, want := range []string{`{"type":"presence"}`, `{"type":"message","channel":"c","body":"b"}`, `["no object"]`} {
			if n := <-got; n != want {
				t.Errorf("got %s, want %s", n, want)
			}
		}
		c.Handle("chat", nil)
		p.notify("chat", `{"type":"presence"}`)
		synctest.Wait()
		if len(got) > 0 {
			t.Errorf("got %s without a handler", <-got)
		}
	})
}

func TestHandlersMayCall(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		c := s.open(Options{})
		p := s.peer()
		results := make(chan error, 1)
		c.Handle("chat", func(json.RawMessage) {
			_, err := c.Call(t.Context(), "calc", "sum", nil)
			results <- err
		})
		p.notify("chat", `{}`)
		p.respond("calc", p.expect("calc", "sum", `{}`), "1")
		if err := <-results; err != nil {
			t.Error(err)
		}
	})
}

func TestDialRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		s.status, s.header = 503, http.Header{"Retry-After": {"7"}}
		_, err := Dial(t.Context(), "ws://memory/ws", Options{NetDial: s.dial})
		var refused *HandshakeError
		if !errors.As(err, &refused) || refused.Status != 503 || refused.RetryAfter != 7*time.Second || !strings.Contains(err.Error(), "503 Service") {
			t.Errorf("got %v", err)
		}
		s.down = true
		if _, err := Dial(t.Context(), "ws://memory/ws", Options{NetDial: s.dial}); !errors.Is(err, errRefused) {
			t.Errorf("got %v", err)
		}
		if _, err := Dial(t.Context(), "http://memory/ws", Options{NetDial: s.dial}); err == nil {
			t.Error("an http address is accepted")
		}
	})
}

func TestDialGivesUp(t *testing.T) {
	for name, how := range map[string]func(context.Context) (context.Context, context.CancelFunc, Options){
		"by its own limit": func(ctx context.Context) (context.Context, context.CancelFunc, Options) {
			return ctx, func() {}, Options{ConnectTimeout: 3 * time.Second}
		},
		"at the deadline": func(ctx context.Context) (context.Context, context.CancelFunc, Options) {
			ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
			return ctx, cancel, Options{}
		},
		"when told": func(ctx context.Context) (context.Context, context.CancelFunc, Options) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(3*time.Second, cancel)
			return ctx, cancel, Options{}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *server) {
				s.mute = true
				ctx, cancel, o := how(t.Context())
				defer cancel()
				o.NetDial = s.dial
				began := time.Now()
				_, err := Dial(ctx, "ws://memory/ws", o)
				if took := time.Since(began); err == nil || took != 3*time.Second {
					t.Errorf("got %v after %v", err, took)
				}
			})
		})
	}
}

func TestHeader(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		s.open(Options{Header: http.Header{"Origin": {"https://app.example"}}})
		s.peer()
		if got := s.offered[0].Get("Origin"); got != "https://app.example" {
			t.Errorf("Origin %q", got)
		}
		for _, name := range []string{"Sec-Websocket-Extensions", "Sec-Websocket-Protocol"} {
			if got := s.offered[0].Get(name); got != "" {
				t.Errorf("%s: %s", name, got)
			}
		}
	})
}

func TestClose(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		var states []State
		c := s.open(Options{OnState: func(state State, _ error) { states = append(states, state) }})
		p := s.peer()
		call := s.call(t.Context(), c, "sum", nil)
		p.expect("calc", "sum", `{}`)
		subscription := s.subscribe(t.Context(), c, "news", nil)
		p.expect("pubsub", "subscribe", `{"channel":"news"}`)
		closing := later(func() (error, error) { return nil, c.Close() })
		if err := p.gone(); !websocket.IsCloseError(err, websocket.CloseNormalClosure) {
			t.Errorf("the server sees %v", err)
		}
		<-closing
		if r := <-call; !errors.Is(r.err, ErrConnectionLost) {
			t.Errorf("the call gets %v", r.err)
		}
		if r := <-subscription; !errors.Is(r.err, ErrClosed) {
			t.Errorf("the subscription gets %v", r.err)
		}
		_ = c.Close()
		<-c.Done()
		if !errors.Is(c.Err(), ErrClosed) || len(states) != 2 || states[1] != Closed {
			t.Errorf("error %v, states %v", c.Err(), states)
		}
		if _, err := c.Call(t.Context(), "calc", "sum", nil); !errors.Is(err, ErrClosed) {
			t.Errorf("a call after Close gets %v", err)
		}
		if err := c.Subscribe(t.Context(), "pubsub", "news", nil); !errors.Is(err, ErrClosed) {
			t.Errorf("a subscription after Close gets %v", err)
		}
		s.nobodyComes()
	})
}

// A server that does not answer the close frame, and one that does not even read, hold up nobody for long.
func TestCloseWithADeafServer(t *testing.T) {
	for name, prepare := range map[string]func(*server, *Client, *peer){
		"reads": func(_ *server, _ *Client, p *peer) {
			p.ws.SetCloseHandler(func(int, string) error { return nil })
			p.discard()
		},
		"does not read": func(*server, *Client, *peer) {},
		"does not read a call": func(s *server, c *Client, _ *peer) {
			ctx, cancel := context.WithTimeout(s.t.Context(), time.Millisecond)
			defer cancel()
			<-s.call(ctx, c, "sum", nil)
		},
		"sends more": func(s *server, c *Client, p *peer) {
			p.discard()
			var sending sync.WaitGroup
			sending.Go(func() {
				for p.ws.WriteMessage(websocket.TextMessage, []byte(`{}`)) == nil {
					<-time.After(10 * time.Millisecond)
				}
			})
			p.t.Cleanup(sending.Wait)
			p.t.Cleanup(func() { _ = p.ws.Close() })
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *server) {
				c := s.open(Options{})
				prepare(s, c, s.peer())
				began := time.Now()
				_ = c.Close()
				if took := time.Since(began); took > 2*farewellTime {
					t.Errorf("Close takes %v", took)
				}
			})
		})
	}
}

func TestCloseWaitsForTheHandler(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		c := s.open(Options{})
		p := s.peer()
		entered, leave := make(chan struct{}), make(chan struct{})
		calls := 0
		c.Handle("chat", func(json.RawMessage) {
			calls++
			close(entered)
			<-leave
		})
		p.notify("chat", `{}`)
		p.notify("chat", `{}`)
		<-entered
		p.discard()
		closing := later(func() (error, error) { return nil, c.Close() })
		synctest.Wait()
		select {
		case <-closing:
			t.Fatal("Close does not wait")
		case <-time.After(time.Minute):
		}
		close(leave)
		<-closing
		if calls != 1 {
			t.Errorf("%d calls of the handler", calls)
		}
	})
}

// The codes of PROTOCOL.md section 1 and of wire.CloseCode say who comes back when.
func TestDelay(t *testing.T) {
	c := newClient("", Options{})
	defer c.cancel()
	c.random = func() float64 { return 0.5 }
	hinted := func(code wire.CloseCode, reason string) error {
		return fmt.Errorf("wrapped: %w", &wire.CloseError{Code: code, Reason: reason})
	}
	closed := func(code wire.CloseCode) error { return hinted(code, "") }
	for name, e := range map[string]struct {
		failures int
		cause    error
		want     time.Duration // negative: does not come back
	}{
		"network error":        {0, errRefused, 250 * time.Millisecond},
		"second":               {1, errRefused, 500 * time.Millisecond},
		"sixth":                {5, errRefused, 8 * time.Second},
		"seventh":              {6, errRefused, 15 * time.Second},
		"very late":            {1000, errRefused, 15 * time.Second},
		"no close frame":       {0, closed(wire.CloseAbnormal), 250 * time.Millisecond},
		"going away":           {0, closed(wire.CloseGoingAway), 250 * time.Millisecond},
		"slow reader":          {1, closed(wire.CloseSlowReader), 500 * time.Millisecond},
		"end of range":         {1, closed(4099), 500 * time.Millisecond},
		"overloaded":           {0, closed(wire.CloseOverloaded), 45 * time.Second},
		"later, unknown":       {3, closed(4199), 45 * time.Second},
		"try again later":      {0, closed(wire.CloseTryAgainLater), 45 * time.Second},
		"forbidden":            {0, closed(wire.CloseForbidden), -1},
		"never, unknown":       {0, closed(4299), -1},
		"protocol error":       {0, closed(wire.CloseProtocolError), -1},
		"too big":              {0, closed(wire.CloseTooBig), -1},
		"refused":              {0, &HandshakeError{Status: 403}, 250 * time.Millisecond},
		"refused, retry after": {0, &HandshakeError{Status: 503, RetryAfter: 5 * time.Second}, 5250 * time.Millisecond},
		"hint":                 {0, hinted(wire.CloseGoingAway, "x; reconnect in 2500 ms"), 2500 * time.Millisecond},
		"hint of nothing":      {0, hinted(wire.CloseGoingAway, "x; reconnect in 0 ms"), 0},
		"hint again":           {1, hinted(wire.CloseGoingAway, "x; reconnect in 2500 ms"), 2500 * time.Millisecond},
		"hint after failures":  {6, hinted(wire.CloseGoingAway, "x; reconnect in 2500 ms"), 15 * time.Second},
		"absurd hint":          {0, hinted(wire.CloseGoingAway, "x; reconnect in 99999999999999999999 ms"), wire.MaxHint},
		"negative hint":        {0, hinted(wire.CloseGoingAway, "x; reconnect in -1 ms"), 250 * time.Millisecond},
		"hint that is none":    {0, hinted(wire.CloseGoingAway, "x; reconnect in NaN ms"), 250 * time.Millisecond},
		"later, with a hint":   {0, hinted(wire.CloseOverloaded, "x; reconnect in 70000 ms"), 70 * time.Second},
		"never, with a hint":   {0, hinted(wire.CloseForbidden, "x; reconnect in 1 ms"), -1},
		"slow, with a hint":    {0, hinted(wire.CloseSlowReader, "x; reconnect in 1 ms"), time.Millisecond},
		"absurd retry after":   {0, &HandshakeError{Status: 503, RetryAfter: 1000 * time.Hour}, mostRetryAfter + 250*time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			got, again := c.delay(e.failures, e.cause)
			if !again {
				got = -1
			}
			if got != e.want {
				t.Errorf("got %v, want %v", got, e.want)
			}
		})
	}
}

func TestStateString(t *testing.T) {
	for s, want := range map[State]string{Connected: "connected", Waiting: "waiting", Connecting: "connecting", Closed: "closed", 99: "unknown"} {
		if got := s.String(); got != want {
			t.Errorf("state %d is %q, want %q", int(s), got, want)
		}
	}
}

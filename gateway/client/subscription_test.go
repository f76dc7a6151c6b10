package client

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/snorky-go/snorky/actors/wire"
)

func TestSubscribe(t *testing.T) {
	for name, e := range map[string]struct {
		channel   any
		asked     string
		published string
	}{
		"string":  {"news", `"news"`, `"n\u0065ws"`},
		"number":  {1, `1`, `1.0e0`},
		"null":    {nil, `null`, `null`},
		"object":  {map[string]any{"a": 1, "b": []int{2}}, `{"a":1,"b":[2]}`, `{ "b":[2.0], "a":1 }`},
		"escaped": {"<&>", `"<&>"`, `"\u003c&\u003e"`},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *server) {
				c := s.open(Options{})
				p := s.peer()
				other := make(chan string, 10)
				c.Handle("pubsub", func(n json.RawMessage) { other <- string(n) })
				messages := make(chan Message, 10)
				done := s.subscribe(t.Context(), c, e.channel, messages)
				id := p.expect("pubsub", "subscribe", `{"channel":`+e.asked+`}`)
				p.respond("pubsub", id, "null")
				p.publish(e.published, `{"n":90071992547409931}`)
				if r := <-done; r.err != nil {
					t.Fatal(r.err)
				}
				if m := <-messages; m.Service != "pubsub" || !sameJSON(string(m.Channel), e.published) || string(m.Content) != `{"n":90071992547409931}` {
					t.Errorf("got %v", m)
				}
				// Others go to the handler of the service.
				p.publish(`"1"`, `0`)
				p.notify("pubsub", `{"type":"other","channel":`+e.asked+`}`)
				<-other
				<-other
				p.notify("announcements", `{"type":"message","channel":`+e.asked+`,"message":1}`)
				synctest.Wait()
				if len(messages) > 0 {
					t.Errorf("got %v of another channel", <-messages)
				}
			})
		})
	}
}

func TestSubscribeRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		c := s.open(Options{OnRefused: func(string, json.RawMessage, error) { t.Error("OnRefused for a new one") }})
		p := s.peer()
		done := s.subscribe(t.Context(), c, "news", nil)
		p.fail("pubsub", p.expect("pubsub", "subscribe", `{"channel":"news"}`), "Channel name too long")
		var failure *Error
		if r := <-done; !errors.As(r.err, &failure) || failure.Text != "Channel name too long" {
			t.Errorf("got %v", r.err)
		}
		s.subscribed(c, p, `"news"`, nil) // and is free again
		if err := c.Subscribe(t.Context(), "pubsub", "news", nil); err == nil || err.Error() != "snorky: Already subscribed" {
			t.Errorf("a second one gets %v", err)
		}
		for _, bad := range []any{make(chan int), json.RawMessage(`{`)} {
			if c.Subscribe(t.Context(), "pubsub", bad, nil) == nil || c.Unsubscribe(t.Context(), "pubsub", bad) == nil ||
				c.Publish(t.Context(), "pubsub", bad, 1) == nil || c.Publish(t.Context(), "pubsub", 1, bad) == nil {
				t.Errorf("%T is taken for a channel or a message", bad)
			}
		}
	})
}

func TestSubscribeWhoseContextEnds(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		c := s.open(Options{})
		p := s.peer()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		done := s.subscribe(ctx, c, "news", nil)
		id := p.expect("pubsub", "subscribe", `{"channel":"news"}`)
		if r := <-done; !errors.Is(r.err, context.DeadlineExceeded) {
			t.Errorf("got %v", r.err)
		}
		if err := c.Subscribe(ctx, "pubsub", "news", nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		// The server may agree yet, so it is told.
		p.respond("pubsub", id, "null")
		p.respond("pubsub", p.expect("pubsub", "unsubscribe", `{"channel":"news"}`), "null")
		s.subscribed(c, p, `"news"`, nil)
	})
}

func TestUnsubscribe(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		c := s.open(Options{})
		p := s.peer()
		messages := make(chan Message, 10)
		s.subscribed(c, p, `1`, messages)
		unsubscribe := func(ctx context.Context) <-chan outcome[struct{}] {
			return later(func() (struct{}, error) { return struct{}{}, c.Unsubscribe(ctx, "pubsub", 1.0) })
		}
		done := unsubscribe(t.Context())
		id := p.expect("pubsub", "unsubscribe", `{"channel":1}`)
		p.publish(`1`, `"too late"`)
		p.respond("pubsub", id, "null")
		if r := <-done; r.err != nil {
			t.Error(r.err)
		}
		synctest.Wait()
		if len(messages) > 0 {
			t.Errorf("got %v after unsubscribing", <-messages)
		}
		if r := <-unsubscribe(t.Context()); r.err == nil || r.err.Error() != "snorky: Not subscribed" {
			t.Errorf("a second time: %v", r.err)
		}

		s.subscribed(c, p, `1`, messages)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		done = unsubscribe(ctx)
		id = p.expect("pubsub", "unsubscribe", `{"channel":1}`)
		if r := <-done; !errors.Is(r.err, context.DeadlineExceeded) {
			t.Errorf("got %v", r.err)
		}
		p.fail("pubsub", id, "nobody listens")

		// A connection that is lost takes the subscription with it.
		s.subscribed(c, p, `1`, messages)
		done = unsubscribe(t.Context())
		p.expect("pubsub", "unsubscribe", `{"channel":1}`)
		p.close(wire.CloseGoingAway)
		if r := <-done; r.err != nil {
			t.Error(r.err)
		}
		p = s.peer()
		s.subscribed(c, p, `2`, messages) // nothing is renewed before
	})
}

func TestSubscriptionsWhileAway(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		c := s.open(Options{})
		p := s.peer()
		messages := make(chan Message, 10)
		s.subscribed(c, p, `"old"`, messages)
		under := s.subscribe(t.Context(), c, "under way", messages)
		p.expect("pubsub", "subscribe", `{"channel":"under way"}`)
		p.close(wire.CloseGoingAway)
		synctest.Wait()
		if err := c.Unsubscribe(t.Context(), "pubsub", "old"); err != nil {
			t.Error(err)
		}
		fresh := s.subscribe(t.Context(), c, "new", messages)
		gone := s.subscribe(t.Context(), c, "gone", messages)
		synctest.Wait()
		if err := c.Unsubscribe(t.Context(), "pubsub", "gone"); err != nil {
			t.Error(err)
		}
		if r := <-gone; !errors.Is(r.err, ErrUnsubscribed) {
			t.Errorf("got %v", r.err)
		}
		p = s.peer()
		p.respond("pubsub", p.expect("pubsub", "subscribe", `{"channel":"under way"}`), "null")
		p.respond("pubsub", p.expect("pubsub", "subscribe", `{"channel":"new"}`), "null")
		for _, done := range []<-chan outcome[struct{}]{under, fresh} {
			if r := <-done; r.err != nil {
				t.Error(r.err)
			}
		}
	})
}

// What is about a connection that is gone is not carried over to the next: there it would come twice, or too late.
func TestSubscriptionsThatWereNotSent(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		c := s.open(Options{})
		p := s.peer()
		messages := make(chan Message, 10)
		s.subscribed(c, p, `"old"`, messages)
		stuck := s.call(t.Context(), c, "stuck", nil) // since nobody reads
		synctest.Wait()
		under := s.subscribe(t.Context(), c, "new", messages)
		ended := later(func() (struct{}, error) { return struct{}{}, c.Unsubscribe(t.Context(), "pubsub", "old") })
		behind := s.call(t.Context(), c, "behind", nil)
		synctest.Wait()
		_ = p.ws.Close()
		if r := <-stuck; !errors.Is(r.err, ErrConnectionLost) {
			t.Errorf("got %v", r.err)
		}
		if r := <-ended; r.err != nil {
			t.Error(r.err)
		}
		p = s.peer()
		p.respond("pubsub", p.expect("pubsub", "subscribe", `{"channel":"new"}`), "null")
		p.respond("calc", p.expect("calc", "behind", `{}`), "null")
		if r := <-under; r.err != nil {
			t.Error(r.err)
		}
		if r := <-behind; r.err != nil {
			t.Error(r.err)
		}
	})
}

func TestRenewalRefused(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		refused := make(chan string, 1)
		c := s.open(Options{OnRefused: func(service string, channel json.RawMessage, err error) {
			refused <- service + " " + string(channel) + " " + err.Error()
		}})
		p := s.peer()
		s.subscribed(c, p, `"news"`, nil)
		p.close(wire.CloseGoingAway)
		p = s.peer()
		p.fail("pubsub", p.expect("pubsub", "subscribe", `{"channel":"news"}`), "Not authorized")
		if got := <-refused; got != `pubsub "news" snorky: Not authorized` {
			t.Errorf("got %s", got)
		}
		p.close(wire.CloseGoingAway)
		s.subscribed(c, s.peer(), `"news"`, nil) // it is not asked for again, and free
	})
}

func TestPublish(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		c := s.open(Options{})
		p := s.peer()
		done := later(func() (struct{}, error) {
			return struct{}{}, c.Publish(t.Context(), "pubsub", 1, json.RawMessage(`{"n":90071992547409931}`))
		})
		p.respond("pubsub", p.expect("pubsub", "publish", `{"channel":1,"message":{"n":90071992547409931}}`), "null")
		if r := <-done; r.err != nil {
			t.Error(r.err)
		}
		done = later(func() (struct{}, error) { return struct{}{}, c.Publish(t.Context(), "pubsub", nil, nil) })
		p.fail("pubsub", p.expect("pubsub", "publish", `{"channel":null,"message":null}`), "Not authorized")
		var failure *Error
		if r := <-done; !errors.As(r.err, &failure) || failure.Text != "Not authorized" {
			t.Errorf("got %v", r.err)
		}
	})
}

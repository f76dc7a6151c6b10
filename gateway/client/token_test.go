package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/snorky-go/snorky/actors/wire"
)

// tokens makes tokens with numbers.
type tokens struct {
	made atomic.Int32
	fail atomic.Bool
}

var errNoToken = errors.New("the application is down")

func (k *tokens) next(context.Context) (string, error) {
	n := k.made.Add(1)
	if k.fail.Load() {
		return "", errNoToken
	}
	return fmt.Sprintf("token%d", n), nil
}

func (s *server) authorization() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.offered[len(s.offered)-1].Get("Authorization")
}

const expiring = `{"type":"expiring","expiresIn":30}`

// Each handshake has a fresh token.
func TestTokenOfEachHandshake(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		k := &tokens{}
		given := http.Header{"Origin": {"https://a.example"}}
		s.open(Options{Token: k.next, Header: given})
		for n := 1; n <= 3; n++ {
			p := s.peer()
			if got, want := s.authorization(), fmt.Sprintf("Bearer token%d", n); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			p.close(wire.CloseExpired) // come back with another one
		}
		s.peer()
		s.set(func() {
			if s.offered[2].Get("Origin") != "https://a.example" || len(given) != 1 {
				t.Errorf("offered %v, and the application's became %v", s.offered[2], given)
			}
		})
	})
}

func TestNoToken(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		s.open(Options{Token: func(context.Context) (string, error) { return "", nil }})
		p := s.peer()
		if got := s.authorization(); got != "" {
			t.Errorf("got %q", got)
		}
		p.discard()
	})
}

func TestTokenThatCannotBeHad(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		k := &tokens{}
		k.fail.Store(true)
		if _, err := Dial(t.Context(), "ws://memory/ws", Options{Token: k.next, NetDial: s.dial}); !errors.Is(err, errNoToken) {
			t.Errorf("got %v", err)
		}
		slow := func(ctx context.Context) (string, error) { <-ctx.Done(); return "", ctx.Err() }
		began := time.Now()
		_, err := Dial(t.Context(), "ws://memory/ws", Options{Token: slow, NetDial: s.dial, ConnectTimeout: 3 * time.Second})
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 3*time.Second {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
		// Later it is tried again, as with everything that keeps the client from connecting.
		k.fail.Store(false)
		var failed error
		s.open(Options{Token: k.next, OnState: func(_ State, err error) {
			if errors.Is(err, errNoToken) {
				failed = err
			}
		}})
		p := s.peer()
		k.fail.Store(true)
		_ = p.ws.Close()
		<-time.After(10 * time.Second)
		k.fail.Store(false)
		s.peer().discard()
		synctest.Wait()
		if failed == nil {
			t.Error("the application was told nothing")
		}
	})
}

// A token that expires is renewed on the same connection, once for each notice.
func TestTokenIsRenewed(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		k := &tokens{}
		c := s.open(Options{Token: k.next})
		heard := make(chan string, 10)
		c.Handle("session", func(n json.RawMessage) { heard <- string(n) })
		p := s.peer()
		for n := 2; n <= 3; n++ {
			p.notify("session", expiring)
			p.notify("session", expiring)
			id := p.expect("session", "authenticate", fmt.Sprintf(`{"token":"token%d"}`, n))
			p.respond("session", id, `{"identity":"ann","expiresIn":3600}`)
			if got := <-heard; got != expiring {
				t.Errorf("the application hears %s", got)
			}
			<-heard
			synctest.Wait()
		}
		done := s.call(t.Context(), c, "add", nil)
		p.respond("calc", p.expect("calc", "add", `{}`), "1")
		if r := <-done; r.err != nil || len(s.offered) != 1 {
			t.Errorf("%v, %d handshakes", r.err, len(s.offered))
		}
	})
}

// Notices of other services, or to a client without tokens, are the application's business.
func TestOtherNotices(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		k := &tokens{}
		c := s.open(Options{Token: k.next})
		p := s.peer()
		p.notify("other", expiring)
		p.notify("session", `{"type":"other"}`)
		done := s.call(t.Context(), c, "add", nil)
		p.respond("calc", p.expect("calc", "add", `{}`), "1")
		<-done
		without := s.open(Options{})
		q := s.peer()
		q.notify("session", expiring)
		done = s.call(t.Context(), without, "add", nil)
		q.respond("calc", q.expect("calc", "add", `{}`), "1")
		<-done
	})
}

func TestRenewalIsTriedAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		k := &tokens{}
		s.open(Options{Token: k.next})
		p := s.peer()
		began := time.Now()
		p.notify("session", expiring)
		p.fail("session", p.expect("session", "authenticate", `{"token":"token2"}`), "Temporarily unavailable")
		k.fail.Store(true)
		time.AfterFunc(time.Second, func() { k.fail.Store(false) })
		id := p.expect("session", "authenticate", `{"token":"token4"}`)
		if got := time.Since(began); got != 1500*time.Millisecond { // 500 ms and 1 s
			t.Errorf("after %v", got)
		}
		p.respond("session", id, `{"identity":"ann","expiresIn":null}`)
		synctest.Wait()
	})
}

// A renewal ends with its connection, or with the client.
func TestRenewalEnds(t *testing.T) {
	inBubble(t, func(t *testing.T, s *server) {
		asked := make(chan struct{}, 10)
		var slow atomic.Bool
		token := func(ctx context.Context) (string, error) {
			if slow.Load() {
				asked <- struct{}{}
				<-ctx.Done()
				return "", ctx.Err()
			}
			return "token", nil
		}
		c := s.open(Options{Token: token})
		p := s.peer()
		slow.Store(true)
		p.notify("session", expiring)
		<-asked
		slow.Store(false)
		_ = p.ws.Close()
		p = s.peer()
		// What was sent and not answered is not sent on the next connection.
		p.notify("session", expiring)
		p.expect("session", "authenticate", `{"token":"token"}`)
		_ = p.ws.Close()
		p = s.peer()
		slow.Store(true)
		p.notify("session", expiring)
		<-asked
		p.discard()
		_ = c.Close()
	})
}

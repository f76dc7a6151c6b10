package services_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/actorstest"
	"github.com/snorky-go/snorky/actors/services"
	"github.com/snorky-go/snorky/actors/wire"
)

// verify takes tokens of the form IDENTITY or IDENTITY/LIFETIME, and knows some bad ones.
func verify(_ context.Context, token string) (actors.Principal, error) {
	switch token {
	case "bad":
		return actors.Principal{}, fmt.Errorf("%w: its signature is wrong", wire.ErrInvalidToken)
	case "down":
		return actors.Principal{}, fmt.Errorf("%w: detail", wire.ErrUnavailable)
	case "odd":
		return actors.Principal{}, errors.New("detail")
	case "panic":
		panic("boo")
	}
	identity, lifetime, limited := strings.Cut(token, "/")
	p := actors.Principal{Identity: json.RawMessage(identity)}
	if limited {
		d, err := time.ParseDuration(lifetime)
		if err != nil {
			return p, err
		}
		p.Expires = time.Now().Add(d)
	}
	return p, nil
}

func session(_ *testing.T, b *actorstest.Broker) {
	b.Frontend("session", services.NewSession(services.SessionOptions{Verify: verify}))
}

func authenticate(who, token, want string) step {
	return step{Who: who, Call: "session.authenticate", Params: fmt.Sprintf(`{"token":%q}`, token), Want: want}
}

func whoIs(who, want string) step {
	return step{Who: who, Call: "session.whoami", Params: "{}", Want: want}
}

func TestSessionAuthenticates(t *testing.T) {
	actorstest.Play(t, session,
		whoIs("a", "null"),
		authenticate("a", `"ann"/90s`, `{"identity":"ann","expiresIn":90}`),
		whoIs("a", `"ann"`),
		authenticate("b", `{"id":7,"org":[1]}`, `{"identity":{"id":7,"org":[1]},"expiresIn":null}`),
		whoIs("b", `{"id":7,"org":[1]}`),
		authenticate("c", `7/1h1m1.999s`, `{"identity":7,"expiresIn":3661}`),
		authenticate("d", `false/-5s`, `{"identity":false,"expiresIn":0}`),
		step{Who: "d", Call: "close"},
	)
}

// The renewed token counts; somebody else's is of no use, and the first one goes on.
func TestSessionRenews(t *testing.T) {
	actorstest.Play(t, session,
		authenticate("a", `7/90s`, `{"identity":7,"expiresIn":90}`),
		authenticate("a", `7.0/2h`, `{"identity":7.0,"expiresIn":7200}`),
		authenticate("a", `{"b":1,"a":2}`, "!Identity cannot change"),
		authenticate("a", `"7"/1h`, "!Identity cannot change"),
		whoIs("a", "7.0"),
		as("b", `"bob"`),
		authenticate("b", `"ann"/1h`, "!Identity cannot change"),
		authenticate("b", `"bob"/1h`, `{"identity":"bob","expiresIn":3600}`),
		as("b", "null"),
		whoIs("b", "null"),
		authenticate("b", `"ann"/1h`, `{"identity":"ann","expiresIn":3600}`),
	)
}

func TestSessionRefuses(t *testing.T) {
	actorstest.Play(t, session,
		authenticate("a", "bad", "!Invalid token"),
		authenticate("a", "null", "!Invalid token"),
		authenticate("a", "", "!Invalid token"),
		authenticate("a", "down", "!Temporarily unavailable"),
		authenticate("a", "odd", "!Internal error"),
		authenticate("a", "panic", "!Internal error"),
		step{Who: "a", Call: "session.authenticate", Params: `{}`, Want: "!Invalid params"},
		step{Who: "a", Call: "session.authenticate", Params: `{"token":7}`, Want: "!Invalid params"},
		step{Who: "a", Call: "session.authenticate", Params: `{"token":null}`, Want: "!Invalid params"},
		step{Who: "a", Call: "session.authenticate", Params: `{"token":"` + strings.Repeat("x", 65<<10) + `"}`, Want: "!Invalid token"},
		step{Who: "a", Call: "session.whoami", Params: `{"x":1}`, Want: "!Invalid params"},
		whoIs("a", "null"),
		authenticate("a", `"ann"/1h`, `{"identity":"ann","expiresIn":3600}`),
		authenticate("a", "bad", "!Invalid token"), // the first one goes on
		whoIs("a", `"ann"`),
	)
}

// Where tokens have to come with the handshake, those who have brought one may renew it.
func TestSessionOnlyRenews(t *testing.T) {
	actorstest.Play(t, func(_ *testing.T, b *actorstest.Broker) {
		b.Frontend("session", services.NewSession(services.SessionOptions{Verify: verify, RenewOnly: true}))
	},
		authenticate("a", `"ann"/1h`, "!Not authenticated"),
		authenticate("a", "bad", "!Not authenticated"),
		as("a", `"ann"`),
		authenticate("a", `"bob"/1h`, "!Identity cannot change"),
		authenticate("a", `"ann"/1h`, `{"identity":"ann","expiresIn":3600}`),
	)
}

// Calls of a backend have no connection that could be somebody.
func TestSessionIsForClients(t *testing.T) {
	actorstest.Play(t, func(t *testing.T, b *actorstest.Broker) {
		session(t, b)
		b.Backend("session", services.NewSession(services.SessionOptions{Verify: verify}))
	},
		step{Who: "backend", Call: "session.authenticate", Params: `{"token":"1"}`, Want: "!Not authenticated"},
		step{Who: "backend", Call: "session.whoami", Params: `{}`, Want: "null"},
	)
}

func TestSessionTellsOfTheEnd(t *testing.T) {
	expiring := func(left int) string { return fmt.Sprintf(`{"type":"expiring","expiresIn":%d}`, left) }
	wait := func(b *actorstest.Broker) { b.Advance(25 * time.Second) }
	actorstest.Play(t, session,
		authenticate("a", `1/41s`, `{"identity":1,"expiresIn":41}`),
		authenticate("b", `2/1h`, `{"identity":2,"expiresIn":3600}`),
		step{Do: wait, Hear: actorstest.Heard{"a": {expiring(20)}}}, // after half of the time
		authenticate("a", `1/41s`, `{"identity":1,"expiresIn":41}`),
		step{Do: wait, Hear: actorstest.Heard{"a": {expiring(20)}}},
		step{Who: "a", Call: "close"},
	)
}

// slowly is a check that takes its time for the token "slow".
type slowly struct {
	begun   chan struct{}
	release chan struct{}
}

func (s slowly) verify(ctx context.Context, token string) (actors.Principal, error) {
	if token == "slow" {
		s.begun <- struct{}{}
		select {
		case <-s.release:
			token = "1"
		case <-ctx.Done():
			return actors.Principal{}, fmt.Errorf("%w: %w", wire.ErrUnavailable, ctx.Err())
		}
	}
	return verify(ctx, token)
}

func ask(token string) string {
	return fmt.Sprintf(`{"service":"session","message":{"command":"authenticate","params":{"token":%q},"callId":1}}`, token)
}

func told(l *listener) string {
	l.wait(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.heard[0]
}

// withSlow runs a test with a session whose checks may be slow, and with clients by what they say.
func withSlow(t *testing.T, f func(t *testing.T, s slowly, b *actors.Broker, connect func(token string) *listener)) {
	synctest.Test(t, func(t *testing.T) {
		s := slowly{begun: make(chan struct{}, 1000), release: make(chan struct{})}
		a := newAudience(t, actors.Options{PongTimeout: -1})
		defer a.end()
		if err := a.broker.Frontend().Register("session", services.NewSession(services.SessionOptions{Verify: s.verify})); err != nil {
			t.Fatal(err)
		}
		f(t, s, a.broker, func(token string) *listener {
			l := newListener(t, true, ask(token))
			if err := a.broker.Attach(actors.Attachment{Conn: l, Door: textLines{}}); err != nil {
				t.Fatal(err)
			}
			a.listeners = append(a.listeners, l)
			return l
		})
	})
}

const (
	isOne   = `{"type":"response","callId":1,"data":{"identity":1,"expiresIn":null}}`
	isTwo   = `{"type":"response","callId":1,"data":{"identity":2,"expiresIn":null}}`
	isLater = `{"type":"error","callId":1,"message":"Temporarily unavailable"}`
)

func TestSlowChecksHoldUpNobody(t *testing.T) {
	withSlow(t, func(t *testing.T, s slowly, _ *actors.Broker, connect func(string) *listener) {
		var slow []*listener
		for range 100 {
			slow = append(slow, connect("slow"))
			<-s.begun
		}
		if got := told(connect("2")); got != isTwo {
			t.Errorf("answered %s", got)
		}
		close(s.release)
		for _, l := range slow {
			if got := told(l); got != isOne {
				t.Errorf("answered %s", got)
			}
		}
	})
}

// There are never more than some hundred checks at a time; the others have their turn.
func TestManyChecks(t *testing.T) {
	withSlow(t, func(t *testing.T, s slowly, _ *actors.Broker, connect func(string) *listener) {
		var all []*listener
		for range 400 {
			all = append(all, connect("slow"))
		}
		synctest.Wait()
		if n := len(s.begun); n != 256 {
			t.Errorf("%d checks at a time", n)
		}
		close(s.release)
		for _, l := range all {
			if got := told(l); got != isOne {
				t.Errorf("answered %s", got)
			}
		}
	})
}

func TestChecksEnd(t *testing.T) {
	withSlow(t, func(t *testing.T, s slowly, _ *actors.Broker, connect func(string) *listener) {
		start := time.Now()
		l := connect("slow")
		synctest.Wait()
		<-time.After(11 * time.Second)
		if got := told(l); got != isLater || time.Since(start) != 11*time.Second {
			t.Errorf("answered %s after %v", got, time.Since(start))
		}
	})
}

// Checks end with their service, and nobody is left without an answer.
func TestSessionStops(t *testing.T) {
	withSlow(t, func(t *testing.T, _ slowly, b *actors.Broker, connect func(string) *listener) {
		var all []*listener
		for range 300 {
			all = append(all, connect("slow"))
		}
		synctest.Wait()
		if err := b.Frontend().Unregister("session"); err != nil {
			t.Fatal(err)
		}
		for _, l := range all {
			if got := told(l); !strings.HasPrefix(got, `{"type":"error"`) {
				t.Errorf("answered %s", got)
			}
		}
	})
}

// Why a token is not taken is for the log, which a stranger cannot fill.
func TestSessionLogsReasons(t *testing.T) {
	var log bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		a := newAudience(t, actors.Options{PongTimeout: -1, Logger: zerolog.New(&log)})
		if err := a.broker.Frontend().Register("session", services.NewSession(services.SessionOptions{Verify: verify})); err != nil {
			t.Fatal(err)
		}
		says := make([]string, 500)
		for i := range says {
			says[i] = ask("bad")
		}
		l := newListener(t, true, says...)
		if err := a.broker.Attach(actors.Attachment{Conn: l, Door: textLines{}}); err != nil {
			t.Fatal(err)
		}
		a.listeners = append(a.listeners, l)
		l.wait(len(says))
		a.end()
	})
	if n := strings.Count(log.String(), "its signature is wrong"); n == 0 || n > 10 {
		t.Errorf("%d lines: %s", n, log.String())
	}
}

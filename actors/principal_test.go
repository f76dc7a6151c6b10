package actors_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// passport tells clients who they are, renews them, and tells them when it is time for that.
type passport struct{}

func (*passport) Expiring(p actors.Peer, left time.Duration) {
	_ = p.Notify(map[string]float64{"left": left.Seconds()})
}

func (*passport) Commands() actors.Commands {
	return actors.Commands{
		"show": actors.Command(func(c *actors.Call, _ actors.NoParams) (any, error) {
			p := c.Principal()
			return []json.RawMessage{orNull(p.Identity), orNull(p.Claims)}, nil
		}),
		"renew": actors.Direct(func(c *actors.Call, p struct {
			Seconds int `json:"seconds"`
		},
		) (any, error) {
			c.SetPrincipal(actors.Principal{
				Identity: json.RawMessage(`"ann"`), Claims: json.RawMessage(`{"renewed":true}`),
				Expires: time.Now().Add(time.Duration(p.Seconds) * time.Second),
			})
			return nil, nil
		}),
		"forget": actors.Direct(func(c *actors.Call, _ actors.NoParams) (any, error) {
			c.SetIdentity(json.RawMessage("null"))
			return nil, nil
		}),
	}
}

func orNull(v json.RawMessage) json.RawMessage {
	if v == nil {
		return json.RawMessage("null")
	}
	return v
}

func TestPrincipalOfTheHandshake(t *testing.T) {
	bubble(t, actors.Options{}, func(_ *testing.T, s *server) {
		s.register("passport", &passport{})
		s.principal = actors.Principal{Identity: json.RawMessage(`{"id":7}`), Claims: json.RawMessage(`{"role":"x"}`)}
		c := s.connect()
		c.send(request("passport", "show", "{}", 1), request("passport", "forget", "{}", 2), request("passport", "show", "{}", 3))
		c.expect(response("passport", `[{"id":7},{"role":"x"}]`, 1), response("passport", "null", 2), response("passport", "[null,null]", 3))
	})
}

// within checks that something took about as long as it should, in the time of a bubble. A loop looks ten times a second.
func within(t *testing.T, what string, start time.Time, want time.Duration) {
	t.Helper()
	if took := time.Since(start); took < want-200*time.Millisecond || took > want+200*time.Millisecond {
		t.Errorf("%s came after %v instead of %v", what, took, want)
	}
}

// The client's reading has a deadline of its own, so it waits for the time before it reads.
func TestExpiry(t *testing.T) {
	for _, test := range []struct {
		lifetime, notice time.Duration // of the token; until the client is told
	}{{10 * time.Minute, 570 * time.Second}, {20 * time.Second, 10 * time.Second}} {
		t.Run(test.lifetime.String(), func(t *testing.T) {
			bubble(t, actors.Options{PingInterval: -1, PongTimeout: -1}, func(t *testing.T, s *server) {
				s.register("passport", &passport{})
				s.principal = actors.Principal{Identity: json.RawMessage(`"ann"`), Expires: time.Now().Add(test.lifetime)}
				start := time.Now()
				c := s.connect()
				_, payload, err := c.nextFrame()
				if err != nil {
					t.Fatal(err)
				}
				within(t, string(payload), start, test.notice)
				op, _, err := c.nextFrame()
				if err != nil || op != wire.OpClose {
					t.Fatal(op, err)
				}
				within(t, "the end", start, test.lifetime)
				if code := <-s.door.codes; code != wire.CloseExpired {
					t.Errorf("closed with %d", code)
				}
			})
		})
	}
}

func TestRenewedPrincipalGoesOn(t *testing.T) {
	bubble(t, actors.Options{PingInterval: -1, PongTimeout: -1}, func(t *testing.T, s *server) {
		s.register("passport", &passport{})
		s.principal = actors.Principal{Identity: json.RawMessage(`"ann"`), Expires: time.Now().Add(100 * time.Second)}
		start := time.Now()
		c := s.connect()
		next := func() string {
			_ = c.conn.SetReadDeadline(time.Time{})
			_, payload, err := c.nextFrame()
			if err != nil {
				t.Fatal(err)
			}
			return string(payload)
		}
		for range 3 {
			next()
			c.send(request("passport", "renew", `{"seconds":100}`, 1))
			c.expect(response("passport", "null", 1))
		}
		within(t, "the third notice", start, 210*time.Second)
		// Renewing without end piles up nothing, and who is nobody does not expire.
		for range 1000 {
			c.send(request("passport", "renew", `{"seconds":100}`, 1))
			c.expect(response("passport", "null", 1))
		}
		if n := actors.Expiries(s.broker); n != 1 {
			t.Errorf("%d expiries of one connection", n)
		}
		c.send(request("passport", "show", "{}", 2), request("passport", "forget", "{}", 3))
		c.expect(response("passport", `["ann",{"renewed":true}]`, 2), response("passport", "null", 3))
		time.AfterFunc(time.Hour, func() { c.send(request("passport", "show", "{}", 4)) })
		if got := next(); !sameJSON(got, response("passport", "[null,null]", 4)) {
			t.Error(got)
		}
	})
}

func TestExpiredAtTheHandshake(t *testing.T) {
	bubble(t, actors.Options{}, func(t *testing.T, s *server) {
		s.principal = actors.Principal{Identity: json.RawMessage(`"ann"`), Expires: time.Now().Add(-time.Hour)}
		if code := s.connect().expectClose(); code != wire.CloseExpired {
			t.Errorf("closed with %d", code)
		}
	})
}

// Those that go before their principal does leave nothing behind, in whatever order they go.
func TestExpiriesGoWithTheirConnections(t *testing.T) {
	bubble(t, actors.Options{Loops: 2}, func(t *testing.T, s *server) {
		var clients []*client
		for i := range 100 {
			s.principal = actors.Principal{Identity: json.RawMessage("1"), Expires: time.Now().Add(time.Duration(1+i*37%100) * time.Hour)}
			clients = append(clients, s.connect())
		}
		synctest.Wait()
		if n := actors.Expiries(s.broker); n != 100 {
			t.Errorf("%d expiries", n)
		}
		for i := range clients {
			_ = clients[i*61%100].conn.Close()
		}
		synctest.Wait()
		if n := actors.Expiries(s.broker); n != 0 {
			t.Errorf("%d expiries are left", n)
		}
	})
}

package actors_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// guests is a service that notes who comes, goes and says something.
type guests struct{ seen []string }

func (g *guests) Commands() actors.Commands {
	return actors.Commands{
		"list":  actors.Command(func(*actors.Call, actors.NoParams) ([]string, error) { return g.seen, nil }),
		"touch": actors.Direct(func(*actors.Call, actors.NoParams) (any, error) { return nil, nil }),
	}
}

func (g *guests) Connected(actors.Peer)    { g.seen = append(g.seen, "came") }
func (g *guests) Disconnected(actors.Peer) { g.seen = append(g.seen, "went") }

// ears is a service with messages of its own form.
type ears struct{ heard chan string }

func (ears) Commands() actors.Commands { return nil }

func (e ears) Receive(_ actors.Peer, message json.RawMessage) { e.heard <- string(message) }

func lobby(t *testing.T, f func(t *testing.T, s *server)) {
	t.Helper()
	o := actors.Options{IdentityTimeout: 10 * time.Second, Lobby: []string{"passport"}, PingInterval: -1, PongTimeout: -1}
	bubble(t, o, func(t *testing.T, s *server) {
		s.register("passport", &passport{})
		f(t, s)
	})
}

// Who has not said who he is may say that, and do nothing else.
func TestStrangers(t *testing.T) {
	lobby(t, func(t *testing.T, s *server) {
		house, mouth := &guests{}, ears{make(chan string, 10)}
		s.register("guests", house)
		s.register("ears", mouth)
		c := s.connect()
		c.send(
			request("guests", "list", "{}", 1), request("guests", "touch", "{}", 2), request("guests", "unknown", "{}", 3),
			`{"service":"ears","message":"early"}`, `{"service":"guests","message":"no request"}`, request("passport", "show", "{}", 4),
		)
		for id := 1; id <= 3; id++ {
			c.expect(refusal("guests", "Not authenticated", id))
		}
		c.expect(response("passport", "[null,null]", 4))
		gone := s.connect()
		gone.send(request("passport", "show", "{}", 1))
		gone.expect(response("passport", "[null,null]", 1))
		_ = gone.conn.Close()
		synctest.Wait()
		// What comes behind the authentication counts, though it was sent at the same time.
		c.send(request("passport", "renew", `{"seconds":3600}`, 5), request("guests", "list", "{}", 6), `{"service":"ears","message":"late"}`)
		c.expect(response("passport", "null", 5), response("guests", `["came"]`, 6))
		if got := <-mouth.heard; got != `"late"` {
			t.Errorf("heard %s", got)
		}
		_ = c.conn.Close()
		synctest.Wait()
		s.principal = actors.Principal{Identity: json.RawMessage(`"bob"`)}
		d := s.connect()
		d.send(request("guests", "list", "{}", 1))
		d.expect(response("guests", `["came","went","came"]`, 1))
	})
}

// However nobody is written, it is nobody.
func TestStrangersByAnyName(t *testing.T) {
	for _, nobody := range []string{"", "null", " null\n"} {
		lobby(t, func(_ *testing.T, s *server) {
			s.register("guests", &guests{})
			s.principal = actors.Principal{Identity: json.RawMessage(nobody), Claims: json.RawMessage(`{"a":1}`)}
			c := s.connect()
			c.send(request("guests", "list", "{}", 1), request("passport", "show", "{}", 2))
			c.expect(refusal("guests", "Not authenticated", 1), response("passport", `[null,{"a":1}]`, 2))
		})
	}
}

// A service that comes later hears of strangers when they are none any more, like the others.
func TestStrangersAndLaterServices(t *testing.T) {
	lobby(t, func(_ *testing.T, s *server) {
		c := s.connect()
		c.send(request("passport", "show", "{}", 1))
		c.expect(response("passport", "[null,null]", 1))
		s.register("guests", &guests{})
		c.send(request("passport", "renew", `{"seconds":3600}`, 2), request("guests", "list", "{}", 3))
		c.expect(response("passport", "null", 2), response("guests", `["came"]`, 3))
	})
}

func TestStrangersHaveToGo(t *testing.T) {
	lobby(t, func(t *testing.T, s *server) {
		start := time.Now()
		expectEnd := func(c *client, want wire.CloseCode, after time.Duration) {
			t.Helper()
			_ = c.conn.SetReadDeadline(time.Time{})
			for op := byte(wire.OpText); op != wire.OpClose; {
				var err error
				if op, _, err = c.nextFrame(); err != nil {
					t.Fatal(err)
				}
			}
			within(t, "the end", start, after)
			if code := <-s.door.codes; code != want {
				t.Errorf("closed with %d, want %d", code, want)
			}
		}
		silent := s.connect()
		expectEnd(silent, wire.CloseUnauthenticated, 10*time.Second)

		// Who says so in time may stay as long as that holds.
		start = time.Now()
		known := s.connect()
		known.send(request("passport", "renew", `{"seconds":100}`, 1))
		known.expect(response("passport", "null", 1))
		expectEnd(known, wire.CloseExpired, 100*time.Second)

		// Who forgets it is a stranger again; forgetting it again and again is of no use.
		start = time.Now()
		forgetful := s.connect()
		forgetful.send(request("passport", "renew", `{"seconds":100}`, 1))
		forgetful.expect(response("passport", "null", 1))
		time.AfterFunc(20*time.Second, func() { forgetful.send(request("passport", "forget", "{}", 2)) })
		time.AfterFunc(25*time.Second, func() { forgetful.send(request("passport", "forget", "{}", 3)) })
		expectEnd(forgetful, wire.CloseUnauthenticated, 30*time.Second)
		if n := actors.Expiries(s.broker); n != 0 {
			t.Errorf("%d expiries are left", n)
		}
	})
}

// A principal that holds longer than a clock can tell holds for ever.
func TestExpiryInTheFarFuture(t *testing.T) {
	bubble(t, actors.Options{}, func(_ *testing.T, s *server) {
		s.register("passport", &passport{})
		s.principal = actors.Principal{Identity: json.RawMessage(`"ann"`), Expires: time.Now().AddDate(5000, 0, 0)}
		c := s.connect()
		c.send(request("passport", "show", "{}", 1))
		c.expect(response("passport", `["ann",null]`, 1))
	})
}

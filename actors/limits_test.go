package actors_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/limit"
	"github.com/snorky-go/snorky/actors/wire"
)

// press is a service of which one command publishes, and one does not.
type press struct{}

func (press) Commands() actors.Commands {
	nothing := actors.Command(func(*actors.Call, actors.NoParams) (any, error) { return nil, nil })
	return actors.Commands{
		"read": nothing, "print": nothing.Publishing(),
		"shout": actors.Direct(func(*actors.Call, actors.NoParams) (any, error) { return nil, nil }).Publishing(),
	}
}

func pressed(t *testing.T, l actors.Limits, f func(t *testing.T, s *server)) {
	t.Helper()
	bubble(t, actors.Options{Limits: l, PingInterval: -1, PongTimeout: -1}, func(t *testing.T, s *server) {
		s.register("press", press{})
		f(t, s)
	})
}

// ask sends so many calls, of which as many as allowed are carried out.
func (c *client) ask(command string, calls, allowed int) {
	c.t.Helper()
	for id := range calls {
		c.send(request("press", command, "{}", id))
		if id < allowed {
			c.expect(response("press", "null", id))
		} else {
			c.expect(refusal("press", "Too many requests", id))
		}
	}
}

const tooSlow = 1e-6 // per second: nothing comes back during a test

func TestCallsPerConnection(t *testing.T) {
	l := actors.Limits{Calls: actors.Limit{PerConnection: limit.Rate{PerSecond: 10, Burst: 3}}}
	pressed(t, l, func(t *testing.T, s *server) {
		a, b := s.connect(), s.connect()
		a.ask("read", 5, 3)
		b.ask("shout", 4, 3) // has its own
		<-time.After(200 * time.Millisecond)
		a.ask("print", 3, 2)
		<-time.After(time.Hour)
		a.ask("read", 4, 3)
		if got := s.broker.OverLimit(); got != 5 {
			t.Errorf("%d were refused", got)
		}
	})
}

// A refusal is an answer like any other: in its turn, with the callId of whatever kind, or without one. What gets no answer
// gets none here, too.
func TestRefusedCallsAreAnswered(t *testing.T) {
	l := actors.Limits{Calls: actors.Limit{PerConnection: limit.Rate{PerSecond: tooSlow, Burst: 2}}}
	pressed(t, l, func(_ *testing.T, s *server) {
		mouth := ears{make(chan string, 10)}
		s.register("ears", mouth)
		c := s.connect()
		c.send(
			request("press", "read", "{}", 1), `{"service":"ears","message":"heard"}`, `{"service":"ears","message":"unheard"}`,
			request("press", "read", "{}", map[string]any{"a": []int{1}}), "no packet", request("nobody", "read", "{}", 2),
			`{"service":"press","message":{"command":"read","params":{}}}`, `{"service":"press","message":"no request"}`,
			request("press", "no command", "{}", nil),
		)
		c.expect(
			response("press", "null", 1), refusal("press", "Too many requests", map[string]any{"a": []int{1}}),
			refusal("press", "Too many requests", nil), refusal("press", "Too many requests", nil),
		)
		if got := <-mouth.heard; got != `"heard"` || len(mouth.heard) > 0 {
			t.Errorf("heard %s and %d others", got, len(mouth.heard))
		}
	})
}

func TestPublishesAreCountedTwice(t *testing.T) {
	few, many := limit.Rate{PerSecond: tooSlow, Burst: 2}, limit.Rate{PerSecond: tooSlow, Burst: 6}
	l := actors.Limits{Calls: actors.Limit{PerConnection: many}, Publishes: actors.Limit{PerConnection: few}}
	pressed(t, l, func(_ *testing.T, s *server) {
		c := s.connect()
		c.ask("print", 2, 2)
		c.ask("shout", 1, 0)
		c.ask("read", 4, 3)
	})
}

func TestLimitsPerAddress(t *testing.T) {
	l := actors.Limits{Calls: actors.Limit{PerAddress: limit.Rate{PerSecond: tooSlow, Burst: 3}}}
	pressed(t, l, func(_ *testing.T, s *server) {
		at := func(address string) *client {
			s.remote = netip.AddrPortFrom(netip.MustParseAddr(address), 1)
			return s.connect()
		}
		at("10.0.0.1").ask("read", 3, 3)
		at("::ffff:10.0.0.1").ask("read", 1, 0)
		at("10.0.0.2").ask("read", 4, 3)
		at("2001:db8::1").ask("read", 2, 2)
		at("2001:db8::ffff").ask("read", 2, 1)
		at("2001:db8:0:1::1").ask("read", 4, 3)
		s.remote = netip.AddrPort{}
		s.connect().ask("read", 10, 10) // nothing is known of it
	})
}

func TestLimitsPerIdentity(t *testing.T) {
	l := actors.Limits{Publishes: actors.Limit{PerIdentity: limit.Rate{PerSecond: tooSlow, Burst: 3}}}
	pressed(t, l, func(_ *testing.T, s *server) {
		s.register("passport", &passport{})
		as := func(identity string) *client {
			s.principal = actors.Principal{Identity: json.RawMessage(identity)}
			return s.connect()
		}
		as(`"ann"`).ask("print", 2, 2)
		as(`"\u0061nn"`).ask("print", 2, 1)
		as(`{"a":1,"b":2}`).ask("print", 3, 3)
		as(`{"b":2, "a":1.0}`).ask("print", 1, 0)
		as(`"`+strings.Repeat("x", wire.MaxKeyBytes)+`"`).ask("print", 4, 3)
		as("null").ask("print", 10, 10)
		late := as("null")
		late.ask("print", 1, 1)
		late.send(request("passport", "renew", `{"seconds":10}`, 1)) // as ann, who has used it up
		late.expect(response("passport", "null", 1))
		late.ask("print", 1, 0)
	})
}

// What the limit of the connection refuses does not count for those who share its address.
func TestOwnLimitComesFirst(t *testing.T) {
	l := actors.Limits{Calls: actors.Limit{
		PerConnection: limit.Rate{PerSecond: tooSlow, Burst: 2}, PerAddress: limit.Rate{PerSecond: tooSlow, Burst: 4},
	}}
	pressed(t, l, func(_ *testing.T, s *server) {
		s.remote = netip.MustParseAddrPort("10.0.0.1:1")
		s.connect().ask("read", 50, 2)
		s.connect().ask("read", 3, 2)
		s.connect().ask("read", 1, 0)
	})
}

// Who asks for a little too much is told so for ever. Who floods is closed, and to come back later.
func TestFloodsEndTheConnection(t *testing.T) {
	l := actors.Limits{Calls: actors.Limit{PerConnection: limit.Rate{PerSecond: 10, Burst: 20}}}
	pressed(t, l, func(t *testing.T, s *server) {
		persistent := s.connect()
		persistent.ask("read", 20, 20)
		for range 1000 { // 20 a second, of which 10 are refused
			<-time.After(100 * time.Millisecond)
			persistent.ask("read", 2, 1)
		}
		flood := s.connect()
		go func() {
			lines := strings.Repeat(request("press", "read", "{}", 1)+"\n", 100)
			for range 100 {
				if _, err := flood.conn.Write([]byte(lines)); err != nil {
					return
				}
			}
			_, _ = flood.conn.Write([]byte("garbage\n"))
		}()
		answers := 0
		for {
			op, payload, err := flood.nextFrame()
			if err != nil {
				t.Fatal(err)
			}
			if op == wire.OpClose {
				code := wire.CloseCode(int(payload[0])<<8 | int(payload[1]))
				if code != wire.CloseTooManyRequests || code.Reconnect() != wire.Later {
					t.Errorf("closed with %d", code)
				}
				break
			}
			answers++
		}
		if answers < 200 || answers > 230 { // 20 and the patience of 200
			t.Errorf("%d answers", answers)
		}
		_ = flood.conn.Close()
		persistent.ask("read", 1, 0)
	})
}

// A limit that allows next to nothing, and has refused something, does not end those who go a little over another one, of
// whatever kind.
func TestPatienceIsOfEachLimit(t *testing.T) {
	stingy, ample := limit.Rate{PerSecond: tooSlow, Burst: 1}, limit.Rate{PerSecond: 20, Burst: 20}
	for name, l := range map[string]actors.Limits{
		"connection": {Calls: actors.Limit{PerConnection: ample}, Publishes: actors.Limit{PerConnection: stingy}},
		"address":    {Calls: actors.Limit{PerConnection: ample}, Publishes: actors.Limit{PerAddress: stingy}},
		"identity":   {Calls: actors.Limit{PerAddress: ample}, Publishes: actors.Limit{PerIdentity: stingy}},
	} {
		t.Run(name, func(t *testing.T) {
			pressed(t, l, func(_ *testing.T, s *server) {
				s.remote = netip.MustParseAddrPort("10.0.0.1:1")
				s.principal = actors.Principal{Identity: json.RawMessage(`"ann"`)}
				c := s.connect()
				c.ask("print", 2, 1)
				c.ask("read", 18, 18)
				for range 300 { // more than the patience of either
					<-time.After(100 * time.Millisecond)
					c.ask("read", 3, 2)
				}
				s.remote = netip.MustParseAddrPort("10.0.0.2:1")
				s.principal = actors.Principal{Identity: json.RawMessage(`"bob"`)}
				d := s.connect()
				d.ask("print", 1, 1)
				stopped := make(chan struct{})
				go func() {
					defer close(stopped)
					for range 150 {
						if _, err := fmt.Fprintln(d.conn, request("press", "shout", "{}", 1)); err != nil {
							return
						}
						<-time.After(55 * time.Millisecond) // which is within the other limit
					}
				}()
				if got := d.expectClose(); got != wire.CloseTooManyRequests {
					t.Errorf("closed with %d", got)
				}
				_ = d.conn.Close()
				<-stopped
			})
		})
	}
}

// The log warns of who is closed, and names the limit as the settings do.
func TestFloodsAreWarnedOf(t *testing.T) {
	slow := limit.Rate{PerSecond: tooSlow, Burst: 1}
	for name, c := range map[string]struct {
		limits  actors.Limits
		command string
	}{
		"call-rate":    {actors.Limits{Calls: actors.Limit{PerConnection: slow}}, "read"},
		"publish-rate": {actors.Limits{Publishes: actors.Limit{PerConnection: slow}}, "shout"},
	} {
		t.Run(name, func(t *testing.T) {
			lines := make(logLines, 100)
			o := actors.Options{Limits: c.limits, PingInterval: -1, PongTimeout: -1, Logger: zerolog.New(lines)}
			bubble(t, o, func(t *testing.T, s *server) {
				s.register("press", press{})
				flood := s.connect()
				go func() {
					for range 500 {
						if _, err := fmt.Fprintln(flood.conn, request("press", c.command, "{}", 1)); err != nil {
							return
						}
					}
				}()
				if got := flood.expectClose(); got != wire.CloseTooManyRequests {
					t.Errorf("closed with %d", got)
				}
				_ = flood.conn.Close()
			})
			if got := <-lines; !strings.Contains(got, `"level":"warn"`) || !strings.Contains(got, `"limit":"`+name+`"`) {
				t.Errorf("the log says %s", got)
			}
		})
	}
}

// Garbage gets no answer, but it counts.
func TestFloodsOfGarbage(t *testing.T) {
	l := actors.Limits{Calls: actors.Limit{PerConnection: limit.Rate{PerSecond: tooSlow, Burst: 1}}}
	pressed(t, l, func(t *testing.T, s *server) {
		c := s.connect()
		go func() {
			for range 1000 {
				if _, err := c.conn.Write([]byte("garbage\n")); err != nil {
					return
				}
			}
		}()
		if got := c.expectClose(); got != wire.CloseTooManyRequests {
			t.Errorf("closed with %d", got)
		}
		_ = c.conn.Close()
	})
}

// Requests that wait behind a slow one are counted when it is their turn.
func TestWaitingRequestsAreCounted(t *testing.T) {
	l := actors.Limits{Calls: actors.Limit{PerConnection: limit.Rate{PerSecond: 1, Burst: 2}}}
	pressed(t, l, func(_ *testing.T, s *server) {
		release := make(chan struct{})
		s.register("slow", gatekeeper(release))
		c := s.connect()
		c.send(request("slow", "wait", "{}", 0), request("press", "read", "{}", 1), request("press", "read", "{}", 2))
		synctest.Wait()
		close(release)
		c.expect(response("slow", "null", 0), response("press", "null", 1), refusal("press", "Too many requests", 2))
	})
}

type gatekeeper chan struct{}

func (s gatekeeper) Commands() actors.Commands {
	return actors.Commands{"wait": actors.Command(func(*actors.Call, actors.NoParams) (any, error) {
		<-s
		return nil, nil
	})}
}

// Limits change while clients are there: those that stay the same are as used up as before.
func TestLimitsChange(t *testing.T) {
	few := limit.Rate{PerSecond: tooSlow, Burst: 2}
	pressed(t, actors.Limits{}, func(_ *testing.T, s *server) {
		s.remote = netip.MustParseAddrPort("10.0.0.1:1")
		c := s.connect()
		c.ask("read", 100, 100)
		s.broker.SetLimits(actors.Limits{Calls: actors.Limit{PerAddress: few}})
		c.ask("read", 3, 2)
		s.broker.SetLimits(actors.Limits{Calls: actors.Limit{PerAddress: few}, Publishes: actors.Limit{PerConnection: few}})
		c.ask("read", 1, 0)
		s.broker.SetLimits(actors.Limits{Publishes: actors.Limit{PerConnection: few}})
		c.ask("read", 10, 10)
		c.ask("print", 3, 2)
		s.broker.SetLimits(actors.Limits{})
		c.ask("print", 10, 10)
	})
}

// A connection has memory for its limits only while it has used some of them.
func TestMetersAreForgotten(t *testing.T) {
	rate := limit.Rate{PerSecond: 1, Burst: 2}
	l := actors.Limits{Calls: actors.Limit{PerConnection: rate}, Publishes: actors.Limit{PerConnection: rate}}
	pressed(t, l, func(t *testing.T, s *server) {
		var all []*client
		for range 20 {
			c := s.connect()
			c.ask("print", 3, 2)
			all = append(all, c)
		}
		synctest.Wait()
		if got := actors.Meters(s.broker); got != 20 {
			t.Errorf("%d meters", got)
		}
		_ = all[0].conn.Close()
		synctest.Wait()
		if got := actors.Meters(s.broker); got != 19 {
			t.Errorf("%d meters after one connection has ended", got)
		}
		<-time.After(2 * time.Minute)
		synctest.Wait()
		if got := actors.Meters(s.broker); got != 0 {
			t.Errorf("%d meters of idle connections", got)
		}
	})
}

// On every kind of socket, with limits that change all the time.
func TestLimitsOnAllSockets(t *testing.T) {
	for _, way := range ways {
		t.Run(way, func(t *testing.T) {
			s := newServer(t, way, actors.Options{})
			defer s.shutdown()
			s.register("press", press{})
			stop, changed := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(changed)
				for i := 1; ; i++ {
					select {
					case <-stop:
						return
					default:
						s.broker.SetLimits(actors.Limits{Calls: actors.Limit{PerConnection: limit.Rate{PerSecond: 1e6, Burst: 1e6 + i%2}}})
					}
				}
			}()
			c := s.connect()
			c.ask("read", 200, 200)
			c.ask("shout", 200, 200)
			close(stop)
			<-changed
			s.broker.SetLimits(actors.Limits{Calls: actors.Limit{PerConnection: limit.Rate{PerSecond: tooSlow, Burst: 1}}})
			c.ask("read", 50, 1)
			flood := s.connect()
			go func() {
				for range 500 {
					if _, err := fmt.Fprintln(flood.conn, request("press", "shout", "{}", 1)); err != nil {
						return
					}
				}
			}()
			if got := flood.expectClose(); got != wire.CloseTooManyRequests {
				t.Errorf("closed with %d", got)
			}
		})
	}
}

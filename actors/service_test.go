package actors_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/services"
	"github.com/snorky-go/snorky/actors/wire"
)

// counter is a service as its author would write it: state, typed commands, and no mutex.
type counter struct{ total int }

type addParams struct {
	N    int `json:"n"`
	Step int `json:"step,omitempty"`
}

func (p *addParams) SetDefaults() { p.Step = 1 }

func (c *counter) Commands() actors.Commands {
	return actors.Commands{"add": actors.Command(c.add), "fail": actors.Command(c.fail)}
}

func (c *counter) add(_ *actors.Call, p addParams) (int, error) {
	c.total += p.N * p.Step
	return c.total, nil
}

func (c *counter) fail(_ *actors.Call, p struct {
	How string `json:"how"`
},
) (any, error) {
	switch p.How {
	case "own":
		return nil, wire.NewError("too_tired", "Too tired")
	case "wrapped":
		return nil, fmt.Errorf("sleeping: %w", wire.NewError("too_tired", "Too tired"))
	case "unmarshallable":
		return func() {}, nil
	case "panic":
		panic("oh")
	}
	return nil, errors.New("secret reason")
}

// bubble runs a test in a bubble of synctest, on pipes, with fake time.
func bubble(t *testing.T, o actors.Options, f func(*testing.T, *server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newServer(t, "pipe", o)
		defer s.shutdown()
		f(t, s)
	})
}

func TestCommandParametersAndResults(t *testing.T) {
	bubble(t, actors.Options{}, func(_ *testing.T, s *server) {
		s.register("counter", &counter{})
		c := s.connect()
		for i, test := range []struct{ command, params, want string }{
			{"add", `{"n":1}`, response("counter", "1", 0)},
			{"add", `{"n":2,"step":10}`, response("counter", "21", 1)},
			{"add", `{}`, refusal("counter", "Invalid params", 2)},
			{"add", `{"n":1,"x":1}`, refusal("counter", "Invalid params", 3)},
			{"add", `{"n":"1"}`, refusal("counter", "Invalid params", 4)},
			{"add", `{"n":null}`, refusal("counter", "Invalid params", 5)},
			{"add", `{"N":1}`, refusal("counter", "Invalid params", 6)},
			{"add", `[]`, refusal("counter", "Invalid params", 7)},
			{"add", `null`, refusal("counter", "Invalid params", 8)},
			{"Add", `{"n":1}`, refusal("counter", "Unknown command", 9)},
			{"Receive", `{}`, refusal("counter", "Unknown command", 10)},
			{"fail", `{"how":"own"}`, refusal("counter", "Too tired", 11)},
			{"fail", `{"how":"wrapped"}`, refusal("counter", "Too tired", 12)},
			{"fail", `{"how":"other"}`, refusal("counter", "Internal error", 13)},
			{"fail", `{"how":"unmarshallable"}`, refusal("counter", "Internal error", 14)},
			{"fail", `{"how":"panic"}`, refusal("counter", "Internal error", 15)},
			{"add", `{"n":0}`, response("counter", "21", 16)},
		} {
			c.send(request("counter", test.command, test.params, i))
			c.expect(test.want)
		}
	})
}

func TestResultsAreNotMadeFitForHTML(t *testing.T) {
	bubble(t, actors.Options{}, func(t *testing.T, s *server) {
		s.register("guests", &guestbook{present: map[actors.Peer]bool{}})
		c := s.connect()
		c.expect(`{"service":"guests","message":{"present":1}}`)
		c.send(request("guests", "login", `{"name":"<a&b>"}`, 1), request("guests", "whoami", `{}`, 2))
		c.expect(response("guests", "null", 1))
		if got := c.text(); !strings.Contains(got, `"data":"<a&b>"`) {
			t.Error(got)
		}
		c.send(request("guests", "shout", `{}`, 3))
		if got := c.text(); !strings.Contains(got, `"data":["<&>"]`) {
			t.Error(got)
		}
	})
}

func TestCallIDsComeBackExactly(t *testing.T) {
	bubble(t, actors.Options{}, func(t *testing.T, s *server) {
		s.register("counter", &counter{})
		c := s.connect()
		for _, id := range []string{
			`0`, `""`, `false`, `9007199254740993`, strings.Repeat("1", 2000), `1e400`, `{"a":[1,{"b":null}]}`, `"<&>\u2028\ud800"`,
		} {
			c.send(`{"service":"counter","message":{"command":"add","params":{"n":0},"callId":` + id + `}}`)
			if got, want := c.text(), `{"service":"counter","message":{"type":"response","callId":`+id+`,"data":0}}`; got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		}
		c.send(`{"service":"counter","message":{"command":"add","params":{"n":0}}}`)
		c.send(`{"service":"counter","message":{"command":"no","params":{"n":0},"callId":null}}`)
		c.expect(`{"service":"counter","message":{"type":"response","data":0}}`,
			`{"service":"counter","message":{"type":"error","callId":null,"message":"Unknown command"}}`)
	})
}

// However often a service panics, it goes on, and so does everybody.
func TestPanicsStayWithTheirCaller(t *testing.T) {
	bubble(t, actors.Options{}, func(_ *testing.T, s *server) {
		s.register("counter", &counter{})
		s.register("pubsub", services.NewPubSubFunc(func(*actors.Call, json.RawMessage) bool { panic("policy") }))
		if err := s.broker.Backend().Register("counter_backend", &counter{}); err != nil {
			s.t.Fatal(err)
		}
		a, b := s.connect(), s.connect()
		for i := range 50 {
			a.send(request("counter", "fail", `{"how":"panic"}`, i), request("pubsub", "publish", `{"channel":1,"message":1}`, i))
			a.expect(refusal("counter", "Internal error", i), refusal("pubsub", "Internal error", i))
			b.send(request("counter", "add", `{"n":1}`, i))
			b.expect(response("counter", fmt.Sprint(i+1), i))
			answer, err := s.broker.Call(s.t.Context(), "counter_backend", []byte(`{"command":"fail","params":{"how":"panic"}}`))
			if err != nil || !sameJSON(string(answer), `{"type":"error","callId":null,"message":"Internal error"}`) {
				s.t.Fatalf("backend: %s, %v", answer, err)
			}
		}
	})
}

// slow takes as long as it is told.
type slow struct{}

func (slow) Commands() actors.Commands {
	return actors.Commands{"sleep": actors.Command(func(_ *actors.Call, p struct {
		Seconds int `json:"seconds"`
	},
	) (any, error) {
		<-time.After(time.Duration(p.Seconds) * time.Second)
		return nil, nil
	})}
}

func TestSlowServiceHoldsUpNobodyElse(t *testing.T) {
	bubble(t, actors.Options{}, func(t *testing.T, s *server) {
		s.register("slow", slow{})
		s.register("pubsub", services.NewPubSub(services.Everybody))
		a, b := s.connect(), s.connect()
		a.send(request("pubsub", "subscribe", `{"channel":1}`, 0))
		a.expect(response("pubsub", "null", 0))
		start := time.Now()
		a.send(request("slow", "sleep", `{"seconds":30}`, 1), request("pubsub", "publish", `{"channel":1,"message":"mine"}`, 2), "!ping x")
		if op, payload, err := a.frame(); err != nil || op != wire.OpPong || string(payload) != "x" {
			t.Fatalf("not a pong: %d %q %v", op, payload, err)
		}
		b.send(request("pubsub", "publish", `{"channel":1,"message":"yours"}`, 3))
		b.expect(response("pubsub", "null", 3))
		a.expect(publication("pubsub", "1", `"yours"`))
		if passed := time.Since(start); passed != 0 {
			t.Errorf("others waited %v for the slow service", passed)
		}
		_ = a.conn.SetReadDeadline(time.Time{})
		a.expectAfter(40*time.Second, response("slow", "null", 1), publication("pubsub", "1", `"mine"`), response("pubsub", "null", 2))
	})
}

func TestCallTimeout(t *testing.T) {
	bubble(t, actors.Options{CallTimeout: 10 * time.Second}, func(_ *testing.T, s *server) {
		s.register("slow", slow{})
		c := s.connect()
		c.send(request("slow", "sleep", `{"seconds":60}`, 1), request("slow", "sleep", `{"seconds":1}`, 2))
		c.expectAfter(20*time.Second, refusal("slow", "Internal error", 1))
		c.expectAfter(90*time.Second, refusal("slow", "Internal error", 2))
	})
}

// doorbell answers later, from another event.
type doorbell struct {
	context *actors.ServiceContext
	waiting []*actors.Answer
}

func (d *doorbell) Start(c *actors.ServiceContext) error {
	d.context = c
	return nil
}

func (d *doorbell) Commands() actors.Commands {
	return actors.Commands{
		"wait": actors.Command(func(c *actors.Call, _ actors.NoParams) (any, error) {
			d.waiting = append(d.waiting, c.Later())
			return "not this", nil
		}),
		"ring": actors.Command(func(*actors.Call, actors.NoParams) (int, error) {
			for i, a := range d.waiting {
				if i%2 == 0 {
					a.Respond(i)
				} else {
					a.Fail(wire.NewError("nobody_home", "Nobody home"))
				}
				a.Respond("too late")
			}
			defer func() { d.waiting = nil }()
			return len(d.waiting), nil
		}),
		"nap": actors.Command(func(c *actors.Call, _ actors.NoParams) (any, error) {
			answer := c.Later()
			stop := d.context.After(time.Second, func() { answer.Respond("never") })
			stop()
			d.context.After(time.Minute/2, func() { answer.Respond("slept") })
			return nil, nil
		}),
	}
}

func TestAnswersGivenLater(t *testing.T) {
	bubble(t, actors.Options{}, func(_ *testing.T, s *server) {
		s.register("door", &doorbell{})
		a, b, c := s.connect(), s.connect(), s.connect()
		a.send(request("door", "wait", `{}`, "a"), request("door", "ring", `{}`, "after"))
		synctest.Wait()
		b.send(request("door", "wait", `{}`, "b"))
		synctest.Wait()
		c.send(request("door", "ring", `{}`, "c"))
		c.expect(response("door", "2", "c"))
		a.expect(response("door", "0", "a"), response("door", "0", "after"))
		b.expect(refusal("door", "Nobody home", "b"))
		c.send(request("door", "nap", `{}`, 1))
		c.expectAfter(time.Minute, response("door", `"slept"`, 1))
	})
}

// guestbook knows who is there, and who they say they are.
type guestbook struct {
	present map[actors.Peer]bool
	log     []string
}

func (g *guestbook) Connected(p actors.Peer) {
	g.present[p] = true
	g.log = append(g.log, "+")
	_ = p.Notify(map[string]int{"present": len(g.present)})
}

func (g *guestbook) Disconnected(p actors.Peer) {
	delete(g.present, p)
	g.log = append(g.log, "-")
	_ = p.Notify("nobody hears this")
}

func (g *guestbook) Commands() actors.Commands {
	return actors.Commands{
		"login": actors.Command(func(c *actors.Call, p struct {
			Name json.RawMessage `json:"name"`
		},
		) (any, error) {
			c.SetIdentity(append(json.RawMessage(nil), p.Name...))
			return nil, nil
		}),
		"shout":  actors.Direct(func(*actors.Call, actors.NoParams) ([]string, error) { return []string{"<&>"}, nil }),
		"whoami": actors.Direct(func(c *actors.Call, _ actors.NoParams) (any, error) { return c.Identity(), nil }),
		"log":    actors.Command(func(*actors.Call, actors.NoParams) (any, error) { return strings.Join(g.log, ""), nil }),
	}
}

func TestPresenceIdentityAndNotifications(t *testing.T) {
	bubble(t, actors.Options{}, func(_ *testing.T, s *server) {
		early := s.connect()
		synctest.Wait()
		s.register("guests", &guestbook{present: map[actors.Peer]bool{}})
		note := func(n int) string { return fmt.Sprintf(`{"service":"guests","message":{"present":%d}}`, n) }
		early.expect(note(1))
		late := s.connect()
		late.expect(note(2))
		late.send(request("guests", "whoami", "{}", 1), request("guests", "login", `{"name":{"id":7}}`, 2),
			request("guests", "whoami", "{}", 3), request("guests", "log", "{}", 4))
		late.expect(response("guests", "null", 1), response("guests", "null", 2), response("guests", `{"id":7}`, 3),
			response("guests", `"++"`, 4))
		_ = late.conn.Close()
		synctest.Wait()
		early.send(request("guests", "log", "{}", 5), request("guests", "whoami", "{}", 6))
		early.expect(response("guests", `"++-"`, 5), response("guests", "null", 6))
	})
}

// repeater is a service without RPC.
type repeater struct{}

func (repeater) Commands() actors.Commands { return nil }
func (repeater) Receive(from actors.Peer, m json.RawMessage) {
	if string(m) == `"panic"` {
		panic("asked to")
	}
	_ = from.Notify(m)
}

func TestReceiverKeepsTheOrderOfItsCaller(t *testing.T) {
	bubble(t, actors.Options{}, func(_ *testing.T, s *server) {
		s.register("echo", repeater{})
		s.register("counter", &counter{})
		c := s.connect()
		for i := range 20 {
			c.send(fmt.Sprintf(`{"service":"echo","message":%d}`, i), `{"service":"echo","message":"panic"}`,
				request("counter", "add", `{"n":1}`, i))
		}
		for i := range 20 {
			c.expect(fmt.Sprintf(`{"service":"echo","message":%d}`, i), response("counter", fmt.Sprint(i+1), i))
		}
	})
}

func TestBackendCalls(t *testing.T) {
	bubble(t, actors.Options{}, func(t *testing.T, s *server) {
		p := services.NewPubSub(services.Nobody)
		s.register("pubsub", p)
		for name, service := range map[string]actors.Service{"pubsub_backend": services.NewPubSubBackend(p), "slow": slow{}, "guests": &guestbook{}} {
			if err := s.broker.Backend().Register(name, service); err != nil {
				t.Fatal(err)
			}
		}
		c := s.connect()
		c.send(request("pubsub", "publish", `{"channel":[1],"message":1}`, 0), request("pubsub", "subscribe", `{"channel":[1]}`, 1))
		c.expect(refusal("pubsub", "Not authorized", 0), response("pubsub", "null", 1))
		for _, test := range []struct {
			service, message, want string
			err                    error
		}{
			{"pubsub_backend", `{"command":"publish","params":{"channel":[1.0],"message":{"a":1e400}}}`, `{"type":"response","data":null}`, nil},
			{"pubsub_backend", `{"command":"subscribers","params":{"channel":[1]},"callId":1}`, `{"type":"response","callId":1,"data":1}`, nil},
			{"pubsub_backend", `{"command":"subscribers","params":{"channel":2},"callId":1}`, `{"type":"response","callId":1,"data":0}`, nil},
			{"pubsub_backend", `{"command":"publish","params":{"channel":2,"message":1}}`, `{"type":"response","data":null}`, nil},
			{"pubsub_backend", `{"command":"subscribe","params":{}}`, `{"type":"error","callId":null,"message":"Unknown command"}`, nil},
			{"pubsub_backend", `{"command":"publish","params":{}}`, `{"type":"error","callId":null,"message":"Invalid params"}`, nil},
			{"pubsub_backend", `{"command":"publish"}`, "", wire.ErrNotRequest},
			{"pubsub", `{"command":"publish","params":{}}`, "", actors.ErrUnknownService},
			{"guests", `{"command":"login","params":{"name":1}}`, `{"type":"response","data":null}`, nil},
		} {
			answer, err := s.broker.Call(t.Context(), test.service, []byte(test.message))
			if !errors.Is(err, test.err) || test.err == nil && !sameJSON(string(answer), test.want) {
				t.Errorf("%s %s: %s, %v", test.service, test.message, answer, err)
			}
		}
		if got, want := c.text(), publication("pubsub", "[1.0]", `{"a":1e400}`); got != want {
			t.Errorf("got %s", got)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.broker.Call(ctx, "slow", []byte(`{"command":"sleep","params":{"seconds":5}}`)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("slow call: %v", err)
		}
	})
}

// expectAfter is expect with more patience, for fake time.
func (c *client) expectAfter(d time.Duration, want ...string) {
	c.t.Helper()
	for _, w := range want {
		_ = c.conn.SetReadDeadline(time.Now().Add(d))
		for {
			op, payload, err := c.nextFrame()
			if err != nil {
				c.t.Fatalf("reading: %v", err)
			}
			if op != wire.OpText {
				continue
			}
			if !sameJSON(string(payload), w) {
				c.t.Fatalf("got  %s\nwant %s", payload, w)
			}
			break
		}
	}
}

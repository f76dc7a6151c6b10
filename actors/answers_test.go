package actors_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// direct has direct commands that do what others do in their actor.
type direct struct{ channels *actors.Channels }

func (d *direct) Start(c *actors.ServiceContext) error {
	d.channels = c.Channels()
	return nil
}

type valueParams struct {
	Value json.RawMessage `json:"value"`
}

func (d *direct) Commands() actors.Commands {
	return actors.Commands{
		"login": actors.Direct(func(c *actors.Call, p valueParams) (any, error) {
			c.SetIdentity(p.Value)
			return nil, nil
		}),
		"whoami": actors.Direct(func(c *actors.Call, _ actors.NoParams) (any, error) { return c.Identity(), nil }),
		"greet": actors.Direct(func(c *actors.Call, p valueParams) (json.RawMessage, error) {
			peer, _ := c.Peer()
			return p.Value, peer.Notify(p.Value)
		}),
		"shout": actors.Direct(func(c *actors.Call, p valueParams) (json.RawMessage, error) {
			return p.Value, d.channels.Publish(c, json.RawMessage("1"), p.Value)
		}),
		"listen": actors.Direct(func(c *actors.Call, _ actors.NoParams) (any, error) {
			return nil, d.channels.Subscribe(c, json.RawMessage("1"))
		}),
		"panic": actors.Direct(func(*actors.Call, actors.NoParams) (any, error) { panic("direct") }),
	}
}

// Direct commands answer on the loop at once, but not before what they have caused.
func TestDirectCommandsKeepTheOrder(t *testing.T) {
	for _, way := range ways {
		t.Run(way, func(t *testing.T) {
			s := newServer(t, way, actors.Options{Loops: 2})
			defer s.shutdown()
			s.register("d", &direct{})
			a, b := s.connect(), s.connect()
			for _, c := range []*client{a, b} {
				c.send(request("d", "listen", "{}", 0))
				c.expect(response("d", "null", 0))
			}
			message := func(i int) string { return fmt.Sprintf(`{"service":"d","message":"%d"}`, i) }
			for i := range 100 {
				id := fmt.Sprintf(`{"value":"%d"}`, i)
				a.send(request("d", "whoami", "{}", 1), request("d", "login", id, 2), request("d", "whoami", "{}", 3),
					request("d", "greet", id, 4), request("d", "shout", id, 5), request("d", "panic", "{}", 6), request("d", "nope", "{}", 7),
					request("d", "login", `{"value":null}`, 8))
				before := "null"
				a.expect(response("d", before, 1), response("d", "null", 2), response("d", fmt.Sprintf(`"%d"`, i), 3),
					message(i), response("d", fmt.Sprintf(`"%d"`, i), 4), message(i), response("d", fmt.Sprintf(`"%d"`, i), 5),
					refusal("d", "Internal error", 6), refusal("d", "Unknown command", 7), response("d", "null", 8))
				b.expect(message(i))
			}
		})
	}
}

// promises misuses Later in every way.
type promises struct{ kept chan *actors.Answer }

func (p *promises) Commands() actors.Commands {
	return actors.Commands{
		"twice": actors.Command(func(c *actors.Call, _ actors.NoParams) (any, error) {
			first, second := c.Later(), c.Later()
			go second.Respond(1)
			go first.Respond(1)
			return nil, nil
		}),
		"both": actors.Command(func(c *actors.Call, _ actors.NoParams) (any, error) {
			go c.Later().Respond(2)
			return nil, wire.NewError("both", "Both")
		}),
		"error": actors.Command(func(c *actors.Call, _ actors.NoParams) (any, error) {
			c.Later()
			return nil, wire.NewError("sorry", "Sorry")
		}),
		"panic": actors.Command(func(c *actors.Call, _ actors.NoParams) (any, error) {
			c.Later()
			panic("later")
		}),
		"keep": actors.Command(func(c *actors.Call, _ actors.NoParams) (any, error) {
			p.kept <- c.Later()
			return nil, nil
		}),
		"direct": actors.Direct(func(c *actors.Call, v valueParams) (any, error) {
			c.Later().Respond(v.Value)
			return nil, nil
		}),
	}
}

func TestPromisesOfAnswers(t *testing.T) {
	bubble(t, actors.Options{CallTimeout: time.Minute, PongTimeout: -1}, func(t *testing.T, s *server) {
		p := &promises{kept: make(chan *actors.Answer, 10)}
		s.register("p", p)
		if err := s.broker.Backend().Register("b", &promises{kept: p.kept}); err != nil {
			t.Fatal(err)
		}
		c := s.connect()
		c.send(request("p", "twice", "{}", 1), request("p", "error", "{}", 2), request("p", "panic", "{}", 3), request("p", "direct", `{"value":4}`, 4))
		c.expect(response("p", "1", 1), refusal("p", "Sorry", 2), refusal("p", "Internal error", 3), response("p", "4", 4))
		for i := range 50 {
			c.send(request("p", "both", "{}", i))
			if got := c.text(); !sameJSON(got, response("p", "2", i)) && !sameJSON(got, refusal("p", "Both", i)) {
				t.Errorf("got %s", got)
			}
		}
		c.send(request("p", "keep", "{}", 1), request("p", "keep", "{}", 2))
		late := <-p.kept
		c.expectAfter(2*time.Minute, refusal("p", "Internal error", 1))
		late.Respond("after the timeout")
		next := <-p.kept
		late.Respond("again")
		next.Fail(errors.New("secret"))
		next.Respond("no")
		c.expect(refusal("p", "Internal error", 2))
		answered := make(chan string, 1)
		go func() {
			answer, err := s.broker.Call(context.Background(), "b", []byte(`{"command":"keep","params":{}}`))
			answered <- fmt.Sprint(string(answer), err)
		}()
		(<-p.kept).Respond(7)
		if got := <-answered; got != `{"type":"response","data":7}<nil>` {
			t.Errorf("backend: %s", got)
		}
		// One that is never answered holds up neither the end of its connection nor that of the broker.
		c.send(request("p", "keep", "{}", 3))
		orphan := <-p.kept
		_ = c.conn.Close()
		synctest.Wait()
		time.AfterFunc(2*time.Hour, func() { orphan.Respond("nobody is there") })
	})
}

// clock uses everything a ServiceContext has, also when it is too late.
type clock struct{ context *actors.ServiceContext }

func (c *clock) Start(ctx *actors.ServiceContext) error {
	c.context = ctx
	return nil
}
func (c *clock) Commands() actors.Commands { return actors.Commands{} }

func TestTimersOfServices(t *testing.T) {
	bubble(t, actors.Options{}, func(t *testing.T, s *server) {
		c := &clock{}
		s.register("clock", c)
		var ran atomic.Int32
		count := func() { ran.Add(1) }
		for range 100 {
			c.context.After(0, count)
			stop := c.context.After(time.Second, count)
			defer stop() // after the end of the service, or after the timer: of no effect
			c.context.After(time.Second, count)
			c.context.Do(func() { c.context.After(time.Second, count)() })
		}
		c.context.Do(func() { panic("in Do") })
		c.context.After(time.Second, func() { panic("in After") })
		<-time.After(2 * time.Second)
		synctest.Wait()
		if n := ran.Load(); n != 300 {
			t.Errorf("%d of 300 ran", n)
		}
		c.context.After(time.Second, count)
		if err := s.broker.Frontend().Unregister("clock"); err != nil {
			t.Fatal(err)
		}
		c.context.Do(count)
		c.context.After(0, count)()
		c.context.After(0, count)
		<-time.After(2 * time.Second)
		if n := ran.Load(); n != 300 {
			t.Errorf("%d ran after the end", n-300)
		}
	})
}

// hasty panics where a registry asks it something.
type hasty struct{ where string }

func (h hasty) Commands() actors.Commands {
	if h.where == "Commands" {
		panic("no")
	}
	return actors.Commands{}
}

func (h hasty) CompanionOf() actors.Service {
	if h.where == "CompanionOf" {
		panic("no")
	}
	return nil
}

// disguised is of a comparable type, but not comparable.
type disguised struct{ any }

func (disguised) Commands() actors.Commands { return actors.Commands{} }

// halfStarted fails to start and must not be stopped then.
type halfStarted struct{ stopped bool }

func (*halfStarted) Commands() actors.Commands          { return actors.Commands{} }
func (*halfStarted) Start(*actors.ServiceContext) error { return errors.New("no") }
func (h *halfStarted) Stop()                            { h.stopped = true }

func TestRegistriesOutliveServices(t *testing.T) {
	bubble(t, actors.Options{}, func(t *testing.T, s *server) {
		half := &halfStarted{}
		for _, service := range []actors.Service{hasty{"Commands"}, hasty{"CompanionOf"}, hasty{}, disguised{[]int{}}, half} {
			if err := s.broker.Frontend().Register("x", service); err == nil {
				t.Errorf("%#v was registered", service)
			}
		}
		if half.stopped {
			t.Error("stopped without a start")
		}
		s.register("x", &counter{})
		c := s.connect()
		c.send(request("x", "add", `{"n":1}`, 1))
		c.expect(response("x", "1", 1))
		if err := s.broker.Shutdown(t.Context(), 0); err != nil {
			t.Error(err)
		}
		for _, r := range []*actors.Registry{s.broker.Frontend(), s.broker.Backend()} {
			if err := r.Register("y", &counter{}); !errors.Is(err, actors.ErrStopped) {
				t.Errorf("registering after the end: %v", err)
			}
			if err := r.Unregister("x"); !errors.Is(err, actors.ErrStopped) {
				t.Errorf("unregistering after the end: %v", err)
			}
		}
		if _, err := s.broker.Call(t.Context(), "x", []byte(`{"command":"add","params":{}}`)); !errors.Is(err, actors.ErrStopped) {
			t.Errorf("calling after the end: %v", err)
		}
	})
}

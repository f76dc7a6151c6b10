package actors_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/services"
	"github.com/snorky-go/snorky/actors/wire"
)

// moody gives other commands each time that it is asked.
type moody struct {
	guests
	asked int
	fault string
}

func (m *moody) Commands() actors.Commands {
	m.asked++
	asked := m.asked
	switch m.fault {
	case "panic":
		panic("no commands today")
	case "nil":
		return nil
	case "wrong":
		return wrongParams{}.Commands()
	}
	return actors.Commands{"mood": actors.Command(func(*actors.Call, actors.NoParams) (int, error) { return asked, nil })}
}

// Renewing changes the commands of all the services or of none, and nothing else about them.
func TestRenew(t *testing.T) {
	bubble(t, actors.Options{PingInterval: -1}, func(t *testing.T, s *server) {
		a, b := &moody{}, &moody{}
		s.register("a", a)
		s.register("b", b)
		c := s.connect()
		moods := func(wantA, wantB string) {
			t.Helper()
			c.send(request("a", "mood", "{}", 1), request("b", "mood", "{}", 2))
			c.expect(response("a", wantA, 1), response("b", wantB, 2))
		}
		moods("1", "1")
		if err := s.broker.Frontend().Renew("a", "b"); err != nil {
			t.Fatal(err)
		}
		moods("2", "2")
		if err := s.broker.Frontend().Renew("a", "c"); !errors.Is(err, actors.ErrUnknownService) {
			t.Errorf("got %v", err)
		}
		for fault, text := range map[string]string{"panic": "panic", "nil": "needs commands", "wrong": "a command is made by"} {
			b.fault = fault
			if err := s.broker.Frontend().Renew("a", "b"); err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%s: %v", fault, err)
			}
		}
		moods("2", "2")
		synctest.Wait()
		if got := strings.Join(a.seen, " "); got != "came" {
			t.Errorf("seen: %s", got)
		}
		if err := s.broker.Frontend().Unregister("a"); err != nil {
			t.Fatal(err)
		}
		_ = c.conn.Close()
		synctest.Wait()
		if got := strings.Join(a.seen, " ") + "; " + strings.Join(b.seen, " "); got != "came; came went" {
			t.Errorf("seen: %s", got)
		}
	})
}

// memory is a service that compares the peers it meets with the one that it met first.
type memory struct {
	known     actors.Peer
	strangers []string
}

func (m *memory) meet(how string, p actors.Peer) {
	if m.known == (actors.Peer{}) {
		m.known = p
	}
	if m.known != p {
		m.strangers = append(m.strangers, how)
	}
}

func (m *memory) Connected(p actors.Peer)                 { m.meet("connected", p) }
func (m *memory) Expiring(p actors.Peer, _ time.Duration) { m.meet("expiring", p) }
func (m *memory) Disconnected(p actors.Peer)              { m.meet("disconnected", p) }

func (m *memory) Commands() actors.Commands {
	return actors.Commands{"greet": actors.Command(func(c *actors.Call, _ actors.NoParams) (int, error) {
		p, _ := c.Peer()
		m.meet("called", p)
		return len(m.strangers), nil
	})}
}

// Whatever a service has kept under a Peer it finds again after it was renewed.
func TestPeersStayTheSame(t *testing.T) {
	bubble(t, actors.Options{PingInterval: -1, PongTimeout: -1}, func(t *testing.T, s *server) {
		m := &memory{}
		s.register("memory", m)
		s.principal = actors.Principal{Identity: []byte(`"joe"`), Expires: time.Now().Add(patience / 2)}
		c := s.connect()
		for n := range 3 {
			c.send(request("memory", "greet", "{}", n))
			c.expect(response("memory", "0", n))
			if err := s.broker.Frontend().Renew("memory"); err != nil {
				t.Fatal(err)
			}
		}
		if got := c.expectClose(); got != wire.CloseExpired {
			t.Errorf("closed with %d", got)
		}
		_ = c.conn.Close()
		synctest.Wait()
		if len(m.strangers) > 0 {
			t.Errorf("another peer at: %v", m.strangers)
		}
	})
}

// The names of a connection are its own after the service was renewed, and free when it has ended.
func TestNamesOutliveRenew(t *testing.T) {
	bubble(t, actors.Options{PingInterval: -1}, func(t *testing.T, s *server) {
		s.register("m", services.NewMessaging())
		c := s.connect()
		c.send(request("m", "registerParticipant", `{"name":"joe"}`, 1))
		c.expect(response("m", "null", 1))
		if err := s.broker.Frontend().Renew("m"); err != nil {
			t.Fatal(err)
		}
		c.send(request("m", "send", `{"sender":"joe","dest":"joe","body":1}`, 2))
		c.expect(`{"service":"m","message":{"type":"message","sender":"joe","dest":"joe","body":1}}`, response("m", "null", 2))
		_ = c.conn.Close()
		synctest.Wait()
		d := s.connect()
		d.send(request("m", "registerParticipant", `{"name":"joe"}`, 1))
		d.expect(response("m", "null", 1))
	})
}

func TestRenewAfterTheEnd(t *testing.T) {
	s := newServer(t, "loop", actors.Options{})
	s.shutdown()
	if err := s.broker.Frontend().Renew("a"); !errors.Is(err, actors.ErrStopped) {
		t.Errorf("got %v", err)
	}
}

// judge allows or refuses everything, when the test says so.
type judge struct {
	asked chan struct{}
	says  chan bool
}

func (j judge) Authorize(context.Context, services.Question) (bool, error) {
	j.asked <- struct{}{}
	return <-j.says, nil
}

func rules(t *testing.T, subscribe, publish string) *services.Access {
	t.Helper()
	a, err := services.NewAccess(services.AccessRules{Subscribe: subscribe, Publish: publish})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Rules change between those that need an application and those that do not, and a call that was begun under the old ones
// ends under them.
func TestRulesChange(t *testing.T) {
	bubble(t, actors.Options{PingInterval: -1}, func(t *testing.T, s *server) {
		p := services.NewPubSubWithAccess(rules(t, "everybody", "everybody"), nil)
		s.register("p", p)
		change := func(subscribe, publish string, application services.Authorizer) {
			t.Helper()
			if err := p.SetAccess(rules(t, subscribe, publish), application); err != nil {
				t.Fatal(err)
			}
			if err := s.broker.Frontend().Renew("p"); err != nil {
				t.Fatal(err)
			}
		}
		subscribe := func(id int) string { return request("p", "subscribe", `{"channel":1}`, id) }
		publish := func(id int) string { return request("p", "publish", `{"channel":1,"message":2}`, id) }
		c, d := s.connect(), s.connect()
		c.send(subscribe(1), publish(2))
		c.expect(response("p", "null", 1), publication("p", "1", "2"), response("p", "null", 2))

		change("nobody", "nobody", nil)
		c.send(publish(3))
		c.expect(refusal("p", "Not authorized", 3))
		d.send(subscribe(1))
		d.expect(refusal("p", "Not authorized", 1))

		if err := p.SetAccess(rules(t, "application", "nobody"), nil); err == nil {
			t.Error("rules that ask nobody")
		}
		app := judge{make(chan struct{}), make(chan bool)}
		change("application", "application", app)
		d.send(subscribe(2))
		<-app.asked
		change("nobody", "everybody", nil)
		app.says <- true // to the question of before
		d.expect(response("p", "null", 2))
		c.send(publish(4)) // c is subscribed as ever
		c.expect(publication("p", "1", "2"), response("p", "null", 4))
		d.expect(publication("p", "1", "2"))
	})
}

// While rules change all the time, between kinds that are carried out in different places, each call sees one of them.
func TestRulesChangeInAStorm(t *testing.T) {
	s := newServer(t, "loop", actors.Options{Loops: 2})
	defer s.shutdown()
	yes := judge{make(chan struct{}, 1_000_000), make(chan bool)}
	close(yes.says) // the application says no
	open, asks := rules(t, "everybody", "everybody"), rules(t, "everybody", "application")
	p := services.NewPubSubWithAccess(open, nil)
	s.register("p", p)
	stop := make(chan struct{})
	var changing, asking sync.WaitGroup
	changing.Go(func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			to := open
			if n%2 == 0 {
				to = asks
			}
			if err := errors.Join(p.SetAccess(to, yes), s.broker.Frontend().Renew("p")); err != nil {
				t.Error(err)
				return
			}
		}
	})
	for range 4 {
		c := s.connect()
		asking.Go(func() {
			c.send(request("p", "subscribe", `{"channel":1}`, 0))
			for n := 1; n <= 300; n++ {
				c.send(request("p", "publish", `{"channel":2,"message":2}`, n))
			}
			for n := range 301 {
				got := c.text()
				if !sameJSON(got, response("p", "null", n)) && !sameJSON(got, refusal("p", "Not authorized", n)) {
					t.Errorf("number %d: %s", n, got)
				}
			}
		})
	}
	asking.Wait()
	close(stop)
	changing.Wait()
}

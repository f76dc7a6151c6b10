package actors_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/services"
)

type failing struct{ how string }

func (failing) Commands() actors.Commands { return actors.Commands{} }
func (f failing) Start(*actors.ServiceContext) error {
	if f.how == "panic" {
		panic("no")
	}
	return errors.New("no")
}

type wrongParams struct{}

func (wrongParams) Commands() actors.Commands {
	return actors.Commands{"x": actors.Command(func(*actors.Call, int) (any, error) { return nil, nil })}
}

type incomparable []int

func (incomparable) Commands() actors.Commands { return actors.Commands{} }

type companion struct{ of actors.Service }

func (c companion) CompanionOf() actors.Service { return c.of }
func (c companion) Commands() actors.Commands {
	main, _ := c.of.(*counter)
	return actors.Commands{"reset": actors.Command(func(*actors.Call, actors.NoParams) (int, error) {
		defer func() { main.total = 0 }()
		return main.total, nil
	})}
}

func TestRegistering(t *testing.T) {
	bubble(t, actors.Options{}, func(t *testing.T, s *server) {
		front, back := s.broker.Frontend(), s.broker.Backend()
		main := &counter{}
		for _, test := range []struct {
			registry *actors.Registry
			name     string
			service  actors.Service
			want     error
		}{
			{front, "", main, actors.ErrNoName},
			{back, "early", companion{main}, actors.ErrNotRegistered},
			{front, "counter", main, nil},
			{front, "counter", &counter{}, actors.ErrNameTaken},
			{front, "again", main, actors.ErrAlreadyRegistered},
			{back, "counter_backend", companion{main}, nil},
			{back, "receiver", repeater{}, actors.ErrNoReceiver},
			{front, "list", incomparable{}, actors.ErrNotComparable},
			{front, "nothing", nil, actors.ErrNotComparable},
		} {
			if err := test.registry.Register(test.name, test.service); !errors.Is(err, test.want) {
				t.Errorf("registering %q: %v, want %v", test.name, err, test.want)
			}
		}
		for _, f := range []actors.Service{failing{"panic"}, failing{"error"}, &wrongParams{}} {
			if err := front.Register("failing", f); err == nil {
				t.Errorf("%T was registered", f)
			}
		}
		if names := fmt.Sprint(front.Names(), back.Names()); names != "[counter] [counter_backend]" {
			t.Errorf("names: %s", names)
		}
		c := s.connect()
		c.send(request("counter", "add", `{"n":5}`, 1))
		c.expect(response("counter", "5", 1))
		answer, err := s.broker.Call(t.Context(), "counter_backend", []byte(`{"command":"reset","params":{},"callId":1}`))
		if err != nil || !sameJSON(string(answer), `{"type":"response","callId":1,"data":5}`) {
			t.Errorf("companion: %s, %v", answer, err)
		}
		c.send(request("counter", "add", `{"n":1}`, 2))
		c.expect(response("counter", "1", 2))
	})
}

func TestUnregisterAndRegisterAgain(t *testing.T) {
	bubble(t, actors.Options{}, func(t *testing.T, s *server) {
		front := s.broker.Frontend()
		s.register("pubsub", services.NewPubSub(services.Everybody))
		c := s.connect()
		c.send(request("pubsub", "subscribe", `{"channel":"x"}`, 1))
		c.expect(response("pubsub", "null", 1))
		if err := front.Unregister("pubsub"); err != nil {
			t.Fatal(err)
		}
		if err := front.Unregister("pubsub"); !errors.Is(err, actors.ErrUnknownService) {
			t.Errorf("unregistering twice: %v", err)
		}
		synctest.Wait()
		if stats := s.broker.Stats(); stats.Subscriptions != 0 || stats.Channels != 0 {
			t.Errorf("the service left behind %+v", stats)
		}
		c.send(request("pubsub", "subscribe", `{"channel":"x"}`, 2)) // dropped: nobody has that name
		synctest.Wait()
		s.register("pubsub", services.NewPubSub(services.Everybody))
		c.send(request("pubsub", "subscribe", `{"channel":"x"}`, 3))
		c.expect(response("pubsub", "null", 3))
	})
}

func TestUnregisterAnswersWhatWaits(t *testing.T) {
	bubble(t, actors.Options{}, func(t *testing.T, s *server) {
		g := newGate()
		s.register("gate", g)
		a, b := s.connect(), s.connect()
		a.send(request("gate", "wait", "{}", 1))
		<-g.waiting
		b.send(request("gate", "wait", "{}", 2))
		synctest.Wait()
		done := make(chan error)
		go func() { done <- s.broker.Frontend().Unregister("gate") }()
		synctest.Wait()
		g.open()
		if err := <-done; err != nil {
			t.Error(err)
		}
		a.expect(response("gate", "null", 1))
		b.expect(refusal("gate", "Internal error", 2))
	})
}

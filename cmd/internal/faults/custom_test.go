package faults_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
	"github.com/snorky-go/snorky/backendapi/client"
)

// panics is how often a service panics in a row. An actor that is restarted ten times in ten seconds is stopped for good
// by what protoactor does by default.
const panics = 15

// reckless is a service of somebody who is not careful: wherever its code is called, it counts and panics.
type reckless struct {
	context                 *actors.ServiceContext
	part                    *actors.Part
	calls, inPart           int
	timers                  int
	connected, disconnected atomic.Int32
}

const reason = "swordfish is the password" // nobody may hear it

func (s *reckless) Start(c *actors.ServiceContext) error {
	s.context, s.part = c, c.NewPart()
	return nil
}

func (s *reckless) Connected(actors.Peer) {
	s.connected.Add(1)
	panic(reason)
}

func (s *reckless) Disconnected(actors.Peer) {
	s.disconnected.Add(1)
	panic(reason)
}

type noParams = actors.NoParams

func (s *reckless) Commands() actors.Commands {
	return actors.Commands{
		"panic": actors.Command(func(*actors.Call, noParams) (any, error) {
			s.calls++
			panic(reason)
		}),
		"panicError": actors.Command(func(*actors.Call, noParams) (any, error) {
			s.calls++
			return []string{reason}[s.calls], nil
		}),
		"panicDirect": actors.Direct(func(*actors.Call, noParams) (any, error) { panic(reason) }),
		"panicLater": actors.Command(func(c *actors.Call, _ noParams) (any, error) {
			s.calls++
			c.Later()
			panic(reason)
		}),
		"panicInPart": actors.Command(func(c *actors.Call, _ noParams) (any, error) {
			return actors.Continue(c, s.part, func() (any, error) {
				s.inPart++
				panic(reason)
			})
		}),
		"panicInTimer": actors.Command(func(c *actors.Call, _ noParams) (any, error) {
			answer := c.Later()
			s.context.After(1, func() {
				s.timers++
				answer.Respond(nil)
				panic(reason)
			})
			return nil, nil
		}),
		"counts": actors.Command(func(c *actors.Call, _ noParams) ([3]int, error) {
			return actors.Continue(c, s.part, func() ([3]int, error) { return [3]int{s.calls, s.inPart, s.timers}, nil })
		}),
		"subscribe": actors.Command(func(c *actors.Call, _ noParams) (any, error) {
			return nil, s.context.Channels().Subscribe(c, json.RawMessage(`"all"`))
		}),
		"shout": actors.Command(func(c *actors.Call, _ noParams) (any, error) {
			return nil, s.context.Channels().Publish(c, json.RawMessage(`"all"`), []byte(`"hey"`))
		}),
	}
}

// companion offers the same commands to backends.
type companion struct{ *reckless }

func (c companion) CompanionOf() actors.Service { return c.reckless }

// babel panics at each message but those that are true, which it sends back.
type babel struct{}

func (babel) Commands() actors.Commands { return nil }

func (babel) Receive(from actors.Peer, message json.RawMessage) {
	if string(message) != "true" {
		panic(reason)
	}
	_ = from.Notify(message)
}

// takeOn adds services to a server that was booted as snorkyd boots its own.
func (s *site) takeOn(t *testing.T) *reckless {
	t.Helper()
	r := &reckless{}
	must(t, s.broker.Frontend().Register("reckless", r))
	must(t, s.broker.Backend().Register("reckless_backend", companion{r}))
	must(t, s.broker.Frontend().Register("babel", babel{}))
	return r
}

func data(service, id, value string) string {
	return fmt.Sprintf(`{"service":%q,"message":{"type":"response","callId":%s,"data":%s}}`, service, id, value)
}

// FAULTS: a custom service that panics. "Internal error" is for the caller alone; the state of the service, its
// subscriptions and everybody else stay as they are, however often it happens.
func TestServiceThatPanics(t *testing.T) {
	t.Parallel()
	ways(t, unchanged, func(t *testing.T, s *site) {
		r := s.takeOn(t)
		caller, other := s.dial(t), s.dial(t)
		other.call("reckless", "subscribe", "{}")
		caller.call("reckless", "subscribe", "{}")
		for _, command := range []string{"panic", "panicError", "panicDirect", "panicLater", "panicInPart"} {
			var requests []string
			for i := range panics {
				requests = append(requests, request("reckless", command, "{}", fmt.Sprint(i)))
			}
			caller.send(requests...)
			for i := range panics {
				caller.expect(refusal("reckless", fmt.Sprint(i), "Internal error"))
			}
		}
		for range panics {
			caller.call("reckless", "panicInTimer", "{}")
			caller.send(`{"service":"babel","message":"help"}`)
		}
		caller.send(`{"service":"babel","message":true}`)
		caller.expect(`{"service":"babel","message":true}`)
		s.backendPanics(t)
		s.comeAndGo(t, r)

		caller.send(request("reckless", "counts", "{}", "1"))
		caller.expect(data("reckless", "1", fmt.Sprintf("[%d,%d,%d]", 4*panics, 2*panics, panics)))
		other.call("reckless", "shout", "{}", `{"service":"reckless","message":"hey"}`)
		caller.expect(`{"service":"reckless","message":"hey"}`)
		s.welcome(t)
	})
}

// backendPanics does with a backend what the test does with a client.
func (s *site) backendPanics(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for i := range panics {
		for _, command := range []string{"panic", "panicDirect", "panicInPart"} {
			_, err := s.publisher.Call(ctx, "reckless_backend", command, struct{}{})
			if refused := (*client.Error)(nil); !errors.As(err, &refused) || refused.Text != "Internal error" {
				t.Fatalf("%s of a backend, %d: %v", command, i, err)
			}
		}
	}
}

// comeAndGo has clients come and go, of each of which the service is told, though it panics at each.
func (s *site) comeAndGo(t *testing.T, r *reckless) {
	t.Helper()
	came, went := r.connected.Load(), r.disconnected.Load()
	for range panics {
		c := s.dial(t)
		c.call("reckless", "subscribe", "{}")
		reset(c.conn)
	}
	eventually(t, "the service is told of all", func() bool {
		return r.connected.Load() == came+panics && r.disconnected.Load() == went+panics
	})
}

// The log has the reason, though not for each of many panics, and callers do not.
func TestPanicsAreLogged(t *testing.T) {
	t.Parallel()
	var lines lockedBuffer
	s := bootLogged(t, unchanged, zerolog.New(&lines))
	s.takeOn(t)
	c := s.dial(t)
	for i := range 1000 {
		c.send(request("reckless", "panic", "{}", fmt.Sprint(i)))
		if got := string(c.next()); got != refusal("reckless", fmt.Sprint(i), wire.ErrInternal.Text) {
			t.Fatalf("answered %s", got)
		}
	}
	s.well(t)
	said := lines.String()
	if !strings.Contains(said, reason) || !strings.Contains(said, "custom_test.go") {
		t.Errorf("the log does not say what panicked, and where:\n%s", said)
	}
	if n := strings.Count(said, reason); n > 500 {
		t.Errorf("the log has %d of 1000 panics", n)
	}
}

// slow is a service whose commands and whose Connected return when the test lets them.
type slow struct {
	channels *actors.Channels
	begun    chan struct{} // gets one for each command that has begun
	leave    chan struct{} // closed when they may return
	once     sync.Once
}

func newSlow(t *testing.T) *slow {
	s := &slow{begun: make(chan struct{}, 100), leave: make(chan struct{})}
	t.Cleanup(s.release) // or the server could not be shut down
	return s
}

func (s *slow) release() { s.once.Do(func() { close(s.leave) }) }

func (s *slow) Start(c *actors.ServiceContext) error {
	s.channels = c.Channels()
	return nil
}

func (s *slow) Disconnected(actors.Peer) {}

func (s *slow) Commands() actors.Commands {
	all := json.RawMessage(`"all"`)
	return actors.Commands{
		"work": actors.Command(func(*actors.Call, noParams) (string, error) {
			s.begun <- struct{}{}
			<-s.leave
			return "done", nil
		}),
		"subscribe": actors.Direct(func(c *actors.Call, _ noParams) (any, error) { return nil, s.channels.Subscribe(c, all) }),
		"shout": actors.Direct(func(c *actors.Call, _ noParams) (any, error) {
			return nil, s.channels.Publish(c, all, []byte(`"hey"`))
		}),
	}
}

// slowDesk offers the same commands to backends.
type slowDesk struct{ *slow }

func (d slowDesk) CompanionOf() actors.Service { return d.slow }

// FAULTS: a custom service that does not return. Other services and channels go on, and so does the connection of the
// caller, whose pings are answered, and which may end.
func TestServiceThatIsSlow(t *testing.T) {
	t.Parallel()
	ways(t, unchanged, func(t *testing.T, s *site) {
		r := s.takeOn(t)
		sluggish := newSlow(t)
		must(t, s.broker.Frontend().Register("slow", sluggish))
		must(t, s.broker.Backend().Register("slow_backend", slowDesk{sluggish}))
		caller, leaver, other := s.dial(t), s.dial(t), s.dial(t)
		for _, c := range []*socket{caller, other} {
			c.call("slow", "subscribe", "{}")
		}

		caller.send(request("slow", "work", "{}", "1"), request("reckless", "panic", "{}", "2"))
		leaver.send(request("slow", "work", "{}", "1"))
		<-sluggish.begun
		outcome := make(chan string, 1)
		go func() { outcome <- s.work() }()

		caller.pings("still there?")
		other.call("slow", "shout", "{}", `{"service":"slow","message":"hey"}`)
		caller.expect(`{"service":"slow","message":"hey"}`)
		other.call("reckless", "subscribe", "{}")
		s.backendPanics(t)
		s.comeAndGo(t, r)
		s.welcome(t)
		s.well(t)
		reset(leaver.conn)
		caller.pings("and now?")

		sluggish.release()
		caller.expect(data("slow", "1", `"done"`), refusal("reckless", "2", "Internal error"))
		if got := <-outcome; got != `"done"` {
			t.Errorf("the backend was answered %s", got)
		}
		eventually(t, "the leaver is gone", func() bool { return s.broker.Stats().Connections == 3 })
	})
}

// work is the call of a backend that takes long.
func (s *site) work() string {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	result, err := s.publisher.Call(ctx, "slow_backend", "work", struct{}{})
	if err != nil {
		return err.Error()
	}
	return string(result)
}

// pings proves that the connection answers a ping before anything else.
func (c *socket) pings(payload string) {
	c.t.Helper()
	c.raw(frame(ping, payload))
	op, got, err := c.read()
	for err == nil && op == wire.OpPing { // the server's own
		op, got, err = c.read()
	}
	must(c.t, err)
	if op != wire.OpPong || string(got) != payload {
		c.t.Fatalf("the ping was answered by frame %d with %.100q", op, got)
	}
}

package actors_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// rooms is a service with a part for each room.
type rooms struct {
	context *actors.ServiceContext
	rooms   map[string]*roomPart
	gate    chan struct{} // what blocks a room waits for this
	ended   bool
}

type roomPart struct {
	part  *actors.Part
	count int
}

func newRooms() *rooms { return &rooms{rooms: map[string]*roomPart{}, gate: make(chan struct{})} }

func (r *rooms) Start(c *actors.ServiceContext) error {
	r.context = c
	return nil
}

func (r *rooms) Stop() { r.ended = true }

func (r *rooms) room(name string) *roomPart {
	if r.rooms[name] == nil {
		r.rooms[name] = &roomPart{part: r.context.NewPart()}
	}
	return r.rooms[name]
}

type roomParams struct {
	Room string `json:"room"`
}

func (r *rooms) Commands() actors.Commands {
	command := func(f func(*actors.Call, *roomPart) (any, error)) actors.Handler {
		return actors.Command(func(call *actors.Call, p roomParams) (any, error) {
			room := r.room(p.Room)
			return actors.Continue(call, room.part, func() (any, error) { return f(call, room) })
		})
	}
	return actors.Commands{
		"count": command(func(_ *actors.Call, room *roomPart) (any, error) {
			room.count++
			return room.count, nil
		}),
		// enter answers, and greets right after: the answer comes first.
		"enter": command(func(call *actors.Call, room *roomPart) (any, error) {
			peer, _ := call.Peer()
			room.part.Do(func() { _ = peer.Notify("welcome") })
			return "entered", nil
		}),
		"block": command(func(*actors.Call, *roomPart) (any, error) { <-r.gate; return "free", nil }),
		"panic": command(func(*actors.Call, *roomPart) (any, error) { panic("room") }),
		"fail":  command(func(*actors.Call, *roomPart) (any, error) { return nil, wire.NewError("full", "Room is full") }),
		"close": actors.Command(func(_ *actors.Call, p roomParams) (any, error) {
			r.room(p.Room).part.Stop()
			return nil, nil
		}),
		"through": command(func(call *actors.Call, _ *roomPart) (any, error) {
			other := r.context.NewPart()
			return actors.Continue(call, other, func() (any, error) {
				other.Stop()
				return "through two", nil
			})
		}),
		"refuse": actors.Command(func(call *actors.Call, p roomParams) (any, error) {
			room := r.room(p.Room)
			if _, err := actors.Continue(call, room.part, func() (any, error) { room.count = -1000; return nil, nil }); err != nil {
				return nil, err
			}
			return nil, errors.New("never mind")
		}),
		"direct": actors.Direct(func(call *actors.Call, _ roomParams) (any, error) {
			return actors.Continue(call, r.context.NewPart(), func() (any, error) { return nil, nil })
		}),
		"nowhere": actors.Command(func(call *actors.Call, _ roomParams) (any, error) {
			return actors.Continue(call, nil, func() (any, error) { return nil, nil })
		}),
		"later": command(func(call *actors.Call, room *roomPart) (any, error) {
			answer := call.Later()
			room.part.Do(func() { answer.Respond("at last") })
			return "not this", nil
		}),
	}
}

func TestCommandsGoOnInParts(t *testing.T) {
	bubble(t, actors.Options{Loops: 2}, func(_ *testing.T, s *server) {
		s.register("rooms", newRooms())
		c := s.connect()
		for i, test := range []struct{ command, room, want string }{
			{"count", "a", response("rooms", "1", 0)},
			{"count", "a", response("rooms", "2", 1)},
			{"count", "b", response("rooms", "1", 2)},
			{"fail", "a", refusal("rooms", "Room is full", 3)},
			{"panic", "a", refusal("rooms", "Internal error", 4)},
			{"refuse", "a", refusal("rooms", "Internal error", 5)},
			{"direct", "a", refusal("rooms", "Internal error", 6)},
			{"nowhere", "a", refusal("rooms", "Internal error", 7)},
			{"through", "a", response("rooms", `"through two"`, 8)},
			{"later", "a", response("rooms", `"at last"`, 9)},
			{"count", "a", response("rooms", "3", 10)},
			{"close", "a", response("rooms", "null", 11)},
			{"count", "a", refusal("rooms", "Internal error", 12)},
			{"count", "b", response("rooms", "2", 13)},
		} {
			c.send(request("rooms", test.command, fmt.Sprintf(`{"room":%q}`, test.room), i))
			c.expect(test.want)
		}
	})
}

func TestAnswersFromPartsAreNotOvertaken(t *testing.T) {
	for _, way := range ways {
		t.Run(way, func(t *testing.T) {
			s := newServer(t, way, actors.Options{Loops: 2})
			defer s.shutdown()
			s.register("rooms", newRooms())
			c := s.connect()
			for i := range 500 {
				c.send(request("rooms", "enter", `{"room":"a"}`, i))
				c.expect(response("rooms", `"entered"`, i), `{"service":"rooms","message":"welcome"}`)
			}
		})
	}
}

func TestBusyPartHoldsUpNobodyElse(t *testing.T) {
	bubble(t, actors.Options{}, func(_ *testing.T, s *server) {
		service := newRooms()
		s.register("rooms", service)
		a, b := s.connect(), s.connect()
		a.send(request("rooms", "block", `{"room":"a"}`, 1), request("rooms", "count", `{"room":"b"}`, 2))
		synctest.Wait()
		b.send(request("rooms", "count", `{"room":"b"}`, 1))
		b.expect(response("rooms", "1", 1))
		close(service.gate)
		a.expect(response("rooms", `"free"`, 1), response("rooms", "2", 2))
	})
}

// What waits in a part when the service ends is answered, and Stop comes after all parts.
func TestPartsEndWithTheirService(t *testing.T) {
	bubble(t, actors.Options{}, func(t *testing.T, s *server) {
		service := newRooms()
		s.register("rooms", service)
		a, b := s.connect(), s.connect()
		a.send(request("rooms", "block", `{"room":"a"}`, 1))
		synctest.Wait()
		b.send(request("rooms", "count", `{"room":"a"}`, 1))
		synctest.Wait()
		gone := make(chan error)
		go func() { gone <- s.broker.Frontend().Unregister("rooms") }()
		synctest.Wait()
		if service.ended {
			t.Error("Stop was called while a part was at work")
		}
		close(service.gate)
		a.expect(response("rooms", `"free"`, 1))
		b.expect(refusal("rooms", "Internal error", 1))
		if err := <-gone; err != nil {
			t.Error(err)
		}
		if !service.ended {
			t.Error("Stop was not called")
		}
		late := service.context.NewPart()
		late.Do(func() { t.Error("a part works after the end of its service") })
		late.Stop()
	})
}

// crowd sends a long notification to everybody who is there, as often as it is told.
type crowd struct {
	context *actors.ServiceContext
	broker  *actors.Broker
	peers   []actors.Peer
	most    int64 // bytes under way after Settle
}

func (c *crowd) Start(context *actors.ServiceContext) error {
	c.context = context
	return nil
}

func (c *crowd) Connected(p actors.Peer) { c.peers = append(c.peers, p) }

func (c *crowd) Commands() actors.Commands {
	return actors.Commands{"flood": actors.Command(func(_ *actors.Call, p struct {
		Rounds int `json:"rounds"`
	},
	) (any, error) {
		n, err := c.context.Notification(strings.Repeat("x", 1000))
		for range p.Rounds {
			for _, peer := range c.peers {
				peer.Send(n)
			}
			c.context.Settle()
			c.most = max(c.most, actors.MailUnderWay(c.broker))
		}
		return nil, err
	})}
}

// However much a service sends, little of it is under way, and clients that do not read make nobody wait.
func TestSettleBoundsWhatIsUnderWay(t *testing.T) {
	for _, way := range ways {
		t.Run(way, func(t *testing.T) {
			const bound = 16 << 10
			s := newServer(t, way, actors.Options{Loops: 2, MaxBacklogBytes: bound, MaxQueuedBytes: 64 << 10})
			defer s.shutdown()
			service := &crowd{broker: s.broker}
			s.register("crowd", service)
			if err := s.broker.Backend().Register("crowd_backend", crowdBackend{service}); err != nil {
				t.Fatal(err)
			}
			for range 4 {
				s.connect() // and never reads
			}
			until(t, "all are there", func() bool { return s.broker.Stats().Connections == 4 })
			answer, err := s.broker.Call(t.Context(), "crowd_backend", []byte(`{"command":"flood","params":{"rounds":5000}}`))
			if err != nil || string(answer) != `{"type":"response","data":null}` {
				t.Error(string(answer), err)
			}
			if service.most > bound {
				t.Errorf("%d bytes were under way", service.most)
			}
			until(t, "nothing is under way", func() bool { return actors.MailUnderWay(s.broker) == 0 })
		})
	}
}

type crowdBackend struct{ *crowd }

func (c crowdBackend) CompanionOf() actors.Service { return c.crowd }

// waiter is a service with a part that waits for another one, which is given nothing to do.
type waiter struct {
	context *actors.ServiceContext
	ended   chan struct{}
}

func (w *waiter) Start(c *actors.ServiceContext) error {
	w.context, w.ended = c, make(chan struct{})
	return nil
}

func (w *waiter) Commands() actors.Commands {
	return actors.Commands{"wait": actors.Command(func(*actors.Call, actors.NoParams) (any, error) {
		w.context.NewPart().Do(func() {
			<-w.context.Done()
			close(w.ended)
		})
		return nil, nil
	})}
}

// Unregister waits for the part, which waits for the service's end to begin.
func TestDoneIsToldBeforeTheEnd(t *testing.T) {
	bubble(t, actors.Options{}, func(t *testing.T, s *server) {
		w := &waiter{}
		s.register("waiter", w)
		c := s.connect()
		c.send(request("waiter", "wait", `{}`, 1))
		c.expect(response("waiter", "null", 1))
		synctest.Wait() // the part waits: what it has not begun is not done
		select {
		case <-w.context.Done():
			t.Error("done before the end")
		default:
		}
		if err := s.broker.Frontend().Unregister("waiter"); err != nil {
			t.Error(err)
		}
		<-w.ended
	})
}

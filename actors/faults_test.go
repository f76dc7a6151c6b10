package actors

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors/wire"
)

// mortal is a crowd of nobody yet, whose broker the test itself ends.
func mortal(t *testing.T, o Options) *crowd {
	t.Helper()
	o.Portable, o.PingInterval = true, -1
	b, err := NewBroker(o)
	if err != nil {
		t.Fatal(err)
	}
	c := &crowd{tb: t, broker: b, board: &board{}}
	if err := b.Frontend().Register("board", c.board); err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]Service{"board_backend": companionBoard{c.board}, "flood": flood{c.board}} {
		if err := b.Backend().Register(name, s); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// The queues that a scheduler keeps have little room, also if one has needed much and a message came while it was
// being emptied.
func TestKeptQueuesHaveLittleRoom(t *testing.T) {
	const burst = 100 * keptRoom
	g := &goroutines{}
	m := &mailbox{scheduler: g, scheduled: true, queue: g.borrow()}
	for range burst {
		m.PostUserMessage(0)
	}
	q := m.queue
	for n := 0; ; n++ {
		if n == burst/2 {
			m.PostUserMessage(0)
		}
		if _, more := m.pop(q); !more {
			break
		}
	}
	g.giveBack(q)
	if kept := g.borrow(); cap(kept.user)+cap(kept.inbox) > 2*keptRoom {
		t.Errorf("room for %d messages is kept", cap(kept.user)+cap(kept.inbox))
	}
}

// hopeless is a service of the backend that waits for what never happens, like a publication that is on its way to an
// event loop that has ended.
type hopeless struct{}

func (hopeless) Commands() Commands {
	return Commands{
		"settle": Direct(func(c *Call, _ NoParams) (any, error) {
			c.hold()
			c.Settle()
			return nil, nil
		}),
		"answer": Direct(func(c *Call, _ NoParams) (any, error) {
			c.hold()
			return nil, nil
		}),
	}
}

// Calls of the backend that wait for the event loops end with them, when Shutdown has no time.
func TestCallsOfTheBackendEndWithTheBroker(t *testing.T) {
	one := `"` + strings.Repeat("x", 200) + `"`
	for _, test := range []struct {
		name, service, call string
		stopped             bool // it cannot have been answered
	}{
		{"a pause between two publications", "flood", `{"command":"flood","params":{"messages":[` + one + `,` + one + `,` + one + `]}}`, false},
		{"a pause before its answer", "board_backend", `{"command":"publish","params":{"channel":"news","message":` + one + `}}`, false},
		{"for ever in its command", "hopeless", `{"command":"settle","params":{}}`, true},
		{"for ever for its answer", "hopeless", `{"command":"answer","params":{}}`, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := mortal(t, Options{Loops: 1, MaxBacklogBytes: 100})
				if err := c.broker.Backend().Register("hopeless", hopeless{}); err != nil {
					t.Fatal(err)
				}
				for range 100 {
					c.subscribe(c.attach(c.broker.loops[0], &nowhere{}), channelName)
				}
				synctest.Wait()
				c.burst(2) // begins a pause
				if err := c.board.channels.Publish(nil, channelName, []byte(one)); err != nil {
					t.Fatal(err)
				}
				answered := make(chan error, 1)
				go func() {
					_, err := c.broker.Call(t.Context(), test.service, []byte(test.call))
					answered <- err
				}()
				synctest.Wait()
				if len(answered) > 0 {
					t.Error("the call does not wait")
				}
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				if err := c.broker.Shutdown(ctx, 0); !errors.Is(err, context.Canceled) {
					t.Errorf("shutdown: %v", err)
				}
				pass(time.Second)
				select {
				case err := <-answered:
					if (err != nil || test.stopped) && !errors.Is(err, ErrStopped) {
						t.Errorf("the call: %v", err)
					}
				default:
					t.Error("the call hangs")
				}
			})
		})
	}
}

// publishes has clients of one loop send n requests each at once, each of which publishes something small.
func (c *crowd) publishes(n int, clients ...*connection) {
	request := []byte(`{"service":"board","message":{"command":"publish","params":{"channel":"news","message":1},"callId":1}}`)
	c.on(clients[0].loop, func() {
		for _, conn := range clients {
			conn.busy()
			for range n {
				conn.Message(request)
			}
		}
	})
}

// Clients that wait for each answer before they go on gain nothing from a pause, so their channel makes none, even if
// what several of them publish goes out together.
func TestClientsThatWaitForAnswersMakeNoPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const requests = 200
		c := oneLoop(t, 200)
		clients := []*recorder{{}, {}, {}}
		conns := make([]*connection, len(clients))
		for i, s := range clients {
			conns[i] = c.attach(c.broker.loops[0], s)
		}
		start := time.Now()
		c.publishes(requests, conns...)
		synctest.Wait()
		for i, s := range clients {
			if n := len(s.taken()); n != requests {
				t.Errorf("client %d has %d answers", i, n)
			}
		}
		if passed := time.Since(start); passed != 0 {
			t.Errorf("it took %v", passed)
		}
		for i, s := range c.sockets {
			if s.bytes != c.sockets[0].bytes || s.bytes < len(clients)*requests {
				t.Errorf("subscriber %d has %d bytes", i, s.bytes)
			}
		}
	})
}

// Slow readers, for which more than three quarters of their bound wait, hold up the publishers of their channel only
// when they are most of its subscribers, and then for a second: how they are spread over the loops does not matter.
func TestHowLongSlowReadersHoldUpPublishers(t *testing.T) {
	longest := pauseBehind[quarters-1]
	for _, test := range []struct {
		name        string
		good, slow  []int // by loop
		least, most time.Duration
	}{
		{"one that is alone on its loop", []int{50, 0}, []int{0, 1}, 0, 0},
		{"all on some loops, few of the channel", []int{20, 0, 0}, []int{0, 5, 5}, 0, 0},
		{"half", []int{2, 2}, []int{2, 2}, 0, 0},
		{"most", []int{1}, []int{2}, mostWaited / 2, mostWaited + longest},
		{"most, on two loops", []int{1, 0}, []int{1, 2}, mostWaited / 2, mostWaited + 2*longest},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newLoopCrowd(t, Options{Loops: len(test.good), MaxQueuedBytes: 1 << 20, WriteTimeout: time.Hour})
				members := 0
				for i, l := range c.broker.loops {
					for range test.good[i] {
						c.subscribe(c.attach(l, &nowhere{}), channelName)
					}
					for range test.slow[i] {
						c.subscribe(c.attach(l, &stuffed{}), channelName)
					}
					members += test.good[i] + test.slow[i]
				}
				synctest.Wait()
				for range 8 {
					c.publish(`"` + strings.Repeat("x", 100_000) + `"`)
					pass(longest)
				}
				const requests = 300
				s := &recorder{}
				publisher := c.attach(c.broker.loops[0], s)
				start := time.Now()
				c.publishes(requests, publisher)
				synctest.Wait()
				for len(s.taken()) < requests && time.Since(start) < time.Minute {
					pass(time.Millisecond)
				}
				if held := time.Since(start); held < test.least || held > test.most {
					t.Errorf("%d of %d answers after %v, not within %v and %v", len(s.taken()), requests, held, test.least, test.most)
				}
				if n := c.broker.Stats().Connections; n != members+1 {
					t.Errorf("%d connections are left of %d", n, members+1)
				}
			})
		})
	}
}

// Subscribers that leave during a pause of their channel are gone at once, not at its end.
func TestDeparturesDoNotWaitForThePause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := oneLoop(t, 100)
		l := c.broker.loops[0]
		c.burst(2)
		start := time.Now()
		c.on(l, func() {
			for len(l.conns) > 10 {
				l.conns[0].destroy()
			}
		})
		synctest.Wait()
		if n := c.board.channels.Subscribers(channelName); n != 10 || time.Since(start) != 0 {
			t.Errorf("%d subscribers after %v", n, time.Since(start))
		}
	})
}

// joiner lets a client subscribe, and publishes at once more than the client can be sent.
type joiner struct{ *board }

func (j joiner) CompanionOf() Service      { return j.board }
func (joiner) Start(*ServiceContext) error { return nil }

func (j joiner) Commands() Commands {
	large := []byte(`"` + strings.Repeat("x", 3000) + `"`)
	return Commands{"join": Direct(func(c *Call, _ NoParams) (any, error) {
		return nil, errors.Join(j.channels.Subscribe(c, channelName), // holds back what others publish
			j.channels.Publish(c, channelName, large), j.channels.Publish(nil, channelName, large))
	})}
}

// lastWord is a socket whose client takes nothing, and has sent something that is not read yet.
type lastWord struct {
	stuffed
	c      *connection
	unread string
}

func (s *lastWord) resume() {
	if s.unread != "" && s.c.wantsMore() {
		text := s.unread
		s.unread = ""
		s.c.received([]byte(text))
	}
}

// A client that is cut off while something is held back for it, and whose close frame is read in that moment, takes
// nobody along.
func TestEndWhileSomethingIsHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged bytes.Buffer
		c := newLoopCrowd(t, Options{Loops: 1, MaxQueuedBytes: 8000, WriteTimeout: time.Hour, Logger: zerolog.New(&logged)})
		if err := c.broker.Frontend().Register("joiner", joiner{c.board}); err != nil {
			t.Fatal(err)
		}
		l := c.broker.loops[0]
		good := &nowhere{}
		c.subscribe(c.attach(l, good), channelName)
		door := &newlines{}
		s := &lastWord{unread: "!close\n"}
		s.c = c.attach(l, s)
		c.on(l, func() {
			s.c.door = door
			s.c.send(make([]byte, 6000))
		})
		synctest.Wait() // nothing is read any more, since so much waits
		c.on(l, func() {
			s.c.received([]byte(`{"service":"joiner","message":{"command":"join","params":{},"callId":1}}` + "\n"))
		})
		synctest.Wait()
		if s.unread != "" || door.closed.Load() != 1 {
			t.Errorf("unread: %q; %d ended", s.unread, door.closed.Load())
		}
		if stats := c.broker.Stats(); stats != (Stats{Connections: 1, Channels: 1, Subscriptions: 1}) {
			t.Errorf("%+v", stats)
		}
		c.publish("1")
		synctest.Wait()
		if n := c.writes(good); n != 2 {
			t.Errorf("the other subscriber has %d writes", n)
		}
		if text := logged.String(); strings.Contains(text, "panic") || !strings.Contains(text, `"level":"warn"`) || !strings.Contains(text, "slow reader cut off") {
			t.Error(text)
		}
	})
}

// faulty is an actor that panics when it is told so.
type faulty struct {
	mailbox
	ended bool
}

func (f *faulty) Receive(ctx actor.Context) {
	switch ctx.Message().(type) {
	case *parting:
		panic("a fault")
	case *actor.Stopped:
		f.ended = true
		f.close()
	}
}

// A panic that ends an actor is in the log, with the place where it happened, and whoever waits for the actor is told.
func TestPanicsOfActorsAreLogged(t *testing.T) {
	for name, spawner := range map[string]func(*Broker) *spawner{
		"on a loop":      func(b *Broker) *spawner { return b.loops[0].leaves },
		"on a goroutine": func(b *Broker) *spawner { return b.hostSpawner },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var logged bytes.Buffer
				c := newLoopCrowd(t, Options{Loops: 1, Logger: zerolog.New(&logged)})
				f := &faulty{}
				spawner(c.broker).spawn(f)
				call := &Call{service: c.service(), done: make(chan struct{})}
				call.hold()
				f.PostUserMessage(&parting{call: call})
				<-call.done
				synctest.Wait()
				if !f.ended || call.refused.Load() != wire.ErrNotSubscribed {
					t.Errorf("ended: %v; the caller got %v", f.ended, call.refused.Load())
				}
				text := logged.String()
				for _, part := range []string{`"level":"error"`, `"panic":"a fault"`, "(*faulty).Receive"} {
					if !strings.Contains(text, part) {
						t.Errorf("%s is missing in %q", part, text)
					}
				}
				if n := strings.Count(text, "\n"); n != 1 {
					t.Errorf("%d lines", n)
				}
			})
		})
	}
}

package actors

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/snorky-go/snorky/actors/wire"
)

// publish publishes on behalf of the backend; the loops may not be running.
func (c *crowd) publish(message string) {
	c.tb.Helper()
	call := `{"command":"publish","params":{"channel":"news","message":` + message + `},"callId":1}`
	if _, err := c.broker.Call(c.tb.Context(), "board_backend", []byte(call)); err != nil {
		c.tb.Fatal(err)
	}
}

// burst has the channel fan out n publications as one batch.
func (c *crowd) burst(n int) {
	c.tb.Helper()
	release := hold(c.broker.loops[0])
	for range n {
		c.publish(`"burst"`)
	}
	release()
	synctest.Wait()
}

// pass lets time go by, and what is due happen.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// writes is how often a socket of the only loop was written to.
func (c *crowd) writes(s *nowhere) (n int) {
	c.on(c.broker.loops[0], func() { n = s.writes })
	return n
}

// oneLoop is a crowd whose members are on one loop. It lives in the bubble of the test.
func oneLoop(t *testing.T, size int) *crowd {
	t.Helper()
	c := newLoopCrowd(t, Options{Loops: 1})
	for range size {
		s := &nowhere{}
		c.sockets = append(c.sockets, s)
		c.subscribe(c.attach(c.broker.loops[0], s), channelName)
	}
	synctest.Wait()
	return c
}

func TestSingleMessagesAreNeverHeldBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := oneLoop(t, 500)
		start := time.Now()
		for i := range 20 {
			c.publish("1")
			synctest.Wait()
			if got := c.writes(c.sockets[499]); got != i+1 || time.Since(start) != 0 {
				t.Fatalf("%d writes for %d messages after %v", got, i+1, time.Since(start))
			}
		}
	})
}

func TestBusyChannelsPauseBetweenBatches(t *testing.T) {
	for _, test := range []struct {
		name        string
		subscribers int
		pause       time.Duration
	}{
		{"so few that it would gain nothing", 9, 0},
		{"some", 50, time.Millisecond},
		{"many", 3000, mostPause},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := oneLoop(t, test.subscribers)
				expect := func(what string, writes int) {
					t.Helper()
					for i, s := range c.sockets {
						if got := c.writes(s); got != writes {
							t.Fatalf("%s: subscriber %d has %d writes, want %d", what, i, got, writes)
						}
					}
				}
				c.burst(3)
				expect("the burst", 1)
				c.publish("1")
				c.publish("2")
				synctest.Wait()
				if test.pause == 0 {
					if c.writes(c.sockets[0]) < 2 {
						t.Error("held back")
					}
					return
				}
				expect("in the pause", 1)
				pass(test.pause - time.Microsecond)
				expect("almost over", 1)
				pass(time.Microsecond)
				expect("after the pause", 2)
				pass(test.pause)
				c.publish("3") // the channel has come to rest
				synctest.Wait()
				expect("later", 3)
			})
		})
	}
}

// stuffed is a socket that takes nothing.
type stuffed struct{ nowhere }

func (*stuffed) writeOne([]byte) (int, error) { return 0, nil }
func (*stuffed) write([][]byte) (int, error)  { return 0, nil }

// A channel waits a moment for its subscribers if most of them fall behind, and does not wait for a few.
func TestPauseForSubscribersThatFallBehind(t *testing.T) {
	for _, test := range []struct {
		name    string
		stuffed int
		waits   bool
	}{
		{"most of them", 2, true},
		{"one of them", 1, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newLoopCrowd(t, Options{Loops: 1, MaxQueuedBytes: 4000, WriteTimeout: time.Hour})
				good := &nowhere{}
				sockets := []socket{&stuffed{}, &nowhere{}, good}
				if test.stuffed == 2 {
					sockets[1] = &stuffed{}
				}
				for _, s := range sockets {
					c.subscribe(c.attach(c.broker.loops[0], s), channelName)
				}
				synctest.Wait()
				large := `"` + strings.Repeat("x", 1500) + `"`
				c.publish(large)
				synctest.Wait()
				c.publish("1")
				synctest.Wait()
				if waits := c.writes(good) == 1; waits != test.waits {
					t.Errorf("held back: %v", waits)
				}
				pass(pauseBehind[0])
				if n := c.writes(good); n != 2 {
					t.Errorf("%d writes in the end", n)
				}
			})
		})
	}
}

// What ends in a pause leaves nothing behind: neither its subscribers nor the publication that waits for its end.
func TestChannelsEndInAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := oneLoop(t, 100)
		c.burst(2)
		c.publish("1")
		c.on(c.broker.loops[0], func() {
			for len(c.broker.loops[0].conns) > 0 {
				c.broker.loops[0].conns[0].destroy()
			}
		})
		synctest.Wait()
		pass(mostPause)
		if stats := c.broker.Stats(); stats != (Stats{}) {
			t.Errorf("left: %+v", stats)
		}
		c.delivered()
		pass(mostPause)
	})
}

// flood is a service of the backend that publishes a lot in one call, and waits in between.
type flood struct{ *board }

func (f flood) Commands() Commands {
	return Commands{"flood": Direct(func(c *Call, p struct {
		Messages []json.RawMessage `json:"messages"`
	},
	) (any, error) {
		for _, m := range p.Messages {
			if err := f.channels.Publish(c, channelName, m); err != nil {
				return nil, err
			}
			c.Settle()
		}
		return nil, nil
	})}
}
func (f flood) CompanionOf() Service      { return f.board }
func (flood) Start(*ServiceContext) error { return nil }

// What is published to many channels at once does not keep others waiting until all of it is out.
func TestSettleLetsLoopsCatchUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newLoopCrowd(t, Options{Loops: 1})
		l := c.broker.loops[0]
		if err := c.broker.Backend().Register("spread", spread{c.board}); err != nil {
			t.Fatal(err)
		}
		names := numbers(4 * crowded)
		for _, name := range names {
			s := &nowhere{}
			c.sockets = append(c.sockets, s)
			c.subscribe(c.attach(l, s), name)
		}
		synctest.Wait()
		list, err := json.Marshal(names)
		if err != nil {
			t.Fatal(err)
		}
		release := hold(l)
		answered := make(chan error, 1)
		go func() {
			_, err := c.broker.Call(t.Context(), "spread", []byte(`{"command":"spread","params":{"channels":`+string(list)+`}}`))
			answered <- err
		}()
		synctest.Wait()
		l.mu.Lock()
		waiting := len(l.ready)
		l.mu.Unlock()
		if waiting <= crowded || waiting > crowded+100 {
			t.Errorf("%d tasks wait", waiting)
		}
		release()
		if err := <-answered; err != nil {
			t.Error(err)
		}
		synctest.Wait()
		for i, s := range c.sockets {
			if c.writes(s) != 1 {
				t.Fatalf("channel %d got nothing", i)
			}
		}
	})
}

// spread is a service of the backend that publishes to many channels in one call.
type spread struct{ *board }

func (s spread) Commands() Commands {
	return Commands{"spread": Direct(func(c *Call, p struct {
		Channels []json.RawMessage `json:"channels"`
	},
	) (any, error) {
		for _, name := range p.Channels {
			if err := s.channels.Publish(c, name, name); err != nil {
				return nil, err
			}
			c.Settle()
		}
		return nil, nil
	})}
}
func (s spread) CompanionOf() Service      { return s.board }
func (spread) Start(*ServiceContext) error { return nil }

// A command that publishes much waits until its channel has no more to send out than it may.
func TestSettle(t *testing.T) {
	c := newLoopCrowd(t, Options{Loops: 1, MaxBacklogBytes: 1000})
	if err := c.broker.Backend().Register("flood", flood{c.board}); err != nil {
		t.Fatal(err)
	}
	s := &nowhere{}
	c.subscribe(c.attach(c.broker.loops[0], s), channelName)
	c.settleAll()
	const messages, size = 100, 500
	one := `"` + strings.Repeat("x", size) + `"`
	call := `{"command":"flood","params":{"messages":[` + one + strings.Repeat(","+one, messages-1) + `]},"callId":1}`
	release := hold(c.broker.loops[0])
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		if _, err := c.broker.Call(t.Context(), "flood", []byte(call)); err != nil {
			t.Error(err)
		}
	}()
	key, _ := wire.CanonicalKey(channelName)
	root := c.board.channels.placement.find(key)
	until(t, "the backlog is full", func() bool { return root.backlogBytes() > 1000 })
	select {
	case <-answered:
		t.Error("answered before anything went out")
	default:
	}
	if n := root.backlogBytes(); n > 1000+2*(size+100) {
		t.Errorf("%d bytes wait", n)
	}
	release()
	<-answered
	c.delivered()
	if s.bytes < messages*size {
		t.Errorf("%d bytes arrived", s.bytes)
	}
}

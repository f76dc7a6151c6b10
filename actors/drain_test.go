package actors_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/services"
	"github.com/snorky-go/snorky/actors/wire"
)

// grace is what the clients of the last wave have for their answer, before anybody is asked to come back.
const grace = time.Second

// farewells are how clients end.
type farewells struct {
	mu     sync.Mutex
	closed []time.Duration // when, since start
	back   []time.Duration // for when they are asked to come back
	wrong  []string
	start  time.Time
	wg     sync.WaitGroup
}

// watch has the client take note of its close frame and answer it.
func (f *farewells) watch(c *client) {
	f.wg.Go(func() {
		defer c.conn.Close()
		for {
			op, payload, err := c.nextFrame()
			if err == nil && op != wire.OpClose {
				continue
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			switch {
			case err != nil:
				f.wrong = append(f.wrong, err.Error())
			case binary.BigEndian.Uint16(payload) != uint16(wire.CloseGoingAway):
				f.wrong = append(f.wrong, fmt.Sprintf("%q", payload))
			default:
				now := time.Since(f.start)
				f.closed = append(f.closed, now)
				if after, ok := wire.Hint(string(payload[2:])); ok {
					f.back = append(f.back, now+after)
				}
			}
			return
		}
	})
}

// drain ends the broker of s and waits until all clients have seen it.
func (f *farewells) drain(t *testing.T, s *server, limit time.Duration, w actors.Waves) {
	t.Helper()
	synctest.Wait()
	f.start = time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if err := s.broker.Drain(ctx, w); err != nil {
		t.Error(err)
	}
	f.wg.Wait()
	if len(f.wrong) > 0 {
		t.Errorf("%d clients ended otherwise: %.200q", len(f.wrong), f.wrong)
	}
}

// flat checks that moments are spread evenly over a time, but for so many in each tenth.
func flat(t *testing.T, what string, moments []time.Duration, from, to time.Duration, tolerance int) {
	t.Helper()
	var tenths [10]int
	for _, at := range moments {
		if at < from || at > to {
			t.Fatalf("%s: one after %v, which is not between %v and %v", what, at, from, to)
		}
		tenths[min(int(10*(at-from)/(to-from)), 9)]++
	}
	for _, n := range tenths {
		if want := len(moments) / 10; n < want-tolerance || n > want+tolerance {
			t.Errorf("%s: in each tenth of the time %v", what, tenths)
			return
		}
	}
}

// Whatever the loops, connections end evenly over the one time, and are asked to come back evenly over the other, each at
// a moment of its own, and nobody is away for longer than needed.
func TestDrainInWaves(t *testing.T) {
	for _, loops := range []int{1, 2, 5} {
		t.Run(fmt.Sprint("loops=", loops), func(t *testing.T) {
			bubble(t, actors.Options{Loops: loops, PingInterval: -1}, func(t *testing.T, s *server) {
				const clients, closing, back = 4000, 3 * time.Second, 10 * time.Second
				var f farewells
				for range clients {
					f.watch(s.connect())
				}
				f.drain(t, s, time.Minute, actors.Waves{Close: closing, Return: back})
				if len(f.back) != clients {
					t.Fatalf("%d of %d clients are asked to come back", len(f.back), clients)
				}
				perTick := clients / 30
				flat(t, "closed", f.closed, 0, closing+200*time.Millisecond, 2*perTick)
				flat(t, "back", f.back, closing+grace, closing+grace+back+time.Millisecond, 1)
			})
		})
	}
}

func TestFewClientsAreAskedToComeBackSoon(t *testing.T) {
	for n, most := range map[int]time.Duration{1: 0, 10: 50 * time.Millisecond, 400: 2 * time.Second} {
		t.Run(fmt.Sprint("clients=", n), func(t *testing.T) {
			bubble(t, actors.Options{Loops: 1, PingInterval: -1}, func(t *testing.T, s *server) {
				var f farewells
				for range n {
					f.watch(s.connect())
				}
				f.drain(t, s, time.Minute, actors.Waves{Return: time.Hour})
				for _, at := range f.back {
					if at < grace || at > grace+most {
						t.Errorf("asked to come back after %v", at)
					}
				}
				if len(f.back) != n {
					t.Errorf("%d are asked", len(f.back))
				}
			})
		})
	}
}

func TestNobodyIsAskedToComeBack(t *testing.T) {
	bubble(t, actors.Options{}, func(t *testing.T, s *server) {
		var f farewells
		f.watch(s.connect())
		f.drain(t, s, time.Minute, actors.Waves{})
		if len(f.closed) != 1 || len(f.back) != 0 {
			t.Errorf("%d closed, %d asked to come back", len(f.closed), len(f.back))
		}
		if after, ok := s.broker.ReconnectAfter(); ok {
			t.Errorf("a stranger is asked to wait for %v", after)
		}
	})
}

// Whatever else ends a connection while the broker drains says when to come back, too, unless it is for good.
func TestOtherEndsDuringTheDrain(t *testing.T) {
	principal := func(s *server, expires time.Duration) {
		s.principal = actors.Principal{Identity: []byte(`"ann"`), Expires: time.Now().Add(expires)}
	}
	bubble(t, actors.Options{Loops: 1, PingInterval: -1, PongTimeout: -1}, func(t *testing.T, s *server) {
		const crowd = 2000
		var f farewells
		wrong, leaving := s.connect(), s.connect()
		principal(s, 2*time.Second)
		expired := s.connect()
		s.principal = actors.Principal{}
		for range crowd {
			f.watch(s.connect())
		}
		ends := func(c *client, want wire.CloseCode, hinted bool) {
			f.wg.Go(func() {
				defer c.conn.Close()
				for {
					op, payload, err := c.nextFrame()
					if err != nil {
						t.Errorf("%d: %v", want, err)
						return
					}
					if op != wire.OpClose {
						continue
					}
					if _, ok := wire.Hint(string(payload[2:])); wire.CloseCode(binary.BigEndian.Uint16(payload)) != want || ok != hinted {
						t.Errorf("%q, want %d with a hint: %t", payload, want, hinted)
					}
					return
				}
			})
		}
		ends(expired, wire.CloseExpired, true)
		ends(wrong, wire.CloseProtocolError, false)
		ends(leaving, wire.CloseNormal, false)
		time.AfterFunc(time.Second, func() {
			wrong.send("!fault")
			leaving.send("!close")
		})
		f.drain(t, s, time.Minute, actors.Waves{Close: 10 * time.Second, Return: 10 * time.Second})
	})
}

// A client that is owed an answer hears of the end in time, although the answer does not come.
func TestDrainDoesNotWaitForAnswersForEver(t *testing.T) {
	bubble(t, actors.Options{CallTimeout: -1}, func(t *testing.T, s *server) {
		g := newGate()
		s.register("gate", g)
		var f farewells
		owed, leaving := s.connect(), s.connect()
		owed.send(request("gate", "wait", "{}", 1), request("gate", "wait", "{}", 2))
		<-g.waiting
		leaving.send(request("gate", "wait", "{}", 3), "!close")
		synctest.Wait()
		f.watch(owed)
		f.watch(s.connect())
		f.wg.Go(func() {
			if code := leaving.expectClose(); code != wire.CloseNormal {
				t.Errorf("who wanted to leave is closed with %d", code)
			}
			_ = leaving.conn.Close()
		})
		time.AfterFunc(5*time.Second, g.open) // so that nothing is left in the bubble
		f.start = time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_ = s.broker.Drain(ctx, actors.Waves{Close: time.Second, Return: time.Minute})
		if took := time.Since(f.start); took > 5*time.Second {
			t.Errorf("it took %v", took)
		}
		f.wg.Wait()
		if len(f.closed) != 2 || f.closed[0] > time.Second || f.closed[1] < 4*time.Second || f.closed[1] > 4200*time.Millisecond {
			t.Errorf("closed after %v; wrong: %q", f.closed, f.wrong)
		}
	})
}

// However little time there is, everybody gets a close frame, except those who take nothing.
func TestDrainInLessTimeThanItWasPlannedFor(t *testing.T) {
	bubble(t, actors.Options{Loops: 2, PingInterval: -1}, func(t *testing.T, s *server) {
		const clients = 3000
		s.register("pubsub", services.NewPubSub(services.Everybody))
		var f farewells
		stuck := s.connect() // which never reads
		for range clients {
			f.watch(s.connect())
		}
		synctest.Wait()
		f.start = time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		if err := s.broker.Drain(ctx, actors.Waves{Close: time.Hour, Return: 20 * time.Second}); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		if took := time.Since(f.start); took > 4*time.Second {
			t.Errorf("it took %v", took)
		}
		f.wg.Wait()
		if len(f.back) != clients || len(f.wrong) > 0 {
			t.Errorf("%d of %d were told: %.200q", len(f.back), clients, f.wrong)
		}
		flat(t, "closed", f.closed, 0, 3200*time.Millisecond, 200)
		_ = stuck.conn.Close()
	})
}

// Those who are turned away are spread as well, however many they are.
func TestStrangersAreSpread(t *testing.T) {
	bubble(t, actors.Options{PingInterval: -1}, func(t *testing.T, s *server) {
		if _, ok := s.broker.ReconnectAfter(); ok {
			t.Error("a stranger is asked to wait before the end")
		}
		const clients, strangers, back = 2500, 1000, 10 * time.Second
		var f farewells
		for range clients {
			f.watch(s.connect())
		}
		var moments []time.Duration
		time.AfterFunc(2*time.Second, func() {
			for range strangers {
				after, ok := s.broker.ReconnectAfter()
				if !ok {
					t.Error("a stranger is told nothing")
				}
				moments = append(moments, time.Since(f.start)+after)
			}
		})
		f.drain(t, s, time.Minute, actors.Waves{Close: 3 * time.Second, Return: back})
		flat(t, "strangers", moments, 3*time.Second+grace, 3*time.Second+grace+back, 3)
		<-time.After(time.Minute)
		if after, ok := s.broker.ReconnectAfter(); !ok || after != 0 {
			t.Errorf("long after the end a stranger is asked to wait for %v, %t", after, ok)
		}
	})
}

func TestReasonsArePlain(t *testing.T) {
	bubble(t, actors.Options{}, func(t *testing.T, s *server) {
		c := s.connect()
		go func() { _ = s.broker.Drain(t.Context(), actors.Waves{Return: time.Minute}) }()
		for {
			op, payload, err := c.frame()
			if err != nil {
				t.Fatal(err)
			}
			if op != wire.OpClose {
				continue
			}
			if reason := string(payload[2:]); !strings.HasPrefix(reason, "server is going away; reconnect in 1") {
				t.Errorf("%q", reason)
			}
			break
		}
		_ = c.conn.Close()
		synctest.Wait()
	})
}

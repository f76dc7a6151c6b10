package actors_test

import (
	"encoding/json"
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

// Each limit holds from the next message on, and takes nothing away from those who have more.
func TestLimitsChangeWhileClientsAreThere(t *testing.T) {
	wide := actors.Options{Loops: 2, PingInterval: -1, MaxSubscriptions: 2, MaxChannelBytes: 10}
	bubble(t, wide, func(_ *testing.T, s *server) {
		s.register("pubsub", services.NewPubSub(services.Everybody))
		c := s.connect()
		subscribe := func(channel string, id int) string {
			return request("pubsub", "subscribe", `{"channel":"`+channel+`"}`, id)
		}
		c.send(subscribe("a", 1), subscribe("b", 2), subscribe("c", 3), subscribe("more than ten", 4))
		c.expect(response("pubsub", "null", 1), response("pubsub", "null", 2),
			refusal("pubsub", "Too many subscriptions", 3), refusal("pubsub", "Channel name too long", 4))

		narrow := wide
		narrow.MaxSubscriptions, narrow.MaxChannelBytes = 1, 1
		s.broker.SetOptions(narrow)
		c.send(subscribe("c", 5), subscribe("cc", 6), request("pubsub", "publish", `{"channel":"b","message":1}`, 7))
		c.expect(refusal("pubsub", "Too many subscriptions", 5), refusal("pubsub", "Channel name too long", 6),
			publication("pubsub", `"b"`, "1"), response("pubsub", "null", 7))

		wider := wide
		wider.MaxSubscriptions, wider.MaxChannelBytes = -1, -1
		s.broker.SetOptions(wider)
		c.send(subscribe("c", 8), subscribe("more than ten", 9))
		c.expect(response("pubsub", "null", 8), response("pubsub", "null", 9))
	})
}

// Who has come under a name that would be too long by now can do all that one could before, and leave.
func TestLongNamesOutliveTheirBound(t *testing.T) {
	huge := `"` + strings.Repeat("x", wire.MaxKeyBytes) + `"` // the name of no channel
	for _, test := range []struct {
		service     actors.Service
		come, leave string
		others      string // another command for who is there
		name        string // of the parameter
		want        string // of who is not
	}{
		{services.NewPubSub(services.Everybody), "subscribe", "unsubscribe", "publish", "channel", "Not subscribed"},
		{services.NewChat(), "join", "leave", "send", "channel", "Not joined"},
		{services.NewCursors(), "join", "leave", "createCursor", "document", "Not joined"},
	} {
		wide := actors.Options{PingInterval: -1, MaxChannelBytes: 10}
		t.Run(fmt.Sprintf("%T", test.service), func(t *testing.T) {
			bubble(t, wide, func(t *testing.T, s *server) {
				s.register("s", test.service)
				s.principal = actors.Principal{Identity: []byte(`"joe"`)}
				c := s.connect()
				ask := func(command, name string) (answer string) {
					t.Helper()
					more := ""
					switch command {
					case "publish":
						more = `,"message":1`
					case "send":
						more = `,"body":1`
					case "createCursor":
						more = `,"privateHandle":1,"position":0,"status":0`
					}
					c.send(request("s", command, `{"`+test.name+`":`+name+more+`}`, 0))
					for answer = c.text(); !strings.Contains(answer, "callId"); {
						answer = c.text()
					}
					return answer
				}
				well := func(answer string) {
					t.Helper()
					if !strings.Contains(answer, `"type":"response"`) {
						t.Errorf("%s", answer)
					}
				}
				well(ask(test.come, `"abcdef"`))
				narrow := wide
				narrow.MaxChannelBytes = 3
				s.broker.SetOptions(narrow)
				well(ask(test.others, `"abcdef"`))
				well(ask(test.leave, `"\u0061bcdef"`))
				for _, name := range []string{`"abcdef"`, huge} {
					if got := ask(test.leave, name); !strings.Contains(got, test.want) {
						t.Errorf("%.100s", got)
					}
				}
				if got := ask(test.come, `"abcdef"`); !strings.Contains(got, "Channel name too long") {
					t.Errorf("%s", got)
				}
				if got := s.broker.Stats(); got.Subscriptions != 0 {
					t.Errorf("%+v", got)
				}
			})
		})
	}
}

func TestCallTimeoutChanges(t *testing.T) {
	bubble(t, actors.Options{CallTimeout: time.Hour, PingInterval: -1}, func(_ *testing.T, s *server) {
		s.register("slow", slow{})
		c := s.connect()
		c.send(request("slow", "sleep", `{"seconds":600}`, 1))
		synctest.Wait()
		s.broker.SetOptions(actors.Options{CallTimeout: 10 * time.Second, PingInterval: -1})
		c.expectAfter(20*time.Second, refusal("slow", "Internal error", 1))
	})
}

// A client that was silent for long, as it might, is pinged before it has to have answered.
func TestNobodyIsCutOffForPingsThatWereNotSent(t *testing.T) {
	for name, before := range map[string]actors.Options{
		"no pings":   {PingInterval: -1},
		"few pings":  {PingInterval: time.Hour, PongTimeout: 2 * time.Hour},
		"no timeout": {PingInterval: time.Hour, PongTimeout: -1},
	} {
		bubble(t, before, func(t *testing.T, s *server) {
			c := s.connect()
			_ = c.conn.SetReadDeadline(time.Time{})
			<-time.After(50 * time.Minute)
			start := time.Now()
			s.broker.SetOptions(actors.Options{PingInterval: 10 * time.Second, PongTimeout: 30 * time.Second})
			op, _, err := c.nextFrame()
			if err != nil || op != wire.OpPing {
				t.Fatalf("%s: opcode %d, %v", name, op, err)
			}
			for op == wire.OpPing {
				if op, _, err = c.nextFrame(); err != nil {
					t.Fatal(name, err)
				}
			}
			if passed := time.Since(start); op != wire.OpClose || passed < 30*time.Second || passed > 40*time.Second {
				t.Errorf("%s: opcode %d after %v", name, op, passed)
			}
		})
	}
}

// When everybody has to say who he is from now on, those who are there have time for it; when nobody has to any more,
// those in the lobby may do what others may, and nobody has to go.
func TestIdentityBecomesNeededAndIsNotAnyMore(t *testing.T) {
	open := actors.Options{Lobby: []string{"passport"}, PingInterval: -1}
	closed := open
	closed.IdentityTimeout = 10 * time.Second
	bubble(t, open, func(t *testing.T, s *server) {
		house := &guests{}
		s.register("passport", &passport{})
		s.register("guests", house)
		known, late := s.connect(), s.connect()
		s.principal = actors.Principal{Claims: json.RawMessage(`{"a":1}`)}
		saved := s.connect()
		for _, c := range []*client{known, late, saved} {
			c.send(request("guests", "touch", "{}", 1))
			c.expect(response("guests", "null", 1))
		}
		s.broker.SetOptions(closed)
		for _, c := range []*client{known, late, saved} {
			c.send(request("guests", "touch", "{}", 2))
			c.expect(refusal("guests", "Not authenticated", 2))
		}
		known.send(request("passport", "renew", `{"seconds":3600}`, 3), request("guests", "touch", "{}", 4))
		known.expect(response("passport", "null", 3), response("guests", "null", 4))

		<-time.After(5 * time.Second)
		s.principal = actors.Principal{}
		fresh := s.connect()
		fresh.send(request("guests", "touch", "{}", 1))
		fresh.expect(refusal("guests", "Not authenticated", 1))
		s.broker.SetOptions(open)
		<-time.After(time.Minute)
		for _, c := range []*client{late, saved, fresh} {
			c.send(request("guests", "touch", "{}", 5))
			c.expect(response("guests", "null", 5))
		}
		saved.send(request("passport", "show", "{}", 6))
		saved.expect(response("passport", `[null,{"a":1}]`, 6))
		synctest.Wait()
		if came := strings.Count(strings.Join(house.seen, " "), "came"); came != 4 {
			t.Errorf("%d came: %v", came, house.seen)
		}

		s.broker.SetOptions(closed)
		start := time.Now()
		_ = late.conn.SetReadDeadline(time.Time{})
		if op, payload, err := late.nextFrame(); err != nil || op != wire.OpClose || time.Since(start) < 9*time.Second {
			t.Errorf("opcode %d %q, %v, after %v", op, payload, err, time.Since(start))
		}
	})
}

// What cannot change stays, and zero is the default.
func TestOptionsThatStay(t *testing.T) {
	bubble(t, actors.Options{Loops: 1, PingInterval: -1, Lobby: []string{"passport"}, IdentityTimeout: time.Hour}, func(_ *testing.T, s *server) {
		s.broker.SetOptions(actors.Options{Loops: 99, Lobby: []string{"other"}, IdentityTimeout: time.Hour, PingInterval: -1})
		s.register("passport", &passport{})
		c := s.connect()
		c.send(request("passport", "show", "{}", 1))
		c.expect(response("passport", "[null,null]", 1))
	})
}

func TestOptionsAfterTheEnd(t *testing.T) {
	s := newServer(t, "loop", actors.Options{})
	s.shutdown()
	s.broker.SetOptions(actors.Options{MaxSubscriptions: 1})
}

// Limits change under load from several sides, and nothing is lost.
func TestOptionsChangeInAStorm(t *testing.T) {
	for _, way := range ways {
		t.Run(way, func(t *testing.T) {
			s := newServer(t, way, actors.Options{Loops: 2})
			defer s.shutdown()
			p := services.NewPubSub(services.Everybody)
			s.register("pubsub", p)
			if err := s.broker.Backend().Register("backend", services.NewPubSubBackend(p)); err != nil {
				t.Fatal(err)
			}
			const clients, messages = 10, 300
			var changing, reading sync.WaitGroup
			stop := make(chan struct{})
			for i := range 2 {
				changing.Go(func() {
					for n := 0; ; n++ {
						select {
						case <-stop:
							return
						default:
						}
						o := actors.Options{MaxSubscriptions: 1 + n%3, MaxBacklogBytes: 4096 << (n % 8), MaxPendingBytes: 1024 << (n % 8), WriteTimeout: time.Minute}
						if n%2 == i {
							o.PingInterval, o.PongTimeout, o.MaxChannelBytes = -1, -1, -1
						}
						s.broker.SetOptions(o)
					}
				})
			}
			for range clients {
				c := s.connect()
				c.send(request("pubsub", "subscribe", `{"channel":"c"}`, 1))
				c.expect(response("pubsub", "null", 1))
				reading.Go(func() {
					for n := range messages {
						if got := c.text(); !sameJSON(got, publication("pubsub", `"c"`, toJSON(n))) {
							t.Errorf("number %d is %s", n, got)
							return
						}
					}
				})
			}
			for n := range messages {
				if _, err := s.broker.Call(t.Context(), "backend", []byte(`{"command":"publish","params":{"channel":"c","message":`+toJSON(n)+`}}`)); err != nil {
					t.Fatal(err)
				}
			}
			reading.Wait()
			close(stop)
			changing.Wait()
		})
	}
}

// Publishers wait beyond the bound of this moment: while the loop is held up, nothing that is published goes out.
func TestBacklogBoundChanges(t *testing.T) {
	for bound, waits := range map[int]bool{1 << 20: false, 4 << 10: true} {
		bubble(t, actors.Options{Loops: 1, PingInterval: -1, MaxBacklogBytes: 1<<20 + 4<<10 - bound}, func(t *testing.T, s *server) {
			held, release := make(chan struct{}), make(chan struct{})
			p := services.NewPubSub(services.Nobody)
			s.register("pubsub", p)
			s.register("stuck", stuck{held, release})
			if err := s.broker.Backend().Register("backend", services.NewPubSubBackend(p)); err != nil {
				t.Fatal(err)
			}
			c, d := s.connect(), s.connect()
			c.send(request("pubsub", "subscribe", `{"channel":1}`, 1))
			c.expect(response("pubsub", "null", 1))
			s.broker.SetOptions(actors.Options{PingInterval: -1, MaxBacklogBytes: bound})
			d.send(request("stuck", "stay", "{}", 1))
			<-held
			call := []byte(`{"command":"publish","params":{"channel":1,"message":"` + strings.Repeat("x", 5000) + `"}}`)
			published := make(chan error)
			var answered int
			var publishing sync.WaitGroup
			publishing.Go(func() {
				for range 2 {
					_, err := s.broker.Call(t.Context(), "backend", call)
					published <- err
				}
			})
			if err := <-published; err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			select {
			case err := <-published:
				if err != nil {
					t.Error(err)
				}
				answered++
			default:
			}
			if (answered == 0) != waits {
				t.Errorf("bound %d: %d answered", bound, answered)
			}
			close(release)
			if answered == 0 {
				if err := <-published; err != nil {
					t.Error(err)
				}
			}
			publishing.Wait()
			_, _ = c.text(), c.text()
			d.expect(response("stuck", "null", 1))
		})
	}
}

// stuck holds up the loop of its caller, as no service should.
type stuck struct{ held, release chan struct{} }

func (s stuck) Commands() actors.Commands {
	return actors.Commands{"stay": actors.Direct(func(*actors.Call, actors.NoParams) (any, error) {
		s.held <- struct{}{}
		<-s.release
		return nil, nil
	})}
}

// Beyond the bound of this moment, nothing more is read from a connection until it has an answer.
func TestPendingBoundChanges(t *testing.T) {
	for bound, reads := range map[int]bool{1 << 20: true, 1 << 10: false} {
		bubble(t, actors.Options{PingInterval: -1, MaxPendingBytes: 1<<20 + 1<<10 - bound}, func(t *testing.T, s *server) {
			s.register("slow", slow{})
			c := s.connect()
			s.broker.SetOptions(actors.Options{PingInterval: -1, MaxPendingBytes: bound})
			go func() { // a pipe has no room
				defer func() { _ = recover() }()
				c.send(request("slow", "sleep", `{"seconds":5}`, 1))
				for id := range 30 {
					c.send(request("slow", "sleep", `{"seconds":0,"x":"`+strings.Repeat("x", 100)+`"}`, id))
				}
				c.send("!ping x")
			}()
			_ = c.conn.SetReadDeadline(time.Time{})
			op, _, err := c.nextFrame()
			if err != nil || (op == wire.OpPong) != reads {
				t.Errorf("bound %d: first comes opcode %d, %v", bound, op, err)
			}
			for range 31 {
				if _, _, err := c.nextFrame(); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

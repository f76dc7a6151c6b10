package actors_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/services"
	"github.com/snorky-go/snorky/actors/wire"
)

// room is a service whose actor owns the membership of its channels, as a chat would: what it tells one who joins has to
// fit what that one hears afterwards, without gap or overlap.
type room struct {
	channels *actors.Channels
	members  map[actors.Peer]bool
	version  int
}

func (r *room) Start(c *actors.ServiceContext) error {
	r.channels = c.Channels()
	r.members = map[actors.Peer]bool{}
	return nil
}

var roomName = json.RawMessage(`{"room":1}`)

func (r *room) Commands() actors.Commands {
	return actors.Commands{
		"join": actors.Command(func(c *actors.Call, _ actors.NoParams) (int, error) {
			p, _ := c.Peer()
			r.members[p] = true
			return r.version, r.channels.Subscribe(c, roomName)
		}),
		"leave": actors.Command(func(c *actors.Call, _ actors.NoParams) (any, error) {
			p, _ := c.Peer()
			delete(r.members, p)
			return nil, r.channels.Unsubscribe(c, roomName)
		}),
		"change": actors.Command(func(c *actors.Call, _ actors.NoParams) (any, error) {
			r.version++
			return nil, r.channels.Publish(c, roomName, fmt.Append(nil, r.version))
		}),
	}
}

func TestJoiningFitsWhatIsHeardAfterwards(t *testing.T) {
	for _, way := range ways {
		t.Run(way, func(t *testing.T) {
			s := newServer(t, way, actors.Options{Loops: 3})
			defer s.shutdown()
			s.register("room", &room{})
			const changers, rounds, joiners = 3, 300, 6
			done := make(chan struct{})
			for range changers {
				c := s.connect()
				go func() {
					defer func() { done <- struct{}{} }()
					for i := range rounds {
						c.send(request("room", "change", "{}", i))
						if got := c.text(); !sameJSON(got, response("room", "null", i)) {
							t.Errorf("got %s", got)
							return
						}
					}
				}()
			}
			for range joiners {
				c := s.connect()
				go func() {
					defer func() { done <- struct{}{} }()
					for range 30 {
						joinAndListen(t, c)
					}
				}()
			}
			for range changers + joiners {
				<-done
			}
		})
	}
}

// joinAndListen checks that the versions heard follow the one told at the join, one by one, and end with the answer to
// leave.
func joinAndListen(t *testing.T, c *client) {
	c.send(request("room", "join", "{}", 0))
	version := -1
	sent := false
	for {
		var packet struct {
			Message json.RawMessage `json:"message"`
		}
		if err := json.Unmarshal([]byte(c.text()), &packet); err != nil {
			t.Error(err)
			return
		}
		var answer struct {
			CallID int  `json:"callId"`
			Data   *int `json:"data"`
		}
		var heard int
		switch {
		case json.Unmarshal(packet.Message, &heard) == nil:
			if heard != version+1 || version < 0 {
				t.Errorf("heard %d after %d", heard, version)
				return
			}
			version = heard
		case json.Unmarshal(packet.Message, &answer) != nil:
			t.Errorf("neither: %s", packet.Message)
			return
		case answer.Data != nil:
			version = *answer.Data
		default:
			return
		}
		if !sent {
			sent = true
			c.send(request("room", "leave", "{}", 1))
		}
	}
}

// What one connection publishes to different channels reaches everybody in the order of its calls, although the
// channels live on different loops, and one of them has far more subscribers to serve first.
func TestOrderAcrossChannels(t *testing.T) {
	s := newServer(t, "loop", actors.Options{Loops: 3})
	defer s.shutdown()
	s.register("pubsub", services.NewPubSub(services.Everybody))
	for range 700 {
		c := s.connect()
		c.send(request("pubsub", "subscribe", `{"channel":"crowded"}`, 0))
	}
	var both []*client
	for range 6 {
		c := s.connect()
		c.send(request("pubsub", "subscribe", `{"channel":"small"}`, 0), request("pubsub", "subscribe", `{"channel":"crowded"}`, 1))
		c.expect(response("pubsub", "null", 0), response("pubsub", "null", 1))
		both = append(both, c)
	}
	until(t, "all subscribed", func() bool { return s.broker.Stats().Subscriptions == 712 })
	publisher := s.connect()
	var lines []string
	const rounds = 40
	for i := range rounds {
		lines = append(lines, request("pubsub", "publish", fmt.Sprintf(`{"channel":"crowded","message":%d}`, 2*i), i),
			request("pubsub", "publish", fmt.Sprintf(`{"channel":"small","message":%d}`, 2*i+1), i))
	}
	publisher.send(lines...)
	for _, c := range both {
		for i := range rounds {
			c.expect(publication("pubsub", `"crowded"`, fmt.Sprint(2*i)), publication("pubsub", `"small"`, fmt.Sprint(2*i+1)))
		}
	}
}

func TestChannelsAreJSONValues(t *testing.T) {
	bubble(t, actors.Options{}, func(_ *testing.T, s *server) {
		s.register("a", services.NewPubSub(services.Everybody))
		s.register("b", services.NewPubSub(services.Everybody))
		groups := [][]string{
			{`1`, `1.0`, `1e0`, `10e-1`},
			{`"1"`},
			{`true`},
			{`null`},
			{`0`, `-0`},
			{`false`},
			{`""`},
			{`[1,2]`, `[1.0, 2]`},
			{`[2,1]`},
			{`{"x":1,"y":[2]}`, `{"y":[2.0],"x":1}`, `{"x":9,"y":[2],"x":1}`},
			{`"a"`, `"\u0061"`},
			{`"A"`},
			{`"foo.>"`},
			{`"*"`},
			{`"\u0000"`},
			{`"<2>root:\r\n\u001b"`},
			{`"__proto__"`},
		}
		for i, group := range groups {
			c := s.connect()
			c.send(request("a", "subscribe", `{"channel":`+group[0]+`}`, i))
			c.expect(response("a", "null", i))
			defer func() {
				for _, name := range group {
					c.expect(publication("a", name, fmt.Sprint(i)))
				}
			}()
		}
		publisher := s.connect()
		for i, group := range groups {
			for _, name := range group {
				publisher.send(request("b", "publish", `{"channel":`+name+`,"message":"nobody"}`, 0),
					request("a", "publish", `{"channel":`+name+`,"message":`+fmt.Sprint(i)+`}`, 0))
				publisher.expect(response("b", "null", 0), response("a", "null", 0))
			}
		}
	})
}

func TestLimitsOfSubscriptions(t *testing.T) {
	bubble(t, actors.Options{MaxSubscriptions: 20, MaxChannelBytes: 30}, func(t *testing.T, s *server) {
		s.register("pubsub", services.NewPubSub(services.Nobody))
		c := s.connect()
		for i := range 20 {
			c.send(request("pubsub", "subscribe", fmt.Sprintf(`{"channel":%d}`, i), i))
			c.expect(response("pubsub", "null", i))
		}
		c.send(
			request("pubsub", "subscribe", `{"channel":20}`, "many"),
			request("pubsub", "subscribe", `{"channel":7}`, "twice"),
			request("pubsub", "unsubscribe", `{"channel":21}`, "unknown"),
			request("pubsub", "unsubscribe", `{"channel":7}`, "known"),
			request("pubsub", "subscribe", `{"channel":"`+strings.Repeat("x", 31)+`"}`, "long"),
			request("pubsub", "subscribe", `{"channel":"`+strings.Repeat("x", 30)+`"}`, "longest"),
		)
		c.expect(
			refusal("pubsub", wire.ErrTooManySubscriptions.Text, "many"),
			refusal("pubsub", wire.ErrAlreadySubscribed.Text, "twice"),
			refusal("pubsub", wire.ErrNotSubscribed.Text, "unknown"),
			response("pubsub", "null", "known"),
			refusal("pubsub", wire.ErrChannelTooLong.Text, "long"),
			response("pubsub", "null", "longest"),
		)
		if got := s.broker.Stats(); got != (actors.Stats{Connections: 1, Channels: 20, Subscriptions: 20}) {
			t.Errorf("stats: %+v", got)
		}
	})
}

// A channel ends with its last subscriber and can be born again at any time; publishing to nobody leaves nothing.
func TestChannelsComeAndGo(t *testing.T) {
	bubble(t, actors.Options{Loops: 2}, func(t *testing.T, s *server) {
		s.register("pubsub", services.NewPubSub(services.Everybody))
		stay, come := s.connect(), s.connect()
		for i := range 200 {
			come.send(request("pubsub", "subscribe", `{"channel":"hot"}`, i), request("pubsub", "publish", `{"channel":"hot","message":1}`, i),
				request("pubsub", "unsubscribe", `{"channel":"hot"}`, i), request("pubsub", "publish", `{"channel":"hot","message":2}`, i))
			come.expect(response("pubsub", "null", i), publication("pubsub", `"hot"`, "1"))
			for range 3 {
				come.expect(response("pubsub", "null", i))
			}
			if i == 100 {
				stay.send(request("pubsub", "subscribe", `{"channel":"hot"}`, 0))
				stay.expect(response("pubsub", "null", 0))
				synctest.Wait()
				go func() {
					for range 2 * 99 {
						_, _, _ = stay.frame()
					}
				}()
			}
		}
		synctest.Wait()
		if got := s.broker.Stats(); got != (actors.Stats{Connections: 2, Channels: 1, Subscriptions: 1}) {
			t.Errorf("stats: %+v", got)
		}
	})
}

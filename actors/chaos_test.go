package actors

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// anything is a service that lets clients do what there is to do with channels, on the loop of the client or in an actor.
type anything struct{ *board }

type anyParams struct {
	Channel  json.RawMessage   `json:"channel"`
	Message  json.RawMessage   `json:"message,omitempty"`
	Messages []json.RawMessage `json:"messages,omitempty"`
}

func (a anything) CompanionOf() Service      { return a.board }
func (anything) Start(*ServiceContext) error { return nil }

func (a anything) Commands() Commands {
	commands := Commands{}
	for name, do := range map[string]func(*Call, anyParams) error{
		"subscribe":   func(c *Call, p anyParams) error { return a.channels.Subscribe(c, p.Channel) },
		"unsubscribe": func(c *Call, p anyParams) error { return a.channels.Unsubscribe(c, p.Channel) },
		"publish":     func(c *Call, p anyParams) error { return a.channels.Publish(c, p.Channel, p.Message) },
		"everything": func(c *Call, p anyParams) error {
			peer, _ := c.Peer()
			return cmp.Or(a.channels.Publish(c, p.Channel, p.Message), a.channels.Subscribe(c, p.Channel),
				peer.Notify(p.Message), a.channels.Publish(c, p.Channel, p.Message))
		},
		"flood": func(c *Call, p anyParams) error {
			for _, m := range p.Messages {
				if err := a.channels.Publish(c, p.Channel, m); err != nil {
					return err
				}
				c.Settle()
			}
			return nil
		},
	} {
		command := func(c *Call, p anyParams) (any, error) { return nil, do(c, p) }
		commands[name], commands[name+" later"] = Direct(command), Command(command)
	}
	return commands
}

const chaosChannels = 3

// chaos are clients and publishers that do at random what clients, networks and publishers do.
type chaos struct {
	*crowd
	t       *testing.T
	seed    uint64
	random  *rand.Rand
	door    newlines
	clients []*fickle
	callID  int
	calls   int        // of the backend
	answers chan error // to these
}

const chaosRounds = 150

func newChaos(t *testing.T, seed uint64) *chaos {
	t.Helper()
	r := rand.New(rand.NewPCG(seed, 0))
	c := &chaos{t: t, seed: seed, random: r, answers: make(chan error, chaosRounds)}
	c.crowd = mortal(t, Options{
		Loops: 1 + r.IntN(3), MaxQueuedBytes: 3000 + r.IntN(5000), WriteTimeout: 50 * time.Millisecond,
		MaxPendingBytes: 1000, MaxBacklogBytes: 3000, MaxSubscriptions: chaosChannels - r.IntN(2),
	})
	for _, registry := range []*Registry{c.broker.Frontend(), c.broker.Backend()} {
		if err := registry.Register("anything", anything{c.board}); err != nil {
			t.Fatal(err)
		}
	}
	for range 40 {
		c.join()
	}
	return c
}

func (c *chaos) run() {
	for range chaosRounds {
		c.happen()
	}
}

// happen is one event.
func (c *chaos) happen() {
	s := c.clients[c.random.IntN(len(c.clients))]
	l := s.connection.loop
	switch k := c.random.IntN(30); {
	case k == 0:
		c.join()
	case k < 20:
		c.ask(s)
	case k < 24:
		c.flood()
	case k < 26:
		l.schedule(errand(s.read))
	case k < 27:
		l.schedule(errand(func() {
			if !s.closed {
				s.connection.hungUp(errors.New("the network has failed"))
			}
		}))
	default:
		synctest.Wait()
		if c.random.IntN(3) == 0 {
			<-time.After(time.Duration(c.random.IntN(3000)) * time.Microsecond)
		}
	}
}

func (c *chaos) join() {
	s := &fickle{t: c.t, random: rand.New(rand.NewPCG(c.seed, uint64(len(c.clients)+1))), caprice: c.random.IntN(4)}
	l := c.broker.loops[c.random.IntN(len(c.broker.loops))]
	s.connection = c.attach(l, s)
	c.on(l, func() { s.connection.door = &c.door })
	c.clients = append(c.clients, s)
}

// ask sends some requests in two pieces.
func (c *chaos) ask(s *fickle) {
	commands := []string{"subscribe", "subscribe", "subscribe", "unsubscribe", "publish", "publish", "everything"}
	var text bytes.Buffer
	var asked []int
	for range 1 + c.random.IntN(6) {
		command := commands[c.random.IntN(len(commands))]
		if c.random.IntN(2) == 0 {
			command += " later"
		}
		c.callID++
		asked = append(asked, c.callID)
		fmt.Fprintf(&text, `{"service":"anything","message":{"command":%q,"params":{"channel":%d,"message":%q},"callId":%d}}`+"\n",
			command, c.random.IntN(chaosChannels), strings.Repeat("x", c.random.IntN(200)), c.callID)
		if c.random.IntN(150) == 0 {
			text.WriteString("!close\n")
		}
	}
	data := text.Bytes()
	cut := c.random.IntN(len(data))
	s.connection.loop.schedule(errand(func() {
		s.arrive(bytes.Clone(data[:cut]), asked...)
		s.arrive(bytes.Clone(data[cut:]))
	}))
}

// flood publishes on behalf of the backend.
func (c *chaos) flood() {
	var messages []string
	for range 1 + c.random.IntN(20) {
		messages = append(messages, `"`+strings.Repeat("y", c.random.IntN(300))+`"`)
	}
	command := []string{"flood", "flood later"}[c.random.IntN(2)]
	call := fmt.Sprintf(`{"command":%q,"params":{"channel":%d,"messages":[%s]},"callId":1}`,
		command, c.random.IntN(chaosChannels), strings.Join(messages, ","))
	c.calls++
	go func() {
		_, err := c.broker.Call(c.t.Context(), "anything", []byte(call))
		c.answers <- err
	}()
	other := numbers(chaosChannels)[c.random.IntN(chaosChannels)]
	go func() {
		if err := c.board.channels.Publish(nil, other, []byte(`"z"`)); err != nil {
			c.t.Error(err)
		}
	}()
}

// answersCome waits until all calls of the backend have ended, with nothing or one of the given errors.
func (c *chaos) answersCome(allowed ...error) {
	deadline := time.After(10 * time.Second)
	for i := range c.calls {
		select {
		case err := <-c.answers:
			if err != nil && !slices.Contains(allowed, err) {
				c.t.Errorf("a call of the backend: %v", err)
			}
		case <-deadline:
			c.t.Errorf("%d calls of the backend hang", c.calls-i)
			return
		}
	}
}

// calm lets everybody read until all is quiet.
func (c *chaos) calm() {
	for range 40 {
		for _, s := range c.clients {
			c.on(s.connection.loop, s.read)
		}
		pass(5 * time.Millisecond)
	}
}

// checkClients returns how many are left, and how many answers those have.
func (c *chaos) checkClients() (left, answers int) {
	subscriptions := 0
	for i, s := range c.clients {
		c.on(s.connection.loop, func() {
			answered := s.answered()
			if s.closed {
				return
			}
			conn := s.connection
			subscriptions += conn.subscriptions.len()
			if n := conn.mail.Load(); n != 0 || conn.call != nil {
				c.t.Errorf("client %d: %d messages of services, call %+v", i, n, conn.call)
			}
			if conn.state != stateOpen {
				return
			}
			left++
			answers += len(answered)
			if !slices.Equal(answered, s.asked) {
				c.t.Errorf("client %d has asked %v and was answered %v", i, s.asked, answered)
			}
			if conn.work != &noWork || len(s.unread) > 0 {
				c.t.Errorf("client %d is busy: %d to send, %d bytes of a message, %d requests, %d unread; paused %v, blocked %v",
					i, len(conn.out), len(conn.in), len(conn.waiting), len(s.unread), conn.paused, conn.blocked)
			}
		})
	}
	if n := c.broker.Stats().Subscriptions; n != subscriptions {
		c.t.Errorf("%d subscriptions are counted, but there are %d", n, subscriptions)
	}
	return left, answers
}

// checkChannels compares what the channels count with what there is.
func (c *chaos) checkChannels() {
	if n := c.broker.publications.Load().n.Load(); n != 0 {
		c.t.Errorf("%d publications are under way", n)
	}
	members, p := 0, c.board.channels.placement.(*localPlacement)
	for i := range p.shards {
		for key, root := range p.shards[i].channels {
			members += root.subscribers()
			if n := root.backlogBytes(); n != 0 {
				c.t.Errorf("channel %s: a backlog of %d bytes", key, n)
			}
			if late := root.behind.Load(); late != nil && late[0].Load()+late[1].Load()+late[2].Load() != 0 {
				c.t.Errorf("channel %s takes some of its subscribers for late: %v", key, late)
			}
		}
	}
	if stats := c.broker.Stats(); members != stats.Subscriptions {
		c.t.Errorf("%d members of channels: %+v", members, stats)
	}
}

// checkEnd is what has to hold when everybody is gone.
func (c *chaos) checkEnd() {
	if stats := c.broker.Stats(); stats != (Stats{}) {
		c.t.Errorf("left behind: %+v", stats)
	}
	if n := int(c.door.closed.Load()); n != len(c.clients) {
		c.t.Errorf("the door was told %d ends of %d", n, len(c.clients))
	}
	if !IdleWorkIsUntouched() {
		c.t.Error("a connection has written to the work that all idle ones share")
	}
}

// processes is how many actors protoactor knows.
func (c *chaos) processes() (n int) {
	for _, bucket := range c.broker.system.ProcessRegistry.LocalPIDs.LocalPIDs {
		n += bucket.Count()
	}
	return n
}

// chaosSeeds is how often there is chaos, each time another one. A broker is dear under the race detector.
func chaosSeeds() int {
	if raced {
		return 20
	}
	return 60
}

// Whatever clients, networks and publishers do: when all is quiet again, every request is answered, in its turn, nothing
// is held, and what is counted is what there is.
func TestChaos(t *testing.T) {
	left, answers := 0, 0
	for seed := range uint64(chaosSeeds()) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newChaos(t, seed)
				processes := c.processes() - len(c.clients)
				c.run()
				c.answersCome()
				c.calm()
				for _, name := range numbers(chaosChannels) { // so that the channels look how far behind everybody is
					if err := c.board.channels.Publish(nil, name, []byte(`""`)); err != nil {
						t.Error(err)
					}
				}
				c.calm()
				l, a := c.checkClients()
				left, answers = left+l, answers+a
				c.checkChannels()
				for _, l := range c.broker.loops {
					c.on(l, func() {
						for len(l.conns) > 0 {
							l.conns[0].destroy()
						}
					})
				}
				pass(time.Second)
				if n := c.processes(); n != processes {
					t.Errorf("%d actors, %d before there were clients", n, processes)
				}
				if err := c.broker.Shutdown(t.Context(), 0); err != nil {
					t.Errorf("shutdown: %v", err)
				}
				c.checkEnd()
			})
		})
	}
	if left < chaosSeeds() || answers < 2*left {
		t.Errorf("too much chaos: %d clients are left with %d answers", left, answers)
	}
}

// Shutdown in the middle of it ends everybody and everything, in the time that it is given.
func TestShutdownInChaos(t *testing.T) {
	for seed := range uint64(chaosSeeds()) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newChaos(t, seed)
				c.run()
				if c.random.IntN(2) == 0 {
					synctest.Wait()
				}
				times := []time.Duration{0, time.Millisecond, 10 * time.Millisecond, time.Minute, time.Minute}
				given := times[c.random.IntN(len(times))]
				ctx, cancel := context.WithTimeout(t.Context(), given)
				defer cancel()
				spread := time.Duration(c.random.IntN(100)) * time.Millisecond
				start := time.Now()
				err := c.broker.Shutdown(ctx, spread)
				took := time.Since(start)
				switch {
				case err != nil && (given == time.Minute || !errors.Is(err, context.DeadlineExceeded)):
					t.Errorf("shutdown within %v: %v after %v: %+v", given, err, took, c.broker.Stats())
				case took > given:
					t.Errorf("shutdown within %v took %v", given, took)
				}
				c.answersCome(ErrStopped, ErrUnknownService)
				if err == nil {
					c.checkEnd()
				} else if n := int(c.door.closed.Load()); n != len(c.clients) {
					t.Errorf("the door was told %d ends of %d", n, len(c.clients))
				}
			})
		})
	}
}

package actors_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/services"
)

const (
	stormChannels = 4
	stormClients  = 6
	stormRounds   = 40
)

// storm compares what clients see, while they subscribe, publish, leave, go and come back at random, with a simple
// model: each channel has one sequence of publications, which a witness hears completely; whoever subscribes hears an
// unbroken part of it, once, and nothing after the answer to unsubscribe; and every request is answered in its turn,
// after what it has published is heard by its own sender.
type storm struct {
	t *testing.T
	s *server

	mu    sync.Mutex
	heard [stormChannels][][]string // what was heard during each subscription
}

func TestStorm(t *testing.T) {
	for _, way := range ways {
		for _, loops := range []int{1, 3} {
			t.Run(fmt.Sprintf("%s/loops=%d", way, loops), func(t *testing.T) {
				stormOf(t, way, actors.Options{Loops: loops})
			})
		}
	}
	t.Run("one processor", func(t *testing.T) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
		stormOf(t, "loop", actors.Options{})
	})
	t.Run("four processors", func(t *testing.T) {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(4))
		stormOf(t, "loop", actors.Options{})
	})
}

func stormOf(t *testing.T, way string, o actors.Options) {
	s := newServer(t, way, o)
	defer s.shutdown()
	policy := services.NewPubSub(services.Everybody)
	if o.Loops == 3 { // the other way to publish: from the actor of the service
		policy = services.NewPubSubFunc(func(*actors.Call, json.RawMessage) bool { return true })
	}
	s.register("pubsub", policy)
	st := &storm{t: t, s: s}
	witness := st.newcomer("witness", 0)
	for ch := range stormChannels {
		witness.do(request("pubsub", "subscribe", fmt.Sprintf(`{"channel":%d}`, ch), ch))
	}
	witnessed := make(chan struct{})
	go func() {
		defer close(witnessed)
		witness.listen()
	}()
	var wg sync.WaitGroup
	for i := range stormClients {
		n := st.newcomer(fmt.Sprint(i), uint64(i))
		wg.Go(n.live)
	}
	wg.Wait()
	last := st.newcomer("last", 0)
	last.do(request("pubsub", "publish", `{"channel":0,"message":"end"}`, 0))
	<-witnessed
	st.compare(witness)
}

// newcomer is a client of the storm.
type newcomer struct {
	*storm
	name   string
	random *rand.Rand
	client *client
	seq    int
	open   [stormChannels][]string // heard so far, by channel; nil: not subscribed
}

func (st *storm) newcomer(name string, seed uint64) *newcomer {
	return &newcomer{storm: st, name: name, random: rand.New(rand.NewPCG(seed, 1)), client: st.connect()}
}

// live does random things.
func (n *newcomer) live() {
	for range stormRounds {
		if n.random.IntN(20) == 0 {
			n.reconnect()
			continue
		}
		var requests []string
		for range 1 + n.random.IntN(6) {
			ch := n.random.IntN(stormChannels)
			switch n.random.IntN(4) {
			case 0:
				requests = append(requests, request("pubsub", "subscribe", fmt.Sprintf(`{"channel":%d}`, ch), ch))
			case 1:
				requests = append(requests, request("pubsub", "unsubscribe", fmt.Sprintf(`{"channel":%d}`, ch), 100+ch))
			default:
				n.seq++
				requests = append(requests, request("pubsub", "publish", fmt.Sprintf(`{"channel":%d,"message":"%s.%d"}`, ch, n.name, n.seq), 200+ch))
			}
		}
		n.do(requests...)
	}
	n.goAway()
}

func (n *newcomer) reconnect() {
	n.goAway()
	n.client = n.connect()
}

// connect is for several goroutines, which the harness is not.
func (st *storm) connect() *client {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.s.connect()
}

// goAway ends the connection, and with it all subscriptions.
func (n *newcomer) goAway() {
	_ = n.client.conn.Close()
	for ch := range n.open {
		n.finish(ch)
	}
}

func (n *newcomer) finish(ch int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.open[ch] != nil {
		n.heard[ch] = append(n.heard[ch], n.open[ch])
		n.open[ch] = nil
	}
}

type stormPacket struct {
	Message struct {
		Type    string `json:"type"`
		CallID  int    `json:"callId"`
		Channel int    `json:"channel"`
		Message string `json:"message"`
	} `json:"message"`
}

func (n *newcomer) next() (p stormPacket) {
	if err := json.Unmarshal([]byte(n.client.text()), &p); err != nil {
		n.t.Error(err)
	}
	return p
}

// do sends requests at once and takes what comes until all are answered.
func (n *newcomer) do(requests ...string) {
	go func() { _, _ = io.WriteString(n.client.conn, strings.Join(requests, "\n")+"\n") }() // or it is missed below
	own := n.seq
	for _, r := range requests {
		own -= strings.Count(r, `"publish"`)
	}
	for _, r := range requests {
		var sent struct {
			Message struct {
				CallID int `json:"callId"`
			} `json:"message"`
		}
		_ = json.Unmarshal([]byte(r), &sent)
		p := n.next()
		for p.Message.Type == "message" {
			n.take(p)
			p = n.next()
		}
		if p.Message.CallID != sent.Message.CallID {
			n.t.Errorf("%s: answer to %d, want that to %d", n.name, p.Message.CallID, sent.Message.CallID)
			return
		}
		if strings.Contains(r, `"publish"`) {
			own++
		}
		n.answered(p, own)
	}
}

// take notes a publication.
func (n *newcomer) take(p stormPacket) {
	ch := p.Message.Channel
	if n.open[ch] == nil {
		// The answer to subscribe comes before the first publication.
		n.t.Errorf("%s hears %q without a subscription", n.name, p.Message.Message)
		return
	}
	n.open[ch] = append(n.open[ch], p.Message.Message)
}

func (n *newcomer) answered(p stormPacket, own int) {
	failed := p.Message.Type == "error"
	switch ch := p.Message.CallID % 100; p.Message.CallID / 100 {
	case 0:
		if failed != (n.open[ch] != nil) {
			n.t.Errorf("%s: subscribe: %+v", n.name, p)
		}
		if n.open[ch] == nil {
			n.open[ch] = []string{}
		}
	case 1:
		if failed != (n.open[ch] == nil) {
			n.t.Errorf("%s: unsubscribe: %+v", n.name, p)
		}
		n.finish(ch)
	case 2:
		want := fmt.Sprintf("%s.%d", n.name, own)
		if heard := n.open[ch]; heard != nil && n.name != "last" && !slices.Contains(heard, want) {
			n.t.Errorf("%s: publish is answered before %s is heard", n.name, want)
		}
	}
}

// listen takes publications until the last one.
func (n *newcomer) listen() {
	for {
		p := n.next()
		if p.Message.Message == "end" {
			return
		}
		n.take(p)
	}
}

// compare looks for each part in the whole.
func (st *storm) compare(witness *newcomer) {
	for ch := range stormChannels {
		whole := witness.open[ch]
		at := map[string]int{}
		for i, m := range whole {
			if _, twice := at[m]; twice {
				st.t.Errorf("channel %d: %s twice", ch, m)
			}
			at[m] = i
		}
		for _, part := range st.heard[ch] {
			for i, m := range part {
				if j, ok := at[m]; !ok || j != at[part[0]]+i {
					st.t.Errorf("channel %d: %d publications after %s comes %s", ch, i, part[0], m)
					break
				}
			}
		}
	}
}

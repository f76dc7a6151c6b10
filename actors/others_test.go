package actors_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"github.com/snorky-go/snorky/actors"
)

// pointers is a service in which everybody sees what the others do, but not what oneself does.
type pointers struct{ channels *actors.Channels }

func (p *pointers) Start(c *actors.ServiceContext) error {
	p.channels = c.Channels()
	return nil
}

type placeParams struct {
	Place json.RawMessage `json:"place"`
}

type moveParams struct {
	placeParams
	To json.RawMessage `json:"to"`
}

func (p *pointers) Commands() actors.Commands {
	move := func(c *actors.Call, m moveParams) (any, error) {
		return nil, p.channels.PublishToOthers(c, m.Place, m.To)
	}
	return actors.Commands{
		"enter": actors.Command(func(c *actors.Call, m placeParams) (any, error) {
			return nil, p.channels.SubscribeUnbounded(c, m.Place)
		}),
		"move": actors.Command(move),
		"jump": actors.Direct(move),
		"arrive": actors.Command(func(c *actors.Call, m moveParams) (any, error) {
			if err := p.channels.SubscribeUnbounded(c, m.Place); err != nil {
				return nil, err
			}
			return nil, p.channels.PublishToOthers(c, m.Place, m.To)
		}),
		"ring": actors.Command(func(c *actors.Call, m moveParams) (any, error) {
			return nil, p.channels.Publish(c, m.Place, m.To)
		}),
	}
}

func pointed(to string) string { return `{"service":"pointers","message":` + to + `}` }

func TestPublishingToOthers(t *testing.T) {
	for _, way := range ways {
		t.Run(way, func(t *testing.T) {
			s := newServer(t, way, actors.Options{Loops: 2, MaxSubscriptions: 1})
			defer s.shutdown()
			s.register("pointers", &pointers{})
			a, b, c := s.connect(), s.connect(), s.connect()
			for _, one := range []*client{a, b} {
				for _, place := range []string{"1", "2", "3"} { // more than MaxSubscriptions
					one.send(request("pointers", "enter", `{"place":`+place+`}`, 0))
					one.expect(response("pointers", "null", 0))
				}
			}
			for i := range 50 {
				command := []string{"move", "jump"}[i%2]
				a.send(request("pointers", command, `{"place":2,"to":1}`, 1), request("pointers", "ring", `{"place":2,"to":2}`, 2))
				a.expect(response("pointers", "null", 1), pointed("2"), response("pointers", "null", 2))
				b.expect(pointed("1"), pointed("2"))
			}
			// Who is not there is one of the others; who arrives does not hear of it.
			c.send(request("pointers", "move", `{"place":1,"to":3}`, 1), request("pointers", "arrive", `{"place":1,"to":4}`, 2))
			c.expect(response("pointers", "null", 1), response("pointers", "null", 2))
			a.expect(pointed("3"), pointed("4"))
			b.expect(pointed("3"), pointed("4"))
		})
	}
}

// Many move at once, so that batches have something of nearly everybody: each hears all others in their order, and
// never oneself.
func TestEverybodyMovesAtOnce(t *testing.T) {
	for _, way := range ways {
		t.Run(way, func(t *testing.T) {
			const movers, moves = 8, 100
			s := newServer(t, way, actors.Options{Loops: 2})
			defer s.shutdown()
			s.register("pointers", &pointers{})
			clients := make([]*client, movers)
			for i := range clients {
				clients[i] = s.connect()
				clients[i].send(request("pointers", "enter", `{"place":1}`, -1))
				clients[i].expect(response("pointers", "null", -1))
			}
			var all sync.WaitGroup
			for me, c := range clients {
				all.Go(func() {
					for n := range moves {
						c.send(request("pointers", "jump", fmt.Sprintf(`{"place":1,"to":[%d,%d]}`, me, n), n))
					}
				})
				all.Go(func() { listenToOthers(t, c, me, movers, moves) })
			}
			all.Wait()
		})
	}
}

func listenToOthers(t *testing.T, c *client, me, movers, moves int) {
	next := make([]int, movers)
	answers := 0
	for heard := 0; heard < (movers-1)*moves || answers < moves; {
		var packet struct{ Message json.RawMessage }
		if err := json.Unmarshal([]byte(c.text()), &packet); err != nil {
			t.Error(err)
			return
		}
		var move [2]int
		if json.Unmarshal(packet.Message, &move) != nil {
			answers++
			continue
		}
		if move[0] == me || move[1] != next[move[0]] {
			t.Errorf("%d hears %v, expected number %d", me, move, next[move[0]])
			return
		}
		next[move[0]]++
		heard++
	}
}

package actors

import (
	"strconv"
	"testing"
	"time"

	"github.com/snorky-go/snorky/actors/wire"
)

// populated is a placement with so many channels, of which nobody knows anything but their keys.
func populated(channels int) *localPlacement {
	p := newLocalPlacement(nil, nil)
	for i := range channels {
		key := wire.Key(strconv.Itoa(i))
		s, _ := p.shard(key)
		if s.channels == nil {
			s.channels = map[wire.Key]*channel{}
		}
		s.channels[key] = &channel{key: key}
	}
	return p
}

// While channels are looked at, others come and go: no lock is held meanwhile, and those that stay are seen once.
func TestChannelsComeAndGoWhileTheyAreVisited(t *testing.T) {
	const stay = 64 * fewChannels
	p := populated(stay)
	seen := map[wire.Key]int{}
	p.visit(func(c *channel) {
		seen[c.key]++
		for i := range p.shards {
			s := &p.shards[i]
			if !s.mu.TryLock() {
				t.Fatal("a shard is locked")
			}
			key := wire.Key("guest " + strconv.Itoa(len(seen)))
			s.channels[key] = &channel{key: key}
			delete(s.channels, wire.Key("guest "+strconv.Itoa(len(seen)-3)))
			s.mu.Unlock()
		}
	})
	for i := range stay {
		if n := seen[wire.Key(strconv.Itoa(i))]; n != 1 {
			t.Fatalf("channel %d was seen %d times", i, n)
		}
	}
}

// serve has the broker believe that a service has these channels, until the test ends.
func serve(tb testing.TB, b *Broker, p Placement) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.hosts[nil] = &host{service: &entry{name: "s"}, context: &ServiceContext{channels: &Channels{placement: p}}}
	tb.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.hosts, nil)
	})
}

// Channels that nobody asked for cost Busiest no memory.
func TestBusiestAllocatesForTheBusiestOnly(t *testing.T) {
	const channels = 10_000
	b := newBareBroker(t, Options{Loops: 1})
	p := populated(channels)
	n := 0
	p.visit(func(c *channel) {
		if n++; n%2 == 0 {
			c.members.Store(int64(n))
			c.pulse.beat(time.Since(b.started))
		}
	})
	serve(t, b, p)
	var top []ChannelLoad
	allocations := testing.AllocsPerRun(1, func() { top = b.Busiest(10) })
	if allocations > 100 {
		t.Errorf("%v allocations for ten of %d channels", allocations, channels)
	}
	if len(top) > 10 { // fewer if it took more than seconds
		t.Errorf("%d channels", len(top))
	}
}

func BenchmarkBusiest(b *testing.B) {
	const channels = 100_000
	broker := newBareBroker(b, Options{Loops: 1})
	p := populated(channels)
	serve(b, broker, p)
	b.ReportAllocs()
	for b.Loop() {
		broker.Busiest(10)
	}
}

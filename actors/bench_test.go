package actors

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"testing"

	"github.com/snorky-go/snorky/actors/wire"
)

// nowhere is a socket that takes everything at once, so that what is measured is the way up to it.
type nowhere struct {
	writes int
	bytes  int
}

func (*nowhere) open() error      { return nil }
func (*nowhere) idle() bool       { return true }
func (*nowhere) progressed() bool { return false }
func (*nowhere) resume()          {}
func (*nowhere) finish()          {}
func (*nowhere) close()           {}

func (n *nowhere) writeOne(b []byte) (int, error) {
	n.writes++
	n.bytes += len(b)
	return len(b), nil
}

func (n *nowhere) write(buffers [][]byte) (int, error) {
	n.writes++
	n.bytes += length(buffers)
	return length(buffers), nil
}

type noDoor struct{}

func (noDoor) Parse(*ParseState, []byte, Sink) ([]byte, error) { return nil, nil }
func (noDoor) Closed(netip.AddrPort, wire.CloseCode)           {}

// board is the smallest service with channels.
type board struct{ channels *Channels }

func (b *board) Start(c *ServiceContext) error {
	b.channels = c.Channels()
	return nil
}

func (b *board) Commands() Commands {
	return Commands{"publish": Direct(func(c *Call, p struct {
		Channel json.RawMessage `json:"channel"`
		Message json.RawMessage `json:"message"`
	},
	) (any, error) {
		return nil, b.channels.Publish(c, p.Channel, p.Message)
	})}
}

// crowd is a broker with so many subscribers of one channel.
type crowd struct {
	tb      testing.TB
	broker  *Broker
	board   *board
	sockets []*nowhere
}

func newCrowd(tb testing.TB, size int) *crowd {
	tb.Helper()
	c := newLoopCrowd(tb, Options{})
	for i := range size {
		s := &nowhere{}
		c.sockets = append(c.sockets, s)
		c.subscribe(c.attach(c.broker.loops[i%len(c.broker.loops)], s), channelName)
	}
	for c.broker.Stats().Subscriptions < size {
		c.settleAll()
	}
	return c
}

// newLoopCrowd is a crowd of nobody yet.
func newLoopCrowd(tb testing.TB, o Options) *crowd {
	tb.Helper()
	o.Portable, o.PingInterval = true, -1
	b, err := NewBroker(o)
	if err != nil {
		tb.Fatal(err)
	}
	c := &crowd{tb: tb, broker: b, board: &board{}}
	if err := b.Frontend().Register("board", c.board); err != nil {
		tb.Fatal(err)
	}
	if err := b.Backend().Register("board_backend", companionBoard{c.board}); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		for _, l := range b.loops { // nobody is there to answer the close frames
			c.on(l, func() {
				for len(l.conns) > 0 {
					l.conns[0].destroy()
				}
			})
		}
		if err := b.Shutdown(context.Background(), 0); err != nil {
			tb.Error(err)
		}
	})
	return c
}

// on runs f on a loop.
func (c *crowd) on(l *loop, f func()) {
	done := make(chan struct{})
	l.schedule(errand(func() {
		defer close(done)
		f()
	}))
	<-done
}

// settleLoop waits until a loop has done what was there to do, and what came of it.
func (c *crowd) settleLoop(l *loop) {
	for range 4 {
		c.on(l, func() {})
	}
}

// settleAll is settleLoop for all loops.
func (c *crowd) settleAll() {
	for range 4 {
		for _, l := range c.broker.loops {
			c.settleLoop(l)
		}
	}
}

func (c *crowd) delivered() {
	<-c.broker.publications.Load().zero()
}

type companionBoard struct{ *board }

func (c companionBoard) CompanionOf() Service { return c.board }
func (companionBoard) Start(*ServiceContext) error {
	return nil
}

var (
	channelName = json.RawMessage(`"news"`)
	publishCall = []byte(`{"command":"publish","params":{"channel":"news","message":{"text":"` +
		`0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"}},"callId":1}`)
)

// The whole way of one publication by the backend, from the packet's content to the sockets of all subscribers, one
// publication at a time.
func BenchmarkPublishOne(b *testing.B) {
	for _, size := range []int{1, 100, 10_000, 100_000} {
		b.Run(fmt.Sprintf("subscribers=%d", size), func(b *testing.B) {
			c := newCrowd(b, size)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.broker.Call(b.Context(), "board_backend", publishCall); err != nil {
					b.Fatal(err)
				}
				c.delivered()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(size), "ns/delivery")
		})
	}
}

// As above, but publications come as fast as they are taken, so that they are fanned out in batches.
func BenchmarkPublishMany(b *testing.B) {
	for _, size := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprintf("subscribers=%d", size), func(b *testing.B) {
			c := newCrowd(b, size)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.broker.Call(b.Context(), "board_backend", publishCall); err != nil {
					b.Fatal(err)
				}
			}
			c.delivered()
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(size), "ns/delivery")
		})
	}
}

// A publication costs the same allocations for one subscriber and for thousands: it is encoded once, and a delivery
// costs none.
func TestAllocationsPerDelivery(t *testing.T) {
	allocations := func(size int) float64 {
		c := newCrowd(t, size)
		return testing.AllocsPerRun(200, func() {
			if _, err := c.broker.Call(t.Context(), "board_backend", publishCall); err != nil {
				t.Fatal(err)
			}
			c.delivered()
		})
	}
	few, many := allocations(1), allocations(5000)
	if many > few+2 { // the ticks of the loops fall into either
		t.Errorf("%.0f allocations for 5000 subscribers, %.0f for one", many, few)
	}
}

// All subscribers get one and the same buffer.
func TestFramesAreEncodedOnceAndShared(t *testing.T) {
	c := newCrowd(t, 50)
	const rounds = 20
	for range rounds {
		if _, err := c.broker.Call(t.Context(), "board_backend", publishCall); err != nil {
			t.Fatal(err)
		}
	}
	c.delivered()
	want := c.sockets[0].bytes
	for i, s := range c.sockets {
		if s.bytes != want || s.writes > rounds {
			t.Errorf("subscriber %d got %d bytes in %d writes, the first %d bytes", i, s.bytes, s.writes, want)
		}
	}
}

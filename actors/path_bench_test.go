package actors

import (
	"encoding/json"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/snorky-go/snorky/actors/wire"
)

// The benchmarks of this file take the way of a publication apart, from the channel's name to the socket, and that of a
// request of a client. BenchmarkPublishOne and BenchmarkPublishMany have the whole of it; what lies before, reading what
// came in, is measured in wire, gateway and backendapi.

// root is the actor of a channel.
func (c *crowd) root(channel json.RawMessage) *channel {
	c.tb.Helper()
	key, err := wire.CanonicalKey(channel)
	if err != nil {
		c.tb.Fatal(err)
	}
	root := c.board.channels.localRoot(key)
	if root == nil {
		c.tb.Fatalf("nobody is subscribed to %s", channel)
	}
	return root
}

// crowdOn has so many subscribers of one channel on one loop.
func crowdOn(tb testing.TB, o Options, size int) *crowd {
	tb.Helper()
	o.Loops = 1
	c := newLoopCrowd(tb, o)
	c.admit(channelName, size)
	c.await(size)
	return c
}

// admit has so many new connections subscribe.
func (c *crowd) admit(channel json.RawMessage, size int) (conns []*connection) {
	for i := range size {
		s := &nowhere{}
		c.sockets = append(c.sockets, s)
		conn := c.attach(c.broker.loops[i%len(c.broker.loops)], s)
		c.subscribe(conn, channel)
		conns = append(conns, conn)
	}
	return conns
}

// await waits until there are so many subscriptions.
func (c *crowd) await(subscriptions int) {
	for c.broker.Stats().Subscriptions != subscriptions {
		c.settleAll()
	}
}

// Finding the actor of a channel by its name.
func BenchmarkFindChannel(b *testing.B) {
	for _, channels := range []int{1, 10_000} {
		b.Run(fmt.Sprintf("channels=%d", channels), func(b *testing.B) {
			c := newLoopCrowd(b, Options{Loops: 1, MaxSubscriptions: -1})
			conn := c.attach(c.broker.loops[0], &nowhere{})
			keys := make([]wire.Key, channels)
			for i, name := range numbers(channels) {
				c.subscribe(conn, name)
				keys[i], _ = wire.CanonicalKey(name)
			}
			c.await(channels)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				if c.board.channels.placement.find(keys[i]) == nil {
					b.Fatal("not found")
				}
				if i++; i == len(keys) {
					i = 0
				}
			}
		})
	}
}

// Making a WebSocket frame of the content of a publication, which is done once for all subscribers.
func BenchmarkEncodeFrame(b *testing.B) {
	for _, size := range []int{128, 4096} {
		b.Run(fmt.Sprintf("bytes=%d", size), func(b *testing.B) {
			s := newLoopCrowd(b, Options{Loops: 1}).service()
			content := make([]byte, size)
			b.ReportAllocs()
			for b.Loop() {
				s.frame(content)
			}
		})
	}
}

// echo is an actor that sends a message back and forth with another one, so many times.
type echo struct {
	mailbox
	other *echo
	left  *int
	done  chan struct{}
}

func (e *echo) Receive(ctx actor.Context) {
	m, ok := ctx.Message().(*echo)
	if !ok {
		return
	}
	if *e.left--; *e.left <= 0 {
		close(e.done)
		return
	}
	e.other.PostUserMessage(m)
}

// A message from one actor to another one on the same loop, and the turn that it gives it. On a loop that owns sockets
// the turn has its look at them, which here is one for each message.
func BenchmarkHop(b *testing.B) {
	for _, portable := range []bool{false, true} {
		b.Run(loopName(portable), func(b *testing.B) {
			broker := newBareBroker(b, Options{Loops: 1, Portable: portable})
			l := broker.loops[0]
			left := b.N
			one, two := &echo{left: &left, done: make(chan struct{})}, &echo{left: &left}
			two.done, one.other, two.other = one.done, two, one
			spawner := newSpawner(broker.system, l, "echo")
			pids := []*actor.PID{spawner.spawn(one), spawner.spawn(two)}
			b.ReportAllocs()
			b.ResetTimer()
			one.PostUserMessage(one)
			<-one.done
			b.StopTimer()
			for _, pid := range pids {
				if err := broker.system.Root.StopFuture(pid).Wait(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func loopName(portable bool) string {
	if portable {
		return "portable"
	}
	return "sockets"
}

// onLoop runs f on a loop and waits for it.
func onLoop(l *loop, f func()) { (*crowd)(nil).on(l, f) }

// newBareBroker is a broker without services.
func newBareBroker(tb testing.TB, o Options) *Broker {
	tb.Helper()
	o.PingInterval = -1
	broker, err := NewBroker(o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := broker.Shutdown(tb.Context(), 0); err != nil && tb.Context().Err() == nil {
			tb.Error(err)
		}
	})
	return broker
}

// Giving a loop that waits something to do, from outside, and being told of the end: what the first publication after a
// silence pays.
func BenchmarkWakeLoop(b *testing.B) {
	for _, portable := range []bool{false, true} {
		b.Run(loopName(portable), func(b *testing.B) {
			l := newBareBroker(b, Options{Loops: 1, Portable: portable}).loops[0]
			done := make(chan struct{})
			wake := errand(func() { done <- struct{}{} })
			b.ReportAllocs()
			for b.Loop() {
				l.schedule(wake)
				<-done
			}
		})
	}
}

// A publication from the root of its channel to the leaf and into the batch, with many on their way: two mailboxes, and
// the copy that makes one buffer of the batch.
func BenchmarkRootToLeaf(b *testing.B) {
	const chunk = 4096
	c := crowdOn(b, Options{}, 1)
	l, root := c.broker.loops[0], c.root(channelName)
	frame := c.service().frame(make([]byte, 128))
	ready := make([]publication, chunk)
	b.ReportAllocs()
	for n := 0; n < b.N; n += chunk {
		b.StopTimer()
		release := hold(l)
		for i := range min(chunk, b.N-n) {
			ready[i] = publication{frame: frame}
			root.publish(&ready[i])
		}
		b.StartTimer()
		release()
		c.delivered()
	}
}

// One more subscriber of a publication, without its socket.
func BenchmarkDelivery(b *testing.B) {
	for _, size := range []int{1000, 100_000} {
		b.Run(fmt.Sprintf("subscribers=%d", size), func(b *testing.B) {
			c := crowdOn(b, Options{}, size)
			p := c.endless()
			b.ReportAllocs()
			b.ResetTimer()
			c.on(c.broker.loops[0], func() { c.fanOut(p, b.N) })
		})
	}
}

// endless is a publication that may be fanned out any number of times.
func (c *crowd) endless() *publication {
	p := &publication{frame: publishCall, root: c.root(channelName), gauge: &gauge{}}
	p.leaves.Store(1 << 30) // of which there will always be one more to write it
	return p
}

// fanOut has the leaf of the only loop deliver p n times, and whatever of its last round is left. It runs on the loop.
func (c *crowd) fanOut(p *publication, n int) {
	leaf := p.root.leaves[0].leaf
	for n > 0 {
		leaf.batch = append(leaf.batch, p)
		leaf.begin()
		for done := false; !done; n -= fanOutStep {
			done = leaf.step(fanOutStep)
		}
	}
}

// plainDoor takes whatever comes together for one message.
type plainDoor struct{ noDoor }

func (plainDoor) Parse(_ *ParseState, data []byte, sink Sink) ([]byte, error) {
	sink.Message(data)
	return nil, nil
}

// A request of a client that waits for nothing, from its bytes to its answer in the socket: packet, service, parameters,
// command, answer, frame.
func BenchmarkIncomingRequest(b *testing.B) {
	c := newLoopCrowd(b, Options{Loops: 1})
	conn := c.attachPlain(&nowhere{})
	b.ReportAllocs()
	b.ResetTimer()
	c.on(conn.loop, func() {
		for range b.N {
			conn.received(clientPublish)
			conn.loop.flush()
		}
	})
}

// clientPublish publishes to a channel that nobody is subscribed to.
var clientPublish = []byte(`{"service":"board","message":` + string(publishCall) + `}`)

// attachPlain makes a connection behind a plainDoor.
func (c *crowd) attachPlain(s socket) *connection {
	conn := c.attach(c.broker.loops[0], s)
	c.on(conn.loop, func() { conn.door = plainDoor{} })
	return conn
}

// regular is a client that subscribes and leaves again and again.
type regular struct {
	nowhere
	conn     *connection
	requests [2][]byte
	asked    int
	*rush
}

// rush is what regulars have to do together.
type rush struct {
	asks    int // requests to be made
	answers int // to be had
	done    chan struct{}
}

// write gets an answer. It is called while the loop sends, so the next request takes a turn.
func (r *regular) write(b [][]byte) (int, error) {
	if r.answers -= len(b); r.answers == 0 {
		r.done <- struct{}{}
	} else if r.asks > 0 {
		r.conn.loop.schedule(r)
	}
	return r.nowhere.write(b)
}

func (r *regular) run() {
	if r.asks == 0 {
		return
	}
	r.asks--
	r.asked++
	r.conn.received(r.requests[r.asked%2])
}

// Subscribing and leaving again, with the requests and answers, by 16 clients at a time: to a channel that has other
// subscribers, and each to one that it alone makes and ends.
func BenchmarkSubscribeUnsubscribe(b *testing.B) {
	for _, shared := range []bool{true, false} {
		name := "new-channel"
		if shared {
			name = "shared-channel"
		}
		b.Run(name, func(b *testing.B) {
			c := crowdOn(b, Options{}, 1)
			run := c.regulars(16, shared)
			b.ReportAllocs()
			b.ResetTimer()
			run(b.N)
		})
	}
}

// regulars returns what has so many clients subscribe and leave n times altogether.
func (c *crowd) regulars(size int, shared bool) (run func(n int)) {
	c.tb.Helper()
	all, work := make([]*regular, size), new(rush)
	for i := range all {
		channel := `"news"`
		if !shared {
			channel = strconv.Itoa(i)
		}
		r := &regular{rush: work}
		for j, command := range []string{"unsubscribe", "subscribe"} {
			r.requests[j] = []byte(`{"service":"members","message":{"command":"` + command + `","params":{"channel":` + channel + `},"callId":1}}`)
		}
		r.conn = c.attachPlain(r)
		all[i] = r
	}
	if err := c.broker.Frontend().Register("members", members{c.board}); err != nil {
		c.tb.Fatal(err)
	}
	l := c.broker.loops[0]
	done, more := make(chan struct{}, 1), 0
	begin := errand(func() {
		*work = rush{asks: more, answers: more, done: done}
		for _, r := range all {
			r.run()
		}
	})
	return func(n int) {
		more = 2 * n
		l.schedule(begin)
		<-done
	}
}

// members lets clients into the channels of a board.
type members struct{ *board }

func (m members) Commands() Commands {
	type params struct {
		Channel json.RawMessage `json:"channel"`
	}
	return Commands{
		"subscribe":   Direct(func(c *Call, p params) (any, error) { return nil, m.channels.Subscribe(c, p.Channel) }),
		"unsubscribe": Direct(func(c *Call, p params) (any, error) { return nil, m.channels.Unsubscribe(c, p.Channel) }),
	}
}

func (m members) CompanionOf() Service      { return m.board }
func (members) Start(*ServiceContext) error { return nil }

// A ping to an idle connection.
func BenchmarkPing(b *testing.B) {
	const size = 1000
	c := crowdOn(b, Options{}, size)
	b.ReportAllocs()
	b.ResetTimer()
	c.on(c.broker.loops[0], func() {
		for n := 0; n < b.N; n += size {
			c.pingAll()
		}
	})
}

// pingAll has all connections of the only loop pinged. It runs on the loop.
func (c *crowd) pingAll() {
	l := c.broker.loops[0]
	for _, conn := range l.conns {
		conn.pinged = -time.Hour
		interval := l.options.PingInterval
		l.options.PingInterval = time.Second // a crowd has no pings otherwise
		conn.visit()
		l.options.PingInterval = interval
	}
	l.flush()
}

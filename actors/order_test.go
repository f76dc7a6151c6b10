package actors

import (
	"encoding/json"
	"net/netip"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/snorky-go/snorky/actors/wire"
)

// recorder is a socket that remembers what was written, frame by frame.
type recorder struct {
	nowhere
	mu     sync.Mutex
	frames []string
}

func (r *recorder) writeOne(b []byte) (int, error) { return r.write([][]byte{b}) }

func (r *recorder) write(buffers [][]byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, b := range buffers {
		for len(b) > 0 {
			n, _ := wire.FrameLen(b)
			r.frames = append(r.frames, string(b[2:n]))
			b = b[n:]
		}
	}
	return length(buffers), nil
}

func (r *recorder) taken() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.frames
}

// attach makes a connection of a socket on the given loop.
func (c *crowd) attach(l *loop, s socket) *connection {
	conn := new(connection)
	conn.init(l, s, noDoor{}, netip.AddrPort{})
	c.broker.attached.Add(1)
	c.broker.connections.Add(1)
	c.on(l, func() { l.connections.spawn(conn) })
	return conn
}

func (c *crowd) subscribe(conn *connection, channel json.RawMessage) {
	call := &Call{connection: conn, service: c.service()}
	call.pending.Store(1)
	if err := c.board.channels.Subscribe(call, channel); err != nil {
		c.tb.Fatal(err)
	}
}

func (c *crowd) service() *service { return c.broker.frontend.table.Load().services["board"] }

// rootOn returns a name whose channel lives on the given loop.
func (c *crowd) rootOn(l *loop, names []json.RawMessage) json.RawMessage {
	for _, name := range names {
		key, _ := wire.CanonicalKey(name)
		p := c.board.channels.placement.(*localPlacement)
		if _, hash := p.shard(key); c.broker.loops[hash>>32%uint64(len(c.broker.loops))] == l {
			return name
		}
	}
	c.tb.Fatal("no such name")
	return nil
}

func numbers(n int) (names []json.RawMessage) {
	for i := range n {
		names = append(names, json.RawMessage(strconv.Itoa(i)))
	}
	return names
}

// until waits for a condition that another goroutine brings about.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(10 * time.Second)
	for !condition() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}

// hold keeps a loop busy until release is called.
func hold(l *loop) (release func()) {
	gate, busy := make(chan struct{}), make(chan struct{})
	l.schedule(errand(func() {
		close(busy)
		<-gate
	}))
	<-busy
	return func() { close(gate) }
}

// What a service has sent to a client arrives before what is published later, although a leaf has the shorter way, and
// was scheduled before (PROTOCOL.md section 5, rule 3).
func TestPublicationsDoNotOvertakeNotifications(t *testing.T) {
	c := newLoopCrowd(t, Options{Loops: 2})
	rootLoop, itsLoop := c.broker.loops[0], c.broker.loops[1]
	name := c.rootOn(rootLoop, numbers(100))
	s := &recorder{}
	conn := c.attach(itsLoop, s)
	c.subscribe(conn, name)
	c.settleAll()
	release := hold(itsLoop)
	publish := func(text string) {
		if err := c.board.channels.Publish(nil, name, []byte(text)); err != nil {
			t.Fatal(err)
		}
		c.settleLoop(rootLoop)
	}
	publish(`"before"`)
	peer := Peer{connection: conn, service: c.service().entry}
	for range 2 * throughput { // more than one turn
		if err := peer.Notify("note"); err != nil {
			t.Fatal(err)
		}
	}
	publish(`"after"`)
	release()
	c.delivered()
	c.settleAll()
	c.settleAll()
	notes := 0
	for _, f := range s.taken() {
		switch f {
		case `{"service":"board","message":"note"}`:
			notes++
		case `{"service":"board","message":"after"}`:
			if notes != 2*throughput {
				t.Errorf("the publication came after %d notifications", notes)
			}
			return
		}
	}
	t.Error("the publication is missing")
}

// Who subscribes and leaves again and again beside one who stays takes no room in the list of the leaf, even if nothing
// is ever published.
func TestChurnLeavesNothingInLeaves(t *testing.T) {
	c := newLoopCrowd(t, Options{Loops: 1})
	l := c.broker.loops[0]
	stays, churns := c.attach(l, &nowhere{}), c.attach(l, &nowhere{})
	c.subscribe(stays, channelName)
	c.settleAll()
	key, _ := wire.CanonicalKey(channelName)
	root := c.board.channels.placement.find(key).local()
	for range 1000 {
		c.subscribe(churns, channelName)
		c.settleAll()
		c.on(l, func() { churns.leave(root) })
	}
	c.settleAll()
	c.on(l, func() {
		if n := len(root.leaves[0].leaf.subscribers); n > 10 {
			t.Errorf("%d places for one subscriber", n)
		}
	})
}

// A leaf that ends right after it has taken a publication gives the publisher its answer.
func TestEndingLeafAnswersPublishers(t *testing.T) {
	c := newLoopCrowd(t, Options{Loops: 1})
	s := &recorder{}
	conn := c.attach(c.broker.loops[0], s)
	c.subscribe(conn, channelName)
	c.settleAll()
	key, _ := wire.CanonicalKey(channelName)
	root := c.board.channels.placement.find(key).local()
	call := &Call{service: c.service(), done: make(chan struct{})}
	call.hold()
	p := &publication{frame: []byte("x"), call: call, root: root, gauge: &gauge{}}
	p.gauge.add(1)
	c.on(root.loop, func() {
		l := root.leaves[0].leaf
		p.leaves.Store(1)
		l.batch = append(l.batch, p)
		c.broker.system.Root.Stop(l.pid)
	})
	<-call.done
	<-p.gauge.zero()
	// Its subscriber, whom nobody else knows, is free to subscribe again.
	until(t, "the channel has ended", func() bool { return c.broker.Stats() == Stats{Connections: 1} })
	c.subscribe(conn, channelName)
	until(t, "subscribed", func() bool { return c.broker.Stats().Subscriptions == 1 })
}

// A backend's call waits while its channel has too much to send out.
func TestBacklogHoldsUpPublishers(t *testing.T) {
	c := newLoopCrowd(t, Options{Loops: 1, MaxBacklogBytes: 100})
	c.subscribe(c.attach(c.broker.loops[0], &nowhere{}), channelName)
	c.settleAll()
	release := hold(c.broker.loops[0])
	publish := func() chan struct{} {
		answered := make(chan struct{})
		go func() {
			defer close(answered)
			if _, err := c.broker.Call(t.Context(), "board_backend", publishCall); err != nil {
				t.Error(err)
			}
		}()
		return answered
	}
	<-publish() // taken: nothing waited
	second := publish()
	key, _ := wire.CanonicalKey(channelName)
	until(t, "the second is in the backlog", func() bool {
		return c.board.channels.placement.find(key).backlogBytes() > 200
	})
	select {
	case <-second:
		t.Error("the second was answered before anything went out")
	default:
	}
	if m := c.broker.Metrics(); m.HeldByBacklog != 1 {
		t.Errorf("%d publications were held back, want the second", m.HeldByBacklog)
	}
	release()
	<-second
	c.delivered()
	if n := c.board.channels.placement.find(key).backlogBytes(); n != 0 {
		t.Errorf("a backlog of %d bytes when all is sent", n)
	}
}

// An actor that has failed gets no turns any more, whatever is asked of it.
func TestFailedMailboxDoesNotSpin(t *testing.T) {
	turns := &turnCounter{}
	m := &mailbox{scheduler: turns, suspended: true}
	m.nudge()
	m.run()
	if turns.n != 1 {
		t.Errorf("%d turns for one nudge", turns.n)
	}
}

type turnCounter struct {
	goroutines
	n int
}

func (c *turnCounter) schedule(task) { c.n++ }

// What has to queue behind notifications is a delivery as well, and one, however it goes.
func TestDeliveriesBehindMailAreCountedOnce(t *testing.T) {
	const notes, publications = 100, 10
	for name, others := range map[string]int{"in one batch": 0, "one by one": 1} {
		t.Run(name, func(t *testing.T) {
			c := newLoopCrowd(t, Options{Loops: 2})
			rootLoop, itsLoop := c.broker.loops[0], c.broker.loops[1]
			channel := c.rootOn(rootLoop, numbers(100))
			s := &recorder{}
			conn := c.attach(itsLoop, s)
			c.subscribe(conn, channel)
			c.settleAll()
			release := hold(itsLoop)
			before := len(s.taken())
			counted := func() (n uint64) {
				for _, l := range c.broker.Metrics().Loops {
					n += l.Deliveries
				}
				return n
			}
			start := counted()
			publish := func(n int, to receivers) {
				for range n {
					if err := c.board.channels.publish(nil, channel, []byte("1"), to); err != nil {
						t.Fatal(err)
					}
				}
				c.settleLoop(rootLoop)
			}
			publish(1, receivers{}) // the leaf has its turn before the connection takes its mail
			peer := Peer{connection: conn, service: c.service().entry}
			for range notes {
				if err := peer.Notify("note"); err != nil {
					t.Fatal(err)
				}
			}
			publish(others, receivers{except: conn})
			publish(publications-1, receivers{})
			release()
			until(t, "everything is sent", func() bool { return len(s.taken())-before == notes+publications })
			c.settleAll()
			c.settleAll()
			if got := counted() - start; got != notes+publications {
				t.Errorf("%d notifications and %d publications are %d deliveries", notes, publications, got)
			}
		})
	}
}

// A mailbox gives back the room that a burst has needed.
func TestMailboxGivesRoomBack(t *testing.T) {
	m := &mailbox{scheduler: &turnCounter{}}
	for range 100 * keptRoom {
		m.PostUserMessage(0)
	}
	for range 3 {
		for _, more := m.pop(m.queue); more; _, more = m.pop(m.queue) {
			continue
		}
		m.PostUserMessage(0)
	}
	if room := cap(m.queue.user) + cap(m.queue.inbox); room > 2*keptRoom {
		t.Errorf("room for %d messages is kept", room)
	}
}

package actors

import (
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/snorky-go/snorky/actors/wire"
)

// channel is the actor at the root of a channel: it gives what happens there its order, and passes it on to one leaf for
// each loop that has subscribers. It knows how many those are, but none of them. It is born with the first subscriber
// and ends with the last.
type channel struct {
	mailbox
	broker  *Broker
	loop    *loop
	pid     *actor.PID
	home    *shard
	key     wire.Key
	joining int // joinings in the mailbox; guarded by home.mu

	leaves  []branch // by loop; empty slots where no leaf is
	members atomic.Int64
	backlog atomic.Int64 // bytes published but not yet fanned out
	behind  atomic.Pointer[lag]
	pulse   pulse
	ending  bool
}

// branch is a leaf and the number of subscribers that were sent to it and have not been reported gone.
type branch struct {
	leaf    *leaf
	members int
}

// publication is a message on its way to all subscribers of a channel.
type publication struct {
	receivers
	frame []byte // immutable from the start, shared by all
	call  *Call  // whose answer waits; nil: nobody does
	root  *channel
	gauge *gauge        // that counts it
	taken time.Duration // when the root took it in, in the time of the broker
	// leaves counts those that have yet to write it.
	leaves atomic.Int32
}

// receivers is who of the subscribers gets a publication.
type receivers struct {
	except *connection              // does not get it; may be nil
	only   map[*connection]struct{} // get it; nil: all do
}

func (a *receivers) isFor(c *connection) bool {
	if a.only != nil {
		_, is := a.only[c]
		return is
	}
	return a.except != c
}

// joining asks for a subscription, parting for its end. The answer to the call waits for it.
type joining struct {
	connection *connection
	call       *Call
	root       *channel // which has passed it on to a leaf
	bounded    bool     // by Options.MaxSubscriptions
}

type parting struct {
	connection *connection
	call       *Call
}

// departure tells the root that members of a leaf are gone.
type departure struct {
	loop  int
	count int
	ended bool // so has the leaf
}

// dissolution takes away all subscriptions.
type dissolution struct{}

var _ root = (*channel)(nil)

func (c *channel) publish(p *publication) {
	p.root, p.taken = c, time.Since(c.broker.started)
	c.backlog.Add(int64(len(p.frame)))
	c.broker.backlog.Add(int64(len(p.frame)))
	p.gauge = c.broker.publications.Load()
	p.gauge.add(1)
	c.PostUserMessage(p)
}

func (c *channel) part(p *parting)   { c.PostUserMessage(p) }
func (c *channel) dissolve()         { c.PostUserMessage(dissolution{}) }
func (c *channel) subscribers() int  { return int(c.members.Load()) }
func (c *channel) backlogBytes() int { return int(c.backlog.Load()) }

// pressure is why publishers should wait: more is on its way than the loops and their memory should have.
type pressure int

const (
	noPressure pressure = iota
	fullBacklog
	crowdedLoop // for a moment, as happens whenever there is much to do
	pressures   // how many there are
)

func (c *channel) pressure() pressure {
	most := int64(c.broker.options.Load().MaxBacklogBytes)
	switch {
	case c.backlog.Load() > most, c.broker.backlog.Load() > allBacklogs*most:
		return fullBacklog
	case c.loop.isCrowded():
		return crowdedLoop
	}
	return noPressure
}

// allBacklogs is how many times Options.MaxBacklogBytes all channels together may have.
const allBacklogs = 4

func (c *channel) local() *channel { return c }

// Receive is the order of the channel.
func (c *channel) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *publication:
		c.fanOut(m)
	case *joining:
		c.join(m)
	case *parting:
		c.forward(m)
	case *departure:
		c.depart(m)
	case dissolution:
		for _, b := range c.leaves {
			if b.leaf != nil {
				b.leaf.PostUserMessage(m)
			}
		}
	case *actor.Started:
		c.pid = ctx.Self()
	case *actor.Stopped:
		c.mailbox.close()
		if !c.isProbe() {
			c.broker.channels.add(-1)
		}
	}
}

func (c *channel) fanOut(p *publication) {
	c.pulse.beat(p.taken)
	n := int32(0)
	for i := range c.leaves {
		if c.leaves[i].leaf != nil {
			n++
		}
	}
	p.leaves.Store(n + 1)
	for i := range c.leaves {
		if leaf := c.leaves[i].leaf; leaf != nil {
			leaf.PostUserMessage(p)
		}
	}
	p.written()
}

// written is called once by each leaf, and by the root when it has told them all.
func (p *publication) written() {
	if p.leaves.Add(-1) > 0 {
		return
	}
	p.root.backlog.Add(-int64(len(p.frame)))
	b := p.root.broker
	b.backlog.Add(-int64(len(p.frame)))
	if !p.root.isProbe() {
		b.counts.latency.observe(time.Since(b.started) - p.taken)
	}
	p.gauge.add(-1)
	if p.call != nil {
		p.call.release()
	}
}

// undeliverable is called where an actor has ended: it had no subscribers.
func (p *publication) undeliverable() {
	if p.leaves.Load() == 0 {
		p.leaves.Store(1) // it never passed the root
	}
	p.written()
}

func (c *channel) join(m *joining) {
	c.home.joined(c)
	if c.leaves == nil {
		c.leaves = make([]branch, len(c.broker.loops))
	}
	l := m.connection.loop
	b := &c.leaves[l.id]
	if b.leaf == nil {
		b.leaf = &leaf{root: c, loop: l}
		b.leaf.turn = b.leaf
		l.leaves.spawn(b.leaf)
	}
	b.members++
	c.members.Add(1)
	m.root = c
	b.leaf.PostUserMessage(m)
}

func (c *channel) forward(m *parting) {
	if c.leaves != nil {
		if b := c.leaves[m.connection.loop.id]; b.leaf != nil {
			b.leaf.PostUserMessage(m)
			return
		}
	}
	m.undeliverable()
}

// depart lets go of a leaf without subscribers, and of the channel without leaves.
func (c *channel) depart(m *departure) {
	b := &c.leaves[m.loop]
	b.members -= m.count
	members := c.members.Add(-int64(m.count))
	if b.members == 0 && b.leaf != nil {
		if !m.ended {
			c.broker.system.Root.Stop(b.leaf.pid)
		}
		b.leaf = nil
	}
	if members == 0 && !c.ending && c.home.release(c) {
		c.ending = true
		c.broker.system.Root.Stop(c.pid)
	}
}

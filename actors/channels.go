package actors

import (
	"encoding/json"
	"errors"
	"hash/maphash"
	"sync"

	"github.com/snorky-go/snorky/actors/wire"
)

// Channels are the channels of one service: names, which are JSON values (PROTOCOL.md section 3), under which
// connections subscribe and everything published reaches them all. Channels need not be made; one exists while it has
// subscribers.
//
// All methods may be called from any goroutine and never block. What happens to one channel (a connection subscribes,
// leaves, something is published) takes effect in the order of the calls and for all its subscribers in that order.
type Channels struct {
	broker    *Broker
	service   *entry
	placement Placement
}

func newChannels(b *Broker, s *entry) *Channels {
	return &Channels{broker: b, service: s, placement: newLocalPlacement(b, s)}
}

// Placement finds the root of a channel, which orders what happens to it. The root may be gone a moment later; then it
// sends back what it is asked.
type Placement interface {
	// find returns the root of the channel, nil if it has no subscribers.
	find(key wire.Key) root
	// open returns the root of the channel, which it makes if need be, after it has given it the message.
	open(key wire.Key, first *joining)
	// visit calls f for each root that is of this process, which may be gone by then. Nobody waits for f.
	visit(f func(*channel))
	// end dissolves all channels; there will be no others.
	end()
}

// root is what may be asked of the root of a channel.
type root interface {
	publish(*publication)
	part(*parting)
	dissolve()
	subscribers() int
	backlogBytes() int
	pressure() pressure
	// local is the actor, if it is of this process.
	local() *channel
}

// Subscribe lets the connection that made the call have what is published to channel from now on. The answer to the
// call waits until that is so.
//
// The errors are wire.ErrChannelTooLong, wire.ErrAlreadySubscribed and wire.ErrTooManySubscriptions; the latter two
// may show only after Subscribe has returned, and then become the answer whatever the command returns. A call of the
// backend has no connection and gets wire.ErrInternal.
func (c *Channels) Subscribe(call *Call, channel json.RawMessage) error {
	return c.subscribe(call, channel, true)
}

// SubscribeUnbounded is Subscribe for services that bound the number of channels of a connection themselves, and keep
// books that wire.ErrTooManySubscriptions would make wrong.
func (c *Channels) SubscribeUnbounded(call *Call, channel json.RawMessage) error {
	return c.subscribe(call, channel, false)
}

func (c *Channels) subscribe(call *Call, channel json.RawMessage, bounded bool) error {
	if call.connection == nil {
		return wire.ErrInternal
	}
	key, err := c.Key(channel)
	if err != nil {
		return err
	}
	if call.inline() {
		if err := call.connection.maySubscribe(c.localRoot(key), bounded); err != nil {
			return err
		}
	}
	call.hold()
	c.placement.open(key, &joining{connection: call.connection, call: call, bounded: bounded})
	return nil
}

// Unsubscribe ends what Subscribe began, also if the name would be too long by now. The answer to the call waits until
// nothing more can come; so does wire.ErrNotSubscribed, as with Subscribe.
func (c *Channels) Unsubscribe(call *Call, channel json.RawMessage) error {
	if call.connection == nil {
		return wire.ErrInternal
	}
	key, err := wire.CanonicalKey(channel)
	if err != nil {
		return wire.ErrNotSubscribed
	}
	r := c.placement.find(key)
	if r == nil {
		return wire.ErrNotSubscribed
	}
	if local := r.local(); local != nil && call.inline() {
		if !call.connection.leave(local) {
			return wire.ErrNotSubscribed
		}
		return nil
	}
	call.hold()
	r.part(&parting{connection: call.connection, call: call})
	return nil
}

// Publish sends content, the raw content of a packet, to all subscribers of channel. It is encoded once. Without
// subscribers nothing happens.
//
// With a call, the answer to it waits until the publication is with the sockets of all its subscribers, which keeps
// what one caller publishes in order for everybody. For a call of the backend, whose order is that of the channel
// anyway, it waits only while more is on its way than there should be: the channel has more to send out than
// Options.MaxBacklogBytes, all channels have several times that, or the event loop has more to do than takes a moment. A
// nil call waits for nothing.
func (c *Channels) Publish(call *Call, channel json.RawMessage, content []byte) error {
	return c.publish(call, channel, content, receivers{})
}

// PublishToOthers is Publish to all subscribers but the connection that made the call.
func (c *Channels) PublishToOthers(call *Call, channel json.RawMessage, content []byte) error {
	var a receivers
	if call != nil {
		a.except = call.connection
	}
	return c.publish(call, channel, content, a)
}

// PublishTo is Publish to those of the peers that are subscribers of channel. Unlike what Peer.Send sends, it has its place
// in the order of the channel: who is being subscribed gets it after the answer to that.
func (c *Channels) PublishTo(call *Call, channel json.RawMessage, content []byte, peers []Peer) error {
	a := receivers{only: make(map[*connection]struct{}, len(peers))}
	for _, peer := range peers {
		a.only[peer.connection] = struct{}{}
	}
	return c.publish(call, channel, content, a)
}

func (c *Channels) publish(call *Call, channel json.RawMessage, content []byte, to receivers) error {
	key, err := wire.CanonicalKey(channel)
	if err != nil {
		return wire.ErrInvalidParams
	}
	c.broker.counts.publications.Add(1)
	r := c.placement.find(key)
	if r == nil {
		return nil
	}
	p := &publication{frame: c.service.frame(content), receivers: to}
	if call != nil {
		why := r.pressure()
		if why != noPressure {
			c.broker.counts.held[why].Add(1)
		}
		if call.connection != nil || why != noPressure {
			call.hold()
			p.call = call
		}
	}
	r.publish(p)
	return nil
}

// Subscribers returns the number of connections that are subscribed to channel.
func (c *Channels) Subscribers(channel json.RawMessage) int {
	key, err := wire.CanonicalKey(channel)
	if err != nil {
		return 0
	}
	if r := c.placement.find(key); r != nil {
		return r.subscribers()
	}
	return 0
}

// Key is what channels are compared by: two names of one channel have one Key. It is for those who come: the errors are
// wire.ErrChannelTooLong, by the present Options.MaxChannelBytes, and, for what is no JSON, wire.ErrInvalidParams. Who is
// there already came by the bound of another time, and is found by wire.CanonicalKey, which is the same without the bound.
func (c *Channels) Key(channel json.RawMessage) (wire.Key, error) {
	key, err := wire.CanonicalKey(channel)
	most := c.broker.options.Load().MaxChannelBytes
	switch {
	case errors.Is(err, wire.ErrKeyTooLong), err == nil && most >= 0 && nameLength(key) > most:
		return "", wire.ErrChannelTooLong
	case err != nil:
		return "", wire.ErrInvalidParams
	}
	return key, nil
}

// nameLength is what Options.MaxChannelBytes bounds: the quotes of a string do not count.
func nameLength(key wire.Key) int {
	if key[0] == '"' {
		return len(key) - len(`""`)
	}
	return len(key)
}

// localRoot is the actor of a channel, if it exists and is of this process.
func (c *Channels) localRoot(key wire.Key) *channel {
	if r := c.placement.find(key); r != nil {
		return r.local()
	}
	return nil
}

// dissolve takes all subscriptions away, because the service ends.
func (c *Channels) dissolve() {
	c.placement.end()
}

// localPlacement has all channels in this process. It is a map in shards, so that publishers and subscribers of
// different channels seldom meet.
type localPlacement struct {
	broker  *Broker
	service *entry
	seed    maphash.Seed
	shards  [16]shard
}

type shard struct {
	mu       sync.RWMutex
	ended    bool
	channels map[wire.Key]*channel
}

func newLocalPlacement(b *Broker, s *entry) *localPlacement {
	return &localPlacement{broker: b, service: s, seed: maphash.MakeSeed()}
}

func (p *localPlacement) shard(key wire.Key) (*shard, uint64) {
	hash := maphash.String(p.seed, string(key))
	return &p.shards[hash%uint64(len(p.shards))], hash
}

func (p *localPlacement) find(key wire.Key) root {
	s, _ := p.shard(key)
	s.mu.RLock()
	defer s.mu.RUnlock()
	if c := s.channels[key]; c != nil {
		return c
	}
	return nil
}

func (p *localPlacement) open(key wire.Key, first *joining) {
	s, hash := p.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		first.undeliverable()
		return
	}
	c := s.channels[key]
	if c == nil {
		l := p.broker.loops[hash>>32%uint64(len(p.broker.loops))]
		c = &channel{home: s, key: key, loop: l, broker: p.broker}
		l.channels.spawn(c)
		if s.channels == nil {
			s.channels = map[wire.Key]*channel{}
		}
		s.channels[c.key] = c
		p.broker.channels.add(1)
	}
	c.joining++
	c.PostUserMessage(first)
}

// visit looks at channels when it has let go of their shard, a few at a time: publishers and subscribers, which may be event
// loops, wait for no more than that those few are found.
func (p *localPlacement) visit(f func(*channel)) {
	var room [fewChannels]*channel
	for i := range p.shards {
		few := room[:0]
		s := &p.shards[i]
		s.mu.RLock()
		for _, c := range s.channels { // which may be changed between two steps, if not during one
			if few = append(few, c); len(few) < fewChannels {
				continue
			}
			s.mu.RUnlock()
			for _, c := range few {
				f(c)
			}
			few = room[:0]
			s.mu.RLock()
		}
		s.mu.RUnlock()
		for _, c := range few {
			f(c)
		}
	}
}

// fewChannels is how many visit finds in some microseconds.
const fewChannels = 128

func (p *localPlacement) end() {
	for i := range p.shards {
		s := &p.shards[i]
		s.mu.Lock()
		s.ended = true
		for _, c := range s.channels {
			c.dissolve()
		}
		s.mu.Unlock()
	}
}

// release takes the channel out of the map, unless somebody is about to join. Nothing can be posted to it by open after
// that.
func (s *shard) release(c *channel) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.joining > 0 {
		return false
	}
	delete(s.channels, c.key)
	if len(s.channels) == 0 {
		s.channels = nil // a map keeps the room it once had
	}
	return true
}

// joined is called for each joining that the channel has taken.
func (s *shard) joined(c *channel) {
	s.mu.Lock()
	c.joining--
	s.mu.Unlock()
}

package actors

import (
	"slices"

	"github.com/snorky-go/snorky/actors/wire"
)

// subscription is a channel that a connection is subscribed to: where the leaf of its loop has it in its list.
type subscription struct {
	leaf     *leaf
	position int
}

// subscriptions are those of one connection. Most connections have one, which needs no memory besides.
type subscriptions struct {
	only subscription
	more *manySubscriptions // nil while there is at most one
}

// manySubscriptions are found by a map when they are more than fewSubscriptions.
type manySubscriptions struct {
	list      []subscription
	byChannel map[*channel]int // position in list
}

const fewSubscriptions = 16

func (s *subscriptions) len() int {
	switch {
	case s.more != nil:
		return len(s.more.list)
	case s.only.leaf != nil:
		return 1
	}
	return 0
}

// find returns the subscription to a channel, or nil. It is valid until the next change.
func (s *subscriptions) find(root *channel) *subscription {
	if s.more == nil {
		if s.only.leaf != nil && s.only.leaf.root == root {
			return &s.only
		}
		return nil
	}
	if i := s.more.find(root); i >= 0 {
		return &s.more.list[i]
	}
	return nil
}

func (m *manySubscriptions) find(root *channel) int {
	if m.byChannel != nil {
		if i, ok := m.byChannel[root]; ok {
			return i
		}
		return -1
	}
	return slices.IndexFunc(m.list, func(s subscription) bool { return s.leaf.root == root })
}

func (s *subscriptions) add(one subscription) {
	if s.len() == 0 {
		s.only = one
		return
	}
	if s.more == nil {
		s.more = &manySubscriptions{list: []subscription{s.only}}
		s.only = subscription{}
	}
	m := s.more
	m.list = append(m.list, one)
	switch {
	case m.byChannel != nil:
		m.byChannel[one.leaf.root] = len(m.list) - 1
	case len(m.list) > fewSubscriptions:
		m.byChannel = make(map[*channel]int, 2*fewSubscriptions)
		for i := range m.list {
			m.byChannel[m.list[i].leaf.root] = i
		}
	}
}

// remove takes out the subscription to a channel, if there is one.
func (s *subscriptions) remove(root *channel) (removed subscription, ok bool) {
	if s.more == nil {
		if found := s.find(root); found == nil {
			return removed, false
		}
		removed, s.only = s.only, subscription{}
		return removed, true
	}
	m := s.more
	i := m.find(root)
	if i < 0 {
		return removed, false
	}
	removed = m.list[i]
	last := len(m.list) - 1
	m.list[i] = m.list[last]
	m.list[last] = subscription{}
	m.list = m.list[:last]
	delete(m.byChannel, root)
	switch {
	case last == 1:
		s.only, s.more = m.list[0], nil
	case i < last && m.byChannel != nil:
		m.byChannel[m.list[i].leaf.root] = i
	}
	return removed, true
}

// last returns one of the subscriptions, if there is one.
func (s *subscriptions) last() (one subscription, ok bool) {
	if s.more != nil {
		return s.more.list[len(s.more.list)-1], true
	}
	return s.only, s.only.leaf != nil
}

// maySubscribe tells why the connection may not subscribe to a channel, which is nil when it does not exist yet.
func (c *connection) maySubscribe(root *channel, bounded bool) *wire.Error {
	most := c.loop.options.MaxSubscriptions
	switch {
	case c.state >= stateClosing || c.farewell.gone:
		return wire.ErrInternal
	case root != nil && c.subscriptions.find(root) != nil:
		return wire.ErrAlreadySubscribed
	case bounded && most >= 0 && c.subscriptions.len() >= most:
		return wire.ErrTooManySubscriptions
	}
	return nil
}

// subscribed notes a subscription. The leaf has it at the given position of its list.
func (c *connection) subscribed(l *leaf, position int) {
	c.subscriptions.add(subscription{leaf: l, position: position})
	c.loop.broker.subscriptions.Add(1)
}

// moved notes that the leaf has the connection at another position now.
func (c *connection) moved(l *leaf, position int) {
	c.subscriptions.find(l.root).position = position
}

// leave ends the subscription to a channel. It reports false if there is none.
func (c *connection) leave(root *channel) bool {
	s, ok := c.subscriptions.remove(root)
	if ok {
		c.loop.broker.subscriptions.Add(-1)
		s.leaf.remove(s.position)
	}
	return ok
}

// leaveAll ends all subscriptions.
func (c *connection) leaveAll() {
	for {
		s, ok := c.subscriptions.last()
		if !ok {
			return
		}
		c.leave(s.leaf.root)
	}
}

// held keeps back what is published to a channel after a call has subscribed to it, and before that call is answered: who
// joins hears the answer first (PROTOCOL.md section 5, rule 4).
type held struct {
	leaves []*leaf
	frames [][]byte
	bytes  int
}

// holdBack is called when the call that the connection is waiting for has subscribed it to l.
func (c *connection) holdBack(l *leaf) {
	if c.held == nil {
		c.held = &held{}
	}
	c.held.leaves = append(c.held.leaves, l)
}

// deliverLater takes a batch of l if that is to come after an answer. What the call itself has published is not
// (rule 2).
func (c *connection) deliverLater(l *leaf) bool {
	later := c.held // stays, although the connection may end while something is sent to it
	if !slices.Contains(later.leaves, l) {
		return false
	}
	for _, p := range l.batch {
		switch {
		case !p.isFor(c):
			continue
		case p.call != nil && p.call == c.call:
			c.loop.score.deliveries++
			c.enqueue(p.frame)
			continue
		}
		later.frames = append(later.frames, p.frame)
		later.bytes += len(p.frame) + frameOverhead
	}
	c.checkBound()
	return true
}

// letGo sends what was held back.
func (c *connection) letGo() {
	frames := c.held.frames
	c.held = nil
	c.loop.score.deliveries += uint64(len(frames))
	for _, f := range frames {
		c.enqueue(f)
	}
}

// inline reports whether the call runs on the loop of its connection right now.
func (c *Call) inline() bool {
	return c.connection != nil && c.handler != nil && c.handler.direct
}

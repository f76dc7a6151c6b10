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

// manySubscriptions is from where on a map finds them.
const manySubscriptions = 16

// find returns the position of a channel in c.subscriptions, or -1.
func (c *connection) find(root *channel) int {
	if c.bySubscribed != nil {
		if i, ok := c.bySubscribed[root]; ok {
			return i
		}
		return -1
	}
	for i := range c.subscriptions {
		if c.subscriptions[i].leaf.root == root {
			return i
		}
	}
	return -1
}

// maySubscribe tells why the connection may not subscribe to a channel, which is nil when it does not exist yet.
func (c *connection) maySubscribe(root *channel) *wire.Error {
	most := c.loop.options.MaxSubscriptions
	switch {
	case c.state >= stateClosing || c.farewell.gone:
		return wire.ErrInternal
	case root != nil && c.find(root) >= 0:
		return wire.ErrAlreadySubscribed
	case most >= 0 && len(c.subscriptions) >= most:
		return wire.ErrTooManySubscriptions
	}
	return nil
}

// subscribed notes a subscription. The leaf has it at the given position of its list.
func (c *connection) subscribed(l *leaf, position int) {
	c.subscriptions = append(c.subscriptions, subscription{leaf: l, position: position})
	c.broker.subscriptions.Add(1)
	switch {
	case c.bySubscribed != nil:
		c.bySubscribed[l.root] = len(c.subscriptions) - 1
	case len(c.subscriptions) > manySubscriptions:
		c.bySubscribed = make(map[*channel]int, 2*manySubscriptions)
		for i := range c.subscriptions {
			c.bySubscribed[c.subscriptions[i].leaf.root] = i
		}
	}
}

// moved notes that the leaf has the connection at another position now.
func (c *connection) moved(l *leaf, position int) {
	c.subscriptions[c.find(l.root)].position = position
}

// leave ends the subscription to a channel. It reports false if there is none.
func (c *connection) leave(root *channel) bool {
	i := c.find(root)
	if i < 0 {
		return false
	}
	s := c.subscriptions[i]
	last := len(c.subscriptions) - 1
	c.subscriptions[i] = c.subscriptions[last]
	c.subscriptions[last] = subscription{}
	c.subscriptions = c.subscriptions[:last]
	if c.bySubscribed != nil {
		delete(c.bySubscribed, root)
		if i < last {
			c.bySubscribed[c.subscriptions[i].leaf.root] = i
		}
	}
	if last == 0 {
		c.subscriptions, c.bySubscribed = nil, nil
	}
	c.broker.subscriptions.Add(-1)
	s.leaf.remove(s.position)
	return true
}

// leaveAll ends all subscriptions.
func (c *connection) leaveAll() {
	for len(c.subscriptions) > 0 {
		c.leave(c.subscriptions[len(c.subscriptions)-1].leaf.root)
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
	if !slices.Contains(c.held.leaves, l) {
		return false
	}
	for _, p := range l.batch {
		if p.call != nil && p.call == c.call {
			c.enqueue(p.frame)
			continue
		}
		c.held.frames = append(c.held.frames, p.frame)
		c.held.bytes += len(p.frame) + frameOverhead
	}
	c.checkBound()
	return true
}

// letGo sends what was held back.
func (c *connection) letGo() {
	frames := c.held.frames
	c.held = nil
	for _, f := range frames {
		c.enqueue(f)
	}
}

// inline reports whether the call runs on the loop of its connection right now.
func (c *Call) inline() bool {
	return c.connection != nil && c.handler != nil && c.handler.direct
}

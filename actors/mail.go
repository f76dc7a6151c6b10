package actors

import (
	"sync"
	"sync/atomic"
)

// notification is a finished frame, for any number of connections. Each of them that has not taken it yet counts in
// the broker's mail.
type notification struct {
	frame  []byte
	broker *Broker
}

// mailOverhead is what a notification that is under way costs besides its bytes.
const mailOverhead = 64

func (n *notification) size() int64 { return int64(len(n.frame)) + mailOverhead }

// undeliverable is called where the connection has ended.
func (n *notification) undeliverable() { n.broker.mail.add(-n.size()) }

// delayed is a notification that was a publication first: when it was fanned out it counted as delivered, but there was mail
// that it had to queue behind.
type delayed struct{ notification }

// mailIn posts a notification, or who the client is. What comes later, a publication or an answer, may take a shorter
// way to the client, so it looks whether there is mail and queues behind it (PROTOCOL.md section 5, rules 2 and 3).
func (c *connection) mailIn(message any) {
	switch n := message.(type) {
	case *notification:
		n.broker.mail.add(n.size())
	case *delayed:
		n.broker.mail.add(n.size())
	}
	c.mail.Add(1)
	c.PostUserMessage(message)
}

// mailRead is called for each message that mailIn has posted.
func (c *connection) mailRead() {
	if c.mail.Add(-1) == 0 && c.state == stateEnding {
		c.settle()
	}
}

// notify takes a notification out of the mail, which delivers so many messages.
func (c *connection) notify(n *notification, delivered uint64) {
	n.broker.mail.add(-n.size())
	c.loop.score.deliveries += delivered
	c.send(n.frame)
	c.mailRead()
}

// Settle waits until the event loops have taken what services have sent to peers, but for Options.MaxBacklogBytes of it.
// Who sends much to many, by Peer.Send or Peer.Notify, calls it now and then, so that no more is under way than memory
// should have. It never waits for a client: what one does not read is no longer under way.
//
// It blocks, and is for the actors of services and their parts, not for Direct commands.
func (c *ServiceContext) Settle() {
	b := c.host.broker
	for { // who has seen it fall may be late to say so, and it has risen again
		low := b.mail.fall()
		if low == nil {
			return
		}
		select {
		case <-low:
		case <-b.over:
			return
		}
	}
}

// watermark is a number that others wait for to fall: once it is above high, to half of that.
type watermark struct {
	n       atomic.Int64
	high    atomic.Int64
	waiting atomic.Bool

	mu  sync.Mutex
	low chan struct{} // nil: nobody waits
}

func (w *watermark) add(n int64) {
	if w.n.Add(n) > w.high.Load()/2 || n > 0 || !w.waiting.Load() {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting.Store(false)
	if w.low != nil {
		close(w.low)
		w.low = nil
	}
}

// fall returns nil if there is nothing to wait for, else a channel that is closed when the number has fallen.
func (w *watermark) fall() <-chan struct{} {
	if w.n.Load() <= w.high.Load() {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.low == nil {
		w.low = make(chan struct{})
	}
	w.waiting.Store(true)
	if w.n.Load() <= w.high.Load()/2 {
		return nil // it fell before anybody was seen waiting
	}
	return w.low
}

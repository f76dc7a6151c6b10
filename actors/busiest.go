package actors

import (
	"cmp"
	"context"
	"encoding/json"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"
)

// ChannelLoad is what goes on in a channel.
type ChannelLoad struct {
	Service               string
	Channel               json.RawMessage // its name, a JSON value
	Subscribers           int
	PublicationsPerSecond float64 // over the last one or two seconds
	BacklogBytes          int     // published but not yet fanned out
}

// busyChannel is a channel that may be among the busiest. It costs no memory of its own.
type busyChannel struct {
	*channel
	service     *entry
	rate        float64
	subscribers int
}

// deliveries is by what channels are compared: what they make of work.
func (c *busyChannel) deliveries() float64 { return c.rate * float64(c.subscribers) }

func (c *busyChannel) load() ChannelLoad {
	return ChannelLoad{
		Service: c.service.name, Channel: json.RawMessage(c.key), Subscribers: c.subscribers,
		PublicationsPerSecond: c.rate, BacklogBytes: c.backlogBytes(),
	}
}

// Busiest returns the channels with the most deliveries per second at present, up to n of those that have any. It looks at
// every channel, so it is for people who look on, not for each second of a machine's. It does not wait for any actor, nor
// does any wait for long because of it.
func (b *Broker) Busiest(n int) []ChannelLoad {
	now := time.Since(b.started)
	top := ranking[busyChannel]{most: n, compare: func(x, y busyChannel) int {
		return cmp.Compare(y.deliveries(), x.deliveries())
	}}
	for _, h := range b.allHosts() {
		h.context.channels.placement.visit(func(c *channel) {
			busy := busyChannel{channel: c, service: h.service, rate: c.pulse.rate(now), subscribers: c.subscribers()}
			if busy.deliveries() > 0 {
				top.add(busy)
			}
		})
	}
	loads := make([]ChannelLoad, 0, len(top.best))
	for _, c := range top.best {
		loads = append(loads, c.load())
	}
	return loads
}

func (b *Broker) allHosts() []*host {
	b.mu.Lock()
	defer b.mu.Unlock()
	hosts := make([]*host, 0, len(b.hosts))
	for _, h := range b.hosts {
		hosts = append(hosts, h)
	}
	return hosts
}

// pulse counts the publications of a channel in the present second and the one before. The root writes it, anybody may
// read.
type pulse struct {
	second            atomic.Int64 // of the broker
	present, previous atomic.Uint32
}

// beat counts one publication.
func (p *pulse) beat(at time.Duration) {
	second := int64(at / time.Second)
	switch passed := second - p.second.Load(); {
	case passed == 1:
		p.previous.Store(p.present.Load())
		p.present.Store(0)
		p.second.Store(second)
	case passed > 1:
		p.previous.Store(0)
		p.present.Store(0)
		p.second.Store(second)
	}
	p.present.Store(p.present.Load() + 1)
}

// rate is how many there were per second, over this second so far and as much of the one before as makes a whole one.
func (p *pulse) rate(now time.Duration) float64 {
	left := 1 - (now % time.Second).Seconds()
	switch int64(now/time.Second) - p.second.Load() {
	case 0:
		return float64(p.present.Load()) + left*float64(p.previous.Load())
	case 1:
		return left * float64(p.present.Load())
	}
	return 0
}

// ConnectionLoad is what waits for a client.
type ConnectionLoad struct {
	Remote        netip.AddrPort
	Identity      json.RawMessage // a JSON value; nil: nobody
	Subscriptions int
	WaitingBytes  int
	Blocked       time.Duration // since when it takes nothing; 0: it does
	Closing       bool          // its close frame is on the way
}

// Slowest returns the connections for which the most bytes wait, up to n of those that do not take what is sent to them. It
// waits until each loop has had a turn, or for the end of ctx, whose cause is then the error, or of the broker: ErrStopped.
func (b *Broker) Slowest(ctx context.Context, n int) ([]ConnectionLoad, error) {
	results := make(chan []ConnectionLoad, len(b.loops))
	for _, l := range b.loops {
		l.schedule(errand(func() { results <- l.slowest(n) }))
	}
	top := newSlowest(n)
	for range b.loops {
		select {
		case some := <-results:
			for _, load := range some {
				top.add(load)
			}
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-b.over:
			return nil, ErrStopped
		}
	}
	return top.best, nil
}

func newSlowest(n int) ranking[ConnectionLoad] {
	return ranking[ConnectionLoad]{most: n, compare: func(x, y ConnectionLoad) int {
		return cmp.Or(cmp.Compare(y.WaitingBytes, x.WaitingBytes), cmp.Compare(y.Blocked, x.Blocked))
	}}
}

// slowest looks at the connections that something is expected of, which those are that are behind.
func (l *loop) slowest(n int) []ConnectionLoad {
	top := newSlowest(n)
	for c := range l.limits {
		load := ConnectionLoad{
			Remote: c.remote, Subscriptions: c.subscriptions.len(), WaitingBytes: c.queued,
			Closing: c.state == stateClosing,
		}
		if c.blocked != 0 {
			load.Blocked = l.now - c.blocked
		}
		if c.identity != nil {
			load.Identity = c.identity.Identity
		}
		top.add(load)
	}
	return top.best
}

// ranking keeps the first few of many.
type ranking[T any] struct {
	most    int
	compare func(x, y T) int // negative if x comes first
	best    []T
}

func (r *ranking[T]) add(x T) {
	if len(r.best) >= r.most && (r.most <= 0 || r.compare(x, r.best[len(r.best)-1]) >= 0) {
		return
	}
	i, _ := slices.BinarySearchFunc(r.best, x, r.compare)
	r.best = slices.Insert(r.best, i, x)
	r.best = r.best[:min(len(r.best), r.most)]
}

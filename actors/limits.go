package actors

import (
	"encoding/json"
	"hash/maphash"
	"net/netip"
	"time"

	"github.com/snorky-go/snorky/actors/limit"
	"github.com/snorky-go/snorky/actors/wire"
)

// Limits are how often clients may ask for something. What is over a limit is answered with wire.ErrTooManyRequests and
// not done; the connection lives, unless the client goes on and on (see patience). Calls of the backend have no limits. The
// zero value has none.
//
// Calls are all messages of clients, also those that are no requests. Publishes are, besides, the calls of commands that
// were marked by Handler.Publishing.
type Limits struct {
	Calls     Limit
	Publishes Limit
}

// Limit bounds something in three ways, all of which count.
type Limit struct {
	// PerConnection is for each connection by itself.
	PerConnection limit.Rate
	// PerAddress is for all connections of one IPv4 address, or one /64 of IPv6, together.
	PerAddress limit.Rate
	// PerIdentity is for all connections of one Principal.Identity together; those of nobody do not count.
	PerIdentity limit.Rate
}

func (l Limit) none() bool { return l == Limit{} }

// patience is how much a client may be refused before it is closed with wire.CloseTooManyRequests: again and again what its
// limit allows, and so many times its burst, but at least leastPatience, beyond. Those who ask for less than twice of what
// they may are refused for ever, and those who flood are gone after some seconds or less. Each limit has its own: one that
// allows next to nothing has no say about those who go a little over another one.
const (
	patience      = 10
	leastPatience = 100
)

// limits are Limits at work. They are made for all loops together, and made anew when a limit changes.
type limits struct {
	Limits
	calls, publishes common
}

// common are the buckets that connections have together.
type common struct {
	addresses  *limit.Buckets[netip.Addr]
	identities *limit.Buckets[uint64]
}

// SetLimits changes the limits. Buckets of limits that are the same as before stay as they are; all others begin full. It
// may be called at any time.
func (b *Broker) SetLimits(l Limits) {
	b.mu.Lock()
	defer b.mu.Unlock()
	old := b.limits.Load()
	if old == nil {
		old = &limits{}
	}
	switch l {
	case old.Limits:
	case Limits{}:
		b.limits.Store(nil)
	default:
		b.limits.Store(&limits{Limits: l, calls: old.calls.with(l.Calls), publishes: old.publishes.with(l.Publishes)})
	}
}

func (c common) with(l Limit) common {
	if c.addresses.Rate() != l.PerAddress {
		c.addresses = limit.NewBuckets[netip.Addr](l.PerAddress)
	}
	if c.identities.Rate() != l.PerIdentity {
		c.identities = limit.NewBuckets[uint64](l.PerIdentity)
	}
	return c
}

// meter is what a connection has left of its limits. Those that have all of it have none, and it is forgotten when they
// have: see loop.forgetMeter.
type meter struct {
	made             *limits
	calls, publishes *limit.Bucket
	patience         *patiences // nil: nothing was refused
}

// patiences are what is left of the patience with a connection, by the limit that it went over.
type patiences [kinds][scopes]*limit.Bucket // nil: never

type kind uint8

const (
	ofCalls kind = iota
	ofPublishes
	kinds
)

type scope uint8

const (
	perConnection scope = iota
	perAddress
	perIdentity
	scopes
)

// limitNames are what operators know the limits by: the settings of snorkyd.
var limitNames = [kinds][scopes]string{
	ofCalls:     {"call-rate", "call-rate-per-address", "call-rate-per-identity"},
	ofPublishes: {"publish-rate", "publish-rate-per-address", "publish-rate-per-identity"},
}

// full tells whether nothing is left of what was refused.
func (p *patiences) full(now time.Time) bool {
	if p == nil {
		return true
	}
	for _, some := range p {
		for _, one := range some {
			if !one.Full(now) {
				return false
			}
		}
	}
	return true
}

// meter is that of the connection under the given limits.
func (c *connection) meter(in *limits) *meter {
	l := c.loop
	m := l.meters[c]
	if m == nil || m.made != in {
		if l.meters == nil {
			l.meters = map[*connection]*meter{}
		}
		m = &meter{made: in, calls: in.Calls.PerConnection.NewBucket(), publishes: in.Publishes.PerConnection.NewBucket()}
		l.meters[c] = m
	}
	return m
}

// forgetMeter is called now and then for each connection: one whose buckets are full needs none.
func (l *loop) forgetMeter(c *connection) {
	if m := l.meters[c]; m != nil {
		if now := l.clock(); m.calls.Full(now) && m.publishes.Full(now) && m.patience.full(now) {
			l.dropMeter(c)
		}
	}
}

func (l *loop) dropMeter(c *connection) {
	delete(l.meters, c)
	if len(l.meters) == 0 {
		l.meters = nil // a map does not get smaller
	}
}

// mayCall counts a message of the client and tells whether it is within the limits.
func (c *connection) mayCall() bool {
	in := c.loop.broker.limits.Load()
	if in == nil || in.Limits.Calls.none() {
		return true
	}
	var own *limit.Bucket
	if in.Calls.PerConnection.Limits() {
		own = c.meter(in).calls
	}
	return c.may(in, ofCalls, own)
}

// mayPublish counts a call of a command that publishes.
func (c *connection) mayPublish() bool {
	in := c.loop.broker.limits.Load()
	if in == nil || in.Limits.Publishes.none() {
		return true
	}
	var own *limit.Bucket
	if in.Publishes.PerConnection.Limits() {
		own = c.meter(in).publishes
	}
	return c.may(in, ofPublishes, own)
}

// may asks the bucket of the connection first: what it refuses does not count for those that share an address.
func (c *connection) may(in *limits, of kind, own *limit.Bucket) bool {
	by, others := &in.Limits.Calls, &in.calls
	if of == ofPublishes {
		by, others = &in.Limits.Publishes, &in.publishes
	}
	now := c.loop.clock()
	if !own.Allow(now) {
		return c.overLimit(in, by.PerConnection, of, perConnection)
	}
	if others.addresses != nil {
		if from, known := limit.Source(c.remote.Addr()); known && !others.addresses.Allow(from, now) {
			return c.overLimit(in, by.PerAddress, of, perAddress)
		}
	}
	if others.identities != nil && c.identity != nil && c.identity.Identity != nil {
		if !others.identities.Allow(c.loop.broker.hash(c.identity.Identity), now) {
			return c.overLimit(in, by.PerIdentity, of, perIdentity)
		}
	}
	return true
}

// overLimit notes that something is refused because of a limit, and ends a connection that does not learn from it.
func (c *connection) overLimit(in *limits, by limit.Rate, of kind, each scope) bool {
	c.loop.broker.refused.Add(1)
	m := c.meter(in)
	if m.patience == nil {
		m.patience = &patiences{}
	}
	left := &m.patience[of][each]
	if *left == nil {
		*left = limit.Rate{
			PerSecond: by.PerSecond, Burst: min(max(patience*by.Burst, leastPatience), limit.MaxBurst),
		}.NewBucket()
	}
	if !(*left).Allow(c.loop.clock()) && c.state == stateOpen {
		c.loop.broker.cuts.Warn().Stringer("remote", c.remote).Str("limit", limitNames[of][each]).Msg("too many requests, cut off")
		c.fail(wire.CloseTooManyRequests, "too many requests")
		c.farewell.deaf = true // it is sending still
	}
	return false
}

// hash stands for an identity: the same for JSON texts that mean the same.
func (b *Broker) hash(identity json.RawMessage) uint64 {
	key, err := wire.CanonicalKey(identity)
	if err != nil {
		key = wire.Key(identity) // too long or not JSON, which is the application's affair
	}
	return maphash.String(b.seed, string(key))
}

// clock is the time of the loop for buckets. It is monotonic.
func (l *loop) clock() time.Time { return l.start.Add(l.now) }

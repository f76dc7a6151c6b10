package limit

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

const (
	// shards is how many callers can ask at the same time.
	shards = 32
	// maxKeys bounds the buckets of one table: about 10 MiB. Who has more addresses than that is held back by no limit for
	// an address anyway.
	maxKeys = 32 << 10
	// swept is how many buckets are looked at, and forgotten if they are full, whenever one is added: more than one, so
	// that a table of which nobody is left gets empty.
	swept = 2
)

// Buckets has a bucket for each key: an address, an identity. Their number is bounded: the one that was asked for longest
// ago is forgotten first. It is safe for concurrent use, also by callers whose clocks differ: no bucket is filled twice for
// the same time. A nil one has always room.
type Buckets[K comparable] struct {
	rate   Rate
	seed   maphash.Seed
	shards [shards]shard[K]
}

type shard[K comparable] struct {
	mu     sync.Mutex
	keys   *simplelru.LRU[K, *Bucket]
	latest time.Time // that anybody has named; never goes back, as the time of a Bucket may not
	_      [24]byte  // keeps neighbours out of one cache line
}

// NewBuckets returns a table, or nil where there is no limit.
func NewBuckets[K comparable](r Rate) *Buckets[K] { return newBuckets[K](r, maxKeys/shards) }

func newBuckets[K comparable](r Rate, perShard int) *Buckets[K] {
	if !r.Limits() {
		return nil
	}
	b := &Buckets[K]{rate: r, seed: maphash.MakeSeed()}
	for i := range b.shards {
		b.shards[i].keys, _ = simplelru.NewLRU[K, *Bucket](perShard, nil) // fails for sizes below 1 only
	}
	return b
}

// Rate is the limit that each key has.
func (b *Buckets[K]) Rate() Rate {
	if b == nil {
		return Rate{}
	}
	return b.rate
}

// Allow tells whether it may happen now for this key, and counts it if so.
func (b *Buckets[K]) Allow(key K, now time.Time) bool {
	if b == nil {
		return true
	}
	s := &b.shards[maphash.Comparable(b.seed, key)%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if now.After(s.latest) {
		s.latest = now
	}
	now = s.latest
	bucket, known := s.keys.Get(key)
	if !known {
		s.sweep(now)
		bucket = b.rate.NewBucket()
		s.keys.Add(key, bucket)
	}
	return bucket.Allow(now)
}

// sweep forgets buckets that are as good as new ones.
func (s *shard[K]) sweep(now time.Time) {
	for range swept {
		_, oldest, some := s.keys.GetOldest()
		if !some || !oldest.Full(now) {
			return
		}
		s.keys.RemoveOldest()
	}
}

// Len is how many keys have a bucket.
func (b *Buckets[K]) Len() (n int) {
	if b == nil {
		return 0
	}
	for i := range b.shards {
		s := &b.shards[i]
		s.mu.Lock()
		n += s.keys.Len()
		s.mu.Unlock()
	}
	return n
}

// Source is whose an address is, for limits: an IPv4 address, or the /64 that one IPv6 customer usually has to himself.
// It is false where there is no address, as on a Unix socket: about those nothing is known.
func Source(a netip.Addr) (netip.Addr, bool) {
	a = a.Unmap()
	if a.Is6() {
		if network, err := a.Prefix(64); err == nil {
			a = network.Addr()
		}
	}
	return a, a.IsValid()
}

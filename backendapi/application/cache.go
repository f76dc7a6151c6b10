package application

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"

	"github.com/snorky-go/snorky/actors/wire"
)

// longestCached bounds how long an answer is kept: one that is not asked for cannot be taken back.
const longestCached = time.Hour

// cache has what is allowed for a while. No is never kept, so that who has just been given a right can use it.
type cache struct {
	most int

	mu    sync.Mutex
	until map[digest]time.Time
}

// digest stands for a question, however long it is.
type digest [sha256.Size]byte

// digestOf is the same for questions about the same channel, but for the message.
func digestOf(q *Question) digest {
	hash := sha256.New()
	for _, part := range [][]byte{[]byte(q.event()), []byte(q.Service), canonical(q.Channel), canonical(q.Identity), q.Claims} {
		_ = binary.Write(hash, binary.BigEndian, uint64(len(part))) // a hash does not fail
		_, _ = hash.Write(part)
	}
	return digest(hash.Sum(nil))
}

// canonical is the one form of a value, or the value itself if it is too long to have one.
func canonical(value []byte) []byte {
	if key, err := wire.CanonicalKey(value); err == nil {
		return []byte(key)
	}
	return value
}

func (c *cache) has(q *Question) bool {
	c.mu.Lock()
	empty := len(c.until) == 0
	c.mu.Unlock()
	if empty {
		return false // as with most applications
	}
	d := digestOf(q)
	c.mu.Lock()
	defer c.mu.Unlock()
	until, ok := c.until[d]
	if ok && !time.Now().Before(until) {
		delete(c.until, d)
		return false
	}
	return ok
}

func (c *cache) add(q *Question, span time.Duration) {
	if c.most <= 0 {
		return
	}
	d := digestOf(q)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.until == nil {
		c.until = map[digest]time.Time{}
	}
	if _, known := c.until[d]; !known && len(c.until) >= c.most {
		c.makeRoom()
	}
	c.until[d] = time.Now().Add(min(span, longestCached))
}

// makeRoom takes out an answer: of a few that come to hand, the one that ends first. To look at all would take too long
// if it had to be done each time.
func (c *cache) makeRoom() {
	var first digest
	var end time.Time
	seen := 0
	for d, until := range c.until {
		if seen == 0 || until.Before(end) {
			first, end = d, until
		}
		if seen++; seen == 8 {
			break
		}
	}
	delete(c.until, first)
}

// Package quota keeps single visitors of an example from keeping it busy.
package quota

import (
	"net"
	"sync"
	"time"
)

// MaxVisitors bounds how many visitors a Quota tells apart at a time.
const MaxVisitors = 10_000

// Quota lets each visitor do something a number of times in a period. It is safe for concurrent use.
type Quota struct {
	most   int
	period time.Duration

	mu    sync.Mutex
	began time.Time
	taken map[string]int // by address, since then
}

// New returns a Quota of most times in each period.
func New(most int, period time.Duration) *Quota { return &Quota{most: most, period: period} }

// Take tells whether the visitor at a network address, host:port, may once more.
func (q *Quota) Take(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if now := time.Now(); q.taken == nil || now.Sub(q.began) >= q.period {
		q.began, q.taken = now, map[string]int{}
	}
	if q.taken[host] >= q.most || len(q.taken) >= MaxVisitors && q.taken[host] == 0 {
		return false
	}
	q.taken[host]++
	return true
}

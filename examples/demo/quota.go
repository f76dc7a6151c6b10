package main

import (
	"net"
	"sync"
	"time"
)

// maxVisitors bounds how many visitors are told apart at a time.
const maxVisitors = 10_000

// quota lets each visitor do something a number of times in a period.
type quota struct {
	most   int
	period time.Duration

	mu    sync.Mutex
	began time.Time
	taken map[string]int // by address, since then
}

func newQuota(most int, period time.Duration) *quota { return &quota{most: most, period: period} }

// take tells whether the visitor at a network address, host:port, may once more.
func (q *quota) take(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if now := time.Now(); q.taken == nil || now.Sub(q.began) >= q.period {
		q.began, q.taken = now, map[string]int{}
	}
	if q.taken[host] >= q.most || len(q.taken) >= maxVisitors && q.taken[host] == 0 {
		return false
	}
	q.taken[host]++
	return true
}

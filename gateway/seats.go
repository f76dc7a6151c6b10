package gateway

import (
	"net/http"
	"net/netip"
	"sync"

	"github.com/snorky-go/snorky/actors/limit"
)

// seats counts connections. A bound of 0 or less is none.
type seats struct {
	max, maxPerSource int

	mu       sync.Mutex
	taken    int
	bySource map[netip.Addr]int // kept only if there is a bound
}

func newSeats(limit, limitPerSource int) seats {
	return seats{max: limit, maxPerSource: limitPerSource, bySource: map[netip.Addr]int{}}
}

// take counts a connection, unless there are too many; then status says what to answer.
func (s *seats) take(remote netip.AddrPort) (status int, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.max > 0 && s.taken >= s.max {
		return http.StatusServiceUnavailable, "too many connections"
	}
	if from, counted := s.source(remote); counted {
		if s.bySource[from] >= s.maxPerSource {
			return http.StatusTooManyRequests, "too many connections of this address"
		}
		s.bySource[from]++
	}
	s.taken++
	return 0, ""
}

// free is called once for each connection that take has counted, with the same address.
func (s *seats) free(remote netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taken--
	if from, counted := s.source(remote); counted {
		if s.bySource[from]--; s.bySource[from] == 0 {
			delete(s.bySource, from)
		}
	}
}

// source is whose connection it is, if that matters.
func (s *seats) source(remote netip.AddrPort) (from netip.Addr, counted bool) {
	if s.maxPerSource <= 0 {
		return from, false
	}
	return limit.Source(remote.Addr())
}

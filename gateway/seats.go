package gateway

import (
	"net/http"
	"net/netip"
	"sync"

	"github.com/snorky-go/snorky/actors/limit"
)

// seats counts connections. A bound of 0 or less is none.
type seats struct {
	mu                sync.Mutex
	max, maxPerSource int
	taken             int
	bySource          map[netip.Addr]int // also without a bound, as there may be one later
}

func newSeats() seats { return seats{bySource: map[netip.Addr]int{}} }

// limit sets the bounds. Who has a seat keeps it.
func (s *seats) limit(all, perSource int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.max, s.maxPerSource = all, perSource
}

// take counts a connection, unless there are too many; then status says what to answer.
func (s *seats) take(remote netip.AddrPort) (status int, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.max > 0 && s.taken >= s.max {
		return http.StatusServiceUnavailable, "too many connections: max-connections"
	}
	if from, counted := source(remote); counted {
		if s.maxPerSource > 0 && s.bySource[from] >= s.maxPerSource {
			return http.StatusTooManyRequests, "too many connections of this address: max-connections-per-address"
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
	if from, counted := source(remote); counted {
		if s.bySource[from]--; s.bySource[from] == 0 {
			delete(s.bySource, from)
		}
	}
}

// source is whose connection it is, if that is known.
func source(remote netip.AddrPort) (from netip.Addr, counted bool) {
	if !remote.Addr().IsValid() {
		return from, false
	}
	return limit.Source(remote.Addr())
}

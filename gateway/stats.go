package gateway

import (
	"maps"
	"sync"
	"sync/atomic"
)

// Stats count what a Handler has done since it was made. Each number is right, but they are of slightly different moments.
type Stats struct {
	Accepted uint64         // handshakes that became connections
	Refused  map[int]uint64 // handshakes that did not, by HTTP status
	Checking int            // handshakes that the Authenticator judges at the moment
}

// Stats returns how many handshakes there were. It does not block.
func (h *Handler) Stats() Stats {
	return Stats{Accepted: h.accepted.Load(), Refused: h.refused.snapshot(), Checking: int(h.checks.Load())}
}

// statusCounts counts answers by status. There are few different ones, since they are all ours.
type statusCounts struct {
	mu       sync.Mutex
	byStatus map[int]uint64
}

func (c *statusCounts) add(status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byStatus == nil {
		c.byStatus = map[int]uint64{}
	}
	c.byStatus[status]++
}

func (c *statusCounts) snapshot() map[int]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.byStatus)
}

type handshakeCounts struct {
	accepted atomic.Uint64
	refused  statusCounts
}

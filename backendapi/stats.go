package backendapi

import (
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
)

// Stats count the requests that a Handler has answered since it was made. What net/http refuses by itself, because it is
// no HTTP, is not among them. Each number is right, but they are of slightly different moments.
type Stats struct {
	Requests      map[int]uint64 // by HTTP status
	Failed        uint64         // of those with status 200: calls that were answered "Internal error"
	ReceivedBytes uint64         // of bodies that were read whole
	SentBytes     uint64         // of bodies
	Keys          int            // that are valid
}

// Stats returns what was counted. It does not block.
func (h *Handler) Stats() Stats {
	s := h.counts.snapshot()
	s.Keys = len(h.current.Load().keys.sums)
	return s
}

// counts are Stats in the making. A lane adds to them for each request, so they have no lock where all is well.
type counts struct {
	answered, failed, received, sent atomic.Uint64

	mu      sync.Mutex
	refused map[int]uint64 // by status, of which there are few
}

// add counts an answer to a request of whose body so many bytes were read.
func (c *counts) add(received int, answer []byte, refused *refusal) {
	c.received.Add(uint64(received))
	if refused == nil {
		c.answered.Add(1)
		c.sent.Add(uint64(len(answer)))
		return
	}
	c.sent.Add(uint64(len(refused.text)))
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refused == nil {
		c.refused = map[int]uint64{}
	}
	c.refused[refused.status]++
}

func (c *counts) snapshot() Stats {
	c.mu.Lock()
	requests := maps.Clone(c.refused)
	c.mu.Unlock()
	if requests == nil {
		requests = map[int]uint64{}
	}
	if n := c.answered.Load(); n > 0 {
		requests[http.StatusOK] = n
	}
	return Stats{Requests: requests, Failed: c.failed.Load(), ReceivedBytes: c.received.Load(), SentBytes: c.sent.Load()}
}

// ServerStats are numbers of the connections of a Server.
type ServerStats struct {
	Lanes      int    // connections on which nothing but plain requests has come
	HandedOver uint64 // connections that net/http has got, since the Server was made
}

// Stats returns what was counted. It does not block.
func (s *Server) Stats() ServerStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return ServerStats{Lanes: len(s.lanes), HandedOver: uint64(s.handedOver.Load())}
}

package application

import (
	"errors"
	"sync/atomic"

	"github.com/snorky-go/snorky/actors/wire"
)

// Stats count the questions of a Client since it was made. What it remembers, and does not ask, is not among them.
type Stats struct {
	Allowed  uint64
	Denied   uint64
	Failed   uint64 // without an answer: ErrNoAnswer
	UnderWay int    // with the application at the moment
	Waiting  int    // for their turn
}

type counts struct{ allowed, denied, failed atomic.Uint64 }

func (c *counts) add(allow bool, err error) {
	switch {
	case err == nil && allow:
		c.allowed.Add(1)
	case err == nil, errors.Is(err, wire.ErrNotAuthenticated), errors.Is(err, wire.ErrForbidden):
		c.denied.Add(1)
	default:
		c.failed.Add(1)
	}
}

// Stats returns what was counted. It does not block.
func (c *Client) Stats() Stats {
	return Stats{
		Allowed: c.counts.allowed.Load(), Denied: c.counts.denied.Load(), Failed: c.counts.failed.Load(),
		UnderWay: len(c.turns), Waiting: int(c.waiting.Load()),
	}
}

package token

import (
	"errors"
	"sync/atomic"

	"github.com/snorky-go/snorky/actors/wire"
)

// Stats count the tokens that a Verifier was shown since it was made.
type Stats struct {
	Accepted uint64
	Invalid  uint64 // wire.ErrInvalidToken
	Unjudged uint64 // wire.ErrUnavailable, or given up by who asked
}

type counts struct{ accepted, invalid, unjudged atomic.Uint64 }

func (c *counts) add(err error) {
	switch {
	case err == nil:
		c.accepted.Add(1)
	case errors.Is(err, wire.ErrInvalidToken):
		c.invalid.Add(1)
	default:
		c.unjudged.Add(1)
	}
}

// Stats returns what was counted. It does not block.
func (v *Verifier) Stats() Stats {
	return Stats{Accepted: v.counts.accepted.Load(), Invalid: v.counts.invalid.Load(), Unjudged: v.counts.unjudged.Load()}
}

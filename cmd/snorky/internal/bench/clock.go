package bench

import (
	"context"
	"time"
)

// clock gives the microseconds since 1970, as of its start, and from there on without the jumps of the machine's clock.
type clock struct{ start time.Time }

func (c clock) now() int64 { return c.at(time.Now()) }

func (c clock) at(t time.Time) int64 {
	return c.start.UnixMicro() + t.Sub(c.start).Microseconds()
}

// pause waits until a moment, or until ctx ends, which it tells by false.
func pause(ctx context.Context, timer *time.Timer, until time.Time) bool {
	if d := time.Until(until) - exact; d > 0 {
		timer.Reset(d)
		select {
		case <-timer.C:
		case <-ctx.Done():
			return false
		}
	}
	for d := time.Until(until); d > 0 && ctx.Err() == nil; d = time.Until(until) {
		sleepExactly(d)
	}
	return ctx.Err() == nil
}

// Package pulse finds out whether the actors are alive, by asking them again and again.
package pulse

import (
	"context"
	"errors"
	"time"
)

// ErrHangs is what a Watch reports of a probe that does not end with its context.
var ErrHangs = errors.New("the probe itself does not come back")

var errSlow = errors.New("the time for it is over")

const (
	// minWatch is how often the actors are asked at most, whatever the service manager wants.
	minWatch = 10 * time.Millisecond
	// farewell is how long a probe has for its end.
	farewell = 500 * time.Millisecond
)

// Watch asks the actors for a sign of life, and reports what came of it. It asks at half of its interval, as
// sd_watchdog_enabled(3) wants it, and an answer may take nearly as long as the rest: a machine that is merely busy must
// not cost everybody their connection.
type Watch struct {
	probe    func(context.Context) error
	every    time.Duration
	patience time.Duration
	report   func(error) // nil: they are alive

	asked chan sign // of a question that is under way; nil: there is none
}

// sign is the outcome of a probe.
type sign struct{ err error }

// NewWatch returns a Watch that calls probe, and after it report: with nil if they are alive, else with what is wrong, once
// in each half of the interval.
func NewWatch(interval time.Duration, probe func(context.Context) error, report func(error)) *Watch {
	every := max(interval/2, minWatch)
	return &Watch{probe: probe, every: every, patience: every - every/10, report: report}
}

// Run asks until ctx ends.
func (w *Watch) Run(ctx context.Context) {
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	defer w.abandon()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := w.ask(ctx); ctx.Err() == nil {
			w.report(err)
		}
	}
}

// ask returns after the time for an answer at the latest, even if the probe does not. Then the next one waits for that
// probe instead of starting another one.
func (w *Watch) ask(ctx context.Context) error {
	// The probe has a little less time, to be able to say what hangs.
	limit := time.NewTimer(w.patience)
	defer limit.Stop()
	if w.asked == nil {
		asked := make(chan sign, 1)
		w.asked = asked
		go func() {
			ctx, cancel := context.WithTimeoutCause(ctx, w.patience-w.patience/10, errSlow)
			defer cancel()
			asked <- sign{w.probe(ctx)}
		}()
	}
	select {
	case got := <-w.asked:
		w.asked = nil
		return got.err
	case <-limit.C:
		return ErrHangs
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// abandon waits for a question whose context has ended; one that does not heed that is left behind.
func (w *Watch) abandon() {
	if w.asked == nil {
		return
	}
	limit := time.NewTimer(farewell)
	defer limit.Stop()
	select {
	case <-w.asked:
	case <-limit.C:
	}
}

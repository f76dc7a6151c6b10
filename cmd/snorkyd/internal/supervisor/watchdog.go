package supervisor

import (
	"context"
	"errors"
	"time"
)

var (
	errProbeHangs = errors.New("the probe itself does not come back")
	errSlow       = errors.New("the time for it is over")
)

// minWatch is how often the actors are asked at most, whatever the service manager wants.
const minWatch = 10 * time.Millisecond

// watchdog asks the actors for a sign of life, and reports what came of it. It asks at half of the interval, as
// sd_watchdog_enabled(3) wants it, and an answer may take nearly as long as the rest: a machine that is merely busy must
// not cost everybody their connection.
type watchdog struct {
	probe    func(context.Context) error
	every    time.Duration
	patience time.Duration
	report   func(error) // nil: they are alive

	asked chan sign // of a question that is under way; nil: there is none
}

// sign is the outcome of a probe.
type sign struct{ err error }

func newWatchdog(interval time.Duration, probe func(context.Context) error, report func(error)) *watchdog {
	every := max(interval/2, minWatch)
	return &watchdog{probe: probe, every: every, patience: every - every/10, report: report}
}

// run asks until ctx ends.
func (w *watchdog) run(ctx context.Context) {
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
func (w *watchdog) ask(ctx context.Context) error {
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
		return errProbeHangs
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// abandon waits for a question whose context has ended; one that does not heed that is left behind.
func (w *watchdog) abandon() {
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

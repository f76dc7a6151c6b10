package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	tick        = 50 * time.Millisecond  // how often stalls are looked for
	reportEvery = 500 * time.Millisecond // a multiple of tick
	linger      = 200 * time.Millisecond // after the last delivery, for duplicates to show
)

// run is one run of a mode.
type run struct {
	peer   Peer
	config Config
	report Report
	clock  clock
	meter  *meter

	// soft ends when the user has had enough: nothing more is begun. hard ends some time after that, or with the run:
	// what still waits for the server is given up.
	soft, hard context.Context //nolint:containedctx // they are the run's own
	end        context.CancelFunc
	watch      sync.WaitGroup

	flows       []*flow
	connects    *recorder
	connectRate float64 // connections a second, of the first flow
	connected   atomic.Int64
	cycles      atomic.Int64
	failures    atomic.Int64 // publications, cycles
	lost        atomic.Int64 // subscribers
	first       atomic.Pointer[string]

	phaseMu sync.Mutex
	phase   string
	since   time.Time
}

func newRun(ctx context.Context, peer Peer, config Config, report Report) (*run, error) {
	if err := config.check(peer); err != nil {
		return nil, err
	}
	if config.Prefix == "" {
		config.Prefix = "bench-" + strconv.FormatUint(uint64(rand.Uint32()), 36) + "-"
	}
	r := &run{
		peer: peer, config: config, report: report, clock: clock{time.Now()}, meter: &meter{pids: config.ServerPIDs},
		soft: ctx, connects: newRecorder(),
	}
	r.hard, r.end = context.WithCancel(context.WithoutCancel(ctx))
	r.enter(PhaseConnecting)
	r.watch.Go(r.look)
	return r, nil
}

func (r *run) enter(phase string) {
	r.phaseMu.Lock()
	defer r.phaseMu.Unlock()
	r.phase, r.since = phase, time.Now()
}

// look watches over the run until it ends: for stalls, for the patience that an interruption leaves, and for the report.
func (r *run) look() {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	var interrupted time.Time
	last := tally{when: time.Now()}
	for ticks := 1; ; ticks++ {
		select {
		case <-r.hard.Done():
			return
		case now := <-ticker.C:
			for _, f := range r.running() {
				f.watcher.look(f.ledger, r.config.Stall)
			}
			if r.soft.Err() != nil && interrupted.IsZero() {
				interrupted = now
			}
			if !interrupted.IsZero() && now.Sub(interrupted) > r.config.Stall {
				r.giveUp()
			}
			if ticks%int(reportEvery/tick) != 0 {
				continue
			}
			r.meter.look()
			if r.report != nil {
				last = r.tell(last, now)
			}
		}
	}
}

// running are the flows so far. Of one that is being built, only the ledger may be looked at.
func (r *run) running() []*flow {
	r.phaseMu.Lock()
	defer r.phaseMu.Unlock()
	return r.flows
}

func (r *run) add(f *flow) {
	r.phaseMu.Lock()
	defer r.phaseMu.Unlock()
	r.flows = append(r.flows, f)
}

// giveUp ends all waiting for the server.
func (r *run) giveUp() {
	r.end()
	for _, f := range r.running() {
		f.over.Store(true)
		f.wake()
	}
}

// tally is what the last report told of.
type tally struct {
	count int64
	when  time.Time
}

func (r *run) tell(last tally, now time.Time) tally {
	r.phaseMu.Lock()
	p := Progress{Phase: r.phase, Elapsed: now.Sub(r.since)}
	r.phaseMu.Unlock()
	p.Connected, p.Cycles = int(r.connected.Load()), r.cycles.Load()
	for _, f := range r.running() {
		p.Deliveries += f.read.Load()
		p.InFlight += f.outstanding()
	}
	p.Faults = r.failures.Load() + r.lost.Load()
	count := p.Deliveries + p.Cycles
	p.PerSecond = float64(count-last.count) / max(now.Sub(last.when), tick).Seconds()
	r.report(p)
	return tally{count, now}
}

// close ends everything that the run has started, and waits for it.
func (r *run) close() {
	r.giveUp()
	r.watch.Wait()
	for _, f := range r.flows {
		f.close()
	}
}

// definite tells that a publication has not been carried out.
func definite(err error) bool {
	var refused *RefusedError
	return errors.As(err, &refused)
}

func (r *run) refused(err error) {
	r.failures.Add(1)
	r.note(err.Error())
}

// note keeps the first fault.
func (r *run) note(fault string) { r.first.CompareAndSwap(nil, &fault) }

// result begins the answer.
func (r *run) result(mode string) *Result {
	return &Result{Peer: r.peer.Name(), Mode: mode, Settings: r.config}
}

// finish waits for what is not wanted, stops everything and completes the result.
func (r *run) finish(result *Result) {
	if r.failures.Load() == 0 && r.hard.Err() == nil {
		timer := time.NewTimer(linger)
		select {
		case <-timer.C:
		case <-r.hard.Done():
			timer.Stop()
		}
	}
	result.Interrupted = r.soft.Err() != nil
	slow := &Slow{Codes: map[int]int{}}
	for _, f := range r.flows {
		f.stop()
		f.drainSlow()
		f.audit(&result.Faults, slow)
	}
	if slow.Subscribers > 0 {
		result.Slow = slow
		result.Faults.Missing += slow.Gaps
	}
	result.Faults.Refused = r.failures.Load()
	if first := r.first.Load(); first != nil {
		result.Faults.First = *first
	} else if result.Faults.Total() > 0 {
		result.Faults.First = result.Faults.describe()
	}
	result.Connect = r.connects.percentiles()
}

// describe says in words what there is most reason to look at.
func (f Faults) describe() string {
	switch {
	case f.Missing > 0:
		return fmt.Sprintf("%d deliveries are missing", f.Missing)
	case f.Duplicated > 0:
		return fmt.Sprintf("%d deliveries came twice", f.Duplicated)
	case f.OutOfOrder > 0:
		return fmt.Sprintf("%d deliveries came out of order", f.OutOfOrder)
	case f.Misrouted > 0:
		return fmt.Sprintf("%d deliveries came to subscribers of another channel", f.Misrouted)
	default:
		return fmt.Sprintf("%d deliveries are not what was published", f.Damaged)
	}
}

func (s *Slow) add(sub *subscriber) {
	s.Subscribers++
	if sub.gone {
		s.Cut++
	}
	if sub.closed != 0 {
		s.Codes[sub.closed]++
	}
	s.Gaps += int64(len(sub.gaps)) + sub.lost
}

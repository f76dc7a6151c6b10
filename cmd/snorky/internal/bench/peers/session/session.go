package session

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/snorky-go/snorky/cmd/snorky/internal/bench"

	"github.com/snorky-go/snorky/cmd/snorky/internal/bench/peers/peer"
	"github.com/snorky-go/snorky/cmd/snorky/internal/bench/peers/report"
)

// Options say how thorough a session is.
type Options struct {
	Rounds int
	// Noise is the part of the machine's processor time that others may use during a run; a run beyond is repeated.
	Noise float64
	// Repeats is how often one run is repeated at most, for noise or because nothing could be measured.
	Repeats int
	// Say takes a line about what goes on.
	Say func(format string, args ...any)
	// Keep takes each run as it ends.
	Keep func(report.Run) error
}

// measure does a scenario with a fresh server once.
type measure func(ctx context.Context, kind peer.Kind, s Scenario) (*bench.Result, error)

// Session is a going through of scenarios.
type Session struct {
	options   Options
	id        int
	kinds     []peer.Kind // that can be had
	scenarios []Scenario
	measure   measure
	cpus      int
}

// New is a session of kinds that have been prepared.
func New(id int, kinds []peer.Kind, scenarios []Scenario, workshop *peer.Workshop, options Options) *Session {
	return &Session{options, id, kinds, scenarios, inWorkshop(workshop), runtime.NumCPU()}
}

// Run goes through all rounds. In a round each scenario has all its servers follow one another; each round another one
// is the first, so that none always runs after the same. An error is one of Keep or of ctx: what a server does wrong is
// kept with the run.
func (s *Session) Run(ctx context.Context) error {
	for round := range s.options.Rounds {
		for _, scenario := range s.scenarios {
			for _, kind := range turned(s.taking(scenario), round) {
				if err := s.once(ctx, kind, scenario, round+1); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// taking are the kinds that take part.
func (s *Session) taking(scenario Scenario) []peer.Kind {
	return slices.DeleteFunc(slices.Clone(s.kinds), func(k peer.Kind) bool {
		return !slices.Contains(scenario.Peers, k.Name)
	})
}

// turned has another element first each round.
func turned(kinds []peer.Kind, round int) []peer.Kind {
	if len(kinds) == 0 {
		return nil
	}
	first := round % len(kinds)
	return append(slices.Clone(kinds[first:]), kinds[:first]...)
}

// once measures until a run is good, or has been repeated often enough. Then the best of them is kept.
func (s *Session) once(ctx context.Context, kind peer.Kind, scenario Scenario, round int) error {
	var attempts []report.Run
	for len(attempts) <= s.options.Repeats {
		run := report.Run{
			Session: s.id, Scenario: scenario.Name, Peer: kind.Name, Round: round, Attempt: len(attempts) + 1,
		}
		result, err := s.measure(ctx, kind, scenario)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			run.Failed = err.Error()
		} else {
			run.Figures, run.Other = report.FiguresOf(result), s.other(result)
			// Memory is what it is, whoever uses the processors.
			run.Noisy = scenario.Mode != "idle" && run.Other > s.options.Noise
		}
		s.options.Say("round %d/%d  %-14s %-18s %s", round, s.options.Rounds, scenario.Name, kind.Name, summary(run, scenario))
		attempts = append(attempts, run)
		if run.Failed == "" && !run.Noisy {
			break
		}
	}
	kept := best(attempts)
	for i, run := range attempts {
		switch {
		case i == kept:
		case run.Failed != "":
			run.Discarded = "nothing was measured"
		default:
			run.Discarded = fmt.Sprintf("others used %.1f %% of the machine", 100*run.Other)
		}
		if err := s.options.Keep(run); err != nil {
			return err
		}
	}
	return nil
}

// best is the run with the least noise of those in which something was measured, or the last of all.
func best(attempts []report.Run) int {
	found := len(attempts) - 1
	for i, run := range attempts {
		if run.Failed == "" && (attempts[found].Failed != "" || run.Other < attempts[found].Other) {
			found = i
		}
	}
	return found
}

// other is the part of the machine that neither server nor client used.
func (s *Session) other(r *bench.Result) float64 {
	if r.Seconds <= 0 {
		return 0
	}
	return r.CPU.Other / r.Seconds / float64(s.cpus)
}

// summary is a run in a line.
func summary(run report.Run, scenario Scenario) string {
	f := run.Figures
	if f == nil {
		return "failed: " + run.Failed
	}
	var text string
	switch scenario.Mode {
	case "fanout":
		text = fmt.Sprintf("%8.0f thousand/s  %6.3f µs  %4.0f MiB", f.DeliveriesPerSecond/1e3, f.CPU.ServerPerMillion, f.Memory.ServerPeak/(1<<20))
	case "latency":
		text = fmt.Sprintf("p50 %.3f  p99 %.3f  max %.3f ms", f.Latency.P50, f.Latency.P99, f.Latency.Max)
	case "churn":
		text = fmt.Sprintf("%.0f cycles per CPU second, %.0f/s", f.CyclesPerServerCPUSecond, f.CyclesPerSecond)
	case "idle":
		text = fmt.Sprintf("%.0f bytes each, %.0f at the peak", f.Memory.PerConnection, f.Memory.PeakPerConnection)
	}
	text += fmt.Sprintf("  others %.1f %%", 100*run.Other)
	if f.Faults.Total() > 0 {
		text += "  FAULTS: " + f.Faults.First
	}
	if run.Noisy {
		text += "  (too much)"
	}
	return text
}

// inWorkshop starts a server, measures it and stops it.
func inWorkshop(workshop *peer.Workshop) measure {
	return func(ctx context.Context, kind peer.Kind, s Scenario) (*bench.Result, error) {
		debug.FreeOSMemory() // what the last run left is not collected during this one
		server, err := kind.Start(ctx, workshop)
		if err != nil {
			return nil, err
		}
		defer server.Stop()
		config := s.Config
		config.ServerPIDs = server.PIDs()
		modes := map[string]func(context.Context, bench.Peer, bench.Config, bench.Report) (*bench.Result, error){
			"fanout": bench.Fanout, "latency": bench.Latency, "idle": bench.Idle, "churn": bench.Churn,
		}
		result, err := modes[s.Mode](ctx, server, config, nil)
		if err != nil {
			return nil, fmt.Errorf("%w: %s", err, server.Complaints())
		}
		if result.Interrupted {
			return nil, errors.New("interrupted")
		}
		return result, nil
	}
}

// Prepare gets ready what can be had of some kinds, and tells of each what results keep. What cannot be had is left out
// of prepared, and said loudly.
func Prepare(ctx context.Context, kinds []peer.Kind, workshop *peer.Workshop, say func(string, ...any)) (
	prepared []peer.Kind, records []report.Peer, err error,
) {
	for _, k := range kinds {
		began := time.Now()
		version, err := k.Prepare(ctx, workshop)
		if ctx.Err() != nil {
			return nil, nil, ctx.Err()
		}
		record := report.Peer{Name: k.Name, Title: k.Title, Setup: k.Setup, Version: version, Floor: k.Floor}
		if err != nil {
			record.LeftOut = err.Error()
			say("LEFT OUT  %-18s %v", k.Name, err)
		} else {
			prepared = append(prepared, k)
			say("ready     %-18s %s (%.0f s)", k.Name, version, time.Since(began).Seconds())
		}
		records = append(records, record)
	}
	if len(prepared) == 0 {
		return nil, nil, errors.New("no server can be had")
	}
	return prepared, records, nil
}

// Record is how results remember a session.
func Record(id int, peers []report.Peer, scenarios []Scenario, system string, rounds int, arguments string) report.Session {
	r := report.Session{
		ID: id, CPUs: runtime.NumCPU(), System: system, Go: runtime.Version(), Rounds: rounds, Arguments: arguments, Peers: peers,
	}
	var names []string
	for _, p := range peers {
		names = append(names, p.Name)
	}
	for _, s := range scenarios {
		r.Scenarios = append(r.Scenarios, s.record(names))
	}
	return r
}

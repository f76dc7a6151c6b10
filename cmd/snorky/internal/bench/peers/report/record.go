// Package report keeps what was measured, and makes tables and plots of it.
package report

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/snorky-go/snorky/cmd/snorky/internal/bench"
)

// Session is what all runs of one go have in common.
type Session struct {
	ID        int        `json:"id"`
	CPUs      int        `json:"cpus"`
	System    string     `json:"system"` // the kernel's name and release
	Go        string     `json:"go"`
	Rounds    int        `json:"rounds"`
	Arguments string     `json:"arguments"` // what was asked for beyond the defaults, besides the scenarios
	Peers     []Peer     `json:"peers"`
	Scenarios []Scenario `json:"scenarios"`
}

// Peer is a server as it was measured.
type Peer struct {
	Name    string `json:"name"`
	Title   string `json:"title"`
	Setup   string `json:"setup"`
	Version string `json:"version"`
	Floor   bool   `json:"floor"`
	// LeftOut says why it was not measured; empty: it was.
	LeftOut string `json:"left_out,omitempty"`
}

// Scenario is the work that all peers were given. What a mode has no use for is zero.
type Scenario struct {
	Name        string  `json:"name"`
	Mode        string  `json:"mode"` // as in bench.Result
	Subscribers int     `json:"subscribers"`
	Rate        float64 `json:"rate,omitempty"`
	Size        int     `json:"size,omitempty"`
	Publishers  int     `json:"publishers,omitempty"`
	Window      int     `json:"window,omitempty"`
	Seconds     float64 `json:"seconds,omitempty"`
	// Peers are those that take part, by name.
	Peers []string `json:"peers"`
}

// Run is one peer at work once.
type Run struct {
	Session  int    `json:"session"`
	Scenario string `json:"scenario"`
	Peer     string `json:"peer"`
	Round    int    `json:"round"`   // from 1
	Attempt  int    `json:"attempt"` // from 1
	// Other is the part of the machine's processor time that went to neither server nor client.
	Other float64 `json:"other"`
	// Noisy tells that this was too much. Such a run is kept when none of the repetitions was better.
	Noisy bool `json:"noisy,omitempty"`
	// Discarded says why the run is in no table; empty: it is.
	Discarded string `json:"discarded,omitempty"`
	// Failed says why nothing was measured.
	Failed  string   `json:"failed,omitempty"`
	Figures *Figures `json:"figures,omitempty"`
}

// Figures are those of bench.Result.
type Figures struct {
	Seconds                  float64            `json:"seconds"`
	Messages                 int64              `json:"messages"`
	Deliveries               int64              `json:"deliveries"`
	DeliveriesPerSecond      float64            `json:"deliveries_per_s"`
	Latency                  *bench.Percentiles `json:"latency_ms,omitempty"`
	Lag                      *bench.Percentiles `json:"lag_ms,omitempty"`
	Cycle                    *bench.Percentiles `json:"cycle_ms,omitempty"`
	ConnectsPerSecond        float64            `json:"connects_per_s"`
	CyclesPerSecond          float64            `json:"cycles_per_s"`
	CyclesPerServerCPUSecond float64            `json:"cycles_per_server_cpu_s"`
	CPU                      bench.CPU          `json:"cpu"`
	Memory                   bench.Memory       `json:"memory"`
	Faults                   bench.Faults       `json:"faults"`
}

// FiguresOf takes over what tables are made of.
func FiguresOf(r *bench.Result) *Figures {
	return &Figures{
		r.Seconds, r.Messages, r.Deliveries, r.DeliveriesPerSecond, r.Latency, r.Lag, r.Cycle, r.ConnectsPerSecond,
		r.CyclesPerSecond, r.CyclesPerServerCPUSecond, r.CPU, r.Memory, r.Faults,
	}
}

// Records are sessions and their runs.
type Records struct {
	Sessions []Session
	Runs     []Run
}

// line is one of a file: a session or a run.
type line struct {
	Session *Session `json:"session,omitempty"`
	Run     *Run     `json:"run,omitempty"`
}

// Read reads JSON lines up to the end.
func Read(r io.Reader) (Records, error) {
	var all Records
	decoder := json.NewDecoder(bufio.NewReader(r))
	for n := 1; ; n++ {
		var l line
		switch err := decoder.Decode(&l); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return all, fmt.Errorf("record %d: %w", n, err)
		case l.Session != nil:
			all.Sessions = append(all.Sessions, *l.Session)
		case l.Run != nil:
			all.Runs = append(all.Runs, *l.Run)
		default:
			return all, fmt.Errorf("record %d is neither a session nor a run", n)
		}
	}
}

// WriteSession and WriteRun write one line each.
func WriteSession(w io.Writer, s Session) error { return json.NewEncoder(w).Encode(line{Session: &s}) }

// WriteRun writes one line.
func WriteRun(w io.Writer, r Run) error { return json.NewEncoder(w).Encode(line{Run: &r}) }

// Without leaves out the runs of some scenarios, and the sessions of which nothing is left then. The sessions get
// numbers from 1 on.
func (r Records) Without(scenarios []string) Records {
	var kept Records
	renamed := make(map[int]int)
	for _, run := range r.Runs {
		if slices.Contains(scenarios, run.Scenario) {
			continue
		}
		if renamed[run.Session] == 0 {
			renamed[run.Session] = len(renamed) + 1
		}
		run.Session = renamed[run.Session]
		kept.Runs = append(kept.Runs, run)
	}
	for _, s := range r.Sessions {
		if id := renamed[s.ID]; id > 0 {
			s.ID = id
			kept.Sessions = append(kept.Sessions, s)
		}
	}
	slices.SortFunc(kept.Sessions, func(a, b Session) int { return a.ID - b.ID })
	return kept
}

// Write writes sessions, each before its runs.
func (r Records) Write(w io.Writer) error {
	for _, s := range r.Sessions {
		if err := WriteSession(w, s); err != nil {
			return err
		}
		for _, run := range r.Runs {
			if run.Session != s.ID {
				continue
			}
			if err := WriteRun(w, run); err != nil {
				return err
			}
		}
	}
	return nil
}

// Wrong says what went wrong in the last session: runs in which nothing could be measured, and runs with faults.
func (r Records) Wrong() []string {
	var found []string
	if len(r.Sessions) == 0 {
		return nil
	}
	last := r.Sessions[len(r.Sessions)-1].ID
	for _, run := range r.Runs {
		if run.Session != last {
			continue
		}
		where := fmt.Sprintf("%s of %s in round %d", run.Scenario, run.Peer, run.Round)
		switch {
		case run.Failed != "" && run.Discarded == "": // one that was repeated is no matter
			found = append(found, where+" failed: "+run.Failed)
		case run.Figures != nil && run.Figures.Faults.Total() > 0:
			found = append(found, where+": "+run.Figures.Faults.First)
		}
	}
	return found
}

package report

import (
	"fmt"
	"math"
	"slices"

	"github.com/snorky-go/snorky/cmd/snorky/internal/bench"
)

// Median is the value in the middle, or the mean of the two there; NaN of nothing.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// figure is a value that was measured several times.
type figure struct {
	median, low, high float64
	count             int
}

func figureOf(values []float64) figure {
	if len(values) == 0 {
		return figure{median: math.NaN(), low: math.NaN(), high: math.NaN()}
	}
	return figure{Median(values), slices.Min(values), slices.Max(values), len(values)}
}

// Line is a straight line through points: y = At0 + Slope x.
type Line struct {
	Slope, At0 float64
	// Off is the largest distance of a point from it, as a part of the point's y.
	Off float64
}

// Fit is the line with the smallest squares of distances (in y). It needs two different x.
func Fit(x, y []float64) (Line, error) {
	var meanX, meanY float64
	for i := range x {
		meanX += x[i] / float64(len(x))
		meanY += y[i] / float64(len(x))
	}
	var covariance, variance float64
	for i := range x {
		covariance += (x[i] - meanX) * (y[i] - meanY)
		variance += (x[i] - meanX) * (x[i] - meanX)
	}
	if variance == 0 {
		return Line{}, fmt.Errorf("a line through %d points of one x", len(x))
	}
	l := Line{Slope: covariance / variance}
	l.At0 = meanY - l.Slope*meanX
	for i := range x {
		if y[i] != 0 {
			l.Off = max(l.Off, math.Abs(l.At(x[i])/y[i]-1))
		}
	}
	return l, nil
}

// At is the y of an x.
func (l Line) At(x float64) float64 { return l.At0 + l.Slope*x }

// row is one peer in one scenario.
type row struct {
	peer      Peer
	runs      []*Figures
	repeated  []*Figures // what was measured in runs that are in no table
	discarded int        // runs that were repeated
	noisy     int        // runs that are kept though others used the machine
	failed    string
}

// of is a figure over the runs.
func (r row) of(pick func(*Figures) float64) figure {
	values := make([]float64, 0, len(r.runs))
	for _, f := range r.runs {
		values = append(values, pick(f))
	}
	return figureOf(values)
}

// faults adds up those of all runs, also of those that were repeated: noise is no excuse for a loss.
func (r row) faults() (sum bench.Faults) {
	for _, f := range slices.Concat(r.runs, r.repeated) {
		sum.Missing += f.Faults.Missing
		sum.Duplicated += f.Faults.Duplicated
		sum.OutOfOrder += f.Faults.OutOfOrder
		sum.Misrouted += f.Faults.Misrouted
		sum.Damaged += f.Faults.Damaged
		sum.Disconnected += f.Faults.Disconnected
		sum.Refused += f.Faults.Refused
	}
	return sum
}

// comparison is all peers in one scenario of one session.
type comparison struct {
	session  Session
	scenario Scenario
	rows     []row // in the order of the session's peers
}

// comparisons are the scenarios that have runs, in the order of the sessions; of each the last session that has it.
func (r Records) comparisons() []comparison {
	latest := make(map[string]int) // session by scenario
	for _, run := range r.Runs {
		latest[run.Scenario] = max(latest[run.Scenario], run.Session)
	}
	var all []comparison
	for _, s := range r.Sessions {
		for _, scenario := range s.Scenarios {
			if latest[scenario.Name] == s.ID {
				all = append(all, r.compare(s, scenario))
			}
		}
	}
	return all
}

func (r Records) compare(s Session, scenario Scenario) comparison {
	c := comparison{session: s, scenario: scenario}
	for _, peer := range s.Peers {
		if !slices.Contains(scenario.Peers, peer.Name) {
			continue
		}
		of := row{peer: peer, failed: peer.LeftOut}
		for _, run := range r.Runs {
			if run.Session != s.ID || run.Scenario != scenario.Name || run.Peer != peer.Name {
				continue
			}
			switch {
			case run.Discarded != "":
				of.discarded++
				if run.Figures != nil {
					of.repeated = append(of.repeated, run.Figures)
				}
			case run.Failed != "":
				of.failed = run.Failed
			case run.Figures != nil:
				of.runs = append(of.runs, run.Figures)
				if run.Noisy {
					of.noisy++
				}
			}
		}
		c.rows = append(c.rows, of)
	}
	return c
}

// find is the row of a peer that was measured.
func (c comparison) find(name string) (row, bool) {
	for _, r := range c.rows {
		if r.peer.Name == name && len(r.runs) > 0 {
			return r, true
		}
	}
	return row{}, false
}

// ratio divides the median of one peer by that of another; NaN where one was not measured.
func (c comparison) ratio(over, under string, pick func(*Figures) float64) float64 {
	a, ok := c.find(over)
	b, also := c.find(under)
	if !ok || !also {
		return math.NaN()
	}
	return a.of(pick).median / b.of(pick).median
}

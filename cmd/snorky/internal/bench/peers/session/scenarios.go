// Package session puts the same work on all servers, in turn.
package session

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/snorky-go/snorky/cmd/snorky/internal/bench"

	"github.com/snorky-go/snorky/cmd/snorky/internal/bench/peers/report"
)

// Scenario is some work, and who does it.
type Scenario struct {
	Name   string
	Mode   string // as in bench.Result
	Config bench.Config
	Peers  []string // names of kinds
}

const size = 128 // of a payload, in bytes

// The peers of the scenarios. Those that only show a floor show one of writing: one message at a time is written in one
// way only, and memory and handshakes are not what they are about.
var (
	everybody = []string{
		"snorky", "snorky-portable", "centrifuge", "centrifuge-tuned", "nats", "nchan", "nchan-2", "socketio", "limit", "limit-coalesce",
	}
	oneFloor  = without(everybody, "limit")
	noFloor   = without(oneFloor, "limit-coalesce")
	ownKinds  = []string{"snorky", "snorky-portable"}
	fanouts   = []int{100, 1000, 5000}
	latencies = []float64{20, 100}
)

func without(names []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == name })
}

// Scenarios are all there are, in the order in which they are gone through.
func Scenarios() []Scenario {
	var all []Scenario
	for _, n := range fanouts {
		c := base(n, 4*time.Second)
		// Longer than a client would wait; the server does not pay for waking it after each write.
		c.Sweep = time.Millisecond
		all = append(all, Scenario{fmt.Sprintf("fanout-%d", n), "fanout", c, everybody})
	}
	for _, rate := range latencies {
		c := base(1000, 10*time.Second)
		c.Rate = rate
		all = append(all, Scenario{fmt.Sprintf("latency-%g", rate), "latency", c, oneFloor})
	}
	churn := base(16, 5*time.Second)
	all = append(all, Scenario{"churn", "churn", churn, noFloor})
	for _, idle := range []struct {
		connections int
		peers       []string
	}{
		{5_000, ownKinds},
		{10_000, noFloor},
		{19_000, ownKinds}, // a process often may have 20,000 descriptors
	} {
		all = append(all, Scenario{fmt.Sprintf("idle-%d", idle.connections), "idle", base(idle.connections, time.Second), idle.peers})
	}
	return all
}

func base(subscribers int, duration time.Duration) bench.Config {
	c := bench.Defaults()
	c.Subscribers, c.Size, c.Duration = subscribers, size, duration
	c.Prefix = "c" // the floor sends the name that this gives
	c.Sources = 32 // loopback addresses, since each has some 28,000 ports and a closed connection keeps one for a minute
	return c
}

// Select picks scenarios by name or by mode; none stand for all.
func Select(all []Scenario, names []string) ([]Scenario, error) {
	if len(names) == 0 {
		return all, nil
	}
	var picked []Scenario
	for _, s := range all {
		if slices.Contains(names, s.Name) || slices.Contains(names, s.Mode) {
			picked = append(picked, s)
		}
	}
	for _, name := range names {
		if !slices.ContainsFunc(all, func(s Scenario) bool { return s.Name == name || s.Mode == name }) {
			var known []string
			for _, s := range all {
				known = append(known, s.Name)
			}
			return nil, fmt.Errorf("there is no scenario %q; there are %s, and the modes fanout, latency, churn, idle",
				name, strings.Join(known, ", "))
		}
	}
	return picked, nil
}

// record is how results remember a scenario, with those peers that were asked for.
func (s Scenario) record(peers []string) report.Scenario {
	r := report.Scenario{Name: s.Name, Mode: s.Mode, Subscribers: s.Config.Subscribers}
	for _, name := range s.Peers {
		if slices.Contains(peers, name) {
			r.Peers = append(r.Peers, name)
		}
	}
	switch s.Mode {
	case "fanout":
		r.Size, r.Publishers, r.Window = s.Config.Size, s.Config.Publishers, s.Config.Window
	case "latency":
		r.Size, r.Rate = s.Config.Size, s.Config.Rate
	}
	if s.Mode != "idle" { // which takes the time that it takes
		r.Seconds = s.Config.Duration.Seconds()
	}
	return r
}

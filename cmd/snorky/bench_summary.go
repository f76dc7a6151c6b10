package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/snorky-go/snorky/cmd/snorky/internal/bench"
)

// summary is the table for people.
func (a *app) summary(r *bench.Result, peer *bench.Snorky) error {
	t := &table{}
	fmt.Fprintf(&t.text, "%s at %s: %s\n", r.Mode, peer.SubscribeAddr(), workOf(r))
	if r.Interrupted {
		t.row("interrupted", "these are the figures so far")
	}
	t.traffic(r)
	t.cycles(r)
	t.percentiles(r)
	if r.Connect != nil {
		t.row("connecting", "%s a second", grouped(r.ConnectsPerSecond))
	}
	t.server(r)
	t.others(r)
	t.faults(r.Faults)
	return a.line([]byte(strings.TrimSuffix(t.text.String(), "\n")))
}

func workOf(r *bench.Result) string {
	s := r.Settings
	switch r.Mode {
	case "churn":
		return count(s.Subscribers, "loop")
	case "idle":
		return count(s.Subscribers, "subscriber") + ", " + count(s.Channels, "channel")
	}
	work := fmt.Sprintf("%s, %s, %d bytes, %s", count(s.Subscribers, "subscriber"), count(s.Channels, "channel"), s.Size,
		count(s.Publishers, "publisher"))
	if r.Mode == "latency" {
		return work + fmt.Sprintf(", %g messages a second", s.Rate)
	}
	return work + fmt.Sprintf(", window %d, batch %d", s.Window, s.Batch)
}

// table is text in two columns.
type table struct{ text strings.Builder }

func (t *table) row(name, format string, args ...any) {
	fmt.Fprintf(&t.text, "  %-26s %s\n", name, fmt.Sprintf(format, args...))
}

func (t *table) traffic(r *bench.Result) {
	switch {
	case r.Mode == "idle":
		t.row("alive", "%s of %s", grouped(float64(r.Deliveries)), grouped(float64(r.Settings.Subscribers)))
	case r.Mode != "churn":
		t.row("deliveries", "%s of %s messages in %.2f s", grouped(float64(r.Deliveries)), grouped(float64(r.Messages)), r.Seconds)
		t.row("deliveries/s", "%s", grouped(r.DeliveriesPerSecond))
		t.row("messages/s", "%s", grouped(r.PublishesPerSecond))
	}
}

func (t *table) cycles(r *bench.Result) {
	if r.Mode != "churn" {
		return
	}
	t.row("cycles", "%s in %.2f s", grouped(float64(r.Cycles)), r.Seconds)
	t.row("cycles/s", "%s", grouped(r.CyclesPerSecond))
	if r.CyclesPerServerCPUSecond > 0 {
		t.row("cycles/server CPU s", "%s", grouped(r.CyclesPerServerCPUSecond))
	}
}

func (t *table) percentiles(r *bench.Result) {
	head := true
	for _, p := range []struct {
		name string
		of   *bench.Percentiles
	}{{"latency, ms", r.Latency}, {"client's own lag, ms", r.Lag}, {"cycle, ms", r.Cycle}, {"to connect, ms", r.Connect}} {
		if p.of == nil {
			continue
		}
		if head {
			head = false
			t.row("", "%9s %9s %9s %9s %9s", "p50", "p90", "p99", "p99.9", "max")
		}
		t.row(p.name, "%9.3f %9.3f %9.3f %9.3f %9.3f", p.of.P50, p.of.P90, p.of.P99, p.of.P999, p.of.Max)
	}
}

const mebi = 1 << 20

// server tells what is known by its processes only.
func (t *table) server(r *bench.Result) {
	known := len(r.Settings.ServerPIDs) > 0
	if known && r.Mode == "idle" {
		t.row("server memory", "%.1f MiB before, %.1f after, %.1f at most", r.Memory.ServerBefore/mebi, r.Memory.ServerAfter/mebi,
			r.Memory.ServerPeak/mebi)
		t.row("server, per connection", "%s bytes at rest, %s at most", grouped(r.Memory.PerConnection),
			grouped(r.Memory.PeakPerConnection))
		t.row("server CPU while idle", "%.2f %% of a processor", r.CPU.ServerIdlePercent)
	} else if known {
		t.row("server memory, at most", "%.1f MiB", r.Memory.ServerPeak/mebi)
	}
	if r.Mode == "idle" {
		t.row("kernel, per connection", "%s bytes of buffers, %s of structures", grouped(r.Memory.KernelBuffersPerConnection),
			grouped(r.Memory.KernelStructuresPerConnection))
	}
	if !known {
		t.row("CPU seconds", "client %.2f, all others %.2f", r.CPU.Client, r.CPU.Other)
		return
	}
	t.row("CPU seconds", "server %.2f, client %.2f, other %.2f", r.CPU.Server, r.CPU.Client, r.CPU.Other)
	if r.CPU.ServerPerMillion > 0 {
		t.row("CPU s/million deliveries", "server %.3f, client %.3f", r.CPU.ServerPerMillion, r.CPU.ClientPerMillion)
	}
}

// others tells of subscribers that are not those who are measured.
func (t *table) others(r *bench.Result) {
	if b := r.Beside; b != nil {
		t.row("beside", "%s deliveries/s to %s of a busy channel", grouped(b.DeliveriesPerSecond), count(b.Subscribers, "subscriber"))
	}
	s := r.Slow
	if s == nil {
		return
	}
	codes := make([]string, 0, len(s.Codes))
	for code, n := range s.Codes {
		codes = append(codes, fmt.Sprintf("%d with code %d", n, code))
	}
	slices.Sort(codes)
	text := fmt.Sprintf("%d of %d cut by the server", s.Cut, s.Subscribers)
	if len(codes) > 0 {
		text += " (" + strings.Join(codes, ", ") + ")"
	}
	t.row("slow readers", "%s", text)
}

func (t *table) faults(f bench.Faults) {
	if f.Total() == 0 {
		t.row("faults", "none")
		return
	}
	for _, fault := range []struct {
		name string
		n    int64
	}{
		{"missing", f.Missing},
		{"duplicated", f.Duplicated},
		{"out of order", f.OutOfOrder},
		{"misrouted", f.Misrouted},
		{"damaged", f.Damaged},
		{"disconnected", f.Disconnected},
		{"refused or failed", f.Refused},
	} {
		if fault.n > 0 {
			t.row("FAULT: "+fault.name, "%s", grouped(float64(fault.n)))
		}
	}
	t.row("the first", "%s", printable(f.First))
}

package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/snorky-go/snorky/cmd/snorky/internal/bench"
)

// The names of the peers that others are compared to.
const (
	own   = "snorky"
	floor = "limit-coalesce"
)

// Section is a part of the document, between the markers of its name.
type Section struct {
	Name string
	Text string // Markdown; ends in a line break
}

// Sections are all tables that the records allow.
func Sections(r Records) []Section {
	var all []Section
	comparisons := r.comparisons()
	for _, c := range comparisons {
		all = append(all, Section{c.scenario.Name, c.text()})
	}
	if s, ok := growth(comparisons); ok {
		all = append(all, s)
	}
	if s, ok := setup(comparisons); ok {
		all = append(all, s)
	}
	return all
}

// text is the table of a scenario and what stands below it.
func (c comparison) text() string {
	var t table
	switch c.scenario.Mode {
	case "fanout":
		t = c.fanout()
	case "latency":
		t = c.latency()
	case "idle":
		t = c.idle()
	case "churn":
		t = c.churn()
	}
	return c.warning() + t.String() + "\n" + c.footer()
}

// warning stands above figures that somebody might otherwise believe.
func (c comparison) warning() string {
	runs, noisy := 0, 0
	for _, r := range c.rows {
		runs += len(r.runs)
		noisy += r.noisy
	}
	if 2*noisy <= runs {
		return ""
	}
	return fmt.Sprintf("> **Not to be relied on:** others used too much of the machine in %d of %d runs.\n\n", noisy, runs)
}

// fill adds a row for each peer, made by cells, or one that says why there is none.
func (c comparison) fill(t *table, cells func(row) []string) {
	for _, r := range c.rows {
		switch {
		case len(r.runs) > 0:
			t.add(append([]string{r.peer.Title}, cells(r)...)...)
		case r.failed != "":
			t.remark(r.peer.Title, "not measured: "+oneLine(r.failed))
		default:
			t.remark(r.peer.Title, "not measured")
		}
	}
}

func (c comparison) fanout() table {
	t := table{head: []string{
		"server", "thousand deliveries/s", "lowest … highest", "Snorky ÷ this", "CPU µs per delivery", "÷ limit",
		"peak MiB", "faults",
	}}
	rate := func(f *Figures) float64 { return f.DeliveriesPerSecond }
	cost := func(f *Figures) float64 { return f.CPU.ServerPerMillion }
	c.fill(&t, func(r row) []string {
		return []string{
			r.of(rate).thousands(), r.of(rate).spread(), times(c.ratio(own, r.peer.Name, rate)),
			digits(r.of(cost).median, 3), times(c.ratio(r.peer.Name, floor, cost)),
			mib(r.of(func(f *Figures) float64 { return f.Memory.ServerPeak }).median), faults(r),
		}
	})
	return t
}

func (c comparison) latency() table {
	t := table{head: []string{
		"server", "p50 ms", "p90 ms", "p99 ms", "p99.9 ms", "max ms", "p50 ÷ limit", "p99 ÷ limit",
		"CPU µs per delivery", "faults",
	}}
	at := func(pick func(*bench.Percentiles) float64) func(*Figures) float64 {
		return func(f *Figures) float64 {
			if f.Latency == nil {
				return math.NaN()
			}
			return pick(f.Latency)
		}
	}
	p50 := at(func(p *bench.Percentiles) float64 { return p.P50 })
	p99 := at(func(p *bench.Percentiles) float64 { return p.P99 })
	c.fill(&t, func(r row) []string {
		show := func(pick func(*Figures) float64) string { return digits(r.of(pick).median, 3) }
		return []string{
			show(p50), show(at(func(p *bench.Percentiles) float64 { return p.P90 })), show(p99),
			show(at(func(p *bench.Percentiles) float64 { return p.P999 })),
			show(at(func(p *bench.Percentiles) float64 { return p.Max })),
			times(c.ratio(r.peer.Name, floor, p50)), times(c.ratio(r.peer.Name, floor, p99)),
			show(func(f *Figures) float64 { return f.CPU.ServerPerMillion }), faults(r),
		}
	})
	return t
}

func (c comparison) idle() table {
	t := table{head: []string{
		"server", "resident bytes each", "÷ Snorky", "at the peak", "server MiB before → at rest", "kernel bytes each",
		"CPU % at rest", "connects/s", "faults",
	}}
	each := func(f *Figures) float64 { return f.Memory.PerConnection }
	c.fill(&t, func(r row) []string {
		show := func(pick func(*Figures) float64) string { return digits(r.of(pick).median, 1) }
		return []string{
			show(each), times(c.ratio(r.peer.Name, own, each)),
			show(func(f *Figures) float64 { return f.Memory.PeakPerConnection }),
			megabytes(r, func(f *Figures) float64 { return f.Memory.ServerBefore }) + " → " +
				megabytes(r, func(f *Figures) float64 { return f.Memory.ServerAfter }),
			show(kernelEach),
			digits(r.of(func(f *Figures) float64 { return f.CPU.ServerIdlePercent }).median, 2),
			show(func(f *Figures) float64 { return f.ConnectsPerSecond }), faults(r),
		}
	})
	return t
}

// kernelEach is what the kernel keeps for a connection, at both of its ends.
func kernelEach(f *Figures) float64 {
	return f.Memory.KernelStructuresPerConnection + f.Memory.KernelBuffersPerConnection
}

// megabytes is a figure with one digit behind the point, as far as differences of memory are seen in it.
func megabytes(r row, pick func(*Figures) float64) string {
	return fmt.Sprintf("%.1f", r.of(pick).median/(1<<20))
}

func (c comparison) churn() table {
	t := table{head: []string{
		"server", "cycles per CPU second", "Snorky ÷ this", "cycles/s", "p50 ms", "p99 ms", "peak MiB", "faults",
	}}
	rate := func(f *Figures) float64 { return f.CyclesPerServerCPUSecond }
	c.fill(&t, func(r row) []string {
		return []string{
			digits(r.of(rate).median, 1), times(c.ratio(own, r.peer.Name, rate)),
			digits(r.of(func(f *Figures) float64 { return f.CyclesPerSecond }).median, 1),
			digits(r.of(cycle(func(p *bench.Percentiles) float64 { return p.P50 })).median, 3),
			digits(r.of(cycle(func(p *bench.Percentiles) float64 { return p.P99 })).median, 3),
			mib(r.of(func(f *Figures) float64 { return f.Memory.ServerPeak }).median), faults(r),
		}
	})
	return t
}

func cycle(pick func(*bench.Percentiles) float64) func(*Figures) float64 {
	return func(f *Figures) float64 {
		if f.Cycle == nil {
			return math.NaN()
		}
		return pick(f.Cycle)
	}
}

// faults says what went wrong in all runs together: missing, duplicated, out of order, and what else there was.
func faults(r row) string {
	f := r.faults()
	parts := []string{fmt.Sprintf("%d / %d / %d", f.Missing, f.Duplicated, f.OutOfOrder)}
	for _, more := range []struct {
		count int64
		what  string
	}{
		{f.Misrouted, "misrouted"},
		{f.Damaged, "damaged"},
		{f.Disconnected, "disconnected"},
		{f.Refused, "refused"},
	} {
		if more.count > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", more.count, more.what))
		}
	}
	return strings.Join(parts, ", ")
}

// footer says how the figures were made and how to get them again.
func (c comparison) footer() string {
	var b strings.Builder
	s := c.scenario
	switch s.Mode {
	case "fanout":
		fmt.Fprintf(&b, "%s subscribers of one channel, payloads of %d bytes, %d publishers as fast as the server takes it, "+
			"no more than %d messages ahead of the subscribers, %s s.",
			digits(float64(s.Subscribers), 1), s.Size, s.Publishers, s.Window, digits(s.Seconds, 1))
	case "latency":
		fmt.Fprintf(&b, "%s subscribers of one channel, payloads of %d bytes, %s messages a second, %s s. "+
			"A message counts from when it was due.",
			digits(float64(s.Subscribers), 1), s.Size, digits(s.Rate, 1), digits(s.Seconds, 1))
	case "idle":
		fmt.Fprintf(&b, "%s subscribers of one channel that nobody publishes to. Resident bytes are what the server grew "+
			"by until it rested, for each; the kernel's are those of both ends, since both are on one machine.", digits(float64(s.Subscribers), 1))
	case "churn":
		fmt.Fprintf(&b, "%d loops that connect, subscribe and leave, %s s.", s.Subscribers, digits(s.Seconds, 1))
	}
	if s.Mode != "churn" && s.Mode != "idle" {
		fmt.Fprintf(&b, " The limit is “%s”.", c.title(floor))
	}
	b.WriteString(" Faults: missing / twice / out of order.\n\n")
	b.WriteString(c.origin([]string{s.Name}))
	return b.String()
}

// origin names the command, the machine and the versions.
func (c comparison) origin(scenarios []string) string {
	command := "make bench-peers SCENARIOS=" + strings.Join(scenarios, ",")
	if c.session.Arguments != "" {
		command += " ARGS='" + c.session.Arguments + "'"
	}
	var versions []string
	for _, r := range c.rows {
		if r.peer.Version == "" || r.peer.Version == thisTree {
			continue
		}
		library, _, _ := strings.Cut(r.peer.Title, ",")
		if version := library + " " + r.peer.Version; !slices.Contains(versions, version) {
			versions = append(versions, version)
		}
	}
	text := fmt.Sprintf("`%s`: %s. %d processors, %s, %s", command, rounds(c), c.session.CPUs, c.session.System, c.session.Go)
	if len(versions) > 0 {
		text += "; " + strings.Join(versions, ", ")
	}
	return text + ".\n"
}

// thisTree is the version of what is built from the sources around.
const thisTree = "this tree"

// medians says how many rounds the figures rest on.
func medians(all ...comparison) string {
	most := 0
	for _, c := range all {
		for _, r := range c.rows {
			most = max(most, len(r.runs))
		}
	}
	if most == 1 {
		return "one round, all servers in turn"
	}
	return "medians of " + count(most, "round") + ", all servers in turn"
}

// rounds says that, and which runs were not as they should be.
func rounds(c comparison) string {
	discarded, noisy := 0, 0
	for _, r := range c.rows {
		discarded += r.discarded
		noisy += r.noisy
	}
	text := medians(c)
	if discarded > 0 {
		text += fmt.Sprintf("; %s repeated because others used the machine", count(discarded, "run"))
	}
	if noisy > 0 {
		text += fmt.Sprintf("; others used too much of the machine in %s that %s kept all the same", count(noisy, "run"), are(noisy))
	}
	return text
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func are(n int) string {
	if n == 1 {
		return "was"
	}
	return "were"
}

func (c comparison) title(name string) string {
	for _, r := range c.rows {
		if r.peer.Name == name {
			return r.peer.Title
		}
	}
	return name
}

// oneLine makes a text one that fits into a cell.
func oneLine(text string) string {
	const longest = 160
	text = strings.NewReplacer("|", "/", "\n", " ").Replace(strings.TrimSpace(text))
	if len(text) > longest {
		text = strings.ToValidUTF8(text[:longest], "") + "…"
	}
	return text
}

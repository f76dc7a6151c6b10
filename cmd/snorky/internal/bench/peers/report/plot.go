package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/snorky-go/snorky/cmd/snorky/internal/bench"
)

// Plot is a picture for the document.
type Plot struct {
	File string // name, ending in .svg
	SVG  string
}

// Plots are all pictures that the records allow.
func Plots(r Records) []Plot {
	modes := make(map[string][]comparison)
	for _, c := range r.comparisons() {
		modes[c.scenario.Mode] = append(modes[c.scenario.Mode], c)
	}
	var all []Plot
	if found := modes["fanout"]; len(found) > 0 {
		all = append(all,
			bars(caption{
				"fanout.svg", "Fan-out: deliveries per second",
				"longer is better; published over HTTP (NATS: TCP) as fast as the server takes it", "deliveries/s",
			}, found, func(f *Figures) float64 { return f.DeliveriesPerSecond }),
			bars(caption{
				"cost.svg", "Fan-out: what a delivery costs",
				"shorter is better; microseconds of the server's processor time for each delivery", "µs",
			}, found, func(f *Figures) float64 { return f.CPU.ServerPerMillion }))
	}
	if found := modes["latency"]; len(found) > 0 {
		all = append(all, spans(found))
	}
	if found := modes["churn"]; len(found) > 0 {
		all = append(all, bars(caption{
			"churn.svg", "Connect, subscribe, leave",
			"longer is better; cycles for each second of the server's processor time", "cycles per CPU second",
		}, found, func(f *Figures) float64 { return f.CyclesPerServerCPUSecond }))
	}
	idle := slices.DeleteFunc(modes["idle"], func(c comparison) bool { return len(c.rows) < 3 })
	if len(idle) > 0 {
		all = append(all, bars(caption{
			"idle.svg", "Memory for each idle subscriber",
			"shorter is better; resident bytes of the server, without what the kernel keeps", "bytes",
		}, idle, func(f *Figures) float64 { return f.Memory.PerConnection }))
	}
	return all
}

// caption is what stands around a plot.
type caption struct{ file, title, subtitle, unit string }

// plotFrame is what all plots have in common: a column of servers and a panel for each scenario.
type plotFrame struct {
	canvas
	peers []Peer
	panel float64 // width
	count int
}

func newFrame(about caption, comparisons []comparison) *plotFrame {
	f := &plotFrame{count: len(comparisons)}
	for _, c := range comparisons {
		for _, r := range c.rows {
			if !slices.ContainsFunc(f.peers, func(p Peer) bool { return p.Name == r.peer.Name }) {
				f.peers = append(f.peers, r.peer)
			}
		}
	}
	f.panel = (plotWidth - 2*margin - labelWidth - panelGap*float64(f.count)) / float64(f.count)
	f.text(margin, 30, "title", about.title)
	f.text(margin, 49, "muted", about.subtitle)
	for i, p := range f.peers {
		kind := "label"
		if p.Name == own {
			kind = "label bold"
		}
		f.text(margin+labelWidth, f.middle(i)+4, kind, p.Title)
	}
	return f
}

func (f *plotFrame) left(panel int) float64 {
	return margin + labelWidth + panelGap + float64(panel)*(f.panel+panelGap)
}

func (f *plotFrame) top() float64 { return headHeight + panelHead }

func (f *plotFrame) bottom() float64 { return f.top() + rowHeight*float64(len(f.peers)) }

func (f *plotFrame) middle(row int) float64 { return f.top() + rowHeight*(float64(row)+0.5) }

// axis draws the grid of a panel with its numbers.
func (f *plotFrame) axis(panel int, a axis, width float64, title, unit string) {
	x := f.left(panel)
	f.text(x, f.top()-10, "panel", title)
	for _, v := range a.ticks(4) {
		at := x + a.at(v)*width
		f.line(at, f.top(), at, f.bottom(), "grid")
		f.text(at, f.bottom()+16, "tick", tickText(v))
	}
	f.text(x+width/2, f.bottom()+32, "tick", unit)
}

func (f *plotFrame) row(peer Peer) int {
	return slices.IndexFunc(f.peers, func(p Peer) bool { return p.Name == peer.Name })
}

// end completes the picture.
func (f *plotFrame) end(about caption, description string, comparisons []comparison) Plot {
	height := f.bottom() + axisHeight + footHeight
	c := comparisons[0]
	f.text(margin, height-14, "muted",
		fmt.Sprintf("%d processors, %s; %s", c.session.CPUs, c.session.System, medians(comparisons...)))
	return Plot{about.file, picture(about.title, description, height, f.canvas.String())}
}

// class is how a server is coloured.
func class(p Peer) string {
	switch {
	case p.Name == own:
		return "own"
	case strings.HasPrefix(p.Name, own):
		return "kin"
	case p.Floor:
		return "floor"
	}
	return "peer"
}

func panelTitle(c comparison) string {
	switch c.scenario.Mode {
	case "latency":
		return digits(float64(c.scenario.Subscribers), 1) + " subscribers, " + digits(c.scenario.Rate, 1) + " messages/s"
	case "churn":
		return fmt.Sprintf("%d loops", c.scenario.Subscribers)
	}
	return digits(float64(c.scenario.Subscribers), 1) + " subscribers"
}

// bars draws medians as bars from 0 on one linear scale for all panels, with the lowest and the highest of the rounds.
func bars(about caption, comparisons []comparison, pick func(*Figures) float64) Plot {
	f := newFrame(about, comparisons)
	most := 0.0
	for _, c := range comparisons {
		for _, r := range c.rows {
			if len(r.runs) > 0 {
				most = max(most, r.of(pick).high)
			}
		}
	}
	if most <= 0 {
		most = 1
	}
	a := axis{0, most, false}
	width := f.panel - valueMargin
	var description strings.Builder
	for i, c := range comparisons {
		f.axis(i, a, width, panelTitle(c), about.unit)
		fmt.Fprintf(&description, "%s: ", panelTitle(c))
		for _, r := range c.rows {
			y := f.middle(f.row(r.peer))
			if len(r.runs) == 0 {
				f.text(f.left(i)+4, y+4, "muted", "not measured")
				continue
			}
			v := r.of(pick)
			f.rect(f.left(i), y-barHeight/2, max(0.5, a.at(v.median)*width), barHeight, class(r.peer))
			if v.count > 1 {
				low, high := f.left(i)+a.at(v.low)*width, f.left(i)+a.at(v.high)*width
				f.line(low-1, y, high+1, y, "halo")
				f.line(low, y, high, y, "range")
			}
			f.text(f.left(i)+a.at(max(v.median, v.high))*width+5, y+4, "", short(v.median))
			fmt.Fprintf(&description, "%s %s, ", r.peer.Title, short(v.median))
		}
	}
	return f.end(about, strings.TrimSuffix(description.String(), ", "), comparisons)
}

// spans draws percentiles of latency on one logarithmic scale for all panels.
func spans(comparisons []comparison) Plot {
	about := caption{
		"latency.svg", "Latency: from when a message was due to when a subscriber read it",
		"further left is better; full: p50, ring: p99, end of the line: p99.9", "milliseconds, logarithmic",
	}
	f := newFrame(about, comparisons)
	at := func(r row, pick func(*bench.Percentiles) float64) float64 {
		return r.of(func(f *Figures) float64 {
			if f.Latency == nil {
				return math.NaN()
			}
			return pick(f.Latency)
		}).median
	}
	low, high := math.Inf(1), 0.0
	for _, c := range comparisons {
		for _, r := range c.rows {
			if len(r.runs) > 0 {
				low = min(low, at(r, func(p *bench.Percentiles) float64 { return p.P50 }))
				high = max(high, at(r, func(p *bench.Percentiles) float64 { return p.P999 }))
			}
		}
	}
	if high <= 0 || low <= 0 || low >= high {
		low, high = 1, 10
	}
	a := axis{math.Pow(10, math.Floor(math.Log10(low))), math.Pow(10, math.Ceil(math.Log10(high))), true}
	width := f.panel - 2*panelGap
	var description strings.Builder
	for i, c := range comparisons {
		f.axis(i, a, width, panelTitle(c), about.unit)
		fmt.Fprintf(&description, "%s: ", panelTitle(c))
		for _, r := range c.rows {
			y := f.middle(f.row(r.peer))
			if len(r.runs) == 0 {
				f.text(f.left(i)+4, y+4, "muted", "not measured")
				continue
			}
			p50 := at(r, func(p *bench.Percentiles) float64 { return p.P50 })
			p99 := at(r, func(p *bench.Percentiles) float64 { return p.P99 })
			p999 := at(r, func(p *bench.Percentiles) float64 { return p.P999 })
			x := func(v float64) float64 { return f.left(i) + a.at(v)*width }
			f.line(x(p50), y, x(p999), y, "span "+class(r.peer))
			f.circle(x(p99), y, 4.5, "dot ring "+class(r.peer))
			f.circle(x(p50), y, 4.5, "dot full "+class(r.peer))
			fmt.Fprintf(&description, "%s p50 %s ms and p99 %s ms, ", r.peer.Title, digits(p50, 3), digits(p99, 3))
		}
	}
	return f.end(about, strings.TrimSuffix(description.String(), ", "), comparisons)
}

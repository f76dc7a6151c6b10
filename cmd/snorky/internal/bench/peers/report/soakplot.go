package report

import (
	"fmt"
	"slices"
	"strings"
)

// The measures of the plot of a long run, in pixels.
const (
	soakLeft   = 74.0
	soakPanel  = 104.0
	soakSpace  = 40.0 // between two panels
	soakPoints = 720  // of a line at most
)

// soakStyle is what the lines need besides the style of all plots.
const soakStyle = `<style>
.trace { fill: none; stroke-width: 1.4; stroke-linejoin: round; }
.trace.own { stroke: var(--own); } .trace.kin { stroke: var(--kin); } .trace.peer { stroke: var(--peer); }
.end { text-anchor: end; } .warm { fill: var(--grid); opacity: .45; }
.event { stroke: var(--muted); stroke-width: 1; stroke-dasharray: 1 3; }
</style>
`

// trace is a line of a plot.
type trace struct {
	name, class string
	values      []float64
}

// soakPlot is what is drawn of one run.
type soakPlot struct {
	canvas
	soak  Soak
	times axis // minutes
	top   float64
	said  []string // for those who cannot see it
}

// Plot draws the run.
func (s Soak) Plot() Plot {
	const file, title = "soak.svg", "Soak: a server under clients that come and go"
	p := &soakPlot{soak: s, times: axis{0, s.Work.Seconds / 60, false}, top: headHeight}
	if n := len(s.Samples); n > 0 {
		p.times.to = max(p.times.to, s.Samples[n-1].Seconds/60)
	}
	p.WriteString(soakStyle)
	w := s.Work
	p.text(margin, 30, "title", title)
	p.text(margin, 49, "muted", fmt.Sprintf(
		"%s clients, %g %% of them replaced each minute, %g publications/s; shaded: the warm-up, which is not judged",
		digits(float64(w.Clients), 1), w.Churn, w.Rate))
	column := func(scale float64, of func(SoakSample) float64) []float64 {
		values := s.column(of)
		for i := range values {
			values[i] /= scale
		}
		return values
	}
	p.panel("memory, MiB",
		trace{"resident", "own", column(1<<20, func(x SoakSample) float64 { return float64(x.RSS) })},
		trace{"heap", "kin", column(1<<20, func(x SoakSample) float64 { return float64(x.Heap) })})
	p.panel("descriptors and connections",
		trace{"connections", "peer", column(1, func(x SoakSample) float64 { return float64(x.Connections) })},
		trace{"descriptors", "own", column(1, func(x SoakSample) float64 { return float64(x.Descriptors) })})
	p.panel("goroutines and threads",
		trace{"goroutines", "own", column(1, func(x SoakSample) float64 { return float64(x.Goroutines) })},
		trace{"threads", "kin", column(1, func(x SoakSample) float64 { return float64(x.Threads) })})
	p.panel("deliveries/s", trace{"", "own", s.rates(func(x SoakSample) float64 { return float64(x.Delivered) })})
	p.panel("processors in use", trace{"", "own", s.rates(func(x SoakSample) float64 { return x.CPU })})
	p.panel("from publishing to reading, p99, ms", trace{"", "own", column(1, func(x SoakSample) float64 { return x.P99 })})
	p.foot()
	height := p.top + footHeight
	p.text(margin, height-14, "muted", fmt.Sprintf("%d processors, %s, %s; others used the machine, too. Dotted: A abuse, S storm of resets, R reload of keys",
		w.CPUs, w.System, w.Go))
	return Plot{file, picture(title, strings.Join(p.said, "; "), height, p.String())}
}

func (p *soakPlot) x(minute float64) float64 {
	return soakLeft + p.times.at(minute)*(plotWidth-soakLeft-margin)
}

// panel draws lines over the time on a scale of their own, from 0.
func (p *soakPlot) panel(title string, traces ...trace) {
	traces = slices.DeleteFunc(traces, func(t trace) bool { return len(t.values) == 0 || slices.Max(t.values) == 0 })
	if len(traces) == 0 {
		return // it was not seen
	}
	most := 0.0
	for _, t := range traces {
		most = max(most, slices.Max(t.values))
	}
	scale := axis{0, most * 1.08, false}
	top, bottom := p.top+panelHead, p.top+panelHead+soakPanel
	y := func(v float64) float64 { return bottom - scale.at(v)*soakPanel }
	p.rect(p.x(0), top, p.x(p.soak.Work.Warmup/60)-p.x(0), soakPanel, "warm")
	for _, v := range scale.ticks(4) {
		p.line(soakLeft, y(v), plotWidth-margin, y(v), "grid")
		p.text(soakLeft-8, y(v)+4, "muted end", tickText(v))
	}
	p.text(soakLeft, top-9, "panel", title)
	p.events(top, bottom)
	for i, t := range traces {
		var points strings.Builder
		step := (len(t.values)-1)/soakPoints + 1
		for j := 0; j < len(t.values); j += step { // of a step, what stands out most
			v := slices.Max(t.values[j:min(j+step, len(t.values))])
			fmt.Fprintf(&points, "%s,%s ", coordinate(p.x(p.soak.Samples[j].Seconds/60)), coordinate(y(v)))
		}
		fmt.Fprintf(p, `<polyline points="%s" class="trace %s"/>`+"\n", strings.TrimSpace(points.String()), t.class)
		name := title
		if t.name != "" {
			name = t.name
			at := plotWidth - margin - 250 + 130*float64(i)
			p.line(at-22, top-13, at-6, top-13, "trace "+t.class)
			p.text(at, top-9, "muted", t.name)
		}
		p.said = append(p.said, fmt.Sprintf("%s: median %s, most %s", name, short(Median(t.values)), short(slices.Max(t.values))))
	}
	p.top = bottom + soakSpace - panelHead/2
}

// events are marked in every panel, with their letters below.
func (p *soakPlot) events(top, bottom float64) {
	for _, s := range p.soak.Samples {
		if s.Event == "" {
			continue
		}
		x := p.x(s.Seconds / 60)
		var letters strings.Builder
		for name := range strings.SplitSeq(s.Event, ",") {
			letters.WriteString(strings.ToUpper(name[:1]))
		}
		if letters.String() != "R" { // there are many of these
			p.line(x, top, x, bottom, "event")
		}
		p.text(x, bottom+11, "tick", letters.String())
	}
}

// foot is the axis of time.
func (p *soakPlot) foot() {
	at := p.top + 8
	for _, v := range p.times.ticks(8) {
		p.text(p.x(v), at, "tick", tickText(v))
	}
	p.text(p.x(p.times.to/2), at+17, "tick", "minutes since everybody was connected")
	p.top = at + 22
}

// rates is how much more there was each second since the sample before.
func (s Soak) rates(of func(SoakSample) float64) (values []float64) {
	for i, x := range s.Samples {
		if i == 0 {
			values = append(values, 0)
			continue
		}
		values = append(values, (of(x)-of(s.Samples[i-1]))/max(x.Seconds-s.Samples[i-1].Seconds, 1e-9))
	}
	if len(values) > 1 {
		values[0] = values[1]
	}
	return values
}

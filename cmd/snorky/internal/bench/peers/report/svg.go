package report

import (
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
)

// The measures of a plot, in pixels.
const (
	plotWidth   = 920.0
	margin      = 20.0
	labelWidth  = 132.0
	panelGap    = 18.0
	rowHeight   = 25.0
	barHeight   = 13.0
	headHeight  = 62.0 // title and what stands below it
	panelHead   = 26.0
	axisHeight  = 44.0
	footHeight  = 30.0
	valueMargin = 58.0 // right of the longest bar, for its number
)

// style follows the reader's choice of a light or a dark page. The colours keep their distance for the colour-blind,
// and the floor is told by its outline.
const style = `
svg { --page:#ffffff; --ink:#1f2328; --muted:#59636e; --grid:#e3e8ee; --own:#0b62d6; --kin:#6fa8f0; --peer:#9aa3ad; --floor:#59636e; }
@media (prefers-color-scheme: dark) {
svg { --page:#0d1117; --ink:#e6edf3; --muted:#9198a1; --grid:#2a313a; --own:#4c9aff; --kin:#2f5f9e; --peer:#6e7681; --floor:#9198a1; }
}
text { font: 12px ui-sans-serif, system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif; fill: var(--ink); }
.title { font-size: 16px; font-weight: 600; }
.muted, .tick { fill: var(--muted); }
.tick { font-size: 11px; text-anchor: middle; }
.panel { font-weight: 600; }
.label { text-anchor: end; }
.bold { font-weight: 600; }
.page { fill: var(--page); }
.grid { stroke: var(--grid); stroke-width: 1; }
.own { fill: var(--own); } .kin { fill: var(--kin); } .peer { fill: var(--peer); }
.floor { fill: none; stroke: var(--floor); stroke-width: 1.2; stroke-dasharray: 3 2; }
.range { stroke: var(--ink); stroke-width: 1.2; fill: none; }
.halo { stroke: var(--page); stroke-width: 3.6; }
.span { stroke-width: 3; stroke-linecap: round; }
.span.own, .dot.own { stroke: var(--own); } .span.kin, .dot.kin { stroke: var(--kin); }
.span.peer, .dot.peer { stroke: var(--peer); } .span.floor, .dot.floor { stroke: var(--floor); stroke-dasharray: none; }
.dot { stroke-width: 2; } .ring { fill: var(--page); } .dot.floor.full { fill: var(--floor); }
`

// canvas collects the elements of a picture.
type canvas struct{ strings.Builder }

func (c *canvas) text(x, y float64, class, text string) {
	fmt.Fprintf(c, `<text x="%s" y="%s" class="%s">%s</text>`+"\n", coordinate(x), coordinate(y), class, html.EscapeString(text))
}

func (c *canvas) line(x1, y1, x2, y2 float64, class string) {
	fmt.Fprintf(c, `<line x1="%s" y1="%s" x2="%s" y2="%s" class="%s"/>`+"\n",
		coordinate(x1), coordinate(y1), coordinate(x2), coordinate(y2), class)
}

func (c *canvas) rect(x, y, width, height float64, class string) {
	fmt.Fprintf(c, `<rect x="%s" y="%s" width="%s" height="%s" class="%s"/>`+"\n",
		coordinate(x), coordinate(y), coordinate(width), coordinate(height), class)
}

func (c *canvas) circle(x, y, r float64, class string) {
	fmt.Fprintf(c, `<circle cx="%s" cy="%s" r="%s" class="%s"/>`+"\n", coordinate(x), coordinate(y), coordinate(r), class)
}

// coordinate has a tenth of a pixel, and no more digits than it needs.
func coordinate(v float64) string {
	return strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0")
}

// picture puts elements into an image of its own.
func picture(title, description string, height float64, elements string) string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %s %s" width="%s" height="%s" role="img">
<title>%s</title>
<desc>%s</desc>
<style>%s</style>
<rect width="100%%" height="100%%" rx="6" class="page"/>
%s</svg>
`, coordinate(plotWidth), coordinate(height), coordinate(plotWidth), coordinate(height),
		html.EscapeString(title), html.EscapeString(description), style, elements)
}

// axis places values between 0 and 1.
type axis struct {
	from, to float64
	log      bool
}

func (a axis) at(v float64) float64 {
	if a.log {
		return math.Log(v/a.from) / math.Log(a.to/a.from)
	}
	return (v - a.from) / (a.to - a.from)
}

// ticks are round values, about so many on a linear axis, and on a logarithmic one the powers of ten.
func (a axis) ticks(about int) []float64 {
	var found []float64
	if a.log {
		for v := math.Pow(10, math.Ceil(math.Log10(a.from)-1e-9)); v <= a.to*1.0001; v *= 10 {
			found = append(found, v)
		}
		return found
	}
	step := math.Pow(10, math.Floor(math.Log10((a.to-a.from)/float64(about))))
	for _, factor := range []float64{1, 2, 5, 10} {
		if (a.to-a.from)/(step*factor) <= float64(about) {
			step *= factor
			break
		}
	}
	for i := 0; ; i++ {
		v := a.from + float64(i)*step
		if v > a.to*1.0001 {
			return found
		}
		found = append(found, v)
	}
}

// short is a number for an axis or a bar.
func short(v float64) string {
	switch {
	case v == 0:
		return "0"
	case v >= 1e6:
		return digits(v/1e6, 2) + " M"
	case v >= 1e4:
		return digits(v/1e3, 1) + " k"
	}
	return digits(v, 2)
}

// tickText is a number as short as it can be written.
func tickText(v float64) string {
	unit := ""
	switch {
	case v >= 1e6:
		v, unit = v/1e6, " M"
	case v >= 1e4:
		v, unit = v/1e3, " k"
	}
	if v >= 1e3 {
		return digits(v, 1) + unit
	}
	return strconv.FormatFloat(math.Round(v*1e6)/1e6, 'f', -1, 64) + unit
}

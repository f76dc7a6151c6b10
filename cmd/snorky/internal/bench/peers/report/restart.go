package report

import (
	"fmt"
	"slices"
	"time"
)

// Restart is what a restart of the server was for its clients. Times are since SIGTERM.
type Restart struct {
	Clients     int           `json:"clients"`
	Drain       time.Duration `json:"drain"`  // the setting
	Spread      time.Duration `json:"spread"` // the setting
	CPUs        int           `json:"cpus"`
	Ended       time.Duration `json:"ended"`         // the old process
	Ready       time.Duration `json:"ready"`         // the new process
	Refused     []string      `json:"refused"`       // every attempt to connect that failed, of whomever
	Undelivered int           `json:"undelivered"`   // clients that were closed before they had what was acknowledged before SIGTERM
	Gaps        int           `json:"gaps"`          // in what clients heard, but for the time when they were away
	Late        time.Duration `json:"latest_return"` // after the moment that the client was asked to come back at

	Published       int           `json:"published"`
	PublishesFailed int           `json:"publishes_failed"`
	SlowestPublish  time.Duration `json:"slowest_publish"`
	Newcomers       int           `json:"newcomers"`
	SlowestNewcomer time.Duration `json:"slowest_newcomer"`

	Closings []time.Duration `json:"-"`
	Returns  []time.Duration `json:"-"`
}

// restartStep is the width of a column of the plot.
const restartStep = 100 * time.Millisecond

// Summary is the run in a few lines.
func (r Restart) Summary() string {
	first, last := r.returned()
	flattest, fullest := r.load()
	return fmt.Sprintf(`restart: %d clients, drain %v, spread %v
  the old process ended after %v, the new one answered after %v
  clients closed between %v and %v, back between %v and %v; at most %v after the moment they were asked for
  back in each %v, but for the first and the last: %d to %d, %.1f would be even
  attempts to connect that failed: %d
  newcomers: %d, none refused but those above; the slowest waited %v
  published %d, failed %d, the slowest call took %v; undelivered at %d clients, %d gaps`,
		r.Clients, r.Drain, r.Spread, ms(r.Ended), ms(r.Ready),
		ms(slices.Min(r.Closings)), ms(slices.Max(r.Closings)), ms(first), ms(last), ms(r.Late),
		restartStep, flattest, fullest, r.even(), len(r.Refused), r.Newcomers, ms(r.SlowestNewcomer),
		r.Published, r.PublishesFailed, ms(r.SlowestPublish), r.Undelivered, r.Gaps)
}

func ms(d time.Duration) time.Duration { return d.Round(time.Millisecond) }

func (r Restart) returned() (first, last time.Duration) {
	return slices.Min(r.Returns), slices.Max(r.Returns)
}

// even is what comes in each step if the load is as flat as it can be.
func (r Restart) even() float64 {
	first, last := r.returned()
	return float64(r.Clients) * float64(restartStep) / float64(max(last-first, restartStep))
}

// load is the least and the most of those who came back in one step, but for the first and the last.
func (r Restart) load() (least, most int) {
	counts := histogram(r.Returns)
	first, last := r.returned()
	inner := counts[first/restartStep+1 : max(last/restartStep, first/restartStep+2)]
	return slices.Min(inner), slices.Max(inner)
}

func histogram(moments []time.Duration) []int {
	counts := make([]int, slices.Max(moments)/restartStep+3)
	for _, at := range moments {
		counts[max(at, 0)/restartStep]++
	}
	return counts
}

// RestartPlot draws how many were closed and came back in each tenth of a second.
func RestartPlot(r Restart) Plot {
	const top, height = 82.0, 220.0
	var c canvas
	title := fmt.Sprintf("Restart with %d connected clients", r.Clients)
	c.text(margin, 30, "title", title)
	c.text(margin, 49, "muted", fmt.Sprintf("clients in each %v; grey: told to go, blue: back again; drain = %v, reconnect-spread = %v",
		restartStep, r.Drain, r.Spread))
	closed, back := histogram(r.Closings), histogram(r.Returns)
	most := 0
	for _, n := range slices.Concat(closed, back) {
		most = max(most, n)
	}
	left, width, bottom := margin+44, plotWidth-2*margin-44, top+height
	across := axis{0, float64(len(back)) * restartStep.Seconds(), false}
	up := axis{0, float64(most) * 1.05, false}
	y := func(n float64) float64 { return bottom - up.at(n)*height }
	for _, v := range up.ticks(4) {
		c.line(left, y(v), left+width, y(v), "grid")
		c.text(left-6, y(v)+4, "label", tickText(v))
	}
	for _, v := range across.ticks(8) {
		c.text(left+across.at(v)*width, bottom+16, "tick", tickText(v))
	}
	c.text(left+width/2, bottom+34, "tick", "seconds since SIGTERM")
	column := restartStep.Seconds() / across.to * width
	for _, series := range []struct {
		class  string
		counts []int
	}{{"peer", closed}, {"own", back}} {
		for i, n := range series.counts {
			if n > 0 {
				c.rect(left+float64(i)*column, y(float64(n)), max(column-1, 0.5), bottom-y(float64(n)), series.class)
			}
		}
	}
	ready := left + across.at(r.Ready.Seconds())*width
	c.line(ready, top-8, ready, bottom, "range")
	c.text(ready+5, top-2, "muted", "the new process answers")
	c.line(left, bottom, left+width, bottom, "range")
	first, last := r.returned()
	description := fmt.Sprintf("%d clients are closed within %v and come back between %v and %v after SIGTERM, %.0f in each %v",
		r.Clients, ms(slices.Max(r.Closings)), ms(first), ms(last), r.even(), restartStep)
	c.text(margin, bottom+62, "muted", fmt.Sprintf("%d processors; attempts that failed: %d", r.CPUs, len(r.Refused)))
	return Plot{"restart.svg", picture(title, description, bottom+78, c.String())}
}

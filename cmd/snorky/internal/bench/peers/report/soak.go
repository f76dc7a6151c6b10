package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// Soak is a long run of one server: what it was given, what was seen of it again and again, and how it ended.
type Soak struct {
	Work    SoakWork
	Samples []SoakSample
	End     *SoakEnd // nil: it was interrupted
}

// SoakWork is what all of a long run has in common.
type SoakWork struct {
	Clients  int     `json:"clients"`
	Channels int     `json:"channels"`
	Rate     float64 `json:"rate"`  // publications a second
	Churn    float64 `json:"churn"` // percent of the clients in a minute
	Seconds  float64 `json:"seconds"`
	Warmup   float64 `json:"warmup"` // seconds that are not judged
	CPUs     int     `json:"cpus"`
	System   string  `json:"system"` // the kernel's name and release
	Go       string  `json:"go"`
	// Empty is the server before the first client came.
	Empty SoakSample `json:"empty"`
}

// SoakSample is the server at a moment. Zero stands for what could not be seen.
type SoakSample struct {
	Seconds     float64 `json:"t"` // since everybody was connected
	Connections int     `json:"connections"`
	Descriptors int     `json:"fds"`
	Goroutines  int     `json:"goroutines"`
	Threads     int     `json:"threads"`
	RSS         int64   `json:"rss"`    // bytes
	Heap        int64   `json:"heap"`   // bytes of objects, garbage included
	CPU         float64 `json:"cpu"`    // seconds, so far
	Published   int64   `json:"pub"`    // so far
	Delivered   int64   `json:"del"`    // so far, as the clients counted
	Lives       int64   `json:"lives"`  // connections that have ended so far
	P50         float64 `json:"p50_ms"` // from publishing to reading, since the sample before
	P99         float64 `json:"p99_ms"`
	Max         float64 `json:"max_ms"`
	Event       string  `json:"event,omitempty"` // what has begun since the sample before
}

// SoakEnd is what was left when everybody had gone, and what went wrong.
type SoakEnd struct {
	Left   SoakSample     `json:"left"`
	Faults map[string]int `json:"faults"`
}

// soakLine is a line of the file. One of its members is there.
type soakLine struct {
	Work   *SoakWork   `json:"work,omitempty"`
	Sample *SoakSample `json:"sample,omitempty"`
	End    *SoakEnd    `json:"end,omitempty"`
}

// SoakWriter writes a run as it goes, a line of JSON at a time.
type SoakWriter struct{ to *json.Encoder }

// NewSoakWriter returns one that writes to w.
func NewSoakWriter(w io.Writer) *SoakWriter { return &SoakWriter{json.NewEncoder(w)} }

// Begin comes first.
func (w *SoakWriter) Begin(work SoakWork) error { return w.to.Encode(soakLine{Work: &work}) }

// Sample comes again and again.
func (w *SoakWriter) Sample(s SoakSample) error { return w.to.Encode(soakLine{Sample: &s}) }

// End comes last.
func (w *SoakWriter) End(e SoakEnd) error { return w.to.Encode(soakLine{End: &e}) }

// ReadSoak reads what a SoakWriter has written.
func ReadSoak(r io.Reader) (s Soak, err error) {
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		var line soakLine
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return s, fmt.Errorf("line %d: %w", n, err)
		}
		switch {
		case line.Work != nil:
			s.Work = *line.Work
		case line.Sample != nil:
			s.Samples = append(s.Samples, *line.Sample)
		case line.End != nil:
			s.End = line.End
		}
	}
	return s, lines.Err()
}

// Verdict is one thing that a run has to show.
type Verdict struct {
	What string
	Good bool
	Why  string
}

// What a run may differ by and still count as flat.
const (
	// flatness is how much more there may be at the end than after the warm-up, as a part of what there was, be it by the
	// trend of all samples or between the last third of them and the one before.
	flatness = 0.05
	// leftovers is what may be open or running besides when everybody has gone.
	leftovers = 5
)

// Verdicts judges a run.
func (s Soak) Verdicts() []Verdict {
	var all []Verdict
	for _, q := range []struct {
		name  string
		slack float64 // that is always granted
		show  func(float64) string
		of    func(SoakSample) float64
	}{
		{"resident memory", 2 << 20, inMiB, func(s SoakSample) float64 { return float64(s.RSS) }},
		{"heap", 2 << 20, inMiB, func(s SoakSample) float64 { return float64(s.Heap) }},
		{"goroutines", 10, counted, func(s SoakSample) float64 { return float64(s.Goroutines) }},
		{"descriptors", 10, counted, func(s SoakSample) float64 { return float64(s.Descriptors) }},
		{"descriptors beyond connections", 20, counted, func(s SoakSample) float64 { return float64(s.Descriptors - s.Connections) }},
		{"threads", 5, counted, func(s SoakSample) float64 { return float64(s.Threads) }},
	} {
		all = append(all, s.flat(q.name, q.slack, q.show, q.of))
	}
	return append(all, s.ending()...)
}

// Good tells whether all of it is.
func (s Soak) Good() bool {
	return !slices.ContainsFunc(s.Verdicts(), func(v Verdict) bool { return !v.Good })
}

// judged are the samples after the warm-up.
func (s Soak) judged() []SoakSample {
	from := slices.IndexFunc(s.Samples, func(x SoakSample) bool { return x.Seconds >= s.Work.Warmup })
	if from < 0 {
		return nil
	}
	return s.Samples[from:]
}

func (s Soak) flat(name string, slack float64, show func(float64) string, of func(SoakSample) float64) Verdict {
	v := Verdict{What: name}
	var times, values []float64
	for _, x := range s.judged() {
		times, values = append(times, x.Seconds), append(values, of(x))
	}
	third := len(values) / 3
	if third == 0 {
		v.Why = "there are too few samples"
		return v
	}
	if slices.Max(values) == 0 && name != "descriptors beyond connections" {
		v.Why = "it was not seen"
		return v
	}
	before, after := Median(values[third:2*third]), Median(values[2*third:])
	trend := theilSen(times, values) * (times[len(times)-1] - times[0])
	allowed := max(slack, flatness*Median(values))
	v.Good = after-before <= allowed && trend <= allowed
	v.Why = fmt.Sprintf("median %s; median of the last third against the one before %s; trend in %s: %s",
		show(Median(values)), change(show, after-before, before), minutes(times[len(times)-1]-times[0]), change(show, trend, Median(values)))
	return v
}

// ending judges what was left, and what happened on the way.
func (s Soak) ending() []Verdict {
	if s.End == nil {
		return []Verdict{{What: "the end", Why: "the run was interrupted"}}
	}
	left, empty := s.End.Left, s.Work.Empty
	all := []Verdict{
		{
			What: "descriptors when everybody has gone", Good: left.Descriptors <= empty.Descriptors+leftovers,
			Why: fmt.Sprintf("%d; before anybody came %d", left.Descriptors, empty.Descriptors),
		},
		{
			What: "goroutines when everybody has gone", Good: left.Goroutines <= empty.Goroutines+leftovers,
			Why: fmt.Sprintf("%d; before anybody came %d", left.Goroutines, empty.Goroutines),
		},
	}
	faults := Verdict{What: "faults", Good: len(s.End.Faults) == 0, Why: "none: no gap, no double, nobody healthy cut off, nothing refused"}
	if !faults.Good {
		var kinds []string
		for kind, n := range s.End.Faults {
			kinds = append(kinds, fmt.Sprintf("%s (%d)", kind, n))
		}
		slices.Sort(kinds)
		faults.Why = strings.Join(kinds, "; ")
	}
	return append(all, faults)
}

// Text is the report for people.
func (s Soak) Text() string {
	var b strings.Builder
	w := s.Work
	fmt.Fprintf(&b, "%s of %s clients on %s channels, %g %% of them leaving in a minute, %g publications a second; judged after %s.\n",
		minutes(w.Seconds), digits(float64(w.Clients), 1), digits(float64(w.Channels), 1), w.Churn, w.Rate, minutes(w.Warmup))
	if n := len(s.Samples); n > 1 {
		first, last := s.Samples[0], s.Samples[n-1]
		span := last.Seconds - first.Seconds
		fmt.Fprintf(&b, "%s messages were delivered, %s a second, at %.2f of a processor; %s connections ended. Median of p99: %s ms.\n",
			digits(float64(last.Delivered), 1), digits(float64(last.Delivered-first.Delivered)/span, 1), (last.CPU-first.CPU)/span,
			digits(float64(last.Lives), 1), digits(Median(s.column(func(x SoakSample) float64 { return x.P99 })), 2))
	}
	for _, v := range s.Verdicts() {
		mark := "ok   "
		if !v.Good {
			mark = "WRONG"
		}
		fmt.Fprintf(&b, "  %s %s: %s\n", mark, v.What, v.Why)
	}
	return b.String()
}

func (s Soak) column(of func(SoakSample) float64) (values []float64) {
	for _, x := range s.Samples {
		values = append(values, of(x))
	}
	return values
}

// theilSen is the median of the slopes between all pairs of points, which no burst moves. Of long runs it takes every
// few points.
func theilSen(x, y []float64) float64 {
	const most = 300
	step := len(x)/most + 1
	var slopes []float64
	for i := 0; i < len(x); i += step {
		for j := i + step; j < len(x); j += step {
			if x[j] > x[i] {
				slopes = append(slopes, (y[j]-y[i])/(x[j]-x[i]))
			}
		}
	}
	if len(slopes) == 0 {
		return 0
	}
	return Median(slopes)
}

// change is a difference for people, with its part of the whole where that says something.
func change(show func(float64) string, difference, whole float64) string {
	text := show(math.Abs(difference))
	if difference < 0 {
		text = "-" + text
	} else {
		text = "+" + text
	}
	if math.Abs(whole) < 100 {
		return text
	}
	return fmt.Sprintf("%s (%+.1f %%)", text, 100*difference/math.Abs(whole))
}

func inMiB(v float64) string { return digits(v/(1<<20), 3) + " MiB" }

func counted(v float64) string { return digits(v, 1) }

func minutes(seconds float64) string {
	if seconds < 120 {
		return fmt.Sprintf("%.0f s", seconds)
	}
	return fmt.Sprintf("%.0f min", seconds/60)
}

package report

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"
)

// hour is a run in which nothing grows: what there is goes up and down by itself, and jumps in bursts.
func hour() Soak {
	s := Soak{
		Work: SoakWork{
			Clients: 5000, Channels: 500, Rate: 500, Churn: 10, Seconds: 3600, Warmup: 600, CPUs: 2, System: "Linux 6.1.0", Go: "go1.26.0",
			Empty: SoakSample{Descriptors: 14, Goroutines: 15, RSS: 14 << 20},
		},
		End: &SoakEnd{Left: SoakSample{Descriptors: 15, Goroutines: 14}},
	}
	for i := range 720 {
		wave := math.Sin(float64(i) / 5)
		x := SoakSample{
			Seconds: float64(i) * 5, Connections: 5000 + int(20*wave), Descriptors: 5014 + int(20*wave), Goroutines: 40 + int(3*wave), Threads: 9,
			RSS: 40<<20 + int64(wave*float64(2<<20)), Heap: 10<<20 + int64(wave*float64(4<<20)), CPU: float64(i), Published: int64(i) * 2500,
			Delivered: int64(i) * 75_000, Lives: int64(i) * 40, P50: 1, P99: 10 + wave, Max: 20,
		}
		if i%120 == 60 {
			x.Event, x.RSS, x.Goroutines = "abuse", 80<<20, 300
		}
		if i%180 == 90 {
			x.Event = "storm,reload"
		}
		s.Samples = append(s.Samples, x)
	}
	return s
}

func TestSoakThatIsGood(t *testing.T) {
	s := hour()
	if !s.Good() {
		t.Errorf("not good:\n%s", s.Text())
	}
	golden(t, "soak.svg", s.Plot().SVG)
	golden(t, "soak.txt", s.Text())
}

func TestSoakThatIsNotGood(t *testing.T) {
	each := func(change func(x *SoakSample, i int)) func(*Soak) {
		return func(s *Soak) {
			for i := range s.Samples {
				change(&s.Samples[i], i)
			}
		}
	}
	for want, change := range map[string]func(*Soak){
		"resident memory":                        each(func(x *SoakSample, i int) { x.RSS += int64(i) * 8 << 10 }), // 5.6 MiB in an hour
		"heap":                                   each(func(x *SoakSample, i int) { x.Heap += int64(i) * 8 << 10 }),
		"goroutines":                             each(func(x *SoakSample, i int) { x.Goroutines += i / 30 }),
		"descriptors beyond connections":         each(func(x *SoakSample, i int) { x.Descriptors += i / 20 }),
		"threads":                                each(func(x *SoakSample, i int) { x.Threads += i / 60 }),
		"goroutines when everybody has gone":     func(s *Soak) { s.End.Left.Goroutines = 30 },
		"descriptors when everybody has gone":    func(s *Soak) { s.End.Left.Descriptors = 30 },
		"faults: gap (2); one that is new (1)":   func(s *Soak) { s.End.Faults = map[string]int{"gap": 2, "one that is new": 1} },
		"the end: the run was interrupted":       func(s *Soak) { s.End = nil },
		"resident memory: there are too few":     func(s *Soak) { s.Samples = s.Samples[:122] },
		"goroutines: it was not seen":            each(func(x *SoakSample, _ int) { x.Goroutines = 0 }),
		"resident memory: median 100 MiB; media": func(s *Soak) { step(s, 100<<20) },
	} {
		s := hour()
		change(&s)
		if text := s.Text(); s.Good() || !strings.Contains(text, "WRONG "+want) {
			t.Errorf("%s:\n%s", want, text)
		}
		_ = s.Plot() // of whatever there is
	}
}

// step is a run whose memory is flat at first, and flat again in the end, with a step between.
func step(s *Soak, to int64) {
	for i := range s.Samples {
		s.Samples[i].RSS = to
		if i >= len(s.Samples)*3/4 {
			s.Samples[i].RSS += 8 << 20
		}
	}
}

// A server that needs less in the end is fine.
func TestSoakThatShrinks(t *testing.T) {
	s := hour()
	for i := range s.Samples {
		s.Samples[i].RSS -= int64(i) * 8 << 10
	}
	if !s.Good() {
		t.Error(s.Text())
	}
}

func TestSoakIsReadAsItWasWritten(t *testing.T) {
	want := hour()
	var file bytes.Buffer
	w := NewSoakWriter(&file)
	err := w.Begin(want.Work)
	for _, x := range want.Samples {
		if err == nil {
			err = w.Sample(x)
		}
	}
	if err == nil {
		err = w.End(*want.End)
	}
	if err != nil {
		t.Fatal(err)
	}
	got, err := ReadSoak(&file)
	if err != nil || fmt.Sprint(got.Text()) != want.Text() || len(got.Samples) != len(want.Samples) || got.Samples[90] != want.Samples[90] {
		t.Errorf("%v\n%s", err, got.Text())
	}
	if _, err := ReadSoak(strings.NewReader("{}\nrubbish\n")); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("got %v", err)
	}
}

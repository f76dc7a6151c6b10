package actors

import (
	"testing"
	"time"
)

func TestPulse(t *testing.T) {
	for _, test := range []struct {
		name  string
		beats []time.Duration
		now   time.Duration
		want  float64
	}{
		{"none", nil, 10 * time.Second, 0},
		{"this second", []time.Duration{0, 1, 2}, time.Second / 2, 3},
		{"fading", []time.Duration{0, 1, 2, 3}, 1500 * time.Millisecond, 2},
		{"over", []time.Duration{0, 1, 2, 3}, 2 * time.Second, 0},
		{"both", []time.Duration{0, 1, time.Second, 1250 * time.Millisecond}, 1500 * time.Millisecond, 3},
		{"after a pause", []time.Duration{0, 1, 5 * time.Second}, 5 * time.Second, 1},
		{"taken in before the one that was there first", []time.Duration{time.Second, 999 * time.Millisecond}, time.Second, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			var p pulse
			for _, at := range test.beats {
				p.beat(at)
			}
			if got := p.rate(test.now); got != test.want {
				t.Errorf("%v per second, want %v", got, test.want)
			}
		})
	}
}

func TestHistogram(t *testing.T) {
	var h histogram
	for _, d := range []time.Duration{-1, 0, 50 * time.Microsecond, 51 * time.Microsecond, time.Second, time.Hour} {
		h.observe(d)
	}
	s := h.snapshot()
	last := len(s.Counts) - 1
	if s.Counts[0] != 3 || s.Counts[1] != 1 || s.Counts[last] != 1 || s.Counts[13] != 1 || s.Bounds[13] != 1 {
		t.Errorf("%+v", s)
	}
	if s.Sum < 3601 || s.Sum > 3602 {
		t.Errorf("sum %v", s.Sum)
	}
}

func TestCountersHaveABound(t *testing.T) {
	var c counters[int]
	for key := range 10 * mostCounters {
		c.add(key, -1)
		c.add(0, -1)
	}
	s := c.snapshot()
	if len(s) != mostCounters+1 || s[-1] != 9*mostCounters || s[0] != 10*mostCounters+1 {
		t.Errorf("%d counters, other %d, first %d", len(s), s[-1], s[0])
	}
}

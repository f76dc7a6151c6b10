package overview_test

import (
	"testing"
	"time"

	"github.com/snorky-go/snorky/cmd/internal/overview"
)

func TestQuantiles(t *testing.T) {
	t.Parallel()
	bounds := []float64{0.001, 0.01, 0.1}
	for name, c := range map[string]struct {
		counts []uint64
		q      float64
		want   time.Duration
		ok     bool
	}{
		"nothing":       {[]uint64{0, 0, 0, 0}, 0.5, 0, false},
		"cut off":       {[]uint64{1, 2}, 0.5, 0, false},
		"first half":    {[]uint64{10, 0, 0, 0}, 0.5, 500 * time.Microsecond, true},
		"second":        {[]uint64{0, 10, 0, 0}, 1, 10 * time.Millisecond, true},
		"across":        {[]uint64{50, 0, 50, 0}, 0.99, 98200 * time.Microsecond, true},
		"beyond bounds": {[]uint64{1, 0, 0, 99}, 0.99, 100 * time.Millisecond, true},
	} {
		got, ok := overview.Histogram{Bounds: bounds, Counts: c.counts}.Quantile(c.q)
		if off := (got - c.want).Abs(); ok != c.ok || off > time.Microsecond {
			t.Errorf("%s: %v, %v; want %v", name, got, ok, c.want)
		}
	}
}

func TestDifferences(t *testing.T) {
	t.Parallel()
	bounds := []float64{1}
	before := overview.Histogram{Bounds: bounds, Counts: []uint64{3, 1}, Sum: 5}
	now := overview.Histogram{Bounds: bounds, Counts: []uint64{4, 3}, Sum: 9}
	if got := now.Since(before); got.Count() != 3 || got.Sum != 4 || got.Counts[0] != 1 {
		t.Errorf("got %+v", got)
	}
	if got := before.Since(now); got.Count() != 4 {
		t.Errorf("after a restart: %+v", got)
	}
	if got := now.Since(overview.Histogram{}); got.Count() != 7 {
		t.Errorf("at first: %+v", got)
	}
}

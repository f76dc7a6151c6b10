package report

import (
	"math"
	"testing"

	"github.com/snorky-go/snorky/cmd/snorky/internal/bench"
)

func TestMedian(t *testing.T) {
	for _, tt := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{7}, 7},
		{[]float64{3, 1}, 2},
		{[]float64{9, 1, 5}, 5},
		{[]float64{100, 1, 2, 3}, 2.5},
		{[]float64{5, 4, 3, 2, 1000}, 4},
	} {
		before := append([]float64{}, tt.values...)
		if got := Median(tt.values); got != tt.want {
			t.Errorf("median of %v: %v, want %v", before, got, tt.want)
		}
		for i, v := range before {
			if tt.values[i] != v {
				t.Errorf("%v was put in another order", before)
			}
		}
	}
	if !math.IsNaN(Median(nil)) {
		t.Error("nothing has a median")
	}
}

func TestRatiosAreThoseOfMedians(t *testing.T) {
	rate := func(f *Figures) float64 { return f.DeliveriesPerSecond }
	runs := func(values ...float64) (all []*Figures) {
		for _, v := range values {
			all = append(all, &Figures{DeliveriesPerSecond: v})
		}
		return all
	}
	c := comparison{rows: []row{
		{peer: Peer{Name: "a"}, runs: runs(10, 30, 1000)},
		{peer: Peer{Name: "b"}, runs: runs(1, 6, 7)},
		{peer: Peer{Name: "c"}},
	}}
	if got := c.ratio("a", "b", rate); got != 5 {
		t.Errorf("got %v, want 30/6", got)
	}
	for _, missing := range [][2]string{{"a", "c"}, {"c", "a"}, {"a", "d"}} {
		if got := c.ratio(missing[0], missing[1], rate); !math.IsNaN(got) {
			t.Errorf("%v: got %v", missing, got)
		}
	}
}

func TestFit(t *testing.T) {
	exact, err := Fit([]float64{5, 10, 19}, []float64{25, 40, 67})
	if err != nil || math.Abs(exact.Slope-3) > 1e-9 || math.Abs(exact.At0-10) > 1e-9 || exact.Off > 1e-9 {
		t.Errorf("got %+v, %v", exact, err)
	}
	if got := exact.At(1e6); math.Abs(got-3000010) > 1e-3 {
		t.Errorf("drawn out to %v", got)
	}
	// The least squares through (0,0), (1,4), (2,2) are at 1 + x, so the second point is off by half of itself.
	off, err := Fit([]float64{0, 1, 2}, []float64{0, 4, 2})
	if err != nil || math.Abs(off.Slope-1) > 1e-9 || math.Abs(off.At0-1) > 1e-9 || math.Abs(off.Off-0.5) > 1e-9 {
		t.Errorf("got %+v, %v", off, err)
	}
	if _, err := Fit([]float64{3, 3}, []float64{1, 2}); err == nil {
		t.Error("a line goes through one place")
	}
}

func TestDigits(t *testing.T) {
	for _, tt := range []struct {
		v           float64
		significant int
		want        string
	}{
		{0, 3, "0"},
		{0.1234, 3, "0.123"},
		{9.996, 3, "10.00"},
		{12.34, 3, "12.3"},
		{999.6, 3, "1,000"},
		{1234567, 3, "1,234,567"},
		{-1234.5, 1, "-1,234"},
		{1e9, 1, "1,000,000,000"},
		{math.NaN(), 3, none},
		{math.Inf(1), 3, none},
	} {
		if got := digits(tt.v, tt.significant); got != tt.want {
			t.Errorf("%v with %d digits: %s, want %s", tt.v, tt.significant, got, tt.want)
		}
	}
}

func TestTicks(t *testing.T) {
	for _, tt := range []struct {
		axis axis
		want []float64
	}{
		{axis{0, 10, false}, []float64{0, 5, 10}},
		{axis{0, 3_050_000, false}, []float64{0, 1e6, 2e6, 3e6}},
		{axis{0, 0.9, false}, []float64{0, 0.5}},
		{axis{0.1, 100, true}, []float64{0.1, 1, 10, 100}},
	} {
		got := tt.axis.ticks(4)
		if len(got) != len(tt.want) {
			t.Errorf("%+v: %v, want %v", tt.axis, got, tt.want)
			continue
		}
		for i, v := range tt.want {
			if math.Abs(got[i]-v) > 1e-9 {
				t.Errorf("%+v: %v, want %v", tt.axis, got, tt.want)
			}
		}
	}
	for v, want := range map[float64]string{0: "0", 0.5: "0.5", 1000: "1,000", 20_000: "20 k", 1.5e6: "1.5 M"} {
		if got := tickText(v); got != want {
			t.Errorf("%v: %q, want %q", v, got, want)
		}
	}
}

func TestFaultsAreAddedUp(t *testing.T) {
	r := row{
		runs: []*Figures{
			{Faults: bench.Faults{Missing: 1, Duplicated: 2, OutOfOrder: 3}},
			{Faults: bench.Faults{Missing: 10, Misrouted: 1, Damaged: 2, Disconnected: 3, Refused: 4}},
		},
		repeated: []*Figures{{Faults: bench.Faults{Missing: 100}}},
	}
	if got, want := faults(r), "111 / 2 / 3, 1 misrouted, 2 damaged, 3 disconnected, 4 refused"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := faults(row{runs: []*Figures{{}}}), "0 / 0 / 0"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

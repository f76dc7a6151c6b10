package bench

import (
	"sync"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// recorder keeps times as a histogram, from 1 µs to an hour, with three digits.
type recorder struct {
	mu        sync.Mutex // for those who share it; record itself does not lock
	histogram *hdrhistogram.Histogram
}

const longest = 3_600_000_000 // µs

func newRecorder() *recorder {
	return &recorder{histogram: hdrhistogram.New(1, longest, 3)}
}

// record adds a time in microseconds. It cannot fail within the bounds.
func (r *recorder) record(us int64) { _ = r.histogram.RecordValue(min(max(us, 0), longest)) }

// recordShared is record for those who share it.
func (r *recorder) recordShared(us int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.record(us)
}

// percentiles is nil if there is nothing to tell of.
func (r *recorder) percentiles() *Percentiles {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := r.histogram
	if h.TotalCount() == 0 {
		return nil
	}
	at := func(p float64) float64 { return float64(h.ValueAtPercentile(p)) / 1000 }
	return &Percentiles{
		Count: h.TotalCount(),
		Mean:  h.Mean() / 1000,
		P50:   at(50),
		P90:   at(90),
		P99:   at(99),
		P999:  at(99.9),
		Max:   float64(h.Max()) / 1000,
	}
}

package main

import (
	"math"
	"math/bits"
	"sync/atomic"
)

// histogram counts microseconds in buckets that are an eighth of a power of two wide. All may record at once.
type histogram struct{ buckets [64 * 8]atomic.Int64 }

func (h *histogram) record(us int64) {
	us = max(us, 8)
	top := bits.Len64(uint64(us)) - 1
	h.buckets[top*8+int(us>>(top-3)&7)].Add(1)
}

// take returns percentiles in milliseconds, the upper ends of their buckets, and begins anew.
func (h *histogram) take(percentiles ...float64) []float64 {
	var counts [len(h.buckets)]int64
	total := int64(0)
	for i := range h.buckets {
		counts[i] = h.buckets[i].Swap(0)
		total += counts[i]
	}
	found := make([]float64, len(percentiles))
	for p, percent := range percentiles {
		rank := int64(math.Ceil(float64(total) * percent / 100))
		for i, seen := 0, int64(0); i < len(counts) && total > 0; i++ {
			if seen += counts[i]; seen >= rank {
				found[p] = float64((int64(i%8)+9)<<(i/8-3)) / 1000
				break
			}
		}
	}
	return found
}

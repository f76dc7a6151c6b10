// Package trim gives memory back to the system while the process is quiet.
//
// Go's collector lets the heap grow to twice of what is in use before it works, and keeps much of what it has freed. A
// broker allocates hardly anything while clients only wait, so after ten thousand handshakes that memory would stay with
// it for hours.
package trim

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// Interval is the time between two looks at the heap.
const Interval = time.Second

const (
	// quietBytes is what a quiet process allocates between two looks, at most.
	quietBytes = 1 << 20
	// leastGain is what a trim has to gain at least, in bytes; and leastShare its share of what is in use.
	leastGain  = 1 << 20
	leastShare = 4
	// A trim takes at most 1/restFactor of the time.
	restFactor = 200
	leastRest  = 5 * time.Second
)

// heap is what is known of the heap at one moment, in bytes.
type heap struct {
	allocated uint64 // since the process began
	live      uint64 // in use, when the collector last looked
	held      uint64 // of the system's memory
}

// judge decides when to trim.
type judge struct {
	last    heap
	floor   uint64 // waste that the last trim could not do away with
	trimmed bool   // in the look before this one
	rest    time.Time
}

// due reports whether to trim now.
func (j *judge) due(now time.Time, h heap) bool {
	waste := h.held - min(h.live, h.held)
	quiet := h.allocated-j.last.allocated < quietBytes
	j.last = h
	if j.trimmed {
		j.trimmed, j.floor = false, waste
	}
	j.floor = min(j.floor, waste)
	return quiet && waste-j.floor > max(leastGain, h.live/leastShare) && !now.Before(j.rest)
}

// done notes that a trim has taken so long.
func (j *judge) done(now time.Time, took time.Duration) {
	j.trimmed = true
	j.rest = now.Add(max(leastRest, restFactor*took))
}

// Run gives back what the start of the process has left, and then looks at the heap each time look tells, until ctx ends.
func Run(ctx context.Context, look <-chan time.Time) {
	debug.FreeOSMemory()
	samples := []metrics.Sample{
		{Name: "/gc/heap/allocs:bytes"},
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/memory/classes/heap/unused:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
	}
	var j judge
	for {
		select {
		case <-ctx.Done():
			return
		case <-look:
		}
		metrics.Read(samples)
		value := func(i int) uint64 { return samples[i].Value.Uint64() }
		h := heap{allocated: value(0), live: value(1), held: value(2) + value(3) + value(4)}
		if start := time.Now(); j.due(start, h) {
			debug.FreeOSMemory()
			end := time.Now()
			j.done(end, end.Sub(start))
		}
	}
}

// Package memory tells when a process holds as much memory as it should, before it is in trouble.
package memory

import (
	"runtime"
	"runtime/metrics"
	"time"
)

// Usage is what the process holds, in bytes.
type Usage struct {
	// Resident is what the Go runtime has of the system: what GOMEMLIMIT counts.
	Resident int64
	// Held is the part of it that a garbage collection would not give back, as far as the last one has told.
	Held int64
	// Sockets is what the kernel has in its buffers for the sockets of the process, where it tells.
	Sockets int64

	cycles uint64 // garbage collections so far
}

// names are the metrics that read looks at, in this order.
var names = []string{
	"/memory/classes/total:bytes", "/memory/classes/heap/released:bytes", "/memory/classes/heap/free:bytes",
	"/memory/classes/heap/objects:bytes", "/gc/heap/live:bytes", "/gc/cycles/total:gc-cycles",
}

// reader asks the runtime. It stops nobody.
type reader struct{ samples []metrics.Sample }

func newReader() *reader {
	r := &reader{samples: make([]metrics.Sample, len(names))}
	for i, name := range names {
		r.samples[i].Name = name
	}
	return r
}

// usage is what there is now. Of the objects on the heap only those count that were alive at the last collection: a heap
// may grow to twice of that, or to GOMEMLIMIT, with nothing but garbage.
func (r *reader) usage() Usage {
	metrics.Read(r.samples)
	value := func(i int) int64 {
		if r.samples[i].Value.Kind() != metrics.KindUint64 {
			return 0 // a runtime that does not know it
		}
		return int64(r.samples[i].Value.Uint64()) // no machine has more
	}
	u := Usage{Resident: value(0) - value(1), cycles: uint64(value(5))}
	garbage := max(0, value(3)-value(4))
	u.Held = max(0, u.Resident-value(2)-garbage)
	return u
}

const (
	// collectEvery is how often the collector is asked at most what is garbage. It is asked less often where that takes
	// long, so that it has one part in collectShare of a processor at most.
	collectEvery = time.Second
	collectShare = 20
)

// judge decides whether the process is full. It is full from when it holds its ceiling until it holds less than nine tenths
// of it.
type judge struct {
	usage   func() Usage
	collect func()

	full      bool
	cycles    uint64 // at the last look
	collected time.Time
	took      time.Duration
}

func newJudge() *judge { return &judge{usage: newReader().usage, collect: runtime.GC} }

// look tells how much is held, and whether that is too much.
func (j *judge) look(c Ceiling) (Usage, bool) {
	u, ceiling := j.usage(), c.Bytes
	if ceiling <= 0 {
		j.full = false
		return u, false
	}
	sockets := c.sockets()
	if (j.full || u.Resident+sockets >= ceiling) && u.cycles == j.cycles && j.mayCollect() {
		j.collected = time.Now()
		j.collect()
		j.took = time.Since(j.collected)
		u = j.usage()
	}
	j.cycles = u.cycles
	u.Sockets = sockets
	if held := u.Held + u.Sockets; j.full {
		j.full = held >= ceiling/10*9
	} else {
		j.full = held >= ceiling
	}
	return u, j.full
}

// mayCollect is asked only where the runtime has not collected by itself since the last look.
func (j *judge) mayCollect() bool {
	return j.collected.IsZero() || time.Since(j.collected) >= max(collectEvery, collectShare*j.took)
}

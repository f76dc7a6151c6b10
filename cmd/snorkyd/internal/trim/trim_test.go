package trim

import (
	"context"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"
)

const mib = 1 << 20

func TestWhenToTrim(t *testing.T) {
	start := time.Unix(1000, 0)
	after := func(d time.Duration) time.Time { return start.Add(d) }
	type look struct {
		at   time.Time
		heap heap // in MiB
		want bool
	}
	for _, c := range []struct {
		name  string
		took  time.Duration // by each trim
		looks []look
	}{
		{"nothing to gain", 0, []look{{start, heap{20, 10, 12}, false}, {after(1), heap{20, 10, 12}, false}}},
		{"a gain too small for a large heap", 0, []look{{start, heap{900, 400, 450}, false}, {after(1), heap{900, 400, 450}, false}}},
		{"busy, then quiet", 0, []look{
			{start, heap{20, 10, 25}, false}, {after(1), heap{40, 10, 25}, false}, {after(2), heap{40, 10, 25}, true},
		}},
		{"what a trim cannot gain is not tried again", 0, []look{
			{start, heap{0, 10, 25}, true},
			{after(time.Minute), heap{0, 10, 22}, false},
			{after(2 * time.Minute), heap{0, 10, 22}, false},
			{after(3 * time.Minute), heap{0, 10, 27}, true},
		}},
		{"until it has gone away by itself", 0, []look{
			{start, heap{0, 10, 25}, true},
			{after(time.Minute), heap{0, 10, 22}, false},
			{after(2 * time.Minute), heap{0, 10, 10}, false},
			{after(3 * time.Minute), heap{0, 10, 22}, true},
		}},
		{"a long trim is followed by a long rest", time.Second, []look{
			{start, heap{0, 100, 200}, true},
			{after(10 * time.Second), heap{0, 100, 110}, false},
			{after(20 * time.Second), heap{0, 100, 200}, false},
			{after(199 * time.Second), heap{0, 100, 200}, false},
			{after(202 * time.Second), heap{0, 100, 200}, true},
		}},
		{"the collector counts more in use than there is", 0, []look{{start, heap{0, 30, 20}, false}, {after(1), heap{0, 30, 20}, false}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var j judge
			for i, l := range c.looks {
				h := heap{l.heap.allocated * mib, l.heap.live * mib, l.heap.held * mib}
				if got := j.due(l.at, h); got != l.want {
					t.Fatalf("look %d: %v", i, got)
				}
				if l.want {
					j.done(l.at.Add(c.took), c.took)
				}
			}
		})
	}
}

// What was used once is given back, without anybody asking for it.
func TestMemoryIsGivenBack(t *testing.T) {
	held := func() uint64 {
		s := []metrics.Sample{{Name: "/memory/classes/heap/free:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}}
		metrics.Read(s)
		return s[0].Value.Uint64() + s[1].Value.Uint64()
	}
	looks := make(chan time.Time)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		Run(ctx, looks)
	}()
	looks <- time.Time{} // what the start has left is gone

	once := make([][]byte, 64)
	for i := range once {
		once[i] = make([]byte, mib)
	}
	before := held()
	runtime.KeepAlive(once)
	looks <- time.Time{} // busy: so much was allocated
	looks <- time.Time{}
	looks <- time.Time{} // taken when the trim is done
	cancel()
	<-ended
	if after := held(); after > before-32*mib {
		t.Errorf("%d MiB before, %d MiB after", before/mib, after/mib)
	}
}

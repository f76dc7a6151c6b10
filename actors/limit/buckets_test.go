package limit

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestEachKeyHasABucket(t *testing.T) {
	b := NewBuckets[string](Rate{PerSecond: 0.001, Burst: 2})
	now := time.Now()
	for _, key := range []string{"a", "b"} {
		for i, want := range []bool{true, true, false, false} {
			if got := b.Allow(key, now); got != want {
				t.Errorf("%s, %d: %v", key, i, got)
			}
		}
	}
	if b.Len() != 2 {
		t.Errorf("%d buckets", b.Len())
	}
}

// However many keys there are, there is a bound to what is remembered; those that were seen last are what is.
func TestBucketsAreBounded(t *testing.T) {
	b := newBuckets[int](Rate{PerSecond: 0.001, Burst: 1}, 10)
	now := time.Now()
	for key := range 100_000 {
		if !b.Allow(key, now) {
			t.Fatalf("key %d is refused at once", key)
		}
		if b.Allow(key, now) {
			t.Fatalf("key %d is forgotten at once", key)
		}
	}
	if got := b.Len(); got > 10*shards {
		t.Errorf("%d buckets", got)
	}
}

// A crowd that was here once is forgotten while others come.
func TestFullBucketsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBuckets[int](Rate{PerSecond: 1, Burst: 5})
		for key := range 10_000 {
			b.Allow(key, time.Now())
		}
		if b.Len() != 10_000 {
			t.Fatalf("%d buckets", b.Len())
		}
		<-time.After(10 * time.Second)
		for key := range 10_000 {
			b.Allow(-1-key/100, time.Now()) // 100 others, often
		}
		for key := range 10_000 {
			b.Allow(1_000_000+key, time.Now())
		}
		if got := b.Len(); got > 11_000 {
			t.Errorf("%d buckets, of which most are full", got)
		}
	})
}

// A wall clock that jumps does not come in here: times carry the monotonic clock. One that goes back, as that of another
// event loop may by a little, does no harm.
func TestTimeThatGoesBack(t *testing.T) {
	b := NewBuckets[int](Rate{PerSecond: 1, Burst: 1})
	now := time.Now()
	if !b.Allow(0, now) || b.Allow(0, now.Add(-time.Hour)) || b.Allow(0, now.Add(900*time.Millisecond)) {
		t.Error("time that went back counts")
	}
	if !b.Allow(0, now.Add(1001*time.Millisecond)) {
		t.Error("refused after a second")
	}
}

// However much the clocks of two loops differ that ask in turn, a limit holds.
func TestClocksThatDiffer(t *testing.T) {
	for _, skew := range []time.Duration{0, time.Millisecond, 50 * time.Millisecond, time.Second} {
		b := NewBuckets[int](Rate{PerSecond: 100, Burst: 100})
		start := time.Now()
		allowed := 0
		for i := range 20_000 { // 2,000 a second
			at := start.Add(time.Duration(i) * 500 * time.Microsecond)
			if i%2 == 1 {
				at = at.Add(-skew)
			}
			if b.Allow(0, at) {
				allowed++
			}
		}
		if allowed < 1095 || allowed > 1100 {
			t.Errorf("clocks that differ by %v: %d in ten seconds, want 1100", skew, allowed)
		}
	}
}

func TestManyAtOnce(t *testing.T) {
	b := NewBuckets[int](Rate{PerSecond: 1e-6, Burst: 100})
	var allowed atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 1000 {
				if b.Allow(i%4, time.Now()) {
					allowed.Add(1)
				}
			}
		})
	}
	all.Wait()
	if got := allowed.Load(); got != 400 {
		t.Errorf("%d, want 400", got)
	}
}

func TestNoTable(t *testing.T) {
	b := NewBuckets[int](Rate{})
	if b != nil || !b.Allow(1, time.Now()) || b.Len() != 0 || b.Rate() != (Rate{}) {
		t.Error("no limit is one")
	}
	if r := (Rate{PerSecond: 2, Burst: 3}); NewBuckets[int](r).Rate() != r {
		t.Error("a table does not know its rate")
	}
}

func TestSource(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.1":               "10.0.0.1",
		"::ffff:10.0.0.1":        "10.0.0.1",
		"2001:db8:1:2:3:4:5:6":   "2001:db8:1:2::",
		"2001:db8:1:2::":         "2001:db8:1:2::",
		"fe80::1:2%eth0":         "fe80::",
		"2001:db8:1:3:ffff::abc": "2001:db8:1:3::",
	} {
		got, known := Source(netip.MustParseAddr(text))
		if !known || got != netip.MustParseAddr(want) {
			t.Errorf("%s is %v, %v", text, got, known)
		}
	}
	if _, known := Source(netip.Addr{}); known {
		t.Error("no address is one")
	}
}

func BenchmarkBuckets(b *testing.B) {
	for name, keys := range map[string]int{"one": 1, "many": 1 << 20} {
		b.Run(name, func(b *testing.B) {
			table := NewBuckets[int](Rate{PerSecond: 1e6, Burst: 1e6})
			b.ReportAllocs()
			for i := range b.N {
				table.Allow(i%keys, time.Now())
			}
		})
	}
}

package limit_test

import (
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/snorky-go/snorky/actors/limit"
)

func TestParseRate(t *testing.T) {
	for text, want := range map[string]limit.Rate{
		"0":               {},
		"50/s":            {PerSecond: 50, Burst: 50},
		"50/s burst 100":  {PerSecond: 50, Burst: 100},
		" 50/s  burst 1 ": {PerSecond: 50, Burst: 1},
		"0.5/s":           {PerSecond: 0.5, Burst: 1},
		"600/m":           {PerSecond: 10, Burst: 10},
		"3600/h burst 7":  {PerSecond: 1, Burst: 7},
		"1/h":             {PerSecond: 1. / 3600, Burst: 1},
		"2.5/s":           {PerSecond: 2.5, Burst: 3},
		"1000000000/s":    {PerSecond: limit.MaxBurst, Burst: limit.MaxBurst},
	} {
		if got, err := limit.ParseRate(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v, want %+v", text, got, err, want)
		}
	}
}

func TestNoRate(t *testing.T) {
	for _, text := range []string{
		"", "50", "/s", "50/", "50/d", "50/S", "-50/s", "+50/s", "5e1/s", "0x10/s", "Inf/s", "NaN/s", "1..5/s", "./s", "0/s", "00",
		"0.0000001/s", "1000000001/s", "50/s burst", "50/s burst 0", "50/s burst -1", "50/s burst 1.5", "50/s burst 1000000001",
		"50/s burst 99999999999999999999", "50/s Burst 1", "50/s burst 1 2", "0 burst 5", "50 /s", "1_0/s", "٥/s",
	} {
		if got, err := limit.ParseRate(text); !errors.Is(err, limit.ErrRate) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

// What a rate is written as is read as the same rate.
func FuzzParseRate(f *testing.F) {
	for _, text := range []string{"0", "50/s burst 100", "1/m", "7/h", "0.3/s", "3.3/m burst 2", "999999999/h", "1e3/s", "./s"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := limit.ParseRate(text)
		if err != nil {
			if (r != limit.Rate{}) {
				t.Errorf("%+v and an error", r)
			}
			return
		}
		if math.IsNaN(r.PerSecond) || math.IsInf(r.PerSecond, 0) || r.PerSecond < 0 || r.Limits() && r.Burst < 1 || r.Burst > limit.MaxBurst {
			t.Fatalf("%q: %+v", text, r)
		}
		again, err := limit.ParseRate(r.String())
		if err != nil || again != r {
			t.Errorf("%q: %+v is written as %q, which is %+v, %v", text, r, r, again, err)
		}
	})
}

func TestString(t *testing.T) {
	for want, r := range map[string]limit.Rate{
		"0":             {},
		"50/s burst 50": {PerSecond: 50, Burst: 50},
		"1/m burst 1":   {PerSecond: 1. / 60, Burst: 1},
		"2/h burst 1":   {PerSecond: 2. / 3600},
	} {
		if got := r.String(); got != want {
			t.Errorf("%+v is %q, want %q", r, got, want)
		}
	}
}

func TestBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := limit.Rate{PerSecond: 10, Burst: 3}.NewBucket()
		spend(t, b, 3)
		if b.Full(time.Now()) {
			t.Error("an empty bucket is full")
		}
		<-time.After(100 * time.Millisecond)
		spend(t, b, 1)
		<-time.After(time.Hour)
		if !b.Full(time.Now()) {
			t.Error("a bucket is not full after an hour")
		}
		spend(t, b, 3)
	})
}

// spend takes so much out of a bucket, and expects that this is all.
func spend(t *testing.T, b *limit.Bucket, n int) {
	t.Helper()
	for i := range n {
		if !b.Allow(time.Now()) {
			t.Fatalf("refused after %d", i)
		}
	}
	if b.Allow(time.Now()) {
		t.Fatalf("more than %d are allowed", n)
	}
}

func TestNoLimit(t *testing.T) {
	b := limit.Rate{}.NewBucket()
	if b != nil || !b.Allow(time.Now()) || !b.Full(time.Now()) || (limit.Rate{}).Wait() != 0 {
		t.Error("no limit is one")
	}
}

func TestWait(t *testing.T) {
	for want, r := range map[time.Duration]limit.Rate{
		100 * time.Millisecond: {PerSecond: 10, Burst: 100},
		time.Hour:              {PerSecond: 1e-6, Burst: 1},
	} {
		if got := r.Wait(); got != want {
			t.Errorf("%v: %v, want %v", r, got, want)
		}
	}
}

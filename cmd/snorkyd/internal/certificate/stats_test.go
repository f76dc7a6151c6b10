package certificate

import (
	"errors"
	"testing"
	"time"
)

// A certificate that cannot be used shows, until one can be, and so does the end of the one in use.
func TestStats(t *testing.T) {
	s := new(source)
	run(t, s, 24*time.Hour, Interval, func(t *testing.T, k *Keeper, _ *log) {
		began := time.Now()
		check := func(when string, lasts time.Duration, failed bool) {
			t.Helper()
			if got := k.Stats(); !got.NotAfter.Equal(began.Add(lasts)) || got.Failed != failed {
				t.Errorf("%s: %+v", when, got)
			}
		}
		check("at the start", 24*time.Hour, false)
		s.put(t, time.Hour, errors.New("they do not match"))
		pass(time.Minute)
		check("with files that are no good", 24*time.Hour, true)
		s.put(t, 48*time.Hour, nil)
		pass(time.Minute)
		check("with good ones", 48*time.Hour+time.Minute, false)
	})
}

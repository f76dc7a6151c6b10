// Package limit bounds how often something may happen: in all, for each address, for each identity. Its buckets are those
// of golang.org/x/time/rate, and they measure with the monotonic clock, so that a wall clock that jumps does not matter.
package limit

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

// Rate is how often something may happen. The zero value is no limit.
type Rate struct {
	// PerSecond is how often it may happen in the long run; 0: there is no limit.
	PerSecond float64
	// Burst is how often it may happen at once, after a pause; at least 1 if there is a limit.
	Burst int
}

// MaxBurst bounds what a text may ask for. More is meant by no limit.
const MaxBurst = 1_000_000_000

// leastRate is about once in twelve days. Less is meant by no access at all.
const leastRate = 1e-6

// ErrRate says what a rate looks like.
var ErrRate = errors.New(`is not a rate; write 50/s, 50/s burst 100, 600/m, or 0 for no limit`)

// Limits tells whether there is a limit.
func (r Rate) Limits() bool { return r.PerSecond > 0 }

// ParseRate reads "50/s", "600/m" or "3600/h", with " burst 100" behind it or not, and "0" for no limit. Without a burst
// it is what a second allows, and at least 1. The error is ErrRate.
func ParseRate(text string) (Rate, error) {
	words := strings.Fields(text)
	if len(words) == 1 && words[0] == "0" {
		return Rate{}, nil
	}
	if len(words) != 1 && (len(words) != 3 || words[1] != "burst") {
		return Rate{}, ErrRate
	}
	number, unit, found := strings.Cut(words[0], "/")
	seconds, known := unitSeconds[unit]
	times, ok := decimal(number)
	if !found || !known || !ok || times > MaxBurst || times/seconds < leastRate {
		return Rate{}, ErrRate
	}
	r := Rate{PerSecond: times / seconds}
	r.Burst = max(1, int(math.Ceil(r.PerSecond)))
	if len(words) == 3 {
		burst, err := strconv.ParseUint(words[2], 10, 32)
		if err != nil || burst == 0 || burst > MaxBurst {
			return Rate{}, ErrRate
		}
		r.Burst = int(burst)
	}
	return r, nil
}

var unitSeconds = map[string]float64{"s": 1, "m": 60, "h": 3600}

// decimal is a number of digits with at most one point among them: no sign, no exponent, no name of a number.
func decimal(text string) (float64, bool) {
	if strings.Trim(text, "0123456789.") != "" {
		return 0, false
	}
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil
}

// String is the rate as ParseRate takes it, in the unit that has the shortest number.
func (r Rate) String() string {
	if !r.Limits() {
		return "0"
	}
	best := ""
	for _, unit := range []string{"s", "m", "h"} {
		times := r.PerSecond * unitSeconds[unit]
		number := strconv.FormatFloat(times, 'f', -1, 64)
		if best == "" || len(number)+2 < len(best) && times <= MaxBurst && times/unitSeconds[unit] == r.PerSecond {
			best = number + "/" + unit
		}
	}
	return best + " burst " + strconv.Itoa(r.burst())
}

func (r Rate) burst() int { return max(r.Burst, 1) }

// Wait is how long it takes until something may happen again for which there was no room, as a rule.
func (r Rate) Wait() time.Duration {
	if !r.Limits() {
		return 0
	}
	return time.Duration(min(float64(time.Second)/r.PerSecond, float64(time.Hour)))
}

// NewBucket returns a full bucket, or nil where there is no limit.
func (r Rate) NewBucket() *Bucket {
	if !r.Limits() {
		return nil
	}
	return (*Bucket)(rate.NewLimiter(rate.Limit(r.PerSecond), r.burst()))
}

// Bucket has room for as much as may happen now. It is safe for concurrent use, but the times that it is given must not go
// back: that would fill it twice for the same time. A nil one has always room.
type Bucket rate.Limiter

// Allow tells whether it may happen now, and counts it if so.
func (b *Bucket) Allow(now time.Time) bool {
	return b == nil || (*rate.Limiter)(b).AllowN(now, 1)
}

// Full tells whether the bucket is as good as a new one.
func (b *Bucket) Full(now time.Time) bool {
	l := (*rate.Limiter)(b)
	return b == nil || l.TokensAt(now) >= float64(l.Burst())
}

// Take waits until there is room. It returns false if done is closed meanwhile.
func (b *Bucket) Take(done <-chan struct{}) bool {
	if b == nil {
		return true
	}
	now := time.Now()
	r := (*rate.Limiter)(b).ReserveN(now, 1)
	wait := r.DelayFrom(now)
	if wait <= 0 {
		return true
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-done:
		return false
	}
}

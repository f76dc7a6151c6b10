package token

import (
	"fmt"
	"testing"
	"time"
	"unsafe"
)

// jumped is the time t as a clock of the wall has it that was moved by d, in whole seconds, since the process started: what
// the clock says is another thing, the time that has passed is not. There is no other way to make one in a test; it fails
// if a time is laid out in another way.
func jumped(t *testing.T, from time.Time, d time.Duration) time.Time {
	t.Helper()
	moved := from
	const nanosecondBits = 30
	*(*uint64)(unsafe.Pointer(&moved)) += uint64(d/time.Second) << nanosecondBits
	if moved.Sub(from) != 0 || moved.Round(0).Sub(from.Round(0)) != d {
		t.Fatalf("%v became %v", from, moved)
	}
	return moved
}

// A clock that jumps a day forward, and then two back, neither ends nor prolongs what was verified before. What is verified
// afterwards is judged by the clock as it is, for that is what exp and nbf are about.
func TestClockThatJumps(t *testing.T) {
	v, err := New(Options{Keys: Keys{Secret: []byte("0123456789abcdef0123456789abcdef")}, Leeway: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	for _, jump := range []time.Duration{0, 24 * time.Hour, -48 * time.Hour} {
		// To those who look later it is as if the clock had jumped by -jump after the token was verified.
		now := jumped(t, time.Now(), jump)
		expiring := func(span time.Duration) []byte {
			return fmt.Appendf(nil, `{"sub":"ann","exp":%d}`, now.Round(0).Add(span).Unix())
		}
		p, err := v.judge(expiring(time.Hour), now)
		if err != nil {
			t.Errorf("%v: %v", jump, err)
			continue
		}
		if left := time.Until(p.Expires); left > time.Hour || left < time.Hour-10*time.Minute {
			t.Errorf("%v: it holds for another %v", jump, left)
		}
		if _, err := v.judge(expiring(-time.Minute), now); err == nil {
			t.Errorf("%v: what has expired by the clock is taken", jump)
		}
	}
}

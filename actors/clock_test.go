package actors_test

import (
	"encoding/json"
	"testing"
	"time"
	"unsafe"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
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

// A principal whose end was settled before the clock jumped, a day forward or two back, ends when its time is over, and not
// before. (In a bubble of testing/synctest there is one clock only, so this takes a second.)
func TestPrincipalsOutliveAClockThatJumps(t *testing.T) {
	t.Parallel()
	for _, jump := range []time.Duration{24 * time.Hour, -48 * time.Hour} {
		t.Run(jump.String(), func(t *testing.T) {
			t.Parallel()
			s := newServer(t, "loop", actors.Options{})
			defer s.shutdown()
			const lifetime = time.Second
			start := time.Now()
			// Now that the clock has jumped, what was settled before looks as if it was settled by a clock that is off.
			s.principal = actors.Principal{Identity: json.RawMessage(`"ann"`), Expires: jumped(t, start.Add(lifetime), -jump)}
			if code := s.connect().expectClose(); code != wire.CloseExpired {
				t.Errorf("closed with %d", code)
			}
			if took := time.Since(start); took < lifetime {
				t.Errorf("it ended after %v", took)
			}
		})
	}
}

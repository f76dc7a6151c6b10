package bench

import (
	"time"

	"golang.org/x/sys/unix"
)

// exact is how much of a wait is left to the kernel: Go's timers come up to a millisecond late on a process that has
// nothing else to do.
const exact = 2 * time.Millisecond

// sleepExactly blocks its thread. It is for times of no more than exact.
func sleepExactly(d time.Duration) {
	left := unix.NsecToTimespec(d.Nanoseconds())
	_ = unix.Nanosleep(&left, nil) // interrupted by a signal, it ends early, as timers may
}

//go:build !linux

package bench

import "time"

const exact = 0

// sleepExactly is for systems whose timers leave something over; exact says that there is nothing.
func sleepExactly(d time.Duration) { <-time.After(d) }

package entrance

import (
	"errors"
	"net"
)

// Failures is how many connections were closed so far because of what came, or did not come, before HTTP: no PROXY header
// where one has to be, something else than TLS, a handshake that failed or was not done in time. Those that left by
// themselves without a word are not among them, nor those that were closed since others wanted in.
func (l *Listener) Failures() int64 { return l.failures.Load() }

func (l *Listener) countFailure(err error) {
	if !errors.Is(err, net.ErrClosed) {
		l.failures.Add(1)
	}
}

package entrance

import (
	"io"
	"testing"

	"github.com/snorky-go/snorky/cmd/snorkyd/internal/trial"
)

// Each connection that is turned out counts, also when the log says no more; who leaves, or is closed for others, does not.
func TestFailuresAreCounted(t *testing.T) {
	a := trial.NewAuthority(t)
	d := openDoor(t, Options{TLS: serverTLS(t, a), Max: 10})
	l := d.l.(*Listener)
	const rude = 25
	for range rude {
		conn := d.dial()
		_, _ = io.WriteString(conn, "\x81\x85rubbish")
		_, _ = io.ReadAll(conn)
		_ = d.dial().Close()
	}
	for range 30 {
		_ = d.dial()
	}
	trial.Eventually(t, "some were closed for others", func() bool {
		_, evicted := l.Passing()
		return evicted > 0
	})
	trial.Eventually(t, "all of them are counted", func() bool { return l.Failures() >= rude })
	if n := l.Failures(); n != rude {
		t.Errorf("%d failures, want %d", n, rude)
	}
}

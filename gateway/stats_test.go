package gateway

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// Whoever is refused is counted once, also where the Listener leaves it to net/http to say so.
func TestHandshakesAreCounted(t *testing.T) {
	for name, guarded := range map[string]bool{"behind a Listener": true, "by net/http": false} {
		t.Run(name, func(t *testing.T) {
			f := newFront(t, guarded, patience, Options{MaxConnections: 1})
			for _, request := range []string{
				handshake(f.address, "Origin: http://elsewhere.example"),
				handshake(f.address, "Sec-WebSocket-Version: 12"),
				handshake(f.address),
				handshake(f.address),
				handshake(f.address),
				"GET /other HTTP/1.1\r\nHost: x\r\n\r\n",
			} {
				ask(t, f.address, request)
			}
			f.broker.next(t)
			until(t, "it is counted", func() bool { return f.handler.Stats().Accepted > 0 })
			want := map[int]uint64{http.StatusForbidden: 1, http.StatusUpgradeRequired: 1, http.StatusServiceUnavailable: 2}
			if got := f.handler.Stats(); got.Accepted != 1 || got.Checking != 0 || !maps.Equal(got.Refused, want) {
				t.Errorf("got %+v, want 1 and %v", got, want)
			}
		})
	}
}

// What the broker does not take is no connection, and a refusal with 503, though the client has its 101 by then. It is told
// whether the server ends or is only full; operators are told what it lacks.
func TestTurnedAwayIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		err   error
		code  wire.CloseCode
		says  string
		level string
		log   string
	}{
		"ending":      {fmt.Errorf("attaching: %w", actors.ErrStopped), wire.CloseGoingAway, "server is going away", "info", ""},
		"descriptors": {fmt.Errorf("taking over: %w", syscall.EMFILE), wire.CloseTryAgainLater, "try again later", "warn", "raise LimitNOFILE="},
		"other":       {errors.New("no luck"), wire.CloseTryAgainLater, "try again later", "warn", "no luck"},
	} {
		t.Run(name, func(t *testing.T) {
			var log lockedBuffer
			f := newFront(t, true, patience, Options{Logger: zerolog.New(&log), RetryAfter: func() time.Duration { return time.Second }})
			f.broker.err = c.err
			got := f.tell(t, false, handshake(f.address))
			frame := wire.AppendCloseFrame(nil, c.code, wire.WithHint(c.says, time.Second))
			if !strings.HasSuffix(got, "\r\n\r\n"+string(frame)) {
				t.Errorf("the client got %q", got)
			}
			if got := f.handler.Stats(); got.Accepted != 0 || !maps.Equal(got.Refused, map[int]uint64{http.StatusServiceUnavailable: 1}) {
				t.Errorf("got %+v", got)
			}
			if got := log.String(); !strings.Contains(got, `"level":"`+c.level+`"`) || !strings.Contains(got, c.log) {
				t.Errorf("the log says %s", got)
			}
			expectSeats(t, f.handler, 0)
		})
	}
}

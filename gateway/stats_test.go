package gateway

import (
	"errors"
	"maps"
	"net/http"
	"testing"
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
			want := map[int]uint64{http.StatusForbidden: 1, http.StatusUpgradeRequired: 1, http.StatusServiceUnavailable: 2}
			if got := f.handler.Stats(); got.Accepted != 1 || got.Checking != 0 || !maps.Equal(got.Refused, want) {
				t.Errorf("got %+v, want 1 and %v", got, want)
			}
		})
	}
}

// What the broker does not take is no connection.
func TestLostHandshakeIsNotAccepted(t *testing.T) {
	f := newFront(t, true, patience, Options{})
	f.broker.err = errors.New("no descriptors")
	_ = f.tell(t, false, handshake(f.address))
	if got := f.handler.Stats(); got.Accepted != 0 || len(got.Refused) != 0 {
		t.Errorf("got %+v", got)
	}
}

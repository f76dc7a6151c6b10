package gateway

import (
	"net/http"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/limit"
)

type everybody struct{}

func (everybody) Authenticate(*http.Request) (actors.Principal, error) {
	return actors.Principal{Identity: []byte(`"ann"`)}, nil
}

// The log warns of those whom an operator may have to let in, with the setting that keeps them out, and notes nonsense.
// Clients hear what they always did.
func TestReasonsForOperators(t *testing.T) {
	slow := limit.Rate{PerSecond: 0.001, Burst: 1}
	foreign, bare := []string{"Origin: https://evil.example"}, []string{"-Upgrade"}
	for name, c := range map[string]struct {
		options Options
		first   bool // somebody else is let in before
		change  []string
		status  int
		says    string // on the wire
		level   string
		reason  string
	}{
		"origin":              {Options{}, false, foreign, 403, "Forbidden", "warn", "the origin is not in allow-origin"},
		"origin, tokens":      {Options{Authenticator: everybody{}}, false, foreign, 403, "Forbidden", "warn", "the origin is not in allow-origin"},
		"no Upgrade":          {Options{}, false, bare, 400, "Bad Request", "info", "no Upgrade header: does the proxy pass it on?"},
		"no Upgrade, tokens":  {Options{Authenticator: everybody{}}, false, bare, 400, "Bad Request", "info", "no Upgrade header: does the proxy pass it on?"},
		"key":                 {Options{}, false, []string{"Sec-WebSocket-Key: x"}, 400, "Bad Request", "info", "Sec-WebSocket-Key"},
		"room":                {Options{MaxConnections: 1}, true, nil, 503, "Service Unavailable", "warn", "max-connections\""},
		"room of an address":  {Options{MaxConnectionsPerAddress: 1}, true, nil, 429, "Too Many Requests", "warn", "max-connections-per-address\""},
		"rate of an address":  {Options{ConnectRatePerAddress: slow}, true, nil, 429, "Too Many Requests", "warn", "connect-rate-per-address\""},
		"rate of an identity": {Options{ConnectRatePerIdentity: slow, Authenticator: everybody{}}, true, nil, 429, "Too Many Requests", "warn", "connect-rate-per-identity\""},
	} {
		t.Run(name, func(t *testing.T) {
			var log lockedBuffer
			c.options.Logger = zerolog.New(&log)
			f := newFront(t, true, patience, c.options)
			if c.first {
				ask(t, f.address, handshake(f.address))
			}
			r, _ := ask(t, f.address, handshake(f.address, c.change...))
			if r.StatusCode != c.status || r.ContentLength != int64(len(c.says)+1) {
				t.Errorf("status %s with %d bytes, want %d %q", r.Status, r.ContentLength, c.status, c.says)
			}
			f.server.Close() // waits for the line
			if got := log.String(); !strings.Contains(got, `"level":"`+c.level+`"`) || !strings.Contains(got, c.reason) {
				t.Errorf("the log says %s", got)
			}
		})
	}
}

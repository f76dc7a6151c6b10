package admin

import (
	"bytes"
	"net"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"
)

const (
	maxScrapes = 4 // at the same time, of each path
	maxProbes  = 8
	writeTime  = 10 * time.Second // for a client to take the answer
)

// anyName are the paths that answer by any name where others than this machine reach them: see Options.Network.
var anyName = map[string]bool{"/metrics": true, "/healthz": true, "/readyz": true}

// maxHost bounds what is logged of a stranger's text, in bytes.
const maxHost = 100

// guard refuses what pages in a browser on this machine could ask for, and counts the requests that are under way.
func (s *Server) guard(known hosts, network bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		defer s.requests.Done()
		head := w.Header()
		head.Set("Cache-Control", "no-store")
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Cross-Origin-Resource-Policy", "same-origin")
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(writeTime))
		switch {
		case !known.allow(r.Host) && !(network && anyName[r.URL.Path]):
			s.strange.Warn().Str("host", r.Host[:min(len(r.Host), maxHost)]).Str("path", r.URL.Path[:min(len(r.URL.Path), maxHost)]).
				Msg("the admin address was asked for by a strange name, and refused: ask by its IP address, or set \"admin\" to that name")
			answer(w, http.StatusForbidden, "ask for the admin address by its IP address, or by the name that the setting \"admin\" has\n")
		case fromElsewhere(r):
			answer(w, http.StatusForbidden, "other pages may not ask here\n")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// limited lets so many requests in at the same time, and gives their clients so long to take the answer.
func limited(most int, limit time.Duration, next http.Handler) http.Handler {
	places := make(chan struct{}, most)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
		default:
			w.Header().Set("Retry-After", "1")
			answer(w, http.StatusServiceUnavailable, "too many ask at the same time\n")
			return
		}
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(limit))
		next.ServeHTTP(w, r)
	})
}

// hosts are the names that requests may ask for. A page whose name was made to point here (DNS rebinding) has another one:
// one with a dot, and not ours.
type hosts []string

func newHosts(configured string) hosts {
	known := hosts{"localhost"}
	if configured != "" {
		known = append(known, strings.ToLower(configured))
	}
	if name, err := os.Hostname(); err == nil {
		known = append(known, strings.ToLower(name))
	}
	return known
}

func (h hosts) allow(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		return true
	}
	if host == "" || strings.HasSuffix(host, ".localhost") {
		return host != ""
	}
	// Names without a dot are those of containers and of the local network. No page in the Internet has such a name.
	return slices.Contains(h, host) || !strings.Contains(host, ".")
}

// fromElsewhere tells requests that a page of another origin has made. Browsers say so for addresses of this machine.
func fromElsewhere(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
	default:
		return true
	}
	origin := r.Header.Get("Origin")
	return origin != "" && !strings.EqualFold(origin, "http://"+r.Host)
}

// errorLog takes what net/http has to say, which may be much.
type errorLog struct{ log zerolog.Logger }

const maxDetail = 500

func newErrorLog(l zerolog.Logger) errorLog {
	return errorLog{l.Sample(&zerolog.BurstSampler{Burst: 10, Period: time.Minute})}
}

func (e errorLog) Write(line []byte) (int, error) {
	detail := bytes.TrimSpace(line)
	e.log.Warn().Bytes("detail", detail[:min(len(detail), maxDetail)]).Msg("admin HTTP server")
	return len(line), nil
}

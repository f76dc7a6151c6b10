package admin

import (
	"net/http"
	"net/http/pprof"
	"strconv"
	"time"
)

const (
	profilePath = "/debug/pprof/"
	// maxProfile bounds profiles that take a while.
	maxProfile  = 5 * time.Minute
	maxProfiles = 4 // at the same time
)

// profiles serves those of the Go runtime. The command line is not among them: addresses in it may hold passwords.
func profiles(mux *http.ServeMux) {
	handle := func(pattern string, f http.HandlerFunc) {
		mux.Handle(pattern, limited(maxProfiles, maxProfile+writeTime, bounded(f)))
	}
	handle("GET "+profilePath, pprof.Index)
	handle("GET "+profilePath+"profile", pprof.Profile)
	handle("GET "+profilePath+"trace", pprof.Trace)
	handle("GET "+profilePath+"symbol", pprof.Symbol)
	handle("POST "+profilePath+"symbol", pprof.Symbol)
}

// bounded refuses what would take too long.
func bounded(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if text := r.FormValue("seconds"); text != "" {
			seconds, err := strconv.ParseFloat(text, 64)
			if err != nil || !(seconds >= 0 && seconds <= maxProfile.Seconds()) {
				answer(w, http.StatusBadRequest, "seconds is no number up to "+strconv.Itoa(int(maxProfile.Seconds()))+"\n")
				return
			}
		}
		next(w, r)
	}
}

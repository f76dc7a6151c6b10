package tasks

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
)

// handler is a resource: it returns what to answer, or why not.
type handler func(w http.ResponseWriter, r *http.Request) (any, error)

// refusal is what a visitor gets to read when something is wrong.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

var (
	errNotJSON      = &refusal{http.StatusUnsupportedMediaType, "This takes JSON."}
	errNotForm      = &refusal{http.StatusBadRequest, "This is not what the page sends."}
	errNoTitle      = &refusal{http.StatusBadRequest, "Write what is to be done first."}
	errControl      = &refusal{http.StatusBadRequest, "There is a character in it that cannot be shown."}
	errNoView       = &refusal{http.StatusBadRequest, "There is no such view."}
	errNoName       = &refusal{http.StatusForbidden, "Say who you are first."}
	errTooLong      = &refusal{http.StatusRequestEntityTooLarge, "This is too long."}
	errGone         = &refusal{http.StatusNotFound, "This task is not there any more."}
	errNotBehind    = &refusal{http.StatusConflict, "The task behind which it was to go is not there any more."}
	errListFull     = &refusal{http.StatusConflict, "The list is full. Remove something first."}
	errOften        = &refusal{http.StatusTooManyRequests, "Not so fast. Try again in a few seconds."}
	errNotLive      = &refusal{http.StatusServiceUnavailable, "There are no live updates at the moment."}
	errWaiting      = &refusal{http.StatusServiceUnavailable, "Too much waits to be published. Try again later."}
	errNotAvailable = &refusal{http.StatusServiceUnavailable, "The list cannot be reached at the moment. Try again later."}
)

// refusals are what the Store's errors are called.
var refusals = map[error]*refusal{
	ErrNotFound:  errGone,
	ErrNeighbour: errNotBehind,
	ErrFull:      errListFull,
	ErrBacklog:   errWaiting,
}

// answering writes what a handler returns. Nothing of what goes wrong inside is told to strangers.
func (a *Application) answering(h handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		answer, err := h(w, r)
		if err != nil {
			a.refuse(w, r, err)
			return
		}
		status := http.StatusOK
		if w.Header().Get("Location") != "" {
			status = http.StatusCreated
		}
		write(w, status, answer)
	})
}

func (a *Application) refuse(w http.ResponseWriter, r *http.Request, err error) {
	said, known := errors.AsType[*refusal](err)
	if !known {
		said = errNotAvailable
		for reason, refusal := range refusals {
			if errors.Is(err, reason) {
				said = refusal
			}
		}
	}
	left := errors.Is(r.Context().Err(), context.Canceled)
	if said.status >= http.StatusInternalServerError && !left {
		a.Log.Error().Err(err).Str("method", r.Method).Str("path", r.URL.Path).Msg("a request failed")
	}
	if said == errOften {
		w.Header().Set("Retry-After", strconv.Itoa(int(period.Seconds())))
	}
	write(w, said.status, map[string]string{"error": said.text})
}

func write(w http.ResponseWriter, status int, answer any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer) // it fails for those who have left
}

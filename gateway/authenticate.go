package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"

	"github.com/gorilla/websocket"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// Authenticator says who asks for a connection. It is safe for concurrent use.
type Authenticator interface {
	// Authenticate judges a handshake by what is in it: its query, its headers, its cookies. The zero Principal admits
	// the client as nobody in particular. It may block, until the context of the request ends: because the client has
	// left, Options.AuthenticationTimeout is over, or the Handler was closed.
	//
	// An error refuses the handshake: wire.ErrNotAuthenticated and wire.ErrInvalidToken with status 401,
	// wire.ErrForbidden with 403, and any other with 503, since it says that the client could not be judged, who may come
	// back later. Of the error, the client gets to see the text of a *wire.Error, and the log all, so it should not
	// contain what the client has to keep secret.
	Authenticate(*http.Request) (actors.Principal, error)
}

var (
	errTooManyChecks = fmt.Errorf("%w: too many clients are being authenticated", wire.ErrUnavailable)
	errClosing       = fmt.Errorf("%w: shutting down", wire.ErrUnavailable)
	errPanic         = fmt.Errorf("%w: panic in Authenticate", wire.ErrUnavailable)
)

// worthAsking refuses what gorilla would refuse later: neither pages that may not be here nor requests that are no
// handshakes get to use the client's credentials, or the time of an Authenticator. Status 0 is no refusal.
func (s *settings) worthAsking(r *http.Request) (status int, reason string) {
	switch {
	case !websocket.IsWebSocketUpgrade(r):
		return http.StatusBadRequest, reasonNoUpgrade
	case !s.origins.allows(r):
		return http.StatusForbidden, reasonOrigin
	}
	return 0, ""
}

// authenticate asks who the client is. The client has its seat meanwhile, so the bounds of an address are also those of
// its checks.
func (h *Handler) authenticate(by *settings, r *http.Request) (p actors.Principal, err error) {
	if h.checks.Add(1) > int64(by.MaxAuthenticating) {
		h.checks.Add(-1)
		return p, errTooManyChecks
	}
	defer h.checks.Add(-1)
	ctx, cancel := context.WithTimeout(r.Context(), by.AuthenticationTimeout)
	defer cancel()
	defer context.AfterFunc(h.open, cancel)() //nolint:contextcheck // Close ends checks, too
	defer func() {
		if reason := recover(); reason != nil {
			h.log.Error().Interface("panic", reason).Bytes("stack", debug.Stack()).Msg("panic while a client is authenticated")
			p, err = actors.Principal{}, errPanic
		}
	}()
	p, err = by.Authenticator.Authenticate(r.WithContext(ctx))
	if h.closed.Load() {
		err = errClosing
	}
	return p, err
}

// refuseClient answers a handshake whose client the Authenticator does not admit.
func (h *Handler) refuseClient(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusServiceUnavailable
	switch {
	case errors.Is(err, wire.ErrNotAuthenticated), errors.Is(err, wire.ErrInvalidToken):
		status = http.StatusUnauthorized
	case errors.Is(err, wire.ErrForbidden):
		status = http.StatusForbidden
	}
	text := http.StatusText(status)
	if shown, ok := errors.AsType[*wire.Error](err); ok {
		text = shown.Text
	}
	h.answer(w, r, status, text, err.Error())
}

package gateway

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// TokenAuthenticator is an Authenticator for clients that bring a token with their handshake.
type TokenAuthenticator struct {
	// Verify tells who has a token. It is safe for concurrent use and may block until ctx ends. Its errors are those of
	// an Authenticator, and have nothing of the token in them.
	Verify func(ctx context.Context, token string) (actors.Principal, error)
	// Query is the name of a parameter of the query that is a token; empty: none is.
	Query string
	// Header takes a token from the header Authorization, where it stands after "Bearer".
	Header bool
	// Cookie is the name of a cookie that is a token; empty: none is.
	Cookie string
	// Required refuses clients without a token. By default they are nobody in particular.
	Required bool
}

var _ Authenticator = (*TokenAuthenticator)(nil)

var (
	errTwoTokens = fmt.Errorf("%w: there are different ones", wire.ErrInvalidToken)
	errQuery     = fmt.Errorf("%w: the query cannot be read", wire.ErrInvalidToken)
	errNoToken   = fmt.Errorf("%w: there is no token", wire.ErrNotAuthenticated)
	errNobody    = fmt.Errorf("%w: the token names nobody", wire.ErrNotAuthenticated)
)

// Authenticate implements Authenticator. A client may give its token several times, but not several tokens: which one
// counts should not depend on where it stands.
func (a *TokenAuthenticator) Authenticate(r *http.Request) (actors.Principal, error) {
	all, err := a.tokens(r)
	if err != nil {
		return actors.Principal{}, err
	}
	token := ""
	for _, t := range all {
		if token != "" && t != "" && t != token {
			return actors.Principal{}, errTwoTokens
		}
		token = max(token, t) // one of them is empty, or they are the same
	}
	switch {
	case token != "":
		return a.verify(r.Context(), token)
	case a.Required:
		return actors.Principal{}, errNoToken
	}
	return actors.Principal{}, nil
}

func (a *TokenAuthenticator) verify(ctx context.Context, token string) (actors.Principal, error) {
	p, err := a.Verify(ctx, token)
	if err == nil && a.Required && (len(p.Identity) == 0 || string(p.Identity) == "null") {
		err = errNobody
	}
	return p, err
}

// tokens returns what the handshake has of tokens, also twice, and empty ones, which are none.
func (a *TokenAuthenticator) tokens(r *http.Request) (all []string, err error) {
	if a.Query != "" {
		query, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			return nil, errQuery // the reason could quote it
		}
		all = append(all, query[a.Query]...)
	}
	if a.Header {
		for _, value := range r.Header.Values("Authorization") {
			if scheme, token, _ := strings.Cut(value, " "); strings.EqualFold(scheme, "Bearer") {
				all = append(all, strings.TrimSpace(token))
			}
		}
	}
	if a.Cookie != "" {
		for _, cookie := range r.CookiesNamed(a.Cookie) {
			all = append(all, cookie.Value)
		}
	}
	return all, nil
}

package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// byName takes "ann" and "bob", and "nobody", who has no identity.
func byName(_ context.Context, token string) (actors.Principal, error) {
	switch token {
	case "ann", "bob":
		return actors.Principal{Identity: json.RawMessage(`"` + token + `"`)}, nil
	case "nobody":
		return actors.Principal{Claims: json.RawMessage("{}")}, nil
	}
	return actors.Principal{}, wire.ErrInvalidToken
}

func TestTokenSources(t *testing.T) {
	everywhere := TokenAuthenticator{Verify: byName, Query: "access_token", Header: true, Cookie: "session"}
	required := everywhere
	required.Required = true
	queryOnly, headerOnly, cookieOnly := TokenAuthenticator{Verify: byName, Query: "t"}, TokenAuthenticator{Verify: byName, Header: true},
		TokenAuthenticator{Verify: byName, Cookie: "c"}
	for name, c := range map[string]struct {
		a       TokenAuthenticator
		query   string
		headers []string
		want    string // identity; empty: nobody
		err     error
	}{
		"query":                      {everywhere, "a=b&access_token=ann", nil, "ann", nil},
		"query, escaped":             {everywhere, "access_token=%61nn", nil, "ann", nil},
		"query of another name":      {queryOnly, "t=ann&access_token=bob", nil, "ann", nil},
		"header":                     {everywhere, "", []string{"Authorization: Bearer ann"}, "ann", nil},
		"header in small letters":    {everywhere, "", []string{"authorization: bearer ann"}, "ann", nil},
		"header with more blanks":    {everywhere, "", []string{"Authorization: Bearer   ann "}, "ann", nil},
		"header of another scheme":   {everywhere, "", []string{"Authorization: Basic ann"}, "", nil},
		"header without a scheme":    {everywhere, "", []string{"Authorization: ann"}, "", nil},
		"header of a longer scheme":  {everywhere, "", []string{"Authorization: BearerX ann"}, "", nil},
		"two schemes":                {everywhere, "", []string{"Authorization: Basic x", "Authorization: Bearer ann"}, "ann", nil},
		"cookie":                     {everywhere, "", []string{"Cookie: a=b; session=ann; c=d"}, "ann", nil},
		"cookie in quotes":           {everywhere, "", []string{`Cookie: session="ann"`}, "ann", nil},
		"cookie of another name":     {cookieOnly, "", []string{"Cookie: c=ann; session=bob"}, "ann", nil},
		"nothing":                    {everywhere, "", nil, "", nil},
		"empty ones":                 {everywhere, "access_token=", []string{"Authorization: Bearer ", "Cookie: session="}, "", nil},
		"an empty one and a token":   {everywhere, "access_token=", []string{"Authorization: Bearer ann"}, "ann", nil},
		"the same everywhere":        {everywhere, "access_token=ann", []string{"Authorization: Bearer ann", "Cookie: session=ann"}, "ann", nil},
		"the same twice":             {everywhere, "access_token=ann&access_token=ann", nil, "ann", nil},
		"two in the query":           {everywhere, "access_token=ann&access_token=bob", nil, "", wire.ErrInvalidToken},
		"two headers":                {everywhere, "", []string{"Authorization: Bearer ann", "Authorization: Bearer bob"}, "", wire.ErrInvalidToken},
		"two cookies":                {everywhere, "", []string{"Cookie: session=ann; session=bob"}, "", wire.ErrInvalidToken},
		"header and cookie":          {everywhere, "", []string{"Authorization: Bearer ann", "Cookie: session=bob"}, "", wire.ErrInvalidToken},
		"query and cookie":           {everywhere, "access_token=ann", []string{"Cookie: session=bob"}, "", wire.ErrInvalidToken},
		"query and header, switched": {headerOnly, "access_token=bob", []string{"Authorization: Bearer ann", "Cookie: session=bob"}, "ann", nil},
		"query switched off":         {headerOnly, "access_token=ann", nil, "", nil},
		"header switched off":        {queryOnly, "", []string{"Authorization: Bearer ann"}, "", nil},
		"cookie switched off":        {queryOnly, "", []string{"Cookie: session=ann; t=ann; =ann"}, "", nil},
		"bad token":                  {everywhere, "access_token=eve", nil, "", wire.ErrInvalidToken},
		"broken query":               {everywhere, "access_token=ann&x=%zz", nil, "", wire.ErrInvalidToken},
		"broken query, switched off": {headerOnly, "x=%zz", []string{"Authorization: Bearer ann"}, "ann", nil},
		"required, and there":        {required, "access_token=ann", nil, "ann", nil},
		"required, not there":        {required, "", nil, "", wire.ErrNotAuthenticated},
		"required, empty":            {required, "access_token=", nil, "", wire.ErrNotAuthenticated},
		"required, names nobody":     {required, "access_token=nobody", nil, "", wire.ErrNotAuthenticated},
		"names nobody":               {everywhere, "access_token=nobody", nil, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFront(t, true, patience, Options{Authenticator: &c.a})
			lines := wsLine + strings.Join(append(c.headers, ""), "\r\n")
			request := strings.Replace(strings.Replace(handshake(f.address), wsLine, lines, 1), "/ws", "/ws?"+c.query, 1)
			r, _ := ask(t, f.address, request)
			if c.err != nil {
				if got := body(t, r); r.StatusCode != http.StatusUnauthorized || got != c.err.Error()+"\n" {
					t.Errorf("status %s, %q", r.Status, got)
				}
				return
			}
			if r.StatusCode != http.StatusSwitchingProtocols {
				t.Fatalf("status %s", r.Status)
			}
			if got := strings.Trim(string(f.broker.next(t).Principal.Identity), `"`); got != c.want {
				t.Errorf("it is %q, want %q", got, c.want)
			}
		})
	}
}

// Neither a refusal nor its log has the token in it.
func TestTokensAreNotLogged(t *testing.T) {
	var log lockedBuffer
	f := newFront(t, true, patience, Options{Logger: zerolog.New(&log), Authenticator: &TokenAuthenticator{
		Query: "access_token", Header: true, Cookie: "session",
		Verify: func(context.Context, string) (actors.Principal, error) {
			return actors.Principal{}, errors.New("detail")
		},
	}})
	for _, request := range []string{
		strings.Replace(handshake(f.address), "/ws", "/ws?access_token=sesame", 1),
		strings.Replace(handshake(f.address), "/ws", "/ws?access_token=sesame&x=%zz", 1),
		strings.Replace(handshake(f.address), "/ws", "/ws?access_token=sesame&access_token=sesame2", 1),
		handshake(f.address, "Authorization: Bearer sesame"),
		handshake(f.address, "Cookie: session=sesame"),
	} {
		r, _ := ask(t, f.address, request)
		if got := body(t, r); r.StatusCode == 101 || strings.Contains(got, "sesame") {
			t.Errorf("status %s, %q", r.Status, got)
		}
	}
	if got := log.String(); strings.Count(got, "handshake refused") != 5 || strings.Contains(got, "sesame") {
		t.Errorf("the log says %s", got)
	}
}

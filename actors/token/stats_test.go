package token_test

import (
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/snorky-go/snorky/actors/token"
)

func TestTokensAreCounted(t *testing.T) {
	t.Parallel()
	v := newVerifier(t, token.Options{Keys: token.Keys{Secret: secret}})
	accept(t, v, sign(jose.HS256, secret, nil, good()))
	refuse(t, v, "rubbish", "")
	refuse(t, v, sign(jose.HS256, secret, nil, `{"sub":"ann","exp":1}`), "")
	if got, want := v.Stats(), (token.Stats{Accepted: 1, Invalid: 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}

	away := newVerifier(t, token.Options{URL: "http://127.0.0.1:1/keys"})
	if _, err := away.Verify(t.Context(), sign(jose.RS256, rsaKey, nil, good())); err == nil {
		t.Error("accepted without a key")
	}
	if got, want := away.Stats(), (token.Stats{Unjudged: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

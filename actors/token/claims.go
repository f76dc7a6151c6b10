package token

import (
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4/json" // compares names exactly, unlike encoding/json
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// farFuture bounds how long a principal holds, lest a time.Duration overflows.
const farFuture = 100 * 365 * 24 * time.Hour

// judgedClaims are those of RFC 7519 section 4.1 that a token is judged by. The subject is not among them: many issuers write
// a number there, where the RFC wants a text.
type judgedClaims struct {
	Issuer    string           `json:"iss"`
	Audience  jwt.Audience     `json:"aud"`
	Expiry    *jwt.NumericDate `json:"exp"`
	NotBefore *jwt.NumericDate `json:"nbf"`
	IssuedAt  *jwt.NumericDate `json:"iat"`
}

// judge makes a principal of the claims, if they say that the token is good here and now.
func (v *Verifier) judge(payload []byte, now time.Time) (actors.Principal, error) {
	if err := wire.Valid(payload); err != nil {
		return actors.Principal{}, invalid("its claims: %w", err)
	}
	identity, err := v.identity(payload)
	if err != nil {
		return actors.Principal{}, invalid("its claims: %w", err)
	}
	var judged judgedClaims
	if json.Unmarshal(payload, &judged) != nil {
		return actors.Principal{}, invalid("a registered claim is not of its type")
	}
	claims := jwt.Claims{
		Issuer: judged.Issuer, Audience: judged.Audience,
		Expiry: judged.Expiry, NotBefore: judged.NotBefore, IssuedAt: judged.IssuedAt,
	}
	if claims.Expiry == nil && !v.options.Unlimited {
		return actors.Principal{}, invalid("it does not say when it expires")
	}
	expected := jwt.Expected{Issuer: v.options.Issuer, AnyAudience: v.options.Audience, Time: now}
	if err := claims.ValidateWithLeeway(expected, v.options.Leeway); err != nil {
		return actors.Principal{}, invalid("%w", err)
	}
	p := actors.Principal{Identity: identity, Claims: payload}
	if claims.Expiry != nil {
		p.Expires = v.expires(claims.Expiry.Time(), now)
	}
	return p, nil
}

// identity finds who the client is. Claims that are there twice could mean one thing here and another elsewhere.
func (v *Verifier) identity(payload []byte) (identity []byte, err error) {
	seen := map[string]bool{}
	twice := false
	err = wire.Members(payload, func(name string, value []byte) bool {
		twice = seen[name]
		seen[name] = true
		if name == v.options.IdentityClaim {
			identity = value
		}
		return !twice
	})
	switch {
	case err != nil:
		return nil, err
	case twice:
		return nil, errors.New("one is there twice")
	case identity == nil || string(identity) == "null":
		return nil, fmt.Errorf("%s is missing", v.options.IdentityClaim)
	}
	return identity, nil
}

// expires is when a token ceases to hold. Its distance from now is settled here: the time has a monotonic reading, so a
// clock that jumps later does not matter. A token that is there thanks to the leeway only, holds until the end of that.
func (v *Verifier) expires(expiry, now time.Time) time.Time {
	left := expiry.Sub(now)
	if left <= 0 {
		left += v.options.Leeway
	}
	return now.Add(min(left, farFuture))
}

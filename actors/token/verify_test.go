package token_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/snorky-go/snorky/actors/token"
)

// Each algorithm works with the key that it is for, asked for or, where it is the usual one of the key, by itself.
func TestAlgorithms(t *testing.T) {
	usual := map[jose.SignatureAlgorithm]bool{"HS256": true, "RS256": true, "ES256": true, "ES384": true, "ES512": true, "EdDSA": true}
	for _, name := range token.Algorithms() {
		a := jose.SignatureAlgorithm(name)
		t.Run(name, func(t *testing.T) {
			private, keys := keysOf(a)
			text := sign(a, private, nil, good())
			v := newVerifier(t, token.Options{Keys: keys, Algorithms: []string{name}})
			if p := accept(t, v, text); string(p.Identity) != `"ann"` {
				t.Errorf("identity %s", p.Identity)
			}
			v = newVerifier(t, token.Options{Keys: keys})
			if usual[a] {
				accept(t, v, text)
			} else {
				refuse(t, v, text, "no key")
			}
			// A signature is for its claims.
			parts, other := strings.Split(text, "."), strings.Split(sign(a, private, nil, good(`"admin":true`)), ".")
			refuse(t, v, parts[0]+"."+other[1]+"."+parts[2], "")
		})
	}
}

func keysOf(a jose.SignatureAlgorithm) (private any, public token.Keys) {
	switch a {
	case jose.HS256, jose.HS384, jose.HS512:
		return secret, token.Keys{Secret: secret}
	case jose.ES256:
		return p256, token.Keys{PEM: pemOf(p256)}
	case jose.ES384:
		return p384, token.Keys{PEM: pemOf(p384)}
	case jose.ES512:
		return p521, token.Keys{PEM: pemOf(p521)}
	case jose.EdDSA:
		return edwards, token.Keys{PEM: pemOf(edwards)}
	default:
		return rsaKey, token.Keys{PEM: pemOf(rsaKey)}
	}
}

// Whatever is wrong with the signature, a token is refused.
func TestSignatures(t *testing.T) {
	set := map[string]crypto.Signer{"first": rsaKey, "second": p256}
	v := newVerifier(t, token.Options{
		Algorithms: []string{"HS256", "RS256", "ES256"}, Keys: token.Keys{Secret: secret, JWKS: jwks(set)},
	})
	rs := sign("RS256", rsaKey, headers{"kid": "first"}, good())
	accept(t, v, rs)
	accept(t, v, sign("RS256", rsaKey, nil, good()))
	accept(t, v, sign("ES256", p256, headers{"kid": "second"}, good()))
	accept(t, v, sign("HS256", secret, headers{"kid": "whatever the application calls it"}, good()))
	parts := strings.Split(rs, ".")
	flipped := must(base64.RawURLEncoding.DecodeString(parts[2]))
	flipped[10] ^= 1
	for name, c := range map[string]struct{ text, reason string }{
		"forged signature":            {parts[0] + "." + parts[1] + "." + base64.RawURLEncoding.EncodeToString(flipped), "signature"},
		"signed by somebody else":     {sign("RS256", otherRSA, headers{"kid": "first"}, good()), "signature"},
		"another secret":              {sign("HS256", []byte(strings.Repeat("x", 32)), nil, good()), "signature"},
		"algorithm none":              {assemble(`{"alg":"none"}`, good(), nil), `algorithm "none" is not allowed`},
		"algorithm None":              {assemble(`{"alg":"None"}`, good(), nil), "not allowed"},
		"no algorithm":                {assemble(`{"typ":"JWT"}`, good(), nil), "not allowed"},
		"none, with a signature":      {assemble(`{"alg":"none"}`, good(), []byte("x")), "not allowed"},
		"no signature":                {parts[0] + "." + parts[1] + ".", "signature"},
		"algorithm not in the list":   {sign("HS512", secret, nil, good()), `algorithm "HS512" is not allowed`},
		"algorithm of another key":    {sign("ES256", p256, headers{"kid": "first"}, good()), "no key"},
		"unknown key":                 {sign("RS256", rsaKey, headers{"kid": "third"}, good()), `no key "third"`},
		"key that is no string":       {sign("RS256", rsaKey, headers{"kid": 1}, good()), "parsed"},
		"critical header":             {sign("RS256", rsaKey, headers{"crit": []string{"exp"}, "exp": 1}, good()), "critical"},
		"critical header, known":      {sign("RS256", rsaKey, headers{"crit": []string{"b64"}, "b64": true}, good()), "critical"},
		"its own key":                 {sign("RS256", otherRSA, headers{"jwk": jose.JSONWebKey{Key: otherRSA.Public()}}, good()), "signature"},
		"truncated":                   {rs[:len(rs)-10], "signature"},
		"truncated to two parts":      {parts[0] + "." + parts[1], "parsed"},
		"truncated claims":            {parts[0] + "." + parts[1][:20] + "." + parts[2], "signature"},
		"four parts":                  {rs + ".x", "parsed"},
		"empty":                       {"", "parsed"},
		"dots":                        {"..", "not allowed"},
		"blank":                       {" " + rs, "characters"},
		"line end":                    {rs + "\n", "characters"},
		"padded":                      {rs + "==", "characters"},
		"JSON":                        {`{"payload":"","protected":"","signature":""}`, "characters"},
		"header that is no object":    {assemble(`[]`, good(), nil), "parsed"},
		"header with alg twice":       {assemble(`{"alg":"HS256","alg":"none"}`, good(), nil), "parsed"},
		"huge":                        {sign("RS256", rsaKey, nil, good(`"x":"`+strings.Repeat("x", 8<<10)+`"`)), "larger than 8192 bytes"},
		"huge name of a key":          {sign("RS256", rsaKey, headers{"kid": strings.Repeat("k", 4000)}, good()), "no key"},
		"huge name of an algorithm":   {assemble(`{"alg":"`+strings.Repeat("a", 4000)+`"}`, good(), nil), "not allowed"},
		"bytes that are no base64url": {"a.b.c", "parsed"},
	} {
		t.Run(name, func(t *testing.T) { refuse(t, v, c.text, c.reason) })
	}
}

// A public key is known to everybody; whoever takes it for a secret makes tokens for everybody.
func TestPublicKeyIsNoSecret(t *testing.T) {
	public := pemOf(rsaKey)
	forge := func(key []byte) string {
		input := strings.TrimSuffix(assemble(`{"alg":"HS256"}`, good(), nil), ".")
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(input))
		return input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	}
	for name, o := range map[string]token.Options{
		"PEM":                   {Keys: token.Keys{PEM: public}},
		"JWKS":                  {Keys: token.Keys{JWKS: jwks(map[string]crypto.Signer{"a": rsaKey})}},
		"PEM beside a secret":   {Keys: token.Keys{PEM: public, Secret: secret}},
		"all algorithms listed": {Keys: token.Keys{PEM: public, Secret: secret}, Algorithms: []string{"HS256", "RS256"}},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVerifier(t, o)
			accept(t, v, sign("RS256", rsaKey, nil, good()))
			for _, key := range [][]byte{public, []byte(strings.TrimSpace(string(public))), rsaKey.N.Bytes(), {}} {
				refuse(t, v, forge(key), "")
			}
		})
	}
	if _, err := token.New(token.Options{Keys: token.Keys{Secret: public}}); err == nil {
		t.Error("a public key may be the secret")
	}
	if _, err := token.New(token.Options{Keys: token.Keys{PEM: public}, Algorithms: []string{"HS256"}}); err == nil {
		t.Error("a public key may serve HS256")
	}
}

func at(d time.Duration) int64 { return time.Now().Add(d).Unix() }

func TestClaims(t *testing.T) {
	strict := token.Options{Keys: token.Keys{Secret: secret}, Audience: []string{"us", "ours"}, Issuer: "https://app.example", Leeway: 10 * time.Second}
	plain := token.Options{Keys: token.Keys{Secret: secret}, Leeway: 10 * time.Second}
	full := func(aud, iss string) string { return good(`"aud":`+aud, `"iss":`+iss) }
	exp := func(v any) string { return fmt.Sprintf(`{"sub":"ann","exp":%v}`, v) }
	for name, c := range map[string]struct {
		o      token.Options
		claims string
		reason string // empty: it is good
	}{
		"all of it":                  {strict, full(`"us"`, `"https://app.example"`), ""},
		"one of several audiences":   {strict, full(`["them","ours"]`, `"https://app.example"`), ""},
		"wrong audience":             {strict, full(`"them"`, `"https://app.example"`), "aud"},
		"wrong audiences":            {strict, full(`["them","US"]`, `"https://app.example"`), "aud"},
		"no audience":                {strict, good(`"iss":"https://app.example"`), "aud"},
		"audience that is no string": {strict, full(`7`, `"https://app.example"`), "of its type"},
		"wrong issuer":               {strict, full(`"us"`, `"https://app.example.evil"`), "iss"},
		"no issuer":                  {strict, good(`"aud":"us"`), "iss"},
		"any audience and issuer":    {plain, full(`"them"`, `"x"`), ""},

		"expired":                     {plain, exp(at(-time.Minute)), "exp"},
		"expired, within the leeway":  {plain, exp(at(-5 * time.Second)), ""},
		"expired, without leeway":     {token.Options{Keys: plain.Keys, Leeway: -1}, exp(at(-5 * time.Second)), "exp"},
		"missing exp":                 {plain, `{"sub":"ann"}`, "when it expires"},
		"exp is null":                 {plain, exp("null"), "when it expires"},
		"missing exp, allowed":        {token.Options{Keys: plain.Keys, Unlimited: true}, `{"sub":"ann"}`, ""},
		"expired, though it need not": {token.Options{Keys: plain.Keys, Unlimited: true}, exp(at(-time.Minute)), "exp"},
		"exp in other letters":        {plain, fmt.Sprintf(`{"sub":"ann","EXP":%d}`, at(time.Hour)), "when it expires"},
		"exp as a string":             {plain, exp(`"` + fmt.Sprint(at(time.Hour)) + `"`), "of its type"},
		"exp as true":                 {plain, exp("true"), "of its type"},
		"exp with a fraction":         {plain, exp(fmt.Sprintf("%d.75", at(time.Hour))), ""},
		"exp of 1e300":                {plain, exp("1e300"), "of its type"},
		"exp in a million years":      {plain, exp("4e13"), ""},
		"exp before the epoch":        {plain, exp("-5"), "exp"},
		"not yet valid":               {plain, good(fmt.Sprintf(`"nbf":%d`, at(time.Minute))), "nbf"},
		"not yet, within the leeway":  {plain, good(fmt.Sprintf(`"nbf":%d`, at(5*time.Second))), ""},
		"issued in the future":        {plain, good(fmt.Sprintf(`"iat":%d`, at(time.Minute))), "iat"},
		"issued in the past":          {plain, good(fmt.Sprintf(`"iat":%d`, at(-time.Hour))), ""},

		"no identity":          {plain, fmt.Sprintf(`{"exp":%d}`, at(time.Hour)), "sub is missing"},
		"identity is null":     {plain, fmt.Sprintf(`{"sub":null,"exp":%d}`, at(time.Hour)), "sub is missing"},
		"duplicate sub":        {plain, good(`"sub":"bob"`), "twice"},
		"duplicate exp":        {plain, good(`"exp":9999999999`), "twice"},
		"duplicate of another": {plain, good(`"x":1`, `"x":1`), "twice"},
		"escaped duplicate":    {plain, good(`"\u0073ub":"bob"`), "twice"},
		"no object":            {plain, `["sub","ann"]`, "claims"},
		"no JSON":              {plain, `{"sub":"ann"`, "claims"},
		"not UTF-8":            {plain, good("\"x\":\"\xff\""), "claims"},
		"empty":                {plain, ``, "claims"},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVerifier(t, c.o)
			text := sign("HS256", secret, nil, c.claims)
			if c.reason != "" {
				refuse(t, v, text, c.reason)
			} else if p := accept(t, v, text); string(p.Identity) != `"ann"` || string(p.Claims) != c.claims {
				t.Errorf("identity %s, claims %s", p.Identity, p.Claims)
			}
		})
	}
}

// The identity is what the token says, to the letter.
func TestIdentityClaim(t *testing.T) {
	v := newVerifier(t, token.Options{Keys: token.Keys{Secret: secret}, IdentityClaim: "user"})
	for _, identity := range []string{
		`"b\u00e9a"`, `12345678901234567890`, `1.50`, `1e400`, `{"id":7, "org":[1,2]}`, `[]`, `false`, `0`, `""`,
	} {
		p := accept(t, v, sign("HS256", secret, nil, good(`"user": `+identity)))
		if string(p.Identity) != identity {
			t.Errorf("%s became %s", identity, p.Identity)
		}
	}
	refuse(t, v, sign("HS256", secret, nil, good()), "user is missing")

	v = newVerifier(t, token.Options{Keys: token.Keys{Secret: secret}})
	if p := accept(t, v, sign("HS256", secret, nil, fmt.Sprintf(`{"sub":7,"exp":%d}`, at(time.Hour)))); string(p.Identity) != "7" {
		t.Errorf("the subject 7 became %s", p.Identity)
	}
}

// When a principal expires is settled when the token is verified: it does not depend on the clock of the wall any more.
func TestExpiresHasMonotonicReading(t *testing.T) {
	v := newVerifier(t, token.Options{Keys: token.Keys{Secret: secret}})
	for _, claims := range []string{good(), `{"sub":"ann","exp":4e13}`} {
		if p := accept(t, v, sign("HS256", secret, nil, claims)); !strings.Contains(p.Expires.String(), " m=") {
			t.Errorf("%s expires at %v", claims, p.Expires)
		}
	}
}

func TestExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVerifier(t, token.Options{Keys: token.Keys{Secret: secret}, Unlimited: true, Leeway: 10 * time.Second})
		for claims, want := range map[string]time.Duration{
			fmt.Sprintf(`{"sub":"ann","exp":%d}`, at(90*time.Second)):   90 * time.Second,
			fmt.Sprintf(`{"sub":"ann","exp":%d}`, at(-4*time.Second)):   6 * time.Second,
			fmt.Sprintf(`{"sub":"ann","exp":%d}`, at(24*365*time.Hour)): 24 * 365 * time.Hour,
			`{"sub":"ann","exp":4e13}`:                                  100 * 365 * 24 * time.Hour,
		} {
			p := accept(t, v, sign("HS256", secret, nil, claims))
			if got := time.Until(p.Expires); got != want {
				t.Errorf("%s expires in %v, want %v", claims, got, want)
			}
		}
		if p := accept(t, v, sign("HS256", secret, nil, `{"sub":"ann"}`)); !p.Expires.IsZero() {
			t.Errorf("a token without end expires at %v", p.Expires)
		}
	})
}

func FuzzVerify(f *testing.F) {
	v := newVerifier(f, token.Options{Keys: token.Keys{Secret: secret, PEM: append(pemOf(rsaKey), pemOf(p256)...)}})
	for _, text := range []string{
		"", "..", "a.b.c", sign("HS256", secret, nil, good()), sign("RS256", rsaKey, headers{"kid": "a"}, good()),
		sign("ES256", p256, headers{"crit": []string{"b64"}, "b64": true}, good()), assemble(`{"alg":"none"}`, good(), nil),
		sign("HS256", secret, nil, `{"sub":{"a":[1e400]},"exp":4e13,"aud":["a"],"nbf":1.5}`),
	} {
		f.Add(text, good())
	}
	f.Fuzz(func(t *testing.T, text, claims string) {
		// Nobody has the keys but this test, and it signs nothing that is not good.
		if p, err := v.Verify(t.Context(), text); err == nil && !strings.Contains(string(p.Claims), string(p.Identity)) {
			t.Errorf("%q is %s, but its claims are %s", text, p.Identity, p.Claims)
		}
		p, err := v.Verify(t.Context(), sign("HS256", secret, nil, claims))
		if (err == nil) != (p.Identity != nil && p.Claims != nil && !p.Expires.IsZero()) {
			t.Errorf("%q: %+v, %v", claims, p, err)
		}
		if err == nil && !p.Expires.After(time.Now()) {
			t.Errorf("%q is good, but expired at %v", claims, p.Expires)
		}
	})
}

package token_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/snorky-go/snorky/actors/token"
)

func block(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func certificate() []byte {
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	return block("CERTIFICATE", must(x509.CreateCertificate(rand.Reader, template, template, p256.Public(), p256)))
}

func TestKeysOfEachForm(t *testing.T) {
	several := append(append([]byte("comment\n"), pemOf(rsaKey)...), pemOf(otherRSA)...)
	for name, c := range map[string]struct {
		keys token.Keys
		text string
	}{
		"PKIX":              {token.Keys{PEM: pemOf(edwards)}, sign("EdDSA", edwards, nil, good())},
		"PKCS 1":            {token.Keys{PEM: block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(&rsaKey.PublicKey))}, sign("RS256", rsaKey, nil, good())},
		"certificate":       {token.Keys{PEM: certificate()}, sign("ES256", p256, nil, good())},
		"first of several":  {token.Keys{PEM: several}, sign("RS256", rsaKey, nil, good())},
		"second of several": {token.Keys{PEM: several}, sign("RS256", otherRSA, nil, good())},
		"secret":            {token.Keys{Secret: secret[:32]}, sign("HS256", secret[:32], nil, good())},
		"all together": {
			token.Keys{Secret: secret, PEM: several, JWKS: jwks(map[string]crypto.Signer{"a": p384})},
			sign("ES384", p384, headers{"kid": "a"}, good()),
		},
	} {
		t.Run(name, func(t *testing.T) { accept(t, newVerifier(t, token.Options{Keys: c.keys}), c.text) })
	}
}

func TestBadOptions(t *testing.T) {
	small := must(rsa.GenerateKey(rand.Reader, 1024))
	p224 := must(ecdsa.GenerateKey(elliptic.P224(), rand.Reader))
	private := block("PRIVATE KEY", must(x509.MarshalPKCS8PrivateKey(rsaKey)))
	many := `{"keys":[` + strings.Repeat(`{},`, 100) + `{}]}`
	for name, c := range map[string]struct {
		o      token.Options
		reason string
	}{
		"nothing":                        {token.Options{}, "no key"},
		"algorithms, but no key":         {token.Options{Algorithms: []string{"HS256"}}, "no key"},
		"algorithm none":                 {token.Options{Algorithms: []string{"none"}, Keys: token.Keys{Secret: secret}}, `"none"`},
		"algorithm in small letters":     {token.Options{Algorithms: []string{"hs256"}, Keys: token.Keys{Secret: secret}}, `"hs256"`},
		"algorithm of encryption":        {token.Options{Algorithms: []string{"RSA-OAEP"}, Keys: token.Keys{Secret: secret}}, "unknown algorithm"},
		"short secret":                   {token.Options{Keys: token.Keys{Secret: secret[:31]}}, "shorter than 32 bytes"},
		"secret too short for HS512":     {token.Options{Algorithms: []string{"HS512"}, Keys: token.Keys{Secret: secret[:48]}}, "HS512"},
		"PEM as secret":                  {token.Options{Keys: token.Keys{Secret: pemOf(edwards)}}, "no secret"},
		"private key as secret":          {token.Options{Keys: token.Keys{Secret: private}}, "no secret"},
		"secret for RS256":               {token.Options{Algorithms: []string{"RS256"}, Keys: token.Keys{Secret: secret}}, "RS256"},
		"algorithm without key":          {token.Options{Algorithms: []string{"HS256", "ES256"}, Keys: token.Keys{Secret: secret}}, "ES256 has no key"},
		"secret asked of a URL":          {token.Options{Algorithms: []string{"HS256"}, URL: "http://127.0.0.1:1/"}, "HS256 has no key"},
		"other curve than asked for":     {token.Options{Algorithms: []string{"ES256"}, Keys: token.Keys{PEM: pemOf(p384)}}, "ES384"},
		"no PEM":                         {token.Options{Keys: token.Keys{PEM: []byte("hello")}}, "no public key"},
		"PEM of something else":          {token.Options{Keys: token.Keys{PEM: block("X509 CRL", []byte("x"))}}, "no public key"},
		"broken PEM":                     {token.Options{Keys: token.Keys{PEM: block("PUBLIC KEY", []byte("x"))}}, "cannot be read"},
		"PEM with a rest":                {token.Options{Keys: token.Keys{PEM: append(pemOf(rsaKey), "-----BEGIN"...)}}, "behind"},
		"private key":                    {token.Options{Keys: token.Keys{PEM: private}}, "private"},
		"small RSA key":                  {token.Options{Keys: token.Keys{PEM: pemOf(small)}}, "2048 bits"},
		"curve that nobody uses":         {token.Options{Keys: token.Keys{PEM: pemOf(p224)}}, "neither"},
		"JWKS that is no JSON":           {token.Options{Keys: token.Keys{JWKS: []byte("{")}}, "JWKS"},
		"JWKS without keys":              {token.Options{Keys: token.Keys{JWKS: []byte("{}")}}, "JWKS"},
		"JWKS with too many keys":        {token.Options{Keys: token.Keys{JWKS: []byte(many)}}, "more than 100"},
		"JWKS with a secret only":        {token.Options{Keys: token.Keys{JWKS: []byte(`{"keys":[{"kty":"oct","k":"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}]}`)}}, "no public key"},
		"JWKS of algorithms not asked":   {token.Options{Algorithms: []string{"ES256"}, Keys: token.Keys{JWKS: jwks(map[string]crypto.Signer{"a": rsaKey})}}, "no public key"},
		"URL that is none":               {token.Options{URL: "keys.json"}, "http"},
		"URL of something else":          {token.Options{URL: "ftp://user:sesame@a.example/"}, "http"},
		"URL with bytes that none has":   {token.Options{URL: "http://a\n"}, "http"},
		"keys beside URL are looked at":  {token.Options{URL: "http://127.0.0.1:1/", Keys: token.Keys{PEM: []byte("x")}}, "PEM"},
		"PEM with more keys than useful": {token.Options{Keys: token.Keys{PEM: []byte(strings.Repeat(string(pemOf(edwards)), 101))}}, "more than 100"},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := token.New(c.o)
			if err == nil {
				v.Close()
				t.Fatal("no error")
			}
			if text := err.Error(); !strings.Contains(text, c.reason) || len(text) > 250 {
				t.Errorf("error %q, want %q", text, c.reason)
			}
			if checked := c.o.Check(); checked == nil || checked.Error() != err.Error() {
				t.Errorf("Check says %v", checked)
			}
			for _, hidden := range []string{string(secret[:20]), "BEGIN", "sesame"} {
				if strings.Contains(err.Error(), hidden) {
					t.Errorf("the error says %q", err)
				}
			}
		})
	}
}

// A set has keys for others, too; what is of no use is left alone.
func TestSetOfManyKinds(t *testing.T) {
	encryption := jose.JSONWebKey{Key: otherRSA.Public(), KeyID: "encryption", Use: "enc"}
	private := jose.JSONWebKey{Key: edwards, KeyID: "private"}
	named := jose.JSONWebKey{Key: rsaKey.Public(), KeyID: "named", Algorithm: "PS256"}
	nameless := jose.JSONWebKey{Key: p256.Public()}
	all := []json.RawMessage{
		json.RawMessage(`{"kty":"future","kid":"x"}`), json.RawMessage(`{}`), json.RawMessage(`7`), json.RawMessage(`{"kty":"RSA","n":"!"}`),
	}
	for _, k := range []jose.JSONWebKey{encryption, private, named, nameless} {
		all = append(all, must(k.MarshalJSON()))
	}
	set := must(json.Marshal(map[string]any{"keys": all, "other": 1}))
	v := newVerifier(t, token.Options{Keys: token.Keys{JWKS: set}})
	accept(t, v, sign("PS256", rsaKey, headers{"kid": "named"}, good()))
	accept(t, v, sign("ES256", p256, headers{"kid": "any"}, good()))
	refuse(t, v, sign("RS256", rsaKey, headers{"kid": "named"}, good()), "no key")
	refuse(t, v, sign("RS256", otherRSA, headers{"kid": "encryption"}, good()), "no key")
	refuse(t, v, sign("EdDSA", edwards, headers{"kid": "private"}, good()), "no key")
}

// Keys are exchanged while tokens are verified, and bad ones change nothing.
func TestSetKeys(t *testing.T) {
	v := newVerifier(t, token.Options{Keys: token.Keys{Secret: secret}})
	old, young := sign("HS256", secret, nil, good()), sign("RS256", rsaKey, nil, good())
	accept(t, v, old)
	refuse(t, v, young, "")
	for _, bad := range []token.Keys{{}, {Secret: []byte("short")}, {PEM: []byte("x")}, {JWKS: []byte("x")}} {
		if err := v.SetKeys(bad); err == nil {
			t.Errorf("%+v was taken", bad)
		}
		accept(t, v, old)
	}
	if err := v.SetKeys(token.Keys{PEM: pemOf(rsaKey)}); err != nil {
		t.Fatal(err)
	}
	accept(t, v, young)
	refuse(t, v, old, "")
}

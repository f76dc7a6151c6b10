package token_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"go.uber.org/goleak"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/token"
	"github.com/snorky-go/snorky/actors/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Keys of this run.
var (
	secret   = []byte("a secret of 64 bytes, which is enough for HS512: 0123456789abcdef")
	rsaKey   = must(rsa.GenerateKey(rand.Reader, 2048))
	otherRSA = must(rsa.GenerateKey(rand.Reader, 2048))
	p256     = must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	p384     = must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	p521     = must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader))
	edwards  = ed25519.NewKeyFromSeed(secret[:32])
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// pemOf is the public half of a key.
func pemOf(private crypto.Signer) []byte {
	der := must(x509.MarshalPKIXPublicKey(private.Public()))
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// jwks is a set of public keys by their names.
func jwks(keys map[string]crypto.Signer) []byte {
	var set jose.JSONWebKeySet
	for kid, k := range keys {
		set.Keys = append(set.Keys, jose.JSONWebKey{Key: k.Public(), KeyID: kid, Use: "sig"})
	}
	return must(json.Marshal(set))
}

// headers are what a token's header has besides its algorithm.
type headers map[jose.HeaderKey]any

func sign(a jose.SignatureAlgorithm, key any, h headers, claims string) string {
	signer := must(jose.NewSigner(jose.SigningKey{Algorithm: a, Key: key}, &jose.SignerOptions{ExtraHeaders: h}))
	return must(must(signer.Sign([]byte(claims))).CompactSerialize())
}

// assemble makes a token of parts that no library would put together.
func assemble(header, claims string, signature []byte) string {
	e := base64.RawURLEncoding
	return e.EncodeToString([]byte(header)) + "." + e.EncodeToString([]byte(claims)) + "." + e.EncodeToString(signature)
}

// good are the claims of ann for the next hour, and what else is given.
func good(more ...string) string {
	claims := append([]string{`"sub":"ann"`, fmt.Sprintf(`"exp":%d`, time.Now().Add(time.Hour).Unix())}, more...)
	return "{" + strings.Join(claims, ",") + "}"
}

func newVerifier(t testing.TB, o token.Options) *token.Verifier {
	t.Helper()
	v, err := token.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(v.Close)
	return v
}

func accept(t *testing.T, v *token.Verifier, text string) actors.Principal {
	t.Helper()
	p, err := v.Verify(t.Context(), text)
	if err != nil {
		t.Fatalf("refused: %v", err)
	}
	return p
}

// refuse checks that a token is refused, for a reason that says what it should and nothing of the token.
func refuse(t *testing.T, v *token.Verifier, text, reason string) {
	t.Helper()
	p, err := v.Verify(t.Context(), text)
	if err == nil {
		t.Fatalf("%q was taken for %s", text, p.Identity)
	}
	if !errors.Is(err, wire.ErrInvalidToken) || !strings.Contains(err.Error(), reason) {
		t.Errorf("refused because of %q, want %q", err, reason)
	}
	if len(err.Error()) > 300 {
		t.Errorf("a reason of %d bytes", len(err.Error()))
	}
	if p.Identity != nil || p.Claims != nil || !p.Expires.IsZero() {
		t.Errorf("refused, and yet it is %+v", p)
	}
}

// over is a context that has ended, for what needs no waiting.
func over() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}

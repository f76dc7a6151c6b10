package token

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"

	"github.com/go-jose/go-jose/v4"
)

const (
	// minSecret is the least size of a secret, in bytes: that of the smallest hash (RFC 7518 section 3.2).
	minSecret = 32
	// minRSA is the least size of an RSA key, in bits (RFC 7518 section 3.3).
	minRSA = 2048
	// maxKeys bounds a set. A token that names no key is tried with each.
	maxKeys = 100
)

// Keys are what tokens are verified with. Any of them may be empty.
type Keys struct {
	// Secret is what the application shares with this server, of at least 32 bytes; HS384 needs 48, HS512 64.
	Secret []byte
	// PEM are public keys or certificates, one or more blocks. Of a certificate only the key is used.
	PEM []byte
	// JWKS is a set of public keys (RFC 7517 section 5). What is of no use here, such as keys for encryption or secrets,
	// is left out.
	JWKS []byte
}

// KeyError says which of the Keys is of no use.
type KeyError struct {
	Of  string // Secret, PEM or JWKS: the name of the field
	Err error  // why, with nothing of the key in it
}

// Error implements error.
func (e *KeyError) Error() string { return e.Err.Error() }

// Unwrap returns why the keys are of no use.
func (e *KeyError) Unwrap() error { return e.Err }

var (
	errNoKey = errors.New("there is no key")

	errSecretShort = fmt.Errorf("the secret is shorter than %d bytes", minSecret)
	errSecretPEM   = errors.New("the secret is a key in PEM, or a certificate, which is no secret")
	errPEM         = errors.New("the PEM has no public key")
	errPEMBroken   = errors.New("a public key or certificate of the PEM cannot be read")
	errPEMRest     = errors.New("the PEM has something behind its last block")
	errJWKS        = errors.New("the JWKS is no JSON object with a list of keys")
	errJWKSUseless = errors.New("the JWKS has no public key that could verify a token")
	errJWKSMany    = fmt.Errorf("the JWKS has more than %d keys", maxKeys)
	errPrivate     = errors.New("a private key is there, where the public one belongs")
	errRSAShort    = fmt.Errorf("an RSA key is shorter than %d bits", minRSA)
	errKeyKind     = errors.New("a key is neither RSA nor ECDSA nor Ed25519")
)

// key is a key with all that it may be used for.
type key struct {
	id         string // "": it serves tokens that name any key
	algorithms []jose.SignatureAlgorithm
	material   any // []byte for a secret, or a public key
}

type keySet []key

// matching returns the keys that may have signed a token. kid is empty if it does not name its key.
func (s keySet) matching(kid string, a jose.SignatureAlgorithm) keySet {
	var found keySet
	for _, k := range s {
		if (kid == "" || k.id == "" || k.id == kid) && slices.Contains(k.algorithms, a) {
			found = append(found, k)
		}
	}
	return found
}

func (s keySet) verify(signed *jose.JSONWebSignature) (payload []byte, ok bool) {
	for _, k := range s {
		if payload, err := signed.Verify(k.material); err == nil {
			return payload, true
		}
	}
	return nil, false
}

// set checks the keys. Each has to be good for one of the algorithms, except those of a JWKS, which may have others. The
// error is a *KeyError.
func (k Keys) set(algorithms []jose.SignatureAlgorithm) (keySet, error) {
	var set keySet
	if len(k.Secret) > 0 {
		secret, err := newSecret(k.Secret, algorithms)
		if err != nil {
			return nil, &KeyError{Of: "Secret", Err: err}
		}
		set = append(set, secret)
	}
	if len(k.PEM) > 0 {
		public, err := parsePEM(k.PEM, algorithms)
		if err != nil {
			return nil, &KeyError{Of: "PEM", Err: err}
		}
		set = append(set, public...)
	}
	if len(k.JWKS) > 0 {
		public, err := parseJWKS(k.JWKS, algorithms)
		if err != nil {
			return nil, &KeyError{Of: "JWKS", Err: err}
		}
		set = append(set, public...)
	}
	return set, nil
}

func newSecret(secret []byte, algorithms []jose.SignatureAlgorithm) (key, error) {
	switch {
	case len(secret) < minSecret:
		return key{}, errSecretShort
	case bytes.Contains(secret, []byte("-----BEGIN ")):
		return key{}, errSecretPEM
	}
	return newKey("", "", bytes.Clone(secret), algorithms)
}

func parsePEM(text []byte, algorithms []jose.SignatureAlgorithm) (set keySet, err error) {
	for {
		block, rest := pem.Decode(text)
		switch {
		case block == nil && len(set) == 0:
			return nil, errPEM
		case block == nil && len(bytes.TrimSpace(rest)) > 0:
			return nil, errPEMRest
		case block == nil:
			return set, nil
		case len(set) == maxKeys:
			return nil, fmt.Errorf("the PEM has more than %d keys", maxKeys)
		}
		material, err := parseBlock(block)
		if err != nil {
			return nil, err
		}
		k, err := newKey("", "", material, algorithms)
		if err != nil {
			return nil, err
		}
		set, text = append(set, k), rest
	}
}

func parseBlock(block *pem.Block) (material any, err error) {
	switch block.Type {
	case "PUBLIC KEY":
		material, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		material, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		var certificate *x509.Certificate
		if certificate, err = x509.ParseCertificate(block.Bytes); err == nil {
			material = certificate.PublicKey
		}
	case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY":
		return nil, errPrivate
	default:
		return nil, errPEM
	}
	if err != nil {
		return nil, errPEMBroken // the reason could quote it
	}
	return material, nil
}

// parseJWKS takes what is of use in a set. Others than this server use it, too, for keys that it does not know.
func parseJWKS(document []byte, algorithms []jose.SignatureAlgorithm) (set keySet, err error) {
	var parsed struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if json.Unmarshal(document, &parsed) != nil || parsed.Keys == nil {
		return nil, errJWKS // the reason could quote it
	}
	if len(parsed.Keys) > maxKeys {
		return nil, errJWKSMany
	}
	for _, one := range parsed.Keys {
		var jwk jose.JSONWebKey
		if jwk.UnmarshalJSON(one) != nil || !jwk.IsPublic() || jwk.Use != "" && jwk.Use != "sig" {
			continue
		}
		if k, err := newKey(jwk.KeyID, jwk.Algorithm, jwk.Key, algorithms); err == nil {
			set = append(set, k)
		}
	}
	if len(set) == 0 {
		return nil, errJWKSUseless
	}
	return set, nil
}

// newKey works out what a key may be used for: if it names its algorithm, for that; else for those of its kind that are
// asked for, or the usual one if none are.
func newKey(id, named string, material any, asked []jose.SignatureAlgorithm) (key, error) {
	own := algorithmsOf(material)
	if len(own) == 0 {
		return key{}, errKeyKind
	}
	if public, ok := material.(*rsa.PublicKey); ok && public.N.BitLen() < minRSA {
		return key{}, errRSAShort
	}
	k := key{id: id, material: material}
	for _, a := range own {
		if named != "" && named != string(a) {
			continue
		}
		if slices.Contains(asked, a) || len(asked) == 0 && (named != "" || a == own[0]) {
			k.algorithms = append(k.algorithms, a)
		}
	}
	if len(k.algorithms) == 0 {
		return key{}, fmt.Errorf("a key can verify %v, and of the algorithms %v none", own, asked)
	}
	return k, nil
}

// algorithmsOf returns what a key is good for, the usual one first.
func algorithmsOf(material any) []jose.SignatureAlgorithm {
	switch k := material.(type) {
	case []byte:
		return secretAlgorithms[:1+min((len(k)-minSecret)/16, 2)]
	case *rsa.PublicKey:
		return rsaAlgorithms
	case *ecdsa.PublicKey:
		switch k.Curve {
		case elliptic.P256():
			return curveAlgorithms[0:1]
		case elliptic.P384():
			return curveAlgorithms[1:2]
		case elliptic.P521():
			return curveAlgorithms[2:3]
		}
	case ed25519.PublicKey:
		return curveAlgorithms[3:4]
	}
	return nil
}

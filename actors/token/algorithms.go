package token

import (
	"fmt"
	"slices"

	"github.com/go-jose/go-jose/v4"
)

// All that a token may be signed with (RFC 7518 section 3.1, RFC 8037).
var (
	secretAlgorithms = []jose.SignatureAlgorithm{jose.HS256, jose.HS384, jose.HS512}
	rsaAlgorithms    = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512}
	curveAlgorithms  = []jose.SignatureAlgorithm{jose.ES256, jose.ES384, jose.ES512, jose.EdDSA} // each with a curve of its own

	allAlgorithms = slices.Concat(secretAlgorithms, rsaAlgorithms, curveAlgorithms)
)

// Algorithms returns the names of all that may stand in Options.Algorithms.
func Algorithms() (names []string) {
	for _, a := range allAlgorithms {
		names = append(names, string(a))
	}
	return names
}

func parseAlgorithms(names []string) (asked []jose.SignatureAlgorithm, err error) {
	for _, name := range names {
		if !slices.Contains(allAlgorithms, jose.SignatureAlgorithm(name)) {
			return nil, fmt.Errorf("unknown algorithm %q; there are %v", clip(name), allAlgorithms)
		}
		asked = append(asked, jose.SignatureAlgorithm(name))
	}
	return asked, nil
}

// symmetric tells whether who can verify can also sign.
func symmetric(a jose.SignatureAlgorithm) bool { return slices.Contains(secretAlgorithms, a) }

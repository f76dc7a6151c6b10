package backendapi

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
)

// keyHeader is the name of the header that carries the key (PROTOCOL.md section 7), in net/http's canonical spelling.
const keyHeader = "X-Backend-Key"

// ErrBadKey says that a key cannot be used. The errors that wrap it say why and never show the key.
var ErrBadKey = errors.New("unusable backend key")

// keyring is an immutable set of keys. It keeps their hashes only: those have one length, so that comparing tells
// nothing about the length of a key, and a memory dump of the process shows no key.
type keyring struct {
	sums [][sha256.Size]byte
}

func newKeyring(keys [][]byte) (*keyring, error) {
	if len(keys) == 0 {
		return nil, fmt.Errorf("%w: none given", ErrBadKey)
	}
	ring := &keyring{sums: make([][sha256.Size]byte, 0, len(keys))}
	for i, key := range keys {
		if err := checkKey(key); err != nil {
			return nil, fmt.Errorf("key %d of %d: %w", i+1, len(keys), err)
		}
		ring.sums = append(ring.sums, sha256.Sum256(key))
	}
	return ring, nil
}

// checkKey refuses the keys that no request could ever present.
func checkKey(key []byte) error {
	switch {
	case len(key) == 0:
		return fmt.Errorf("%w: it is empty", ErrBadKey)
	case len(bytes.Trim(key, " \t")) != len(key):
		return fmt.Errorf("%w: blanks at its ends do not survive in an HTTP header", ErrBadKey)
	case bytes.IndexFunc(key, isControl) >= 0:
		return fmt.Errorf("%w: an HTTP header cannot hold control characters", ErrBadKey)
	}
	return nil
}

func isControl(r rune) bool { return r < 0x20 && r != '\t' || r == 0x7f }

// opens tells whether the headers hold a valid key, exactly once.
func (k *keyring) opens(h http.Header) bool {
	presented := h[keyHeader]
	return len(presented) == 1 && k.holds([]byte(presented[0]))
}

// holds tells whether presented is one of the keys. The time it takes depends on the length of what was presented and on
// the number of keys, not on what the keys are or which of them fits.
func (k *keyring) holds(presented []byte) bool {
	sum := sha256.Sum256(presented)
	found := 0
	for i := range k.sums {
		found |= subtle.ConstantTimeCompare(k.sums[i][:], sum[:])
	}
	return found == 1
}

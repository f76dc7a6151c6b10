package datasync

import "crypto/rand"

const (
	tokenLength   = 32
	tokenAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
)

// newToken returns a secret that nobody can guess (PROTOCOL.md section 9.2).
func newToken() string {
	token := make([]byte, 0, tokenLength)
	var random [2 * tokenLength]byte
	for len(token) < tokenLength {
		_, _ = rand.Read(random[:]) // never fails
		for _, b := range random {
			// Bytes beyond the last whole round of the alphabet would make some characters more likely.
			if int(b) < 256/len(tokenAlphabet)*len(tokenAlphabet) && len(token) < tokenLength {
				token = append(token, tokenAlphabet[int(b)%len(tokenAlphabet)])
			}
		}
	}
	return string(token)
}

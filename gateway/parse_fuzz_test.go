package gateway

import (
	"slices"
	"testing"
)

// FuzzParse checks that Parse survives any bytes, and that it makes no difference where the network cuts them or where
// the connection pauses.
func FuzzParse(f *testing.F) {
	for _, c := range conversations() {
		f.Add(c.sent, uint64(3), uint8(0))
		f.Add(c.sent, uint64(12345), uint8(1))
	}
	f.Fuzz(func(t *testing.T, sent []byte, seed uint64, pauseAt uint8) {
		sent = sent[:min(len(sent), 4*testLimit)]
		whole := newPeer(testLimit)
		whole.feed(append([]byte(nil), sent...))

		pieces := newPeer(testLimit)
		pieces.pauseAt = int(pauseAt % 4)
		for rest := sent; len(rest) > 0; {
			seed = seed*6364136223846793005 + 1442695040888963407
			n := min(1+int(seed>>33)%11, len(rest))
			pieces.feed(append([]byte(nil), rest[:n]...))
			rest = rest[n:]
		}
		if !slices.Equal(whole.events, pieces.events) {
			t.Fatalf("whole: %q, in pieces: %q", whole.events, pieces.events)
		}
		if limit := 7*testLimit + 32; pieces.maxKept > limit {
			t.Fatalf("kept %d bytes, more than %d", pieces.maxKept, limit)
		}
	})
}

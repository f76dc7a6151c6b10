package gateway

import (
	"strings"
	"testing"

	"github.com/snorky-go/snorky/actors"
)

// count is a sink that only counts.
type count struct{ texts, frames int }

func (c *count) Message([]byte) bool { c.texts++; return true }
func (c *count) Control([]byte)      { c.frames++ }

// BenchmarkParse gives nanoseconds and allocations per frame.
func BenchmarkParse(b *testing.B) {
	for _, c := range []struct {
		name  string
		frame []byte
		batch int // frames that arrive together
	}{
		{"text of 100 bytes", clientFrame(text, strings.Repeat("x", 100)), 1},
		{"texts of 100 bytes in tens", clientFrame(text, strings.Repeat("x", 100)), 10},
		{"text of 4 KiB", clientFrame(text, strings.Repeat("x", 4<<10)), 1},
		{"text of 64 KiB", clientFrame(text, strings.Repeat("x", 64<<10)), 1},
		{"ping", clientFrame(ping, "p"), 1},
		{"unfinished text", clientFrame(text, strings.Repeat("x", 100))[:50], 1},
	} {
		b.Run(c.name, func(b *testing.B) {
			h := New(nil, Options{})
			sent := []byte(strings.Repeat(string(c.frame), c.batch))
			buffer := make([]byte, len(sent))
			sink := new(count)
			b.SetBytes(int64(len(c.frame)))
			b.ReportAllocs()
			for n := 0; n < b.N; n += c.batch {
				copy(buffer, sent)
				if _, err := h.Parse(new(actors.ParseState), buffer, sink); err != nil {
					b.Fatal(err)
				}
			}
			if want := b.N; strings.HasPrefix(c.name, "text") && sink.texts < want {
				b.Fatalf("%d of %d texts", sink.texts, want)
			}
		})
	}
}

package wire

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestWithHint(t *testing.T) {
	for name, test := range map[string]struct {
		text  string
		after time.Duration
		want  string
	}{
		"usual":              {"server is going away", 2500 * time.Millisecond, "server is going away; reconnect in 2500 ms"},
		"at once":            {"bye", 0, "bye; reconnect in 0 ms"},
		"rounded up":         {"bye", time.Nanosecond, "bye; reconnect in 1 ms"},
		"in the past":        {"bye", -time.Hour, "bye; reconnect in 0 ms"},
		"most":               {"bye", MaxHint, "bye; reconnect in 600000 ms"},
		"more than most":     {"bye", 1<<63 - 1, "bye; reconnect in 600000 ms"},
		"no text":            {"", time.Second, "reconnect in 1000 ms"},
		"long text":          {strings.Repeat("x", 200), time.Second, strings.Repeat("x", 101) + "; reconnect in 1000 ms"},
		"cut in a character": {strings.Repeat("x", 99) + "€", time.Second, strings.Repeat("x", 99) + "; reconnect in 1000 ms"},
		"ends in a hint":     {"bye; reconnect in 9 ms", time.Second, "bye; reconnect in 9 ms; reconnect in 1000 ms"},
	} {
		if got := WithHint(test.text, test.after); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

// hints are reasons and what they ask for; -1 is nothing.
var hints = map[string]time.Duration{
	"server is going away; reconnect in 2500 ms": 2500 * time.Millisecond,
	"reconnect in 0 ms":                          0,
	"; reconnect in 7 ms":                        7 * time.Millisecond,
	"x; reconnect in 1 ms; reconnect in 20 ms":   20 * time.Millisecond,
	"x; reconnect in 007 ms":                     7 * time.Millisecond,
	"x; reconnect in 600000 ms":                  MaxHint,
	"x; reconnect in 600001 ms":                  MaxHint,
	"x; reconnect in 9223372036854775807 ms":     MaxHint,
	"x; reconnect in 99999999999999999999999 ms": MaxHint,
	"":                          -1,
	" ms":                       -1,
	"5 ms":                      -1,
	"server is going away":      -1,
	"x; reconnect in  ms":       -1,
	"x; reconnect in -5 ms":     -1,
	"x; reconnect in +5 ms":     -1,
	"x; reconnect in 1.5 ms":    -1,
	"x; reconnect in 1e3 ms":    -1,
	"x; reconnect in 0x10 ms":   -1,
	"x; reconnect in NaN ms":    -1,
	"x; reconnect in 5 s":       -1,
	"x; reconnect in 5 ms ":     -1,
	"x; reconnect in 5 ms.":     -1,
	"x; Reconnect in 5 ms":      -1,
	"x, reconnect in 5 ms":      -1,
	"never reconnect in 5 ms":   -1,
	"x; reconnect in \u0665 ms": -1,
	"x; reconnect in 5\u00a0ms": -1,
	"x; reconnect in 5 ms\x00":  -1,
	"x; reconnect in 5 ms\xff":  -1,
	"x; reconnect in 5 ms; and do not hurry there": -1,
}

func TestHint(t *testing.T) {
	for reason, want := range hints {
		got, ok := Hint(reason)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%q: %v, want %v", reason, got, want)
		}
	}
}

func TestReconnectAfter(t *testing.T) {
	for code, want := range map[CloseCode]bool{
		CloseGoingAway: true, CloseSlowReader: true, CloseTryAgainLater: true, CloseOverloaded: true, 3999: true,
		CloseNormal: false, CloseForbidden: false, ClosePolicyViolation: false, 4299: false,
	} {
		after, ok := (&CloseError{Code: code, Reason: WithHint("x", time.Second)}).ReconnectAfter()
		if ok != want || ok != (after == time.Second) {
			t.Errorf("%d with a hint: %v, %t", code, after, ok)
		}
		if _, ok := (&CloseError{Code: code, Reason: "x"}).ReconnectAfter(); ok {
			t.Errorf("%d without a hint has one", code)
		}
	}
}

// What is made is read again, fits into a close frame, and a close frame does not change it.
func FuzzHint(f *testing.F) {
	for reason := range hints {
		f.Add(reason, int64(1500))
	}
	f.Add(strings.Repeat("€", 60), int64(-1))
	f.Add(strings.Repeat("x", 98)+"\xe2\x82", int64(1)<<62)
	f.Fuzz(func(t *testing.T, text string, ms int64) {
		if after, ok := Hint(text); after < 0 || after > MaxHint || !ok && after != 0 {
			t.Errorf("%q: %v, %t", text, after, ok)
		}
		asked := time.Duration(ms%1_000_000) * time.Millisecond
		reason := WithHint(text, asked)
		if got, ok := Hint(reason); !ok || got != min(max(asked, 0), MaxHint) {
			t.Errorf("%q: %v, %t, want %v", reason, got, ok, asked)
		}
		if len(reason) > maxReason || !utf8.ValidString(reason) {
			t.Errorf("%q does not fit, or is cut in a character", reason)
		}
		if frame := AppendCloseFrame(nil, CloseGoingAway, reason); string(frame[4:]) != reason {
			t.Errorf("%q goes out as %q", reason, frame[4:])
		}
	})
}

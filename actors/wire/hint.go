package wire

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A reconnect hint is the end of the reason of a close frame by which a server says when its client should come back:
//
//	reason = [ text "; " ] "reconnect in " 1*DIGIT " ms"
//
// People can read it, and a client that does not know it takes it for the text that it is. It is the same in all
// languages. A number beyond MaxHint stands for MaxHint. Whatever else a reason ends with is no hint: a sign, a fraction,
// another unit, a blank more.
const (
	hintStart = "reconnect in "
	hintUnit  = " ms"
	hintGlue  = "; "
)

// MaxHint is the longest wait that a hint can ask for, so that nobody can send clients away for good.
const MaxHint = 10 * time.Minute

// maxReason is how many bytes of a close frame its reason may take (RFC 6455 section 5.5).
const maxReason = maxControl - 2

// WithHint returns a reason that asks the client to come back after a time, which is rounded up to milliseconds and kept
// between 0 and MaxHint. A text that leaves no room for the hint is cut at the edge of a character.
func WithHint(text string, after time.Duration) string {
	after = min(max(after, 0), MaxHint)
	hint := hintStart + strconv.FormatInt(int64((after+time.Millisecond-1)/time.Millisecond), 10) + hintUnit
	text = strings.ToValidUTF8(text, string(utf8.RuneError)) // which a close frame does, and that would need room
	if room := maxReason - len(hint) - len(hintGlue); len(text) > room {
		for !utf8.RuneStart(text[room]) {
			room--
		}
		text = text[:room]
	}
	if text == "" {
		return hint
	}
	return text + hintGlue + hint
}

// Hint returns what the reason of a close frame asks its client to wait before it comes back, and whether it asks.
func Hint(reason string) (after time.Duration, ok bool) {
	rest, ok := strings.CutSuffix(reason, hintUnit)
	if !ok {
		return 0, false
	}
	text := strings.TrimRight(rest, "0123456789")
	digits := rest[len(text):]
	text, ok = strings.CutSuffix(text, hintStart)
	if !ok || digits == "" || text != "" && !strings.HasSuffix(text, hintGlue) {
		return 0, false
	}
	// The only error left is a number that is too large.
	ms, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || ms > MaxHint.Milliseconds() {
		return MaxHint, true
	}
	return time.Duration(ms) * time.Millisecond, true
}

// ReconnectAfter returns how long the peer asks to stay away, and whether it does. It does not when it says by the code
// not to come back at all.
func (e *CloseError) ReconnectAfter() (after time.Duration, ok bool) {
	if e.Code.Reconnect() == Never {
		return 0, false
	}
	return Hint(e.Reason)
}

package bench

import (
	"bytes"
	"encoding/binary"
)

// A payload is
//
//	{"seq":1ppnnnnnnnnn,"ts":tttttttttttttttt,"pad":"ccccccxxx"}
//
// where pp is the publisher, n its running number on that channel, t when the message was due in microseconds, and c the
// channel. All numbers fit a double, so a server may decode and encode them again. The marks lie where they lie in every
// payload; these are the distances from seqMark.
const (
	seqMark = `"seq":`
	tsMark  = `,"ts":`
	padMark = `,"pad":"`
	payEnd  = `"}`

	seqDigits = 12
	tsDigits  = 16
	tagDigits = 6

	seqAt = len(seqMark)
	tsAt  = seqAt + seqDigits + len(tsMark)
	padAt = tsAt + tsDigits + len(padMark)
	endAt = padAt + tagDigits // of the smallest payload

	seqBase = 100
	seqSpan = 1_000_000_000
	tagBase = 100_000
)

const (
	// MinSize is the size of the smallest payload, in bytes.
	MinSize = 1 + endAt + len(payEnd)
	// MaxPublishers is how many publishers a payload can tell apart.
	MaxPublishers = 100
	// MaxChannels is how many channels a payload can tell apart.
	MaxChannels = 10*tagBase - tagBase
)

// tag is a channel as payloads have it.
type tag [tagDigits]byte

func tagOf(channel int) (t tag) {
	putDigits(t[:], int64(channel)+tagBase)
	return t
}

// newPayload makes a payload whose numbers are still to be set.
func newPayload(size int) []byte {
	b := make([]byte, 0, size)
	b = append(append(b, '{'), seqMark...)
	b = append(b, "000000000000"+tsMark+"0000000000000000"+padMark+"000000"...)
	for len(b) < size-len(payEnd) {
		b = append(b, 'x')
	}
	return append(b, payEnd...)
}

func setPayload(b []byte, channel tag, publisher int, n uint32, due int64) {
	putDigits(b[1+seqAt:1+seqAt+seqDigits], int64(seqBase+publisher)*seqSpan+int64(n))
	putDigits(b[1+tsAt:1+tsAt+tsDigits], due)
	copy(b[1+padAt:], channel[:])
}

func putDigits(b []byte, v int64) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = byte('0' + v%10)
		v /= 10
	}
}

// delivery is what the receiver reads off a payload.
type delivery struct {
	publisher int
	n         uint32
	due       int64
	channel   tag
}

// finding is what nextPayload found.
type finding int

const (
	nothing finding = iota
	whole
	damaged // the beginning of a payload, but not all of one
)

// scanner finds payloads. It remembers where the last one lay, because the next one lies at the same place almost always.
type scanner struct {
	size int // of each payload
	hint int // where seqMark was
}

// next finds the first payload in b and what lies behind it.
func (s *scanner) next(b []byte) (d delivery, rest []byte, f finding) {
	at := s.hint
	if len(b) < at+len(seqMark) || string(b[at:at+len(seqMark)]) != seqMark {
		if at = bytes.Index(b, []byte(seqMark)); at < 0 {
			return d, nil, nothing
		}
		s.hint = at
	}
	b = b[at:]
	end := s.size - 1 // the brace lies before seqMark
	if len(b) >= end && string(b[end-len(payEnd):end]) == payEnd &&
		string(b[tsAt-len(tsMark):tsAt]) == tsMark && string(b[padAt-len(padMark):padAt]) == padMark {
		seq, ok := twelveDigits(b[seqAt:])
		due, all := sixteenDigits(b[tsAt:])
		if ok && all && d.number(seq) {
			d.due = due
			copy(d.channel[:], b[padAt:])
			return d, b[end:], whole
		}
	}
	return s.loose(b)
}

// loose reads a payload that a server has written anew, with blanks between the tokens.
func (s *scanner) loose(b []byte) (d delivery, rest []byte, f finding) {
	seq, rest, ok := digits(b[len(seqMark):], seqDigits)
	if !ok || !d.number(seq) {
		return d, b[len(seqMark):], damaged
	}
	if rest, ok = tokens(rest, ",", `"ts"`, ":"); ok {
		d.due, rest, ok = digits(rest, tsDigits)
	}
	if ok {
		rest, ok = tokens(rest, ",", `"pad"`, ":", `"`)
	}
	pad := s.size - (MinSize - tagDigits)
	if !ok || len(rest) < pad || bytes.IndexByte(rest[:pad], '"') >= 0 {
		return d, b[len(seqMark):], damaged
	}
	copy(d.channel[:], rest)
	if rest, ok = tokens(rest[pad:], `"`, "}"); !ok {
		return d, b[len(seqMark):], damaged
	}
	return d, rest, whole
}

func (d *delivery) number(seq int64) bool {
	d.publisher, d.n = int(seq/seqSpan)-seqBase, uint32(seq%seqSpan)
	return d.publisher >= 0 && d.publisher < MaxPublishers
}

// tokens skips what is wanted, with blanks before each.
func tokens(b []byte, wanted ...string) (rest []byte, ok bool) {
	for _, want := range wanted {
		b = bytes.TrimLeft(b, " \t\r\n")
		if b, ok = bytes.CutPrefix(b, []byte(want)); !ok {
			return b, false
		}
	}
	return b, true
}

// digits reads a number of so many digits, with blanks before it.
func digits(b []byte, count int) (v int64, rest []byte, ok bool) {
	b = bytes.TrimLeft(b, " \t\r\n")
	if len(b) <= count || '0' <= b[count] && b[count] <= '9' {
		return 0, b, false
	}
	v, ok = decimalRun(b[:count])
	return v, b[count:], ok
}

func decimalRun(b []byte) (v int64, ok bool) {
	for _, c := range b {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = v*10 + int64(c-'0')
	}
	return v, true
}

// twelveDigits reads a number that b begins with; sixteenDigits likewise.
func twelveDigits(b []byte) (v int64, ok bool) {
	high, ok := eightDigits(b)
	low, all := decimalRun(b[8:12])
	return high*10_000 + low, ok && all
}

func sixteenDigits(b []byte) (v int64, ok bool) {
	high, ok := eightDigits(b)
	low, all := eightDigits(b[8:])
	return high*100_000_000 + low, ok && all
}

// eightDigits adds up neighbouring digits, then pairs, then fours, all in one word. What is a digit stays below 16 with 6
// added.
func eightDigits(b []byte) (v int64, ok bool) {
	const each = 0x0101010101010101
	w := binary.LittleEndian.Uint64(b) ^ '0'*each
	if (w|(w+6*each))&(0xf0*each) != 0 {
		return 0, false
	}
	w = w * (1 + 10<<8) >> 8
	w = (w & 0x00ff00ff00ff00ff) * (1 + 100<<16) >> 16
	w = (w & 0x0000ffff0000ffff) * (1 + 10_000<<32) >> 32
	return int64(w), true
}

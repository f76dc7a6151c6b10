package gateway

import (
	"bytes"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// conversations are what a client sends and what comes of it. Codes are those of RFC 6455 section 7.4.
func conversations() map[string]conversation {
	all := map[string]conversation{
		"text":               {clientFrame(text, "hello"), []string{"text hello"}},
		"empty text":         {clientFrame(text, ""), []string{"text "}},
		"binary with UTF-8":  {clientFrame(binaryFrame, "héllo"), []string{"text héllo"}},
		"binary, no UTF-8":   {join(clientFrame(binaryFrame, "\xfe"), clientFrame(text, "next")), []string{"text next"}},
		"two texts":          {join(clientFrame(text, "a"), clientFrame(text, "b")), []string{"text a", "text b"}},
		"length of 16 bits":  {announceShort(text, 5, "hello"), []string{"text hello"}},
		"length of 64 bits":  {append(announced(text, 3)[:10], 0, 0, 0, 0, 'a', 'b', 'c'), []string{"text abc"}},
		"unfinished header":  {[]byte{text}, nil},
		"unfinished length":  {[]byte{text, maskBit | 127, 0, 0}, nil},
		"unfinished payload": {clientFrame(text, "hello")[:8], nil},

		"ping":                 {clientFrame(ping, "you?"), []string{`frame "\x8a\x04you?"`}},
		"empty ping":           {clientFrame(ping, ""), []string{`frame "\x8a\x00"`}},
		"longest ping":         {clientFrame(ping, strings.Repeat("p", 125)), []string{`frame "\x8a}` + strings.Repeat("p", 125) + `"`}},
		"ping of binary":       {clientFrame(ping, "\x00\xff"), []string{`frame "\x8a\x02\x00\xff"`}},
		"pongs, unasked":       {join(clientFrame(pong, ""), clientFrame(pong, "x"), clientFrame(text, "a")), []string{"text a"}},
		"ping of 126":          {clientFrame(ping, strings.Repeat("p", 126)), []string{"close 1002 false"}},
		"ping, 64-bit length":  {announced(ping, 126), []string{"close 1002 false"}},
		"ping that says 2^32":  {announced(ping, 1<<32), []string{"close 1002 false"}},
		"ping in fragments":    {join(clientFrame(wire.OpPing, "a"), clientFrame(continuation, "b")), []string{"close 1002 false"}},
		"pong in fragments":    {join(clientFrame(wire.OpPong, "a"), clientFrame(continuation, "b")), []string{"close 1002 false"}},
		"close in fragments":   {clientFrame(wire.OpClose, ""), []string{"close 1002 false"}},
		"unmasked text":        {[]byte{text, 1, 'a'}, []string{"close 1002 false"}},
		"unmasked ping":        {[]byte{ping, 0}, []string{"close 1002 false"}},
		"unmasked close":       {[]byte{closing, 0}, []string{"close 1002 false"}},
		"bad frame after good": {join(clientFrame(text, "a"), []byte{text, 0}), []string{"text a", "close 1002 false"}},

		"fragments":           {join(clientFrame(textStart, "ab"), clientFrame(more, "cd"), clientFrame(continuation, "ef")), []string{"text abcdef"}},
		"fragments of binary": {join(clientFrame(wire.OpBinary, "ab"), clientFrame(continuation, "c")), []string{"text abc"}},
		"empty fragments": {join(clientFrame(textStart, ""), clientFrame(more, "a"), clientFrame(more, ""), clientFrame(more, "b"),
			clientFrame(continuation, "")), []string{"text ab"}},
		"only empty fragments": {join(clientFrame(textStart, ""), clientFrame(more, ""), clientFrame(continuation, "")), []string{"text "}},
		"character in two fragments": {
			join(clientFrame(textStart, "\xc3"), clientFrame(continuation, "\xa9")),
			[]string{"text é"},
		},
		"ping between fragments": {join(clientFrame(textStart, "ab"), clientFrame(ping, "1"), clientFrame(more, ""), clientFrame(ping, "2"),
			clientFrame(continuation, "cd")), []string{`frame "\x8a\x011"`, `frame "\x8a\x012"`, "text abcd"}},
		"close between fragments":   {join(clientFrame(textStart, "ab"), clientFrame(closing, "")), []string{"close 1000 true"}},
		"continuation, no start":    {clientFrame(continuation, "x"), []string{"close 1002 false"}},
		"continuation, not final":   {clientFrame(more, "x"), []string{"close 1002 false"}},
		"continuation after all":    {join(clientFrame(text, "a"), clientFrame(more, "b")), []string{"text a", "close 1002 false"}},
		"text inside text":          {join(clientFrame(textStart, "a"), clientFrame(text, "b")), []string{"close 1002 false"}},
		"binary inside text":        {join(clientFrame(textStart, "a"), clientFrame(wire.OpBinary, "b")), []string{"close 1002 false"}},
		"text inside empty text":    {join(clientFrame(textStart, ""), clientFrame(text, "b")), []string{"close 1002 false"}},
		"bad opcode inside message": {join(clientFrame(textStart, "a"), clientFrame(finalBit|3, "")), []string{"close 1002 false"}},

		"close":                  {clientFrame(closing, ""), []string{"close 1000 true"}},
		"close with reason":      {clientFrame(closing, closeBody(1001, "bye")), []string{"close 1001 true"}},
		"longest reason":         {clientFrame(closing, closeBody(1000, strings.Repeat("r", 123))), []string{"close 1000 true"}},
		"reason too long":        {clientFrame(closing, closeBody(1000, strings.Repeat("r", 124))), []string{"close 1002 false"}},
		"close of one byte":      {clientFrame(closing, "\x03"), []string{"close 1002 false"}},
		"reason not UTF-8":       {clientFrame(closing, closeBody(1000, "\xce\xba\xed\xa0\x80")), []string{"close 1007 false"}},
		"text after close":       {join(clientFrame(closing, ""), clientFrame(text, "late")), []string{"close 1000 true"}},
		"ping after close":       {join(clientFrame(closing, ""), clientFrame(ping, "late")), []string{"close 1000 true"}},
		"text, close at once":    {join(clientFrame(text, "a"), clientFrame(closing, "")), []string{"text a", "close 1000 true"}},
		"bad frame before close": {join(clientFrame(finalBit|3, ""), clientFrame(closing, "")), []string{"close 1002 false"}},

		"largest text":          {clientFrame(text, strings.Repeat("x", testLimit)), []string{"text " + strings.Repeat("x", testLimit)}},
		"text too large":        {announced(text, testLimit+1), []string{"close 1009 false"}},
		"binary too large":      {announced(binaryFrame, testLimit+1), []string{"close 1009 false"}},
		"16-bit, too large":     {[]byte{text, maskBit | 126, 0xff, 0xff}, []string{"close 1009 false"}},
		"length 2^63-1":         {announced(text, math.MaxInt64), []string{"close 1009 false"}},
		"length 2^63":           {announced(text, 1<<63), []string{"close 1009 false"}},
		"length 2^64-1":         {announced(text, math.MaxUint64), []string{"close 1009 false"}},
		"sum of fragments":      {join(clientFrame(textStart, strings.Repeat("x", testLimit)), clientFrame(continuation, "y")), []string{"close 1009 false"}},
		"overflow of fragments": {join(clientFrame(textStart, "a"), announced(continuation, math.MaxInt64)), []string{"close 1009 false"}},
		"limit is per message":  {join(clientFrame(binaryFrame, strings.Repeat("\xff", testLimit)), clientFrame(text, "a")), []string{"text a"}},
	}
	for r := byte(1); r < 8; r++ {
		for _, op := range []byte{text, binaryFrame, ping, pong, closing, continuation} {
			all[fmt.Sprintf("reserved bits %d on %x", r, op)] = conversation{clientFrame(op|r<<4, ""), []string{"close 1002 false"}}
		}
	}
	for _, op := range []byte{3, 4, 5, 6, 7, 11, 12, 13, 14, 15} {
		all[fmt.Sprintf("opcode %d", op)] = conversation{clientFrame(finalBit|op, "x"), []string{"close 1002 false"}}
		all[fmt.Sprintf("opcode %d, not final", op)] = conversation{clientFrame(op, ""), []string{"close 1002 false"}}
	}
	for _, code := range []uint16{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999} {
		all[fmt.Sprintf("close code %d", code)] = conversation{clientFrame(closing, closeBody(code, "")), []string{fmt.Sprintf("close %d true", code)}}
	}
	for _, code := range []uint16{0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535} {
		all[fmt.Sprintf("close code %d", code)] = conversation{clientFrame(closing, closeBody(code, "")), []string{"close 1002 false"}}
	}
	for i, s := range []string{
		"Hello-µ@ßöäüàá-UTF-8!!", "κόσμε", "\u0080", "\u07ff", "\u0800", "\uffff", "\U00010000", "\U0010ffff",
		"\xed\x9f\xbf", "\ue000", "\ufffd", "\ufffe", "e\u0301", "\x00",
	} {
		all[fmt.Sprintf("UTF-8 %d", i)] = conversation{clientFrame(text, s), []string{"text " + s}}
		all[fmt.Sprintf("UTF-8 %d in fragments", i)] = conversation{bytewise(s), []string{"text " + s}}
	}
	for i, s := range []string{
		"\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80", "\xe0\x80\xaf", "\xf8\x88\x80\x80\x80",
		"\xed\xa0\x80\xed\xb0\x80", "\xce", "\xe1\xbd", "\xf0\x9f\x98", "abc\xf5\x80\x80\x80", "κόσμε\xed\xa0\x80edited",
	} {
		all[fmt.Sprintf("not UTF-8 %d", i)] = conversation{join(clientFrame(text, s), clientFrame(text, "late")), []string{"close 1007 false"}}
		all[fmt.Sprintf("not UTF-8 %d in fragments", i)] = conversation{bytewise(s), []string{"close 1007 false"}}
	}
	return all
}

const testLimit = 2000

type conversation struct {
	sent   []byte
	events []string
}

// bytewise is a text in fragments of one byte.
func bytewise(s string) []byte {
	b := clientFrame(textStart, "")
	for i := range len(s) {
		b = appendClientFrame(b, more, s[i:i+1])
	}
	return appendClientFrame(b, continuation, "")
}

// announceShort is a frame with a 16-bit length where a shorter one would do, masked with zeros.
func announceShort(first byte, length uint16, payload string) []byte {
	return append([]byte{first, maskBit | 126, byte(length >> 8), byte(length), 0, 0, 0, 0}, payload...)
}

func TestParse(t *testing.T) {
	for name, c := range conversations() {
		for _, size := range []int{1 << 20, 1, 2, 7, 100} {
			t.Run(fmt.Sprintf("%s in pieces of %d", name, size), func(t *testing.T) {
				p := newPeer(testLimit)
				p.feedInPieces(c.sent, size)
				if !slices.Equal(p.events, c.events) {
					t.Errorf("got %.300q, want %.300q", p.events, c.events)
				}
			})
		}
	}
}

// A connection that wants no more messages for now gets the rest later, in full.
func TestParseStopsAndGoesOn(t *testing.T) {
	for name, c := range conversations() {
		t.Run(name, func(t *testing.T) {
			p := newPeer(testLimit)
			p.pauseAt = 1
			p.feed(join(clientFrame(text, "first"), clientFrame(text, "second"), c.sent))
			if want := append([]string{"text first", "text second"}, c.events...); !slices.Equal(p.events, want) {
				t.Errorf("got %.300q, want %.300q", p.events, want)
			}
		})
	}
}

func TestParseReturnsTheRestWhenTheSinkStops(t *testing.T) {
	h := New(nil, Options{})
	tail := join(clientFrame(ping, "later"), clientFrame(text, "b"))
	p := &peer{door: h, pauseAt: 1}
	rest, err := h.Parse(&p.state, join(clientFrame(textStart, "a"), clientFrame(continuation, ""), tail), p)
	if err != nil || !bytes.Equal(rest, tail) || len(p.events) != 1 {
		t.Errorf("rest %q, error %v, events %q", rest, err, p.events)
	}
	if p.state.Scanned != 0 || p.state.Payload != 0 {
		t.Errorf("state %+v, though nothing has been scanned", p.state)
	}
}

// A header that promises too much ends the connection before any of it has arrived.
func TestParseRefusesAtTheHeader(t *testing.T) {
	for name, sent := range map[string][]byte{
		"too large":       announced(text, 1<<30)[:10],
		"reserved bit":    {text | 0x40, maskBit | 127},
		"unknown opcode":  {finalBit | 3, maskBit | 126},
		"control too big": {ping, maskBit | 126},
		"not masked":      {text, 127},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPeer(testLimit)
			p.feed(sent)
			if p.err == nil {
				t.Errorf("still waiting with %d bytes", len(p.kept))
			}
		})
	}
}

func TestParseTellsWhatGorillaFound(t *testing.T) {
	p := newPeer(testLimit)
	p.feed(clientFrame(text|0x40, ""))
	if want := (&wire.CloseError{Code: wire.CloseProtocolError, Reason: "RSV1 set"}); p.err == nil || p.err.Error() != want.Error() {
		t.Errorf("got %v, want %v", p.err, want)
	}
}

// What an unfinished message costs is bounded, whatever frames it comes in.
func TestParseKeepsLittle(t *testing.T) {
	const n = 100_000
	pings := bytes.Repeat(clientFrame(ping, "p"), 3)
	for name, c := range map[string]struct {
		frame []byte
		count int
		most  int
		text  int
	}{
		"empty fragments":                    {clientFrame(more, ""), n, 6, 0},
		"pings inside a message":             {clientFrame(ping, "p"), n, 6, 0},
		"fragments of one byte":              {clientFrame(more, "x"), testLimit, 6 + 7*testLimit, testLimit},
		"fragments of one byte and of none":  {join(clientFrame(more, "x"), clientFrame(more, "")), testLimit, 6 + 7*testLimit, testLimit},
		"fragments of one byte, pings among": {join(clientFrame(more, "x"), pings), testLimit, 6 + 7*testLimit, testLimit},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPeer(testLimit)
			p.feed(clientFrame(textStart, ""))
			p.feedInPieces(bytes.Repeat(c.frame, c.count), 64<<10)
			if p.err != nil || p.maxKept > c.most+64 {
				t.Errorf("error %v, kept %d bytes, want %d", p.err, p.maxKept, c.most)
			}
			p.events = nil
			p.feed(clientFrame(continuation, ""))
			if want := []string{"text " + strings.Repeat("x", c.text)}; !slices.Equal(p.events, want) {
				t.Errorf("got %.100q", p.events)
			}
		})
	}
}

// The work for an unfinished message grows with what arrives, not with what is there: no frame is scanned twice.
func TestParseScansOnce(t *testing.T) {
	p := newPeer(testLimit)
	p.feed(join(clientFrame(textStart, "ab"), clientFrame(more, "cd"), clientFrame(more, "efg")[:7]))
	if p.state.Scanned != 16 || p.state.Payload != 4 || len(p.kept) != 23 {
		t.Errorf("state %+v with %d bytes", p.state, len(p.kept))
	}
}

// A client that makes its parser fail does no harm to the next one.
func TestParseAfterErrorsOfOthers(t *testing.T) {
	h := New(nil, Options{ReadLimit: testLimit})
	for name, c := range conversations() {
		bad := &peer{door: h}
		bad.feed(c.sent)
		good := &peer{door: h}
		good.feed(join(clientFrame(text, "a"), clientFrame(ping, "b")))
		if want := []string{"text a", `frame "\x8a\x01b"`}; !slices.Equal(good.events, want) {
			t.Fatalf("after %q: got %q", name, good.events)
		}
	}
}

func TestParseDoesNotAllocateByPromise(t *testing.T) {
	const promise = 10 << 20
	p := newPeer(promise)
	sent := announced(text, promise)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 100 {
		p.feed(sent)
		p.state, p.kept = actors.ParseState{}, nil
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; p.err != nil || got > promise {
		t.Errorf("error %v; %d bytes for 100 headers", p.err, got)
	}
}

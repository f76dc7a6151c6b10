package wire

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestFramesHaveTheShortestHeader(t *testing.T) {
	for _, test := range []struct {
		payload int
		header  []byte
	}{
		{0, []byte{0x81, 0}},
		{1, []byte{0x81, 1}},
		{125, []byte{0x81, 125}},
		{126, []byte{0x81, 126, 0, 126}},
		{256, []byte{0x81, 126, 1, 0}},
		{65535, []byte{0x81, 126, 0xff, 0xff}},
		{65536, []byte{0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0}},
		{10 << 20, []byte{0x81, 127, 0, 0, 0, 0, 0, 0xa0, 0, 0}},
	} {
		if got := AppendFrameHeader([]byte("x"), OpText, test.payload); string(got) != "x"+string(test.header) {
			t.Errorf("header of %d: %x, want %x", test.payload, got[1:], test.header)
		}
		if got, want := FrameSize(test.payload), len(test.header)+test.payload; got != want {
			t.Errorf("size of %d: %d, want %d", test.payload, got, want)
		}
		payload := bytes.Repeat([]byte("a"), test.payload)
		frame := AppendTextFrame([]byte("x"), payload)[1:]
		if !bytes.HasPrefix(frame, test.header) || !bytes.Equal(frame[len(test.header):], payload) {
			t.Errorf("frame of %d is wrong", test.payload)
		}
		checkFrameLen(t, frame, test.payload)
	}
}

// checkFrameLen looks at one frame alone, with others behind it, and at every part of it.
func checkFrameLen(t *testing.T, frame []byte, payload int) {
	t.Helper()
	for _, tail := range []string{"", "\x81", "\x81\x01a", "\x88\x00"} {
		if n, ok := FrameLen(append(bytes.Clone(frame), tail...)); n != len(frame) || !ok {
			t.Errorf("length of a frame of %d: %d %t, want %d", payload, n, ok, len(frame))
		}
	}
	header := len(frame) - payload
	for cut := range min(len(frame), 50) {
		n, ok := FrameLen(frame[:cut])
		if ok {
			t.Errorf("%d of %d bytes are a frame", cut, len(frame))
		}
		if want := map[bool]int{true: len(frame)}[cut >= header]; n != want {
			t.Errorf("%d bytes of a frame of %d: length %d, want %d", cut, payload, n, want)
		}
	}
}

func TestFrameHeaderHasTheOpcode(t *testing.T) {
	for op, first := range map[byte]byte{OpText: 0x81, OpBinary: 0x82, OpClose: 0x88, OpPing: 0x89, OpPong: 0x8a} {
		if got := AppendFrameHeader(nil, op, 3); !bytes.Equal(got, []byte{first, 3}) {
			t.Errorf("header of opcode %d: %x", op, got)
		}
	}
}

func TestFrameLenRefusesWhatNoServerSends(t *testing.T) {
	for _, b := range [][]byte{
		{},
		{0x81},
		{0x81, 0x80, 1, 2, 3, 4},
		{0x81, 0x85},
		{0x81, 0xfe, 0, 1, 0},
		{0x81, 126},
		{0x81, 126, 0},
		{0x81, 127, 0, 0, 0, 0, 0, 0, 0},
		{0x81, 127, 0x80, 0, 0, 0, 0, 0, 0, 0},
		{0x81, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
		{0x81, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	} {
		if n, ok := FrameLen(b); n != 0 || ok {
			t.Errorf("%x: %d %t", b, n, ok)
		}
	}
	longest := append([]byte{0x81, 127}, binary.BigEndian.AppendUint64(nil, math.MaxInt64-10)...)
	if n, ok := FrameLen(longest); n != math.MaxInt64 || ok {
		t.Errorf("the longest frame: %d %t", n, ok)
	}
}

func TestAppendCloseFrame(t *testing.T) {
	for _, test := range []struct {
		code   CloseCode
		reason string
		want   string
	}{
		{CloseNormal, "", "\x88\x02\x03\xe8"},
		{CloseGoingAway, "bye", "\x88\x05\x03\xe9bye"},
		{CloseSlowReader, strings.Repeat("x", 123), "\x88\x7d\x0f\xa0" + strings.Repeat("x", 123)},
		{CloseSlowReader, strings.Repeat("x", 124), "\x88\x7d\x0f\xa0" + strings.Repeat("x", 123)},
		{CloseSlowReader, strings.Repeat("x", 122) + "éa", "\x88\x7c\x0f\xa0" + strings.Repeat("x", 122)},
		{CloseSlowReader, strings.Repeat("日", 42), "\x88\x7d\x0f\xa0" + strings.Repeat("日", 41)},
		{CloseTooBig, "a\xffb", "\x88\x07\x03\xf1a\ufffdb"},
		{CloseTooBig, "\xed\xa0\x80", "\x88\x0b\x03\xf1\ufffd\ufffd\ufffd"},
		{0, "x", "\x88\x00"},
		{CloseNoStatus, "x", "\x88\x00"},
		{CloseAbnormal, "", "\x88\x00"},
		{CloseTLSHandshake, "", "\x88\x00"},
		{5000, "", "\x88\x00"},
	} {
		got := string(AppendCloseFrame([]byte("> "), test.code, test.reason))
		if got != "> "+test.want {
			t.Errorf("%d %.30q: %q, want %q", test.code, test.reason, got, test.want)
		}
		if !utf8.ValidString(got[min(len(got), 6):]) {
			t.Errorf("%q is not UTF-8", got)
		}
		if n, ok := FrameLen([]byte(got[2:])); n != len(got)-2 || !ok {
			t.Errorf("%q has length %d %t", got, n, ok)
		}
	}
}

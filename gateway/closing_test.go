package gateway

import (
	"bytes"
	"errors"
	"testing"
	"unicode/utf8"

	"github.com/gorilla/websocket"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// gorillaOnClose is what a connection of gorilla's finds in a close frame, with two things that it leaves out: a payload
// of one byte is no code, and a reason that is not UTF-8 has a code of its own.
func gorillaOnClose(frame []byte) *wire.CloseError {
	p := newParser()
	p.net.feed(bytes.Clone(frame), emptyText)
	_, _, err := p.ws.NextReader()
	refusal := p.refusal()
	var closed *websocket.CloseError
	mask, payload := frame[2:6], bytes.Clone(frame[6:])
	for i := range payload {
		payload[i] ^= mask[i%4]
	}
	switch {
	case len(payload) > 2 && !utf8.Valid(payload[2:]):
		return &wire.CloseError{Code: wire.CloseInvalidPayload, Reason: "close reason is not UTF-8"}
	case len(payload) == 1:
		return &wire.CloseError{Code: wire.CloseProtocolError, Reason: "close frame of one byte"}
	case !errors.As(err, &closed):
		var refused *wire.CloseError
		_ = errors.As(refusal, &refused)
		return refused
	case closed.Code == websocket.CloseNoStatusReceived:
		return &wire.CloseError{Code: wire.CloseNormal, ByPeer: true}
	}
	return &wire.CloseError{Code: wire.CloseCode(closed.Code), ByPeer: true}
}

// Every code there is, and those near the ones with a meaning with and without a reason.
func TestCloseCodesAreJudgedAsByGorilla(t *testing.T) {
	for code := range 1 << 16 {
		reasons := []string{"", "bye", "\xff"}
		if code > 5100 {
			reasons = reasons[:1]
		}
		for _, reason := range reasons {
			frame := clientFrame(closing, closeBody(uint16(code), reason))
			want := gorillaOnClose(frame)
			if got := judgeClose(frame); *got != *want {
				t.Fatalf("code %d, reason %q: %+v, gorilla says %+v", code, reason, got, want)
			}
		}
	}
}

func FuzzClose(f *testing.F) {
	for _, payload := range []string{"", "\x03", closeBody(1000, ""), closeBody(1005, ""), closeBody(1014, "\xce"), closeBody(4000, "κόσμε")} {
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, payload string) {
		frame := clientFrame(closing, payload[:min(len(payload), maxControl)])
		want := gorillaOnClose(frame)
		if got := judgeClose(frame); *got != *want {
			t.Errorf("%q: %+v, gorilla says %+v", payload, got, want)
		}
	})
}

// Clients that leave in an orderly way, or nearly so, cost no parser: the next one gets the same.
func TestClosingKeepsTheParser(t *testing.T) {
	h, p := New(nil, Options{}), newParser()
	for _, payload := range []string{"", "\x03", closeBody(1000, "bye"), closeBody(1005, ""), closeBody(1000, "\xff")} {
		if _, err := h.parse(p, new(actors.ParseState), clientFrame(closing, payload), new(count)); err == nil || p.broken {
			t.Errorf("%q: error %v, broken: %v", payload, err, p.broken)
		}
	}
	sink := new(count)
	if _, err := h.parse(p, new(actors.ParseState), clientFrame(text, "a"), sink); err != nil || sink.texts != 1 {
		t.Errorf("error %v, %d texts", err, sink.texts)
	}
}

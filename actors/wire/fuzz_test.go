package wire

import (
	"bytes"
	"testing"
)

// Each fuzz target compares with encoding/json where the input is valid, and elsewhere only wants no panic. The check
// functions lie next to the tests of the same functions.

func addTexts(f *testing.F, around ...string) {
	for _, text := range texts {
		if len(text) > 1000 {
			continue // the fuzzer gets nowhere with these
		}
		f.Add([]byte(text))
		for _, frame := range around {
			f.Add(bytes.Replace([]byte(frame), []byte("%"), []byte(text), 1))
		}
	}
}

func FuzzValid(f *testing.F) {
	addTexts(f, `[[],%]`)
	f.Fuzz(func(t *testing.T, text []byte) { checkValid(t, text) })
}

func FuzzDecodePacket(f *testing.F) {
	addTexts(f, `{"service":"s","message":%}`, `{"service":%,"message":1}`, `{%:0,"service":"s","message":1}`)
	f.Fuzz(func(t *testing.T, text []byte) { checkPacket(t, text) })
}

func FuzzDecodeRequest(f *testing.F) {
	addTexts(f, `{"command":"c","params":{},"callId":%}`, `{"command":%,"params":%,%:1}`)
	f.Fuzz(func(t *testing.T, text []byte) { checkRequest(t, text) })
}

func FuzzDecodeParams(f *testing.F) {
	addTexts(f, `{"raw":%}`, `{"raw":1,"text":%,"flag":true}`, `{"raw":1,"int":%}`, `{"raw":1,"float":%}`, `{"raw":1,"texts":[%]}`, `{"ptr":%,"raw":1}`)
	for name := range rules {
		f.Add([]byte(`{"raw":{},"` + name + `":null}`))
	}
	f.Fuzz(func(t *testing.T, text []byte) { checkParams(t, text) })
}

func FuzzMembers(f *testing.F) {
	addTexts(f, `{"a":%,"b":1}`, `{%:{}}`)
	f.Fuzz(func(t *testing.T, text []byte) { checkMembers(t, text) })
}

func FuzzCanonicalKey(f *testing.F) {
	for _, class := range classes {
		for _, value := range class {
			if len(value) < 1000 {
				f.Add([]byte(class[0]), []byte(value))
				f.Add([]byte(value), []byte(`[`+value+`]`))
			}
		}
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		checkKey(t, a)
		checkKey(t, b)
		checkKeys(t, a, b)
	})
}

func FuzzAppendString(f *testing.F) {
	for _, text := range texts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, s string) { checkAppendString(t, s) })
}

func FuzzFrameLen(f *testing.F) {
	for _, payload := range []int{0, 1, 125, 126, 1000, 65535, 65536} {
		f.Add(AppendTextFrame(nil, make([]byte, payload)))
	}
	f.Add(AppendCloseFrame(nil, CloseSlowReader, "slow"))
	f.Add([]byte{0x81, 127, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Add([]byte{0x81, 0x85, 1, 2, 3, 4})
	f.Fuzz(func(t *testing.T, b []byte) {
		n, ok := FrameLen(b)
		if n < 0 || ok && (n < 2 || n > len(b)) {
			t.Fatalf("%x: %d %t", b, n, ok)
		}
		// The bytes as payload must be found again, whatever they look like.
		frame := AppendTextFrame(nil, b)
		if n, ok := FrameLen(append(frame, b...)); n != len(frame) || !ok || n != FrameSize(len(b)) {
			t.Fatalf("a frame of %d: %d %t", len(b), n, ok)
		}
	})
}

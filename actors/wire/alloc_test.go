package wire

import (
	"encoding/json"
	"testing"
)

// The path of a publish allocates nothing but the key of its channel.
func TestAllocations(t *testing.T) {
	data := publishPacket(200)
	p, err := DecodePacket(data)
	if err != nil {
		t.Fatal(err)
	}
	r, err := DecodeRequest(p.Message)
	if err != nil {
		t.Fatal(err)
	}
	params := new(publishParams)
	buffer := make([]byte, 0, 1024)
	number := new(struct {
		Number float64         `json:"number"`
		Count  int             `json:"count,omitempty"`
		Rest   json.RawMessage `json:"rest,omitempty"`
	})
	numbers := []byte(`{"number":2.5,"count":100,"rest":[1,2]}`)
	channel, integer, object := []byte(`"news/sports"`), []byte(`42`), []byte(`{"a":1,"b":["x","\n"]}`)
	for name, test := range map[string]struct {
		most float64
		f    func() error
	}{
		"DecodePacket":         {0, func() error { _, err := DecodePacket(data); return err }},
		"DecodeRequest":        {0, func() error { _, err := DecodeRequest(p.Message); return err }},
		"DecodeParams":         {0, func() error { return DecodeParams(r.Params, params) }},
		"DecodeParams numbers": {0, func() error { return DecodeParams(numbers, number) }},
		"Members":              {0, func() error { return Members(r.Params, func(string, []byte) bool { return true }) }},
		"CanonicalKey string":  {1, func() error { _, err := CanonicalKey(channel); return err }},
		"CanonicalKey integer": {1, func() error { _, err := CanonicalKey(integer); return err }},
		"CanonicalKey object":  {1, func() error { _, err := CanonicalKey(object); return err }},
		"answer": {0, func() error {
			buffer = AppendResponse(buffer[:0], r.CallID, nil)
			buffer = AppendError(buffer[:0], r.CallID, "Invalid params")
			return nil
		}},
		"frame": {0, func() error {
			buffer = AppendTextFrame(buffer[:0], p.Message)
			buffer = AppendCloseFrame(buffer[:0], CloseSlowReader, "slow")
			_, _ = FrameLen(buffer)
			return nil
		}},
	} {
		got := testing.AllocsPerRun(100, func() {
			if err := test.f(); err != nil {
				t.Error(err)
			}
		})
		if got > test.most {
			t.Errorf("%s: %v allocations, want at most %v", name, got, test.most)
		}
	}
}

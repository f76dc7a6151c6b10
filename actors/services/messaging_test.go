package services_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/actorstest"
	"github.com/snorky-go/snorky/actors/services"
)

type (
	step  = actorstest.Step
	heard = actorstest.Heard
)

func messaging(_ *testing.T, b *actorstest.Broker) {
	b.Frontend("m", services.NewMessagingFunc(func(_ *actors.Call, name json.RawMessage) bool {
		return !strings.HasPrefix(string(name), `"!`)
	}))
}

func TestMessagingNames(t *testing.T) {
	actorstest.Play(t, messaging,
		step{Who: "a", Call: "m.registerParticipant", Params: `{"name":"x"}`, Want: "null"},
		step{Who: "a", Call: "m.registerParticipant", Params: `{"name":"x"}`, Want: "!Name already registered"},
		step{Who: "b", Call: "m.registerParticipant", Params: `{"name":"\u0078"}`, Want: "!Name already registered"},
		step{Who: "b", Call: "m.registerParticipant", Params: `{"name":"!x"}`, Want: "!Name not allowed"},
		step{Who: "b", Call: "m.registerParticipant", Params: `{"name":{"n":[1.0]}}`, Want: "null"},
		step{Who: "b", Call: "m.registerParticipant", Params: `{"name":true}`, Want: "null"},
		step{Who: "b", Call: "m.registerParticipant", Params: `{"name":1}`, Want: "null"},
		step{Who: "a", Call: "m.registerParticipant", Params: `{"name":"é"}`, Want: "null"},
		step{Who: "a", Call: "m.registerParticipant", Params: `{"name":"B"}`, Want: "null"},
		step{Who: "c", Call: "m.listParticipants", Params: `{}`, Want: `["B","x","é",1,true,{"n":[1.0]}]`},
		step{Who: "c", Call: "m.listParticipants", Params: `{"x":1}`, Want: "!Invalid params"},
		step{Who: "a", Call: "m.unregisterParticipant", Params: `{"name":1.0}`, Want: "!Invalid participant"},
		step{Who: "a", Call: "m.unregisterParticipant", Params: `{"name":"1"}`, Want: "!Unknown participant"},
		step{Who: "a", Call: "m.unregisterParticipant", Params: `{"name":"x"}`, Want: "null"},
		step{Who: "b", Call: "m.registerParticipant", Params: `{"name":"x"}`, Want: "null"},
		step{Who: "a", Call: "m.unregisterParticipant", Params: `{"name":"x"}`, Want: "!Invalid participant"},
		step{Who: "b", Call: "close"},
		step{Who: "c", Call: "m.listParticipants", Params: `{}`, Want: `["B","é"]`},
		step{Who: "a", Call: "m.unregisterParticipant", Params: `{"name":"B"}`, Want: "null"},
		step{Who: "a", Call: "m.unregisterParticipant", Params: `{"name":"é"}`, Want: "null"},
		step{Who: "c", Call: "m.listParticipants", Params: `{}`, Want: `[]`},
	)
}

func TestMessagingSend(t *testing.T) {
	mail := func(from, to, body string) string {
		return fmt.Sprintf(`{"type":"message","sender":%s,"dest":%s,"body":%s}`, from, to, body)
	}
	actorstest.Play(t, messaging,
		step{Who: "a", Call: "m.registerParticipant", Params: `{"name":"a"}`, Want: "null"},
		step{Who: "b", Call: "m.registerParticipant", Params: `{"name":1}`, Want: "null"},
		step{
			Who: "a", Call: "m.send", Params: `{"sender":"a","dest":1.0,"body":{"n":12345678901234567890}}`, Want: "null",
			Hear: heard{"b": {mail(`"a"`, "1.0", `{"n":12345678901234567890}`)}},
		},
		step{Who: "a", Call: "m.send", Params: `{"sender":"a","dest":"a","body":null}`, Want: "null", Hear: heard{"a": {mail(`"a"`, `"a"`, "null")}}},
		step{Who: "a", Call: "m.send", Params: `{"sender":1,"dest":"nobody","body":0}`, Want: "!Invalid sender"},
		step{Who: "a", Call: "m.send", Params: `{"sender":"nobody","dest":1,"body":0}`, Want: "!Invalid sender"},
		step{Who: "a", Call: "m.send", Params: `{"sender":"a","dest":"1","body":0}`, Want: "!Unknown destination"},
		step{Who: "a", Call: "m.send", Params: `{"sender":"a","dest":1}`, Want: "!Invalid params"},
		step{Who: "b", Call: "close"},
		step{Who: "a", Call: "m.send", Params: `{"sender":"a","dest":1,"body":0}`, Want: "!Unknown destination"},
	)
}

func TestMessagingBoundsNames(t *testing.T) {
	var steps []step
	for i := range 1000 {
		steps = append(steps, step{Who: "a", Call: "m.registerParticipant", Params: fmt.Sprintf(`{"name":%d}`, i), Want: "null"})
	}
	steps = append(steps,
		step{Who: "a", Call: "m.registerParticipant", Params: `{"name":"one more"}`, Want: "!Too many names"},
		step{Who: "b", Call: "m.registerParticipant", Params: `{"name":"one more"}`, Want: "null"})
	actorstest.Play(t, func(_ *testing.T, b *actorstest.Broker) { b.Frontend("m", services.NewMessaging()) }, steps...)
}

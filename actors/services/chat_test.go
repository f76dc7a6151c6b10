package services_test

import (
	"fmt"
	"testing"

	"github.com/snorky-go/snorky/actors/actorstest"
	"github.com/snorky-go/snorky/actors/services"
)

func chat(_ *testing.T, b *actorstest.Broker) {
	b.Frontend("chat", services.NewChat())
}

// now is the time in the bubble of a test.
const now = "2000-01-01T00:00:00.000000+00:00"

const readMark = `{"type":"read","channel":"c","timestamp":"` + now + `"}`

func presence(who, channel, status string) string {
	return fmt.Sprintf(`{"type":"presence","from":%s,"channel":%s,"status":%q,"timestamp":%q}`, who, channel, status, now)
}

func said(who, channel, body string) string {
	return fmt.Sprintf(`{"type":"message","from":%s,"channel":%s,"body":%s,"timestamp":%q}`, who, channel, body, now)
}

func as(client, name string) step {
	return step{Who: client, Call: "identify", Params: name}
}

func TestChatOfTwo(t *testing.T) {
	actorstest.Play(t, chat,
		step{Who: "a", Call: "chat.join", Params: `{"channel":1}`, Want: "!Not authenticated"},
		step{Who: "a", Call: "chat.send", Params: `{"channel":1,"body":0}`, Want: "!Not joined"},
		step{Who: "a", Call: "chat.leave", Params: `{"channel":1}`, Want: "!Not joined"},
		step{Who: "a", Call: "chat.read", Params: `{"channel":1}`, Want: "null"},
		as("a", `"ann"`), as("b", `{"id":2}`),
		step{Who: "a", Call: "chat.join", Params: `{"channel":1}`, Want: `{"members":["ann"]}`},
		step{Who: "a", Call: "chat.join", Params: `{"channel":1.0}`, Want: "!Already joined"},
		step{Who: "a", Call: "chat.send", Params: `{"channel":1,"body":"alone"}`, Want: "null", Hear: heard{"a": {said(`"ann"`, "1", `"alone"`)}}},
		step{Who: "a", Call: "chat.leave", Params: `{"channel":1}`, Want: "null"},
		step{Who: "b", Call: "chat.join", Params: `{"channel":1}`, Want: `{"members":[{"id":2}]}`},
		step{Who: "b", Call: "chat.send", Params: `{"channel":1.0,"body":"alone"}`, Want: "null", Hear: heard{"b": {said(`{"id":2}`, "1.0", `"alone"`)}}},
		step{Who: "c", Call: "chat.read", Params: `{"channel":1}`, Want: "null"},
	)
}

func TestChatPresenceFollowsTheIdentity(t *testing.T) {
	actorstest.Play(t, chat,
		as("a1", "0"), as("a2", "0.0"), as("b", "false"),
		step{Who: "b", Call: "chat.join", Params: `{"channel":"c"}`, Want: `{"members":[false]}`},
		step{Who: "b", Call: "chat.leave", Params: `{"channel":"c"}`, Want: "null"},
		step{Who: "a1", Call: "chat.join", Params: `{"channel":"c"}`, Want: `{"members":[0]}`},
		step{Who: "a2", Call: "chat.join", Params: `{"channel":"c"}`, Want: `{"members":[0]}`},
		step{Who: "a1", Call: "chat.read", Params: `{"channel":"c"}`, Want: "null", Hear: heard{"a2": {readMark}}},
		as("x", "0"),
		step{
			Who: "x", Call: "chat.read", Params: `{"channel":"c"}`, Want: "null",
			Hear: heard{"a1": {readMark}, "a2": {readMark}},
		},
		as("a1", `"somebody else"`),
		step{
			Who: "a1", Call: "chat.send", Params: `{"channel":"c","body":1}`, Want: "null",
			Hear: heard{"a1": {said("0", `"c"`, "1")}, "a2": {said("0", `"c"`, "1")}},
		},
		step{Who: "a1", Call: "chat.leave", Params: `{"channel":"c"}`, Want: "null"},
		as("b", `"bea"`),
		step{Who: "a2", Call: "chat.leave", Params: `{"channel":"c"}`, Want: "null"},
		step{Who: "b", Call: "chat.join", Params: `{"channel":"c"}`, Want: `{"members":["bea"]}`},
		step{Who: "b", Call: "chat.leave", Params: `{"channel":"c"}`, Want: "null"},
		step{Who: "a1", Call: "chat.join", Params: `{"channel":"c"}`, Want: `{"members":["somebody else"]}`},
	)
}

func TestChatTellsWhoComesAndGoes(t *testing.T) {
	actorstest.Play(t, chat,
		as("a", `"ann"`), as("b1", `"bob"`), as("b2", `"bob"`),
		step{Who: "a", Call: "chat.join", Params: `{"channel":"x"}`, Want: `{"members":["ann"]}`},
		step{Who: "a", Call: "chat.join", Params: `{"channel":"y"}`, Want: `{"members":["ann"]}`},
		step{
			Who: "b1", Call: "chat.join", Params: `{"channel":"y"}`, Want: "~members",
			Hear: heard{"a": {presence(`"bob"`, `"y"`, "joined")}},
		},
		step{Who: "b2", Call: "chat.join", Params: `{"channel":"y"}`, Want: "~members"},
		step{Who: "b1", Call: "close"},
		step{Who: "b2", Call: "close", Hear: heard{"a": {presence(`"bob"`, `"y"`, "left")}}},
		step{Who: "a", Call: "chat.send", Params: `{"channel":"y","body":"bye"}`, Want: "null", Hear: heard{"a": {said(`"ann"`, `"y"`, `"bye"`)}}},
	)
}

func TestChatBoundsJoins(t *testing.T) {
	steps := []step{as("a", "1")}
	for i := range 1000 {
		steps = append(steps, step{Who: "a", Call: "chat.join", Params: fmt.Sprintf(`{"channel":%d}`, i), Want: `{"members":[1]}`})
	}
	steps = append(steps, step{Who: "a", Call: "chat.join", Params: `{"channel":"more"}`, Want: "!Too many channels or documents joined"})
	actorstest.Play(t, chat, steps...)
}

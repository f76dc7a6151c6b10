package services_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/snorky-go/snorky/actors/actorstest"
	"github.com/snorky-go/snorky/actors/services"
	"github.com/snorky-go/snorky/actors/wire"
)

const (
	isPublished = `{"status":"published"}`
	isInvalid   = `{"status":"refused","error":"Invalid params"}`
	isInternal  = `{"status":"refused","error":"Internal error"}`
)

func results(each ...string) string { return `{"results":[` + strings.Join(each, ",") + `]}` }

func privatePubSub(_ *testing.T, b *actorstest.Broker) {
	p := services.NewPubSub(services.Nobody)
	b.Frontend("p", p)
	b.Backend("b", services.NewPubSubBackend(p))
}

func subscribe(client, channel string) step {
	return step{Who: client, Call: "p.subscribe", Params: `{"channel":` + channel + `}`, Want: "null"}
}

func many(channel, messages, want string, hear heard) step {
	return step{Who: "backend", Call: "b.publishMany", Params: `{"channel":` + channel + `,"messages":` + messages + `}`, Want: want, Hear: hear}
}

func broadcast(channels, message, want string, hear heard) step {
	return step{Who: "backend", Call: "b.broadcast", Params: `{"channels":` + channels + `,"message":` + message + `}`, Want: want, Hear: hear}
}

func TestPublishMany(t *testing.T) {
	actorstest.Play(t, privatePubSub,
		subscribe("a", `"c"`),
		subscribe("b", `{"n":1,"m":[]}`),
		many(`"c"`, "[]", results(), nil),
		many(`"c"`, " [\t] ", results(), nil),
		many(`"c"`, "[1]", results(isPublished), heard{"a": {news(`"c"`, "1")}}),
		many(
			`"c"`, "[1, 1, null, false, \"\", [], {}, [[1]], {\"messages\":[2]} ,\n\"]\\\"\\ud800\", 1e400, 9007199254740993]",
			results(isPublished, isPublished, isPublished, isPublished, isPublished, isPublished, isPublished, isPublished,
				isPublished, isPublished, isPublished, isPublished),
			heard{"a": {
				news(`"c"`, "1"), news(`"c"`, "1"), news(`"c"`, "null"), news(`"c"`, "false"), news(`"c"`, `""`), news(`"c"`, "[]"),
				news(`"c"`, "{}"), news(`"c"`, "[[1]]"), news(`"c"`, `{"messages":[2]}`), news(`"c"`, `"]\"\ud800"`),
				news(`"c"`, "1e400"), news(`"c"`, "9007199254740993"),
			}},
		),
		// The channel is the same, and named as the publisher wrote it.
		many(`{"m":[],"n":1.0}`, `["ü","\u00fc"]`, results(isPublished, isPublished), heard{
			"b": {`{"type":"message","channel":{"m":[],"n":1.0},"message":"ü"}`, `{"type":"message","channel":{"m":[],"n":1.0},"message":"\u00fc"}`},
		}),
		many("null", "[1,2]", results(isPublished, isPublished), nil), // to nobody
		// A channel beyond what can be a name, of which publish says the same.
		step{Who: "backend", Call: "b.publish", Params: `{"channel":` + tooLong + `,"message":1}`, Want: "!Invalid params"},
		many(tooLong, "[1,2]", results(isInvalid, isInvalid), nil),
	)
}

// tooLong is no channel for publish either.
var tooLong = `"` + strings.Repeat("x", wire.MaxKeyBytes) + `"`

func TestBroadcast(t *testing.T) {
	to := func(message string, channels ...string) (all []string) {
		for _, c := range channels {
			all = append(all, news(c, message))
		}
		return all
	}
	// A subscriber each, as there is no order between channels.
	actorstest.Play(t, privatePubSub,
		subscribe("a", `"c"`),
		subscribe("b", "1"),
		subscribe("b2", "1"),
		subscribe("c", `["\ud800",null]`),
		broadcast("[]", "1", results(), nil),
		broadcast(`["c"]`, "null", results(isPublished), heard{"a": to("null", `"c"`)}),
		broadcast(
			`[1, "c", ["\ud800",null], "1", 1.0, "c", "nobody's", null, {}, true]`, `{"title":"<ü>"}`,
			results(isPublished, isPublished, isPublished, isPublished, isPublished, isPublished, isPublished, isPublished,
				isPublished, isPublished),
			heard{
				"a":  to(`{"title":"<ü>"}`, `"c"`, `"c"`),
				"b":  to(`{"title":"<ü>"}`, "1", "1.0"),
				"b2": to(`{"title":"<ü>"}`, "1", "1.0"),
				"c":  to(`{"title":"<ü>"}`, `["\ud800",null]`),
			},
		),
		// One that is refused does not stop the others.
		broadcast(`[1,`+tooLong+`,"c",`+tooLong+`]`, "2", results(isPublished, isInvalid, isPublished, isInvalid), heard{
			"a": to("2", `"c"`), "b": to("2", "1"), "b2": to("2", "1"),
		}),
		broadcast(`[`+tooLong+`,1]`, "3", results(isInvalid, isPublished), heard{"b": to("3", "1"), "b2": to("3", "1")}),
	)
}

// What is no batch as a whole is refused as a whole, and nobody hears of it.
func TestBatchesOfBadShapes(t *testing.T) {
	steps := []step{subscribe("a", `"c"`)}
	for command, shapes := range map[string][]string{
		"publishMany": {
			"{}", "[]", "null", "1", `["c",[1]]`,
			`{"channel":"c"}`,
			`{"messages":[1]}`,
			`{"channel":"c","messages":null}`,
			`{"channel":"c","messages":1}`,
			`{"channel":"c","messages":"[1]"}`,
			`{"channel":"c","messages":{"0":1}}`,
			`{"channel":"c","messages":true}`,
			`{"channel":"c","message":1}`,
			`{"channels":["c"],"messages":[1]}`,
			`{"channel":"c","messages":[1],"message":1}`,
			`{"channel":"c","messages":[1],"":1}`,
			`{"channel":"c","Messages":[1]}`,
			`{"channel":"c","messages":[1],"messages":2}`,
		},
		"broadcast": {
			"{}", "[]", "null", `"c"`,
			`{"channels":["c"]}`,
			`{"message":1}`,
			`{"channels":null,"message":1}`,
			`{"channels":"c","message":1}`,
			`{"channels":1,"message":1}`,
			`{"channels":{"c":1},"message":1}`,
			`{"channel":"c","message":1}`,
			`{"channels":["c"],"messages":[1]}`,
			`{"channels":["c"],"message":1,"call":1}`,
			`{"channels":["c"],"channels":"c","message":1}`,
		},
		"publishmany": {`{"channel":"c","messages":[1]}`},
		"Broadcast":   {`{"channels":["c"],"message":1}`},
	} {
		want := "!Invalid params"
		if command == "publishmany" || command == "Broadcast" {
			want = "!Unknown command"
		}
		for _, params := range shapes {
			steps = append(steps, step{Who: "backend", Call: "b." + command, Params: params, Want: want})
		}
	}
	// Of a member that is repeated, the last counts.
	steps = append(steps,
		step{
			Who: "backend", Call: "b.publishMany", Params: `{"messages":1,"channel":1,"channel":"c","messages":[1]}`,
			Want: results(isPublished), Hear: heard{"a": {news(`"c"`, "1")}},
		},
		step{
			Who: "backend", Call: "b.broadcast", Params: `{"message":0,"channels":1,"channels":["c"],"message":1}`,
			Want: results(isPublished), Hear: heard{"a": {news(`"c"`, "1")}},
		},
	)
	actorstest.Play(t, privatePubSub, steps...)
}

// The commands are for backends. Clients do not have them, whatever the policy.
func TestBatchesAreNotForClients(t *testing.T) {
	actorstest.Play(t, func(_ *testing.T, b *actorstest.Broker) { b.Frontend("p", services.NewPubSub(services.Everybody)) },
		step{Who: "x", Call: "p.publishMany", Params: `{"channel":1,"messages":[1]}`, Want: "!Unknown command"},
		step{Who: "x", Call: "p.broadcast", Params: `{"channels":[1],"message":1}`, Want: "!Unknown command"},
	)
}

func TestBatchesBeforeTheirPubSub(t *testing.T) {
	p := services.NewPubSub(services.Nobody)
	actorstest.Play(t, func(_ *testing.T, b *actorstest.Broker) {
		b.Backend("b", services.NewPubSubBackend(p))
	},
		many("1", "[1,2]", results(isInternal, isInternal), nil),
		broadcast("[1]", "1", results(isInternal), nil),
		broadcast("[]", "1", results(), nil),
		step{Do: func(b *actorstest.Broker) { b.Frontend("p", p) }},
		subscribe("a", "1"),
		many("1", "[1,2]", results(isPublished, isPublished), heard{"a": {news("1", "1"), news("1", "2")}}),
		broadcast("[1]", "3", results(isPublished), heard{"a": {news("1", "3")}}),
	)
}

// Batches and single publications of one backend are heard in the order of the calls.
func TestBatchesAmongSinglePublications(t *testing.T) {
	var steps []step
	for _, client := range []string{"a", "b", "c"} { // on both loops
		steps = append(steps, subscribe(client, "1"), subscribe(client, "2"))
	}
	all := func(messages ...string) heard { return heard{"a": messages, "b": messages, "c": messages} }
	for i := range 5 {
		n := fmt.Sprint(i)
		steps = append(steps,
			step{Who: "backend", Call: "b.publish", Params: `{"channel":1,"message":` + n + `}`, Want: "null", Hear: all(news("1", n))},
			many("2", `["x",`+n+`]`, results(isPublished, isPublished), all(news("2", `"x"`), news("2", n))),
			broadcast("[2,2]", n, results(isPublished, isPublished), all(news("2", n), news("2", n))),
		)
	}
	actorstest.Play(t, privatePubSub, steps...)
}

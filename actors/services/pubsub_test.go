package services_test

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/actorstest"
	"github.com/snorky-go/snorky/actors/services"
)

func news(channel, message string) string {
	return `{"type":"message","channel":` + channel + `,"message":` + message + `}`
}

func TestPolicies(t *testing.T) {
	const params = `{"channel":"c","message":1}`
	for _, test := range []struct {
		name             string
		service          *services.PubSub
		stranger, friend string
	}{
		{"nobody", services.NewPubSub(services.Nobody), "!Not authorized", "!Not authorized"},
		{"zero", &services.PubSub{}, "!Not authorized", "!Not authorized"},
		{"unknown", services.NewPubSub(99), "!Not authorized", "!Not authorized"},
		{"authenticated", services.NewPubSub(services.Authenticated), "!Not authorized", "null"},
		{"everybody", services.NewPubSub(services.Everybody), "null", "null"},
		{"function", services.NewPubSubFunc(func(c *actors.Call, channel json.RawMessage) bool {
			return string(c.Identity()) == `"friend"` && string(channel) == `"c"`
		}), "!Not authorized", "null"},
		{
			"function that panics", services.NewPubSubFunc(func(*actors.Call, json.RawMessage) bool { panic("policy") }),
			"!Internal error", "!Internal error",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			hear := func(answer string) heard {
				if answer != "null" {
					return nil
				}
				return heard{"s": {news(`"c"`, "1")}}
			}
			actorstest.Play(t, func(_ *testing.T, b *actorstest.Broker) {
				b.Frontend("p", test.service)
				b.Backend("b", services.NewPubSubBackend(test.service))
			},
				step{Who: "s", Call: "p.subscribe", Params: `{"channel":"c"}`, Want: "null"},
				step{Who: "x", Call: "p.publish", Params: params, Want: test.stranger, Hear: hear(test.stranger)},
				as("x", `"friend"`),
				step{Who: "x", Call: "p.publish", Params: params, Want: test.friend, Hear: hear(test.friend)},
				step{Who: "backend", Call: "b.publish", Params: params, Want: "null", Hear: hear("null")},
				step{Who: "backend", Call: "b.subscribers", Params: `{"channel":"c"}`, Want: "1"},
				step{Who: "backend", Call: "b.subscribers", Params: `{"channel":"d"}`, Want: "0"},
			)
		})
	}
}

func TestSubscriptions(t *testing.T) {
	actorstest.Play(t, func(_ *testing.T, b *actorstest.Broker) {
		b.Frontend("p", services.NewPubSub(services.Everybody))
		b.Frontend("q", services.NewPubSub(services.Everybody))
	},
		step{Who: "a", Call: "p.subscribe", Params: `{"channel":{"x":1}}`, Want: "null"},
		step{Who: "a", Call: "p.subscribe", Params: `{"channel":{"x":1.0}}`, Want: "!Already subscribed"},
		step{Who: "a", Call: "q.unsubscribe", Params: `{"channel":{"x":1}}`, Want: "!Not subscribed"},
		step{Who: "a", Call: "q.publish", Params: `{"channel":{"x":1},"message":0}`, Want: "null"},
		step{
			Who: "a", Call: "p.publish", Params: `{"channel":{"x":1e0},"message":null}`, Want: "null",
			Hear: heard{"a": {news(`{"x":1}`, "null")}},
		},
		step{Who: "a", Call: "p.unsubscribe", Params: `{"channel":{"x":1}}`, Want: "null"},
		step{Who: "a", Call: "p.unsubscribe", Params: `{"channel":{"x":1}}`, Want: "!Not subscribed"},
		step{Who: "a", Call: "p.publish", Params: `{"channel":{"x":1},"message":2}`, Want: "null"},
		step{Who: "a", Call: "p.subscribe", Params: `{}`, Want: "!Invalid params"},
		step{Who: "a", Call: "p.publish", Params: `{"channel":1}`, Want: "!Invalid params"},
	)
}

// A hook that blocks holds up those who ask it, and nobody else.
func TestHookThatBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, verdict := make(chan struct{}), make(chan bool)
		p := services.NewPubSubFunc(func(*actors.Call, json.RawMessage) bool {
			asked <- struct{}{}
			return <-verdict
		})
		b, err := actors.NewBroker(actors.Options{Portable: true})
		if err != nil {
			t.Fatal(err)
		}
		for name, service := range map[string]actors.Service{"p": p, "b": services.NewPubSubBackend(p)} {
			if err := b.Backend().Register(name, service); err != nil {
				t.Fatal(err)
			}
		}
		call := func(service, command string) string {
			message := `{"command":"` + command + `","params":{"channel":1,"message":2}}`
			answer, err := b.Call(context.Background(), service, []byte(message))
			if err != nil {
				t.Error(err)
			}
			return string(answer)
		}
		const granted, denied = `{"type":"response","data":null}`, `{"type":"error","callId":null,"message":"Not authorized"}`
		for _, allowed := range []bool{true, false} {
			answer := make(chan string)
			go func() { answer <- call("p", "publish") }()
			<-asked
			if got := call("b", "publish"); got != granted {
				t.Errorf("the backend was answered %s", got)
			}
			verdict <- allowed
			want := denied
			if allowed {
				want = granted
			}
			if got := <-answer; got != want {
				t.Errorf("answered %s, want %s", got, want)
			}
		}
		if err := b.Shutdown(context.Background(), 0); err != nil {
			t.Error(err)
		}
	})
}

// The backend's side may come first: until its PubSub is there, it says that it cannot.
func TestBackendBeforeItsPubSub(t *testing.T) {
	p := services.NewPubSub(services.Nobody)
	actorstest.Play(t, func(_ *testing.T, b *actorstest.Broker) {
		b.Backend("b", services.NewPubSubBackend(p))
	},
		step{Who: "backend", Call: "b.publish", Params: `{"channel":1,"message":1}`, Want: "!Internal error"},
		step{Who: "backend", Call: "b.subscribers", Params: `{"channel":1}`, Want: "!Internal error"},
		step{Do: func(b *actorstest.Broker) { b.Frontend("p", p) }},
		step{Who: "backend", Call: "b.publish", Params: `{"channel":1,"message":1}`, Want: "null"},
		step{Who: "a", Call: "p.subscribe", Params: `{"channel":1}`, Want: "null"},
		step{Who: "backend", Call: "b.subscribers", Params: `{"channel":1}`, Want: "1"},
		step{Who: "backend", Call: "b.publish", Params: `{"channel":1,"message":1}`, Want: "null", Hear: heard{"a": {news("1", "1")}}},
	)
}

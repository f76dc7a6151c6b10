package minipubsub_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/actorstest"
	"github.com/snorky-go/snorky/examples/minipubsub"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type (
	step  = actorstest.Step
	heard = actorstest.Heard
)

func TestSubscribersHearWhatIsPublished(t *testing.T) {
	hello := `{"type":"message","channel":"news","message":{"title":"Hello"}}`
	actorstest.Play(t, func(_ *testing.T, b *actorstest.Broker) { b.Frontend("pubsub", &minipubsub.PubSub{}) },
		step{Who: "ann", Call: "pubsub.subscribe", Params: `{"channel":"news"}`},
		step{Who: "ann", Call: "pubsub.subscribe", Params: `{"channel":"news"}`, Want: "!Already subscribed"},
		step{Who: "bob", Call: "pubsub.subscribe", Params: `{"channel":{"sport":[1]}}`},
		step{
			Who: "bob", Call: "pubsub.publish", Params: `{"channel":"news","message":{"title":"Hello"}}`,
			Hear: heard{"ann": {hello}},
		},
		step{Who: "bob", Call: "pubsub.subscribe", Params: `{"channel":"news"}`},
		step{
			Who: "bob", Call: "pubsub.publish", Params: `{"channel":"news","message":{"title":"Hello"}}`,
			Hear: heard{"ann": {hello}, "bob": {hello}},
		},
		step{Who: "ann", Call: "pubsub.unsubscribe", Params: `{"channel":"news"}`},
		step{Who: "ann", Call: "pubsub.unsubscribe", Params: `{"channel":"news"}`, Want: "!Not subscribed"},
		step{Who: "bob", Call: "close"},
		step{Who: "ann", Call: "pubsub.publish", Params: `{"channel":"news","message":1}`},
		step{Who: "ann", Call: "pubsub.publish", Params: `{"channel":"news"}`, Want: "!Invalid params"},
	)
}

// What a client does at once takes effect in the order sent: it hears itself before the answer, and nothing after it has
// unsubscribed.
func TestOrder(t *testing.T) {
	actorstest.Run(t, actors.Options{}, func(_ *testing.T, b *actorstest.Broker) {
		b.Frontend("pubsub", &minipubsub.PubSub{})
		ann := b.Client("ann")
		channel := map[string]any{"channel": "news"}
		message := map[string]any{"channel": "news", "message": 1}
		subscribe := ann.Start("pubsub", "subscribe", channel)
		publish := ann.Start("pubsub", "publish", message)
		unsubscribe := ann.Start("pubsub", "unsubscribe", channel)
		again := ann.Start("pubsub", "publish", message)
		ann.WantOrder(subscribe.Answer(), ann.Next(), publish.Answer(), unsubscribe.Answer(), again.Answer())
		ann.Quiet()
	})
}

package visitors_test

import (
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/actorstest"
	"github.com/snorky-go/snorky/examples/visitors"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type (
	step  = actorstest.Step
	heard = actorstest.Heard
)

func register(_ *testing.T, b *actorstest.Broker) {
	v := visitors.New()
	b.Frontend("visitors", v)
	b.Backend("desk", visitors.NewDesk(v))
}

func TestWhoIsThere(t *testing.T) {
	entered := func(name string) string { return `{"type":"entered","name":"` + name + `"}` }
	left := func(name string) string { return `{"type":"left","name":"` + name + `"}` }
	actorstest.Play(t, register,
		step{Who: "a", Call: "visitors.list", Want: `{"you":null,"here":[]}`},
		step{Who: "a", Call: "visitors.enter", Params: `{"name":"ann"}`, Hear: heard{"a": {entered("ann")}}},
		step{Who: "a", Call: "visitors.enter", Params: `{"name":"ann"}`},
		step{Who: "b", Call: "visitors.enter", Params: `{"name":"ann"}`, Want: "!Name taken"},
		step{Who: "b", Call: "visitors.enter", Params: `{"name":""}`},
		step{Who: "b", Call: "visitors.enter", Params: `{"name":"` + strings.Repeat("b", 51) + `"}`, Want: "!Name too long"},
		step{
			Who: "b", Call: "visitors.enter", Params: `{"name":"bob"}`,
			Hear: heard{"a": {entered("bob")}, "b": {entered("bob")}},
		},
		step{Who: "b", Call: "visitors.list", Want: `{"you":"bob","here":["ann","bob"]}`},
		step{Who: "a", Call: "close", Hear: heard{"b": {left("ann")}}},
		step{Who: "c", Call: "visitors.enter", Params: `{"name":"ann"}`, Hear: heard{"b": {entered("ann")}, "c": {entered("ann")}}},
	)
}

func TestCountFromTimeToTime(t *testing.T) {
	actorstest.Run(t, actors.Options{}, func(_ *testing.T, b *actorstest.Broker) {
		early := b.Client("early") // before the service is there
		register(t, b)
		for _, count := range []int{1, 2, 2} {
			b.Advance(visitors.Interval)
			early.Next().Want("visitors", map[string]any{"type": "count", "count": count})
			if count == 1 {
				b.Client("late")
			}
		}
		early.Quiet()
	})
}

func TestDesk(t *testing.T) {
	hello := `{"type":"announcement","text":"Hello"}`
	actorstest.Play(t, register,
		step{Who: "backend", Call: "desk.count", Want: "0"},
		step{Who: "a", Call: "visitors.list", Want: "~list"},
		step{Who: "b", Call: "visitors.list", Want: "~list"},
		step{Who: "backend", Call: "desk.count", Want: "2"},
		step{Who: "backend", Call: "desk.announce", Params: `{"text":"Hello"}`, Hear: heard{"a": {hello}, "b": {hello}}},
		step{Who: "a", Call: "visitors.announce", Params: `{"text":"Hello"}`, Want: "!Unknown command"},
	)
}

func TestStop(t *testing.T) {
	closed := `{"type":"closed"}`
	actorstest.Play(t, register,
		step{Who: "a", Call: "visitors.list", Want: "~list"},
		step{Do: func(b *actorstest.Broker) { _ = b.Broker.Frontend().Unregister("visitors") }, Hear: heard{"a": {closed}}},
		step{Do: func(b *actorstest.Broker) { b.Advance(2 * visitors.Interval) }}, // no more counts
	)
}

package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/actorstest"
)

// atBoard plays steps with the service of the board.
func atBoard(t *testing.T, steps ...actorstest.Step) {
	t.Helper()
	actorstest.Play(t, func(_ *testing.T, b *actorstest.Broker) { b.Frontend("drawing", newDrawing()) }, steps...)
}

func TestDrawing(t *testing.T) {
	type step = actorstest.Step
	type heard = actorstest.Heard
	const line, dot = `{"pen":1,"points":[0,0,1600,1000]}`, `{"pen":4,"points":[5,6]}`
	const first, second = `{"number":1,"by":"ann","pen":1,"points":[0,0,1600,1000]}`, `{"number":2,"by":"bob","pen":4,"points":[5,6]}`
	tells := func(stroke string) string { return `{"type":"stroke","stroke":` + stroke + `,"oldest":1}` }
	cleared := `{"type":"cleared"}`
	atBoard(t,
		step{Who: "ann", Call: "drawing.draw", Params: line, Want: "!Not authenticated"},
		step{Who: "ann", Call: "drawing.clear", Want: "!Not authenticated"},
		step{Who: "ann", Call: "identify", Params: `"ann"`},
		step{Who: "bob", Call: "identify", Params: `"bob"`},

		step{Who: "ann", Call: "drawing.look", Want: `{"strokes":[]}`},
		step{Who: "ann", Call: "drawing.look", Want: "!Already subscribed"},
		step{Who: "ann", Call: "drawing.draw", Params: line, Want: "1", Hear: heard{"ann": {tells(first)}}},
		step{Who: "bob", Call: "drawing.draw", Params: dot, Want: "2", Hear: heard{"ann": {tells(second)}}},
		step{Who: "late", Call: "drawing.look", Want: `{"strokes":[` + first + `,` + second + `]}`},

		step{Who: "bob", Call: "drawing.clear", Hear: heard{"ann": {cleared}, "late": {cleared}}},
		step{Who: "later", Call: "drawing.look", Want: `{"strokes":[]}`},
		step{Who: "late", Call: "close"},
		step{Who: "later", Call: "close"},
		step{
			Who: "ann", Call: "drawing.draw", Params: dot, Want: "3",
			Hear: heard{"ann": {`{"type":"stroke","stroke":{"number":3,"by":"ann","pen":4,"points":[5,6]},"oldest":3}`}},
		},
	)
}

func TestStrokesThatAreRefused(t *testing.T) {
	var steps []actorstest.Step
	for _, params := range []string{
		`{}`,
		`{"pen":0}`,
		`{"pen":0,"points":[]}`,
		`{"pen":0,"points":[1]}`,
		`{"pen":0,"points":[1,2,3]}`,
		`{"pen":0,"points":[1,2,3,4.5]}`,
		`{"pen":0,"points":[1,2,-1,4]}`,
		`{"pen":0,"points":[1601,2]}`,
		`{"pen":0,"points":[1,1001]}`,
		`{"pen":0,"points":["1",2]}`,
		`{"pen":0,"points":[[1,2]]}`,
		`{"pen":5,"points":[1,2]}`,
		`{"pen":-1,"points":[1,2]}`,
		`{"pen":"red","points":[1,2]}`,
		`{"pen":0,"points":[1,2],"by":"bob"}`,
		`{"pen":0,"points":[1` + strings.Repeat(",1", 401) + `]}`,
	} {
		steps = append(steps, actorstest.Step{Who: "ann", Call: "drawing.draw", Params: params, Want: "!Invalid params"})
	}
	atBoard(t, slices.Concat(
		[]actorstest.Step{
			{Who: "ann", Call: "identify", Params: `"ann"`},
			{Who: "bob", Call: "drawing.look", Want: `{"strokes":[]}`},
		},
		steps,
		[]actorstest.Step{{Who: "late", Call: "drawing.look", Want: `{"strokes":[]}`}},
	)...)
}

// The board has a bound. What is forgotten there is forgotten by those who look, too.
func TestOldStrokesMakeRoom(t *testing.T) {
	actorstest.Run(t, actors.Options{}, func(t *testing.T, b *actorstest.Broker) {
		b.Frontend("drawing", newDrawing())
		ann, looker := b.Client("ann").Identify("ann"), b.Client("looker")
		looker.Call("drawing", "look", nil)
		points := slices.Repeat([]int{1600, 1000}, maxPoints)
		oldest, drawn := 1, 0
		for oldest < 10 {
			b.Advance(time.Second) // nobody draws that fast
			drawn++
			ann.Call("drawing", "draw", drawParams{Points: points}).Want(drawn)
			var told struct{ Oldest int }
			looker.Next().Decode(&told)
			oldest = told.Oldest
		}
		var now struct{ Strokes []struct{ Number int } }
		answer := b.Client("late").Call("drawing", "look", nil)
		answer.Data(&now)
		if n := len(now.Strokes); n != drawn-oldest+1 || now.Strokes[0].Number != oldest || now.Strokes[n-1].Number != drawn {
			t.Errorf("there are %d strokes of %d, the oldest of which is %d", n, drawn, oldest)
		}
		if size := len(answer.String()); size < maxDrawing*9/10 || size > maxDrawing*11/10 {
			t.Errorf("all that is on a full board takes %d bytes", size)
		}
	})
}

func TestDrawingTooOften(t *testing.T) {
	actorstest.Run(t, actors.Options{}, func(t *testing.T, b *actorstest.Broker) {
		b.Frontend("drawing", newDrawing())
		ann := b.Client("ann").Identify("ann")
		draw := func() actorstest.Answer { return ann.Call("drawing", "draw", drawParams{Points: []int{1, 2}}) }
		for n := range 100 {
			draw().Want(n + 1)
		}
		draw().WantError("Not so fast. Try again in a few seconds.")
		ann.Call("drawing", "clear", nil).WantError("Not so fast. Try again in a few seconds.")
		b.Advance(10 * time.Second)
		draw().Want(101)
	})
}

// The picture is the same for all, whoever draws at the same time.
func TestLookingWhileOthersDraw(t *testing.T) {
	actorstest.Run(t, actors.Options{}, func(t *testing.T, b *actorstest.Broker) {
		b.Frontend("drawing", newDrawing())
		ann, bob, late := b.Client("ann").Identify("ann"), b.Client("bob").Identify("bob"), b.Client("late")
		var calls []*actorstest.Pending
		for range 20 {
			calls = append(calls,
				ann.Start("drawing", "draw", drawParams{Points: []int{1, 2}}), bob.Start("drawing", "draw", drawParams{Points: []int{3, 4}}))
		}
		var seen struct{ Strokes []struct{ Number int } }
		late.Start("drawing", "look", nil).Answer().Data(&seen)
		for _, call := range calls {
			call.Answer()
		}
		for number := len(seen.Strokes) + 1; number <= len(calls); number++ {
			var told struct{ Stroke struct{ Number int } }
			if late.Next().Decode(&told); told.Stroke.Number != number {
				t.Fatalf("stroke %d follows %d", told.Stroke.Number, number-1)
			}
		}
		late.Quiet()
	})
}

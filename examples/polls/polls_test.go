package polls_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/actorstest"
	"github.com/snorky-go/snorky/examples/polls"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type (
	step  = actorstest.Step
	heard = actorstest.Heard
)

func saved(string, polls.Tally) error { return nil }

func vote(poll, choice string) map[string]string {
	return map[string]string{"poll": poll, "choice": choice}
}

func TestVotes(t *testing.T) {
	tally := func(votes string) string { return `{"type":"tally","poll":"lunch","votes":` + votes + `}` }
	closed := `{"type":"closed","poll":"lunch","votes":{"soup":2,"rice":1}}`
	actorstest.Play(t, func(_ *testing.T, b *actorstest.Broker) { b.Frontend("polls", polls.New(saved)) },
		step{Who: "ann", Call: "polls.watch", Params: `{"poll":"lunch"}`, Want: "{}"},
		step{
			Who: "ann", Call: "polls.vote", Params: `{"poll":"lunch","choice":"soup"}`,
			Hear: heard{"ann": {tally(`{"soup":1}`)}},
		},
		step{Who: "bob", Call: "polls.watch", Params: `{"poll":"lunch"}`, Want: `{"soup":1}`},
		step{Who: "bob", Call: "polls.watch", Params: `{"poll":"lunch"}`, Want: "!Already subscribed"},
		step{
			Who: "bob", Call: "polls.vote", Params: `{"poll":"lunch","choice":"rice"}`,
			Hear: heard{"ann": {tally(`{"soup":1,"rice":1}`)}, "bob": {tally(`{"soup":1,"rice":1}`)}},
		},
		step{Who: "cid", Call: "polls.vote", Params: `{"poll":"dinner","choice":"soup"}`},
		step{
			Who: "cid", Call: "polls.vote", Params: `{"poll":"lunch","choice":"soup"}`,
			Hear: heard{"ann": {tally(`{"soup":2,"rice":1}`)}, "bob": {tally(`{"soup":2,"rice":1}`)}},
		},
		step{
			Who: "ann", Call: "polls.close", Params: `{"poll":"lunch"}`, Want: `{"soup":2,"rice":1}`,
			Hear: heard{"ann": {closed}, "bob": {closed}},
		},
		step{Who: "ann", Call: "polls.close", Params: `{"poll":"lunch"}`, Want: "!No such poll"},
	)
}

// A poll that is slow holds up those who vote there, and nobody else.
func TestSlowPoll(t *testing.T) {
	actorstest.Run(t, actors.Options{}, func(t *testing.T, b *actorstest.Broker) {
		ready := make(chan struct{})
		b.Frontend("polls", polls.New(func(poll string, _ polls.Tally) error {
			if poll == "slow" {
				<-ready
			}
			return nil
		}))
		ann, bob := b.Client("ann"), b.Client("bob")
		slow := ann.Start("polls", "vote", vote("slow", "yes"))
		after := ann.Start("polls", "vote", vote("quick", "yes"))

		bob.Call("polls", "watch", map[string]string{"poll": "quick"}).Want(polls.Tally{})
		bob.Call("polls", "vote", vote("quick", "no")).Want(nil)
		bob.Next().Want("polls", actorstest.JSON(`{"type":"tally","poll":"quick","votes":{"no":1}}`))
		if slow.Done() || after.Done() {
			t.Error("ann is answered before the slow poll is ready")
		}

		close(ready)
		ann.WantOrder(slow.Answer(), after.Answer())
		bob.Next().Want("polls", actorstest.JSON(`{"type":"tally","poll":"quick","votes":{"no":1,"yes":1}}`))
	})
}

// A vote that is not saved does not count.
func TestVotesThatAreNotSaved(t *testing.T) {
	actorstest.Run(t, actors.Options{}, func(_ *testing.T, b *actorstest.Broker) {
		var fault error
		b.Frontend("polls", polls.New(func(string, polls.Tally) error { return fault }))
		ann := b.Client("ann")
		ann.Call("polls", "vote", vote("lunch", "soup")).Want(nil)
		fault = errors.New("the disk is full")
		ann.Call("polls", "vote", vote("lunch", "soup")).WantError("Internal error")
		ann.Call("polls", "watch", map[string]string{"poll": "lunch"}).Want(polls.Tally{"soup": 1})
	})
}

func TestPollsAreBounded(t *testing.T) {
	actorstest.Run(t, actors.Options{}, func(_ *testing.T, b *actorstest.Broker) {
		b.Frontend("polls", polls.New(saved))
		ann := b.Client("ann")
		for i := range polls.MaxPolls {
			ann.Call("polls", "vote", vote(fmt.Sprint(i), "x")).Want(nil)
		}
		ann.Call("polls", "vote", vote("one more", "x")).WantError("Too many polls")
		ann.Call("polls", "watch", map[string]string{"poll": "one more"}).WantError("Too many polls")
		for i := range polls.MaxChoices - 1 {
			ann.Call("polls", "vote", vote("7", fmt.Sprint(i))).Want(nil)
		}
		ann.Call("polls", "vote", vote("7", "one more")).WantError("No such choice")
		ann.Call("polls", "close", map[string]string{"poll": "9"}).Want(polls.Tally{"x": 1})
		ann.Call("polls", "vote", vote(strings.Repeat("n", 256), "x")).WantError("Channel name too long")
		ann.Call("polls", "vote", vote("one more", "x")).Want(nil)
	})
}

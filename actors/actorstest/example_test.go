package actorstest_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/actorstest"
	"github.com/snorky-go/snorky/actors/wire"
)

// room is the service of the examples: who has entered hears what is said. After ten minutes of silence it closes.
type room struct {
	context *actors.ServiceContext
	members map[actors.Peer]bool
	stop    func()
}

type sayParams struct {
	Text string `json:"text"`
}

type said struct {
	Type string `json:"type"`
	Text string `json:"text,omitempty"`
}

var errNotInside = wire.NewError("not_inside", "Not in the room")

func (r *room) Commands() actors.Commands {
	return actors.Commands{"enter": actors.Command(r.enter), "say": actors.Command(r.say)}
}

func (r *room) Start(c *actors.ServiceContext) error {
	r.context, r.members, r.stop = c, map[actors.Peer]bool{}, func() {}
	return nil
}

func (r *room) Disconnected(p actors.Peer) { delete(r.members, p) }

func (r *room) enter(call *actors.Call, _ actors.NoParams) (int, error) {
	if peer, ok := call.Peer(); ok {
		r.members[peer] = true
	}
	r.awaken()
	return len(r.members), nil
}

func (r *room) say(call *actors.Call, p sayParams) (any, error) {
	if peer, _ := call.Peer(); !r.members[peer] {
		return nil, errNotInside
	}
	r.awaken()
	return nil, r.tell(said{Type: "said", Text: p.Text})
}

// awaken begins the ten minutes.
func (r *room) awaken() {
	r.stop()
	r.stop = r.context.After(10*time.Minute, func() { _ = r.tell(said{Type: "closed"}) })
}

func (r *room) tell(what said) error {
	for peer := range r.members {
		if err := peer.Notify(what); err != nil {
			return err
		}
	}
	return nil
}

func TestRoom(t *testing.T) {
	actorstest.Run(t, actors.Options{}, func(t *testing.T, b *actorstest.Broker) {
		b.Frontend("room", &room{})
		ann, bob := b.Client("ann"), b.Client("bob")

		ann.Call("room", "enter", nil).Want(1)
		bob.Call("room", "say", sayParams{Text: "Hello?"}).WantError("Not in the room")
		bob.Call("room", "enter", nil).Want(2)
		bob.Call("room", "say", sayParams{Text: "Hello!"}).Want(nil)
		ann.Next().Want("room", actorstest.JSON(`{"type": "said", "text": "Hello!"}`))
		bob.Next().Want("room", map[string]any{"type": "said", "text": "Hello!"})

		b.Advance(10 * time.Minute)
		ann.Next().Want("room", actorstest.JSON(`{"type": "closed"}`))
		bob.Close()
		ann.Quiet()
	})
}

func TestRoomKeepsOrder(t *testing.T) {
	actorstest.Run(t, actors.Options{}, func(t *testing.T, b *actorstest.Broker) {
		b.Frontend("room", &room{})
		ann := b.Client("ann")
		enter := ann.Start("room", "enter", nil)
		say := ann.Start("room", "say", sayParams{Text: "Hello?"})
		ann.WantOrder(enter.Answer(), ann.Next(), say.Answer())
	})
}

func TestRoomInSteps(t *testing.T) {
	said := `{"type": "said", "text": "Hi"}`
	actorstest.Play(t, func(_ *testing.T, b *actorstest.Broker) { b.Frontend("room", &room{}) },
		actorstest.Step{Who: "ann", Call: "room.say", Params: `{"text": "Hi"}`, Want: "!Not in the room"},
		actorstest.Step{Who: "ann", Call: "room.enter", Want: "1"},
		actorstest.Step{Who: "bob", Call: "room.enter", Want: "2"},
		actorstest.Step{
			Who: "bob", Call: "room.say", Params: `{"text": "Hi"}`,
			Hear: actorstest.Heard{"ann": {said}, "bob": {said}},
		},
		actorstest.Step{Who: "ann", Call: "close"},
		actorstest.Step{Who: "bob", Call: "room.say", Params: `{"text": "Hi"}`, Hear: actorstest.Heard{"bob": {said}}},
	)
}

// TestDocShowsTheseTests looks for the tests above in the documentation of the package, word by word.
func TestDocShowsTheseTests(t *testing.T) {
	doc, example := read(t, "doc.go"), read(t, "example_test.go")
	code := strings.NewReplacer("//\t", "", "//\n", "\n").Replace(doc)
	for _, name := range []string{"TestRoom", "TestRoomKeepsOrder", "TestRoomInSteps"} {
		_, function, found := strings.Cut(example, "\nfunc "+name+"(")
		if function, _, _ = strings.Cut(function, "\n}\n"); !found || !strings.Contains(code, "func "+name+"("+function) {
			t.Errorf("the documentation does not show %s as it is", name)
		}
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

package main

import (
	"encoding/json"
	"time"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
	"github.com/snorky-go/snorky/examples/internal/quota"
)

// The board, as its page has it, too.
const (
	boardWidth  = 1600
	boardHeight = 1000
	pens        = 5
	maxPoints   = 200 // of a stroke; longer lines are several

	maxDrawing = 256 << 10 // bytes; the oldest strokes make room for new ones
)

var (
	errNotSoFast = wire.NewError("too_often", "Not so fast. Try again in a few seconds.")
	// boardChannel is where those who look at the board are subscribed. It never shows.
	boardChannel = json.RawMessage(`"board"`)
)

// drawing is a service for one board that many draw on. It has the strokes of late, and a channel by which all who look
// are told of new ones. Both are touched in the actor of the service only: who begins to look gets the strokes until
// then, and hears of all that come after.
type drawing struct {
	context  *actors.ServiceContext
	visitors *quota.Quota

	strokes []json.RawMessage // the oldest first, their numbers without gaps
	size    int               // bytes of all strokes
	drawn   int               // strokes there ever were
}

var _ actors.Starter = (*drawing)(nil)

func newDrawing() *drawing { return &drawing{visitors: quota.New(100, 10*time.Second)} }

// Start is called by the registry.
func (d *drawing) Start(c *actors.ServiceContext) error {
	d.context = c
	return nil
}

// Commands are look, draw and clear.
func (d *drawing) Commands() actors.Commands {
	return actors.Commands{
		"look":  actors.Command(d.look),
		"draw":  actors.Command(d.draw).Publishing(),
		"clear": actors.Command(d.clear).Publishing(),
	}
}

// board is what there is at one moment.
type board struct {
	Strokes []json.RawMessage `json:"strokes"`
}

// look returns what was drawn, and has the caller hear of what is drawn from now on.
func (d *drawing) look(call *actors.Call, _ actors.NoParams) (board, error) {
	return board{append([]json.RawMessage{}, d.strokes...)}, d.context.Channels().Subscribe(call, boardChannel)
}

type drawParams struct {
	Pen    int   `json:"pen"`
	Points []int `json:"points"` // x, y, x, y, ...
}

func (p drawParams) valid() bool {
	if p.Pen < 0 || p.Pen >= pens || len(p.Points) < 2 || len(p.Points)%2 != 0 || len(p.Points) > 2*maxPoints {
		return false
	}
	for i, at := range p.Points {
		if most := []int{boardWidth, boardHeight}[i%2]; at < 0 || at > most {
			return false
		}
	}
	return true
}

type stroke struct {
	Number int             `json:"number"` // one more than that of the stroke before
	By     json.RawMessage `json:"by"`
	drawParams
}

// notification tells those who look what has happened.
type notification struct {
	Type   string          `json:"type"`             // stroke or cleared
	Stroke json.RawMessage `json:"stroke,omitempty"` // the new one
	Oldest int             `json:"oldest,omitempty"` // strokes of lower numbers have made room
}

// draw adds a stroke and returns its number.
func (d *drawing) draw(call *actors.Call, p drawParams) (int, error) {
	if err := d.mayChange(call); err != nil {
		return 0, err
	}
	if !p.valid() {
		return 0, wire.ErrInvalidParams
	}
	made, err := json.Marshal(stroke{Number: d.drawn + 1, By: call.Identity(), drawParams: p})
	if err != nil {
		return 0, err
	}
	d.drawn++
	d.strokes = append(d.strokes, made)
	d.size += len(made)
	for d.size > maxDrawing {
		d.size -= len(d.strokes[0])
		d.strokes = d.strokes[1:]
	}
	return d.drawn, d.tell(call, notification{Type: "stroke", Stroke: made, Oldest: d.drawn - len(d.strokes) + 1})
}

func (d *drawing) clear(call *actors.Call, _ actors.NoParams) (any, error) {
	if err := d.mayChange(call); err != nil {
		return nil, err
	}
	d.strokes, d.size = nil, 0
	return nil, d.tell(call, notification{Type: "cleared"})
}

// mayChange tells whether somebody may change the board now: whoever has said who they are, but not too often.
func (d *drawing) mayChange(call *actors.Call) error {
	peer, _ := call.Peer()
	switch {
	case call.Identity() == nil:
		return wire.ErrNotAuthenticated
	case !d.visitors.Take(peer.Remote().String()):
		return errNotSoFast
	}
	return nil
}

func (d *drawing) tell(call *actors.Call, what notification) error {
	content, err := json.Marshal(what)
	if err != nil {
		return err
	}
	return d.context.Channels().Publish(call, boardChannel, content)
}

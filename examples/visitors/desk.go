package visitors

import "github.com/snorky-go/snorky/actors"

// Desk is the side of Visitors for backends.
type Desk struct{ visitors *Visitors }

// NewDesk returns the desk of v, which has to be registered first.
func NewDesk(v *Visitors) *Desk { return &Desk{visitors: v} }

// CompanionOf says whose state it is that the commands work on: they run in the actor of Visitors, so neither needs a
// mutex.
func (d *Desk) CompanionOf() actors.Service { return d.visitors }

// Commands are count and announce.
func (d *Desk) Commands() actors.Commands {
	return actors.Commands{"count": actors.Command(d.count), "announce": actors.Command(d.announce)}
}

func (d *Desk) count(*actors.Call, actors.NoParams) (int, error) { return len(d.visitors.names), nil }

type announceParams struct {
	Text string `json:"text"`
}

func (d *Desk) announce(_ *actors.Call, p announceParams) (any, error) {
	d.visitors.tell(notification{Type: "announcement", Text: p.Text})
	return nil, nil
}

// Package visitors shows who is there. It is the model of a service with a life: it is told who comes and goes, gives
// clients an identity, notifies them, does something from time to time, and has a side for backends.
package visitors

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// Interval is the time between two counts that everybody is told.
const Interval = time.Minute

// maxName is how long a name may be, in bytes.
const maxName = 50

// Errors of Visitors.
var (
	ErrNameTaken = wire.NewError("name_taken", "Name taken")
	ErrNameLong  = wire.NewError("name_long", "Name too long")
)

// Visitors is a service of the frontend.
type Visitors struct {
	context *actors.ServiceContext
	names   map[actors.Peer]string // of all connections; "" for those who have not said it
}

// New returns a Visitors.
func New() *Visitors { return &Visitors{names: map[actors.Peer]string{}} }

// Start is called once, before anything else.
func (v *Visitors) Start(c *actors.ServiceContext) error {
	v.context = c
	c.After(Interval, v.count)
	return nil
}

// count tells everybody how many are there, from time to time. It runs in the actor of the service, like all the rest.
func (v *Visitors) count() {
	v.tell(notification{Type: "count", Count: len(v.names)})
	v.context.After(Interval, v.count)
}

// Stop is called once, after everything else.
func (v *Visitors) Stop() { v.tell(notification{Type: "closed"}) }

// Connected is called for everybody who comes, before their first request.
func (v *Visitors) Connected(peer actors.Peer) { v.names[peer] = "" }

// Disconnected is called for everybody who goes, after their last request.
func (v *Visitors) Disconnected(peer actors.Peer) {
	name := v.names[peer]
	delete(v.names, peer)
	if name != "" {
		v.tell(notification{Type: "left", Name: name})
	}
}

// Commands are enter and list.
func (v *Visitors) Commands() actors.Commands {
	return actors.Commands{"enter": actors.Command(v.enter), "list": actors.Command(v.list)}
}

type enterParams struct {
	Name string `json:"name"`
}

// enter gives the caller a name, which is their identity for all services from now on. Here everybody is who they say
// they are; a real service would ask for a password, or look at a token.
func (v *Visitors) enter(call *actors.Call, p enterParams) (any, error) {
	peer, _ := call.Peer()
	switch {
	case len(p.Name) > maxName:
		return nil, ErrNameLong
	case v.names[peer] == p.Name:
		return nil, nil
	case p.Name == "" || v.taken(p.Name):
		return nil, ErrNameTaken
	}
	v.names[peer] = p.Name
	call.SetIdentity(wire.AppendString(nil, p.Name))
	v.tell(notification{Type: "entered", Name: p.Name})
	return nil, nil
}

func (v *Visitors) taken(name string) bool {
	return slices.Contains(slices.Collect(maps.Values(v.names)), name)
}

type listing struct {
	You  json.RawMessage `json:"you"` // null for those who have not entered
	Here []string        `json:"here"`
}

func (v *Visitors) list(call *actors.Call, _ actors.NoParams) (listing, error) {
	names := slices.Sorted(maps.Values(v.names))
	return listing{You: call.Identity(), Here: slices.DeleteFunc(names, func(n string) bool { return n == "" })}, nil
}

type notification struct {
	Type  string `json:"type"`
	Name  string `json:"name,omitempty"`
	Count int    `json:"count,omitempty"`
	Text  string `json:"text,omitempty"`
}

// tell notifies all who are there. The notification is encoded once.
func (v *Visitors) tell(what notification) {
	n, err := v.context.Notification(what)
	if err != nil {
		v.context.Logger().Error().Err(err).Msg("a notification")
		return
	}
	for peer := range v.names {
		peer.Send(n)
	}
}

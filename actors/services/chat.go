package services

import (
	"encoding/json"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// Chat is the service of PROTOCOL.md section 6.6: channels whose members see each other and hear each other.
type Chat struct {
	context *actors.ServiceContext
	rooms   map[wire.Key]*room
	joined  map[actors.Peer]map[wire.Key]*room
}

// room is a channel with at least one member. What a connection does in it happens under the identity it joined with.
type room struct {
	name       json.RawMessage
	members    map[actors.Peer]*identity
	identities map[wire.Key]*identity
}

// identity is somebody who is present in a room with one or more connections.
type identity struct {
	key         wire.Key
	value       json.RawMessage
	connections int
}

// NewChat returns a Chat.
func NewChat() *Chat {
	return &Chat{rooms: map[wire.Key]*room{}, joined: map[actors.Peer]map[wire.Key]*room{}}
}

// Start is called by the registry.
func (c *Chat) Start(context *actors.ServiceContext) error {
	c.context = context
	return nil
}

type bodyParams struct {
	Channel json.RawMessage `json:"channel"`
	Body    json.RawMessage `json:"body"`
}

// chatNotification is any of the three of PROTOCOL.md section 6.6.
type chatNotification struct {
	Type      string          `json:"type"`
	From      json.RawMessage `json:"from,omitempty"`
	Channel   json.RawMessage `json:"channel"`
	Status    string          `json:"status,omitempty"`
	Body      json.RawMessage `json:"body,omitempty"`
	Timestamp string          `json:"timestamp"`
}

type members struct {
	Members []json.RawMessage `json:"members"`
}

// Commands are those of PROTOCOL.md section 6.6.
func (c *Chat) Commands() actors.Commands {
	return actors.Commands{
		"join":  actors.Command(c.join),
		"leave": actors.Command(c.leave),
		"send":  actors.Command(c.send),
		"read":  actors.Command(c.read),
	}
}

func (c *Chat) join(call *actors.Call, p channelParams) (members, error) {
	if call.Identity() == nil {
		return members{}, wire.ErrNotAuthenticated
	}
	who, err := key(call.Identity())
	if err != nil {
		return members{}, err
	}
	k, err := key(p.Channel)
	if err != nil {
		return members{}, err
	}
	peer, _ := call.Peer()
	switch {
	case c.joined[peer][k] != nil:
		return members{}, wire.ErrAlreadyJoined
	case len(c.joined[peer]) >= maxPerConnection:
		return members{}, ErrTooManyJoins
	}
	r := c.room(k, p.Channel)
	if err := c.enter(r, peer, who, call.Identity(), p.Channel); err != nil {
		return members{}, err
	}
	if c.joined[peer] == nil {
		c.joined[peer] = map[wire.Key]*room{}
	}
	c.joined[peer][k] = r
	list := members{Members: make([]json.RawMessage, 0, len(r.identities))}
	for _, i := range r.identities {
		list.Members = append(list.Members, i.value)
	}
	return list, nil
}

func (c *Chat) room(k wire.Key, name json.RawMessage) *room {
	r := c.rooms[k]
	if r == nil {
		r = &room{name: name, members: map[actors.Peer]*identity{}, identities: map[wire.Key]*identity{}}
		c.rooms[k] = r
	}
	return r
}

// enter adds a connection to a room and tells the others if it is the first of its identity.
func (c *Chat) enter(r *room, peer actors.Peer, who wire.Key, value, name json.RawMessage) error {
	i := r.identities[who]
	if i == nil {
		i = &identity{key: who, value: value}
		r.identities[who] = i
		if err := c.tell(r, presence(i, name, "joined")); err != nil {
			return err
		}
	}
	i.connections++
	r.members[peer] = i
	return nil
}

func presence(i *identity, channel json.RawMessage, status string) chatNotification {
	return chatNotification{Type: "presence", From: i.value, Channel: channel, Status: status, Timestamp: timestamp()}
}

// tell sends a notification to all members of a room.
func (c *Chat) tell(r *room, n chatNotification) error {
	message, err := c.context.Notification(n)
	if err != nil {
		return err
	}
	for peer := range r.members {
		peer.Send(message)
	}
	return nil
}

func (c *Chat) leave(call *actors.Call, p channelParams) (any, error) {
	peer, _ := call.Peer()
	k, err := key(p.Channel)
	if err != nil {
		return nil, err
	}
	r := c.joined[peer][k]
	if r == nil {
		return nil, wire.ErrNotJoined
	}
	delete(c.joined[peer], k)
	if len(c.joined[peer]) == 0 {
		delete(c.joined, peer)
	}
	return nil, c.exit(k, r, peer, p.Channel)
}

// exit takes a connection out of a room and tells the others if it was the last of its identity.
func (c *Chat) exit(k wire.Key, r *room, peer actors.Peer, name json.RawMessage) error {
	i := r.members[peer]
	delete(r.members, peer)
	if i.connections--; i.connections > 0 {
		return nil
	}
	delete(r.identities, i.key)
	if len(r.members) == 0 {
		delete(c.rooms, k)
		return nil
	}
	return c.tell(r, presence(i, name, "left"))
}

func (c *Chat) send(call *actors.Call, p bodyParams) (any, error) {
	peer, _ := call.Peer()
	k, err := key(p.Channel)
	if err != nil {
		return nil, err
	}
	r := c.joined[peer][k]
	if r == nil {
		return nil, wire.ErrNotJoined
	}
	return nil, c.tell(r, chatNotification{
		Type: "message", From: r.members[peer].value, Channel: p.Channel, Body: p.Body, Timestamp: timestamp(),
	})
}

// read goes to the other connections of who reads. One that is a member reads as whom it joined as.
func (c *Chat) read(call *actors.Call, p channelParams) (any, error) {
	peer, _ := call.Peer()
	k, err := key(p.Channel)
	if err != nil {
		return nil, err
	}
	r := c.rooms[k]
	if r == nil {
		return nil, nil
	}
	who := r.members[peer]
	if who == nil && call.Identity() != nil {
		k, err := key(call.Identity())
		if err != nil {
			return nil, err
		}
		who = r.identities[k]
	}
	if who == nil {
		return nil, nil
	}
	message, err := c.context.Notification(chatNotification{Type: "read", Channel: p.Channel, Timestamp: timestamp()})
	if err != nil {
		return nil, err
	}
	for other, i := range r.members {
		if i == who && other != peer {
			other.Send(message)
		}
	}
	return nil, nil
}

// Disconnected takes a connection that has ended out of all its rooms.
func (c *Chat) Disconnected(peer actors.Peer) {
	rooms := c.joined[peer]
	delete(c.joined, peer)
	for k, r := range rooms {
		if err := c.exit(k, r, peer, r.name); err != nil {
			c.context.Logger().Error().Err(err).Msg("presence cannot be told")
		}
	}
}

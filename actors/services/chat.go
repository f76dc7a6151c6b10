package services

import (
	"encoding/json"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// Chat is the service of PROTOCOL.md section 6.6: channels whose members see each other and hear each other.
//
// Its own actor knows which connection has joined which channels. All else is in a part for each channel (chatroom.go), and
// what everybody there gets is published, so neither many channels nor a crowded one hold up others.
type Chat struct {
	context *actors.ServiceContext
	rooms   *spread[*chatRoom]
	joined  map[actors.Peer]map[wire.Key]*chatPlace
}

type chatPlace = place[*chatRoom]

// NewChat returns a Chat.
func NewChat() *Chat { return &Chat{joined: map[actors.Peer]map[wire.Key]*chatPlace{}} }

// Start is called by the registry.
func (c *Chat) Start(context *actors.ServiceContext) error {
	c.context, c.rooms = context, newSpread[*chatRoom](context)
	return nil
}

type bodyParams struct {
	Channel json.RawMessage `json:"channel"`
	Body    json.RawMessage `json:"body"`
}

type chatMembers struct {
	Members []json.RawMessage `json:"members"`
}

// Commands are those of PROTOCOL.md section 6.6.
func (c *Chat) Commands() actors.Commands {
	return actors.Commands{
		"join":  actors.Command(c.join),
		"leave": actors.Command(c.leave),
		"send":  actors.Command(c.send).Publishing(),
		"read":  actors.Command(c.read).Publishing(),
	}
}

func (c *Chat) join(call *actors.Call, p channelParams) (chatMembers, error) {
	if call.Identity() == nil {
		return chatMembers{}, wire.ErrNotAuthenticated
	}
	who, err := key(call.Identity())
	if err != nil {
		return chatMembers{}, err
	}
	k, err := c.context.Channels().Key(p.Channel)
	if err != nil {
		return chatMembers{}, err
	}
	peer, _ := call.Peer()
	switch {
	case c.joined[peer][k] != nil:
		return chatMembers{}, wire.ErrAlreadyJoined
	case len(c.joined[peer]) >= maxPerConnection:
		return chatMembers{}, ErrTooManyJoins
	}
	at := c.rooms.enter(k, func() *chatRoom { return newChatRoom(c.context, p.Channel) })
	if c.joined[peer] == nil {
		c.joined[peer] = map[wire.Key]*chatPlace{}
	}
	c.joined[peer][k] = at
	return actors.Continue(call, at.part, func() (chatMembers, error) { return at.content.enter(call, who, p.Channel) })
}

// place is where the caller of a command has joined the channel.
func (c *Chat) place(call *actors.Call, channel json.RawMessage) (*chatPlace, error) {
	k, err := key(channel) // however long it is: there may have been another bound
	if err != nil {
		return nil, wire.ErrNotJoined
	}
	peer, _ := call.Peer()
	if at := c.joined[peer][k]; at != nil {
		return at, nil
	}
	return nil, wire.ErrNotJoined
}

func (c *Chat) leave(call *actors.Call, p channelParams) (any, error) {
	at, err := c.place(call, p.Channel)
	if err != nil {
		return nil, err
	}
	peer, _ := call.Peer()
	delete(c.joined[peer], at.key)
	if len(c.joined[peer]) == 0 {
		delete(c.joined, peer)
	}
	c.rooms.exit(at)
	return actors.Continue(call, at.part, func() (any, error) {
		defer c.tidy(at)
		return nil, at.content.leave(call, p.Channel)
	})
}

func (c *Chat) tidy(at *chatPlace) {
	if at.content.isEmpty() {
		c.rooms.tidy(at)
	}
}

func (c *Chat) send(call *actors.Call, p bodyParams) (any, error) {
	at, err := c.place(call, p.Channel)
	if err != nil {
		return nil, err
	}
	return actors.Continue(call, at.part, func() (any, error) { return nil, at.content.say(call, p) })
}

// read needs no membership.
func (c *Chat) read(call *actors.Call, p channelParams) (any, error) {
	k, err := key(p.Channel)
	if err != nil {
		return nil, nil //nolint:nilerr // nobody can be there
	}
	at := c.rooms.places[k]
	if at == nil {
		return nil, nil
	}
	return actors.Continue(call, at.part, func() (any, error) { return nil, at.content.read(call, p.Channel) })
}

// Disconnected takes a connection that has ended out of all its channels.
func (c *Chat) Disconnected(peer actors.Peer) {
	places := c.joined[peer]
	delete(c.joined, peer)
	for _, at := range places {
		c.rooms.exit(at)
		at.part.Do(func() {
			defer c.tidy(at)
			if err := at.content.exit(nil, peer, at.content.name); err != nil {
				c.context.Logger().Error().Err(err).Msg("presence cannot be told")
			}
		})
	}
}

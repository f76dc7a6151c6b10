package services

import (
	"cmp"
	"encoding/json"
	"slices"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// Messaging is the service of PROTOCOL.md section 6.5: connections register names and send messages to names.
type Messaging struct {
	allows       func(call *actors.Call, name json.RawMessage) bool
	participants map[wire.Key]participant
	names        map[actors.Peer][]wire.Key // of each connection
}

type participant struct {
	name  json.RawMessage // as it was registered
	owner actors.Peer
}

// NewMessaging returns a Messaging in which connections may take any name that is free.
func NewMessaging() *Messaging { return NewMessagingFunc(nil) }

// NewMessagingFunc returns a Messaging that asks whether the maker of a call may take a name, given as the raw JSON
// value. allows is called in the actor of the service, one call at a time, and may block.
func NewMessagingFunc(allows func(call *actors.Call, name json.RawMessage) bool) *Messaging {
	return &Messaging{
		allows:       allows,
		participants: map[wire.Key]participant{},
		names:        map[actors.Peer][]wire.Key{},
	}
}

type nameParams struct {
	Name json.RawMessage `json:"name"`
}

type sendParams struct {
	Sender json.RawMessage `json:"sender"`
	Dest   json.RawMessage `json:"dest"`
	Body   json.RawMessage `json:"body"`
}

// mail is the notification of PROTOCOL.md section 6.5.
type mail struct {
	Type string `json:"type"`
	sendParams
}

// Commands are those of PROTOCOL.md section 6.5.
func (m *Messaging) Commands() actors.Commands {
	return actors.Commands{
		"registerParticipant":   actors.Command(m.register),
		"unregisterParticipant": actors.Command(m.unregister),
		"listParticipants":      actors.Command(m.list),
		"send":                  actors.Command(m.send),
	}
}

func (m *Messaging) register(call *actors.Call, p nameParams) (any, error) {
	key, err := key(p.Name)
	if err != nil {
		return nil, err
	}
	if _, taken := m.participants[key]; taken {
		return nil, wire.ErrNameAlreadyRegistered
	}
	if m.allows != nil && !m.allows(call, p.Name) {
		return nil, wire.ErrNameNotAllowed
	}
	peer, _ := call.Peer()
	if len(m.names[peer]) >= maxPerConnection {
		return nil, ErrTooManyNames
	}
	m.participants[key] = participant{name: p.Name, owner: peer}
	m.names[peer] = append(m.names[peer], key)
	return nil, nil
}

func (m *Messaging) unregister(call *actors.Call, p nameParams) (any, error) {
	key, err := key(p.Name)
	if err != nil {
		return nil, err
	}
	peer, _ := call.Peer()
	switch who, known := m.participants[key]; {
	case !known:
		return nil, wire.ErrUnknownParticipant
	case who.owner != peer:
		return nil, wire.ErrInvalidParticipant
	}
	delete(m.participants, key)
	m.names[peer] = slices.DeleteFunc(m.names[peer], func(k wire.Key) bool { return k == key })
	if len(m.names[peer]) == 0 {
		delete(m.names, peer)
	}
	return nil, nil
}

// list sorts names that are strings by their characters, and puts the others after them by their text.
func (m *Messaging) list(*actors.Call, actors.NoParams) ([]json.RawMessage, error) {
	type entry struct {
		isOther bool
		text    string
		name    json.RawMessage
	}
	entries := make([]entry, 0, len(m.participants))
	for key, p := range m.participants {
		e := entry{isOther: true, text: string(key), name: p.name}
		if key[0] == '"' && json.Unmarshal([]byte(key), &e.text) == nil {
			e.isOther = false
		}
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b entry) int {
		if a.isOther != b.isOther {
			if a.isOther {
				return 1
			}
			return -1
		}
		return cmp.Compare(a.text, b.text)
	})
	names := make([]json.RawMessage, len(entries))
	for i, e := range entries {
		names[i] = e.name
	}
	return names, nil
}

func (m *Messaging) send(call *actors.Call, p sendParams) (any, error) {
	sender, err := key(p.Sender)
	if err != nil {
		return nil, err
	}
	dest, err := key(p.Dest)
	if err != nil {
		return nil, err
	}
	peer, _ := call.Peer()
	if who, known := m.participants[sender]; !known || who.owner != peer {
		return nil, wire.ErrInvalidSender
	}
	to, known := m.participants[dest]
	if !known {
		return nil, wire.ErrUnknownDestination
	}
	return nil, to.owner.Notify(mail{Type: "message", sendParams: p})
}

// Disconnected frees the names of a connection that has ended.
func (m *Messaging) Disconnected(p actors.Peer) {
	for _, key := range m.names[p] {
		delete(m.participants, key)
	}
	delete(m.names, p)
}

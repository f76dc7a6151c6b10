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
	participants map[wire.Key]*participant
	names        map[actors.Peer][]*participant // of each connection
	sorted       []*participant
	listed       json.RawMessage // the answer to listParticipants; nil when it is out of date
}

type participant struct {
	key   wire.Key
	name  json.RawMessage // as it was registered
	text  string          // by which it is sorted
	other bool            // it is no string
	owner actors.Peer
}

func newParticipant(key wire.Key, name json.RawMessage, owner actors.Peer) *participant {
	p := &participant{key: key, name: slices.Clone(name), owner: owner, text: string(key), other: true}
	if key[0] == '"' && json.Unmarshal([]byte(key), &p.text) == nil {
		p.other = false
	}
	return p
}

// compare sorts names that are strings by their characters, and puts the others after them by their compact text.
func (p *participant) compare(q *participant) int {
	switch {
	case p.other != q.other && p.other:
		return 1
	case p.other != q.other:
		return -1
	}
	return cmp.Or(cmp.Compare(p.text, q.text), cmp.Compare(p.key, q.key))
}

// NewMessaging returns a Messaging in which connections may take any name that is free.
func NewMessaging() *Messaging { return NewMessagingFunc(nil) }

// NewMessagingFunc returns a Messaging that asks whether the maker of a call may take a name, given as the raw JSON
// value. allows is called in the actor of the service, one call at a time, and may block.
func NewMessagingFunc(allows func(call *actors.Call, name json.RawMessage) bool) *Messaging {
	return &Messaging{
		allows:       allows,
		participants: map[wire.Key]*participant{},
		names:        map[actors.Peer][]*participant{},
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
		"send":                  actors.Command(m.send).Publishing(),
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
	who := newParticipant(key, p.Name, peer)
	m.participants[key] = who
	m.names[peer] = append(m.names[peer], who)
	at, _ := m.find(who)
	m.sorted, m.listed = slices.Insert(m.sorted, at, who), nil
	return nil, nil
}

// find looks up a participant in the sorted list.
func (m *Messaging) find(who *participant) (at int, found bool) {
	return slices.BinarySearchFunc(m.sorted, who, (*participant).compare)
}

// forget frees a name.
func (m *Messaging) forget(who *participant) {
	delete(m.participants, who.key)
	if at, found := m.find(who); found {
		m.sorted, m.listed = slices.Delete(m.sorted, at, at+1), nil
	}
}

func (m *Messaging) unregister(call *actors.Call, p nameParams) (any, error) {
	key, err := key(p.Name)
	if err != nil {
		return nil, err
	}
	peer, _ := call.Peer()
	who := m.participants[key]
	switch {
	case who == nil:
		return nil, wire.ErrUnknownParticipant
	case who.owner != peer:
		return nil, wire.ErrInvalidParticipant
	}
	m.forget(who)
	m.names[peer] = slices.DeleteFunc(m.names[peer], func(p *participant) bool { return p == who })
	if len(m.names[peer]) == 0 {
		delete(m.names, peer)
	}
	return nil, nil
}

// list answers with the names in their order. As long as nobody comes or goes, the answer is the same.
func (m *Messaging) list(*actors.Call, actors.NoParams) (json.RawMessage, error) {
	if m.listed == nil {
		m.listed = []byte{'['}
		for i, one := range m.sorted {
			if i > 0 {
				m.listed = append(m.listed, ',')
			}
			m.listed = append(m.listed, one.name...)
		}
		m.listed = append(m.listed, ']')
	}
	return m.listed, nil
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
	if who := m.participants[sender]; who == nil || who.owner != peer {
		return nil, wire.ErrInvalidSender
	}
	to := m.participants[dest]
	if to == nil {
		return nil, wire.ErrUnknownDestination
	}
	return nil, to.owner.Notify(mail{Type: "message", sendParams: p})
}

// Disconnected frees the names of a connection that has ended.
func (m *Messaging) Disconnected(p actors.Peer) {
	for _, who := range m.names[p] {
		m.forget(who)
	}
	delete(m.names, p)
}

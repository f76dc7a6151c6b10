package services

import (
	"encoding/json"
	"slices"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// chatRoom is a channel of a Chat with its members. What a connection does there happens under the identity that it
// joined with. All of it belongs to the part of the channel; everybody who is in is subscribed to the channel of the same
// name, so that its order is that of the room.
type chatRoom struct {
	context  *actors.ServiceContext
	channels *actors.Channels
	name     json.RawMessage // as the first to join wrote it
	members  map[actors.Peer]*chatMember
	present  map[wire.Key]*chatMember
}

// chatMember is somebody who is present with one or more connections.
type chatMember struct {
	key         wire.Key
	identity    json.RawMessage
	connections []actors.Peer
}

func newChatRoom(context *actors.ServiceContext, name json.RawMessage) *chatRoom {
	return &chatRoom{
		context: context, channels: context.Channels(), name: slices.Clone(name),
		members: map[actors.Peer]*chatMember{}, present: map[wire.Key]*chatMember{},
	}
}

func (r *chatRoom) isEmpty() bool { return len(r.members) == 0 }

// enter adds the caller, and tells the others if it is the first connection of its identity. Who enters is subscribed
// afterwards, and so does not hear of it.
func (r *chatRoom) enter(call *actors.Call, who wire.Key, name json.RawMessage) (list chatMembers, err error) {
	peer, _ := call.Peer()
	m := r.present[who]
	isFirst := m == nil
	if isFirst {
		m = &chatMember{key: who, identity: slices.Clone(call.Identity())}
		r.present[who] = m
	}
	m.connections = append(m.connections, peer)
	r.members[peer] = m
	if isFirst {
		err = r.channels.Publish(call, name, appendPresence(nil, m.identity, name, "joined"))
	}
	if err == nil {
		err = r.channels.SubscribeUnbounded(call, name)
	}
	list.Members = make([]json.RawMessage, 0, len(r.present))
	for _, m := range r.present {
		list.Members = append(list.Members, m.identity)
	}
	return list, err
}

func (r *chatRoom) leave(call *actors.Call, name json.RawMessage) error {
	peer, _ := call.Peer()
	_ = r.channels.Unsubscribe(call, name) // a connection that is ending may not be subscribed any more
	return r.exit(call, peer, name)
}

// exit takes out a connection that is not subscribed any more, and tells the others if it was the last of its identity.
func (r *chatRoom) exit(call *actors.Call, peer actors.Peer, name json.RawMessage) error {
	m := r.members[peer]
	if m == nil {
		return nil // it never got in
	}
	delete(r.members, peer)
	m.connections = slices.DeleteFunc(m.connections, func(p actors.Peer) bool { return p == peer })
	if len(m.connections) > 0 {
		return nil
	}
	delete(r.present, m.key)
	return r.channels.Publish(call, name, appendPresence(nil, m.identity, name, "left"))
}

func (r *chatRoom) say(call *actors.Call, p bodyParams) error {
	peer, _ := call.Peer()
	m := r.members[peer]
	if m == nil {
		return wire.ErrNotJoined
	}
	content := append([]byte(`{"type":"message","from":`), m.identity...)
	content = append(append(content, `,"channel":`...), p.Channel...)
	content = append(append(content, `,"body":`...), p.Body...)
	return r.channels.Publish(call, p.Channel, appendTimestamp(content))
}

// read goes to the other connections of who reads. One that is a member reads as whom it joined as.
func (r *chatRoom) read(call *actors.Call, name json.RawMessage) error {
	peer, _ := call.Peer()
	m := r.members[peer]
	if m == nil && call.Identity() != nil {
		who, err := key(call.Identity())
		if err != nil {
			return err
		}
		m = r.present[who]
	}
	if m == nil {
		return nil
	}
	others := slices.DeleteFunc(slices.Clone(m.connections), func(p actors.Peer) bool { return p == peer })
	if len(others) == 0 {
		return nil
	}
	content := append([]byte(`{"type":"read","channel":`), name...)
	return r.channels.PublishTo(call, name, appendTimestamp(content), others)
}

func appendPresence(dst []byte, identity, channel json.RawMessage, status string) []byte {
	dst = append(append(dst, `{"type":"presence","from":`...), identity...)
	dst = append(append(dst, `,"channel":`...), channel...)
	dst = append(append(append(dst, `,"status":"`...), status...), '"')
	return appendTimestamp(dst)
}

// appendTimestamp ends a notification with its time, in the form of PROTOCOL.md section 6.6.
func appendTimestamp(dst []byte) []byte {
	return append(append(append(dst, `,"timestamp":"`...), timestamp()...), `"}`...)
}

package actors

import (
	"bytes"
	"encoding/json"
	"net/netip"
)

// Peer is a connection as one service sees it. It is comparable and may be kept, as a key of a map for instance; its
// methods may be called from any goroutine and never block. After the connection has ended they do nothing.
type Peer struct {
	connection *connection
	service    *service
}

// Notify sends v to the client as a message of the service (PROTOCOL.md section 2). v is marshalled to JSON; a
// json.RawMessage, which must be valid JSON, goes as it is. An error says that v cannot be marshalled, never that it
// did not arrive.
//
// What a service sends to a peer arrives in the order sent, and before answers to calls that end later.
func (p Peer) Notify(v any) error {
	content, err := encode(v)
	if err == nil {
		p.connection.mailIn(&notification{frame: p.service.frame(content)})
	}
	return err
}

// SetIdentity says who the client is from now on, for all services; nil makes it nobody. A call of the client that is
// under way keeps the identity it has, see Call.SetIdentity.
func (p Peer) SetIdentity(identity json.RawMessage) {
	p.connection.mailIn(&identification{identity: bytes.Clone(identity)})
}

// Remote is the network address of the client, as far as its gateway knows it.
func (p Peer) Remote() netip.AddrPort { return p.connection.remote }

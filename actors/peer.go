package actors

import "net/netip"

// Peer is a connection as one service sees it, from Register to Unregister, whatever is renewed meanwhile. It is comparable
// and may be kept, as a key of a map for instance; its methods may be called from any goroutine and never block. After the
// connection has ended they do nothing.
type Peer struct {
	connection *connection
	service    *entry
}

// Notify sends v to the client as a message of the service (PROTOCOL.md section 2). v is marshalled to JSON; a
// json.RawMessage, which must be valid JSON, goes as it is. An error says that v cannot be marshalled, never that it
// did not arrive.
//
// What a service sends to a peer arrives in the order sent, and before answers to calls that end later.
func (p Peer) Notify(v any) error {
	content, err := encode(v)
	if err == nil {
		p.connection.mailIn(&notification{frame: p.service.frame(content), broker: p.service.host.broker})
	}
	return err
}

// Remote is the network address of the client, as far as its gateway knows it.
func (p Peer) Remote() netip.AddrPort { return p.connection.remote }

package actors

import (
	"net"
	"net/netip"

	"github.com/snorky-go/snorky/actors/wire"
)

// Attachment is a connection that a gateway hands over after the handshake.
type Attachment struct {
	// Conn belongs to the broker from now on, which closes it. A *net.TCPConn is taken over by an event loop where
	// there are loops; anything else (TLS, pipes) is served the portable way.
	Conn net.Conn
	// Door parses what arrives on Conn.
	Door Door
	// Remote is the address of the client, as far as it is known.
	Remote netip.AddrPort
	// Principal is who the client is, as far as the handshake has told.
	Principal Principal
}

// Door is what the broker asks of the gateway a connection came through. One Door serves all connections of all loops
// at once, so it is safe for concurrent use and keeps nothing of a connection but what lies in its ParseState.
type Door interface {
	// Parse takes the frames at the start of data and gives each complete message to sink, in order. It returns what
	// has to stay: an unfinished frame or an unfinished fragmented message. It may rewrite data, on which rest may lie,
	// and keeps nothing of it. It is called on the loop of the connection and may not block.
	//
	// An error is a *wire.CloseError and ends the connection with a close frame of that code; the answer to a close
	// frame of the client is one, too.
	Parse(st *ParseState, data []byte, sink Sink) (rest []byte, err error)

	// Closed is called once for each connection, after it has ended, on its loop. It may not block.
	Closed(remote netip.AddrPort, code wire.CloseCode)
}

// ParseState is what a Door remembers of a connection between two calls of Parse. Its zero value is a connection at
// the start of a message.
type ParseState struct {
	Scanned int // bytes at the start of rest that need not be looked at again
	Payload int // bytes of payload within those
}

// Sink takes what a Door has parsed.
type Sink interface {
	// Message takes one complete text. The bytes are valid during the call only. False asks the Door to stop: what
	// follows is to be returned as rest and comes again later.
	Message(text []byte) (more bool)
	// Control takes a finished frame that is to be sent back, such as a pong. The bytes are valid during the call only.
	Control(frame []byte)
}

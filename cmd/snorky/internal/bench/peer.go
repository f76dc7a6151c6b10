package bench

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
)

// Peer is how one kind of server is spoken to. All methods may be called by several goroutines at once.
type Peer interface {
	// Name is the kind of server, as results show it.
	Name() string
	// SubscribeAddr is the host:port to dial for subscribers.
	SubscribeAddr() string
	// PublishAddr is the host:port that publishers dial.
	PublishAddr() string
	// Subscribe makes a fresh connection a subscriber of a channel: when it returns, the handshake and the subscription
	// are done and confirmed. br reads from conn; what is left in it belongs to the stream of deliveries. The caller has
	// set a deadline on conn and closes it after an error, also when ctx ends.
	//
	// What follows has to be a WebSocket stream in which the payloads of Publisher lie as they were published, apart from
	// blanks between the tokens; several may share a frame.
	Subscribe(ctx context.Context, conn net.Conn, br *bufio.Reader, channel string) error
	// NewPublisher opens a connection of its own for publishing. It blocks until it is there or ctx ends; ctx has no
	// meaning afterwards.
	NewPublisher(ctx context.Context) (Publisher, error)
	// Control answers a message that is no delivery, such as a ping of the application: it returns whole client frames
	// (see AppendFrame), or nil for nothing to say. The payload is valid during the call only.
	Control(payload []byte) []byte
	// Close is what a subscriber that leaves in an orderly way writes to its socket; nil for nothing.
	Close() []byte
}

// Publisher is one connection for publishing. One goroutine at a time publishes; Close may come from another.
type Publisher interface {
	// Publish returns when the server has acknowledged all payloads, which go to one channel in this order: in one
	// request where the server has batches, else one after the other. The payloads are JSON objects and valid during the
	// call only. It blocks until then, or until ctx ends, or as long as the publisher waits for an answer.
	//
	// An error that is a *RefusedError means that none of the payloads was published. After any other, it is open
	// which were. After an error the publisher is not used any more.
	Publish(ctx context.Context, channel string, payloads [][]byte) error
	Close() error
}

// Secured is a Peer whose subscribers may have to speak TLS. Such connections cannot be read by the epoll loop.
type Secured interface {
	Peer
	// ClientTLS is the configuration for subscribers, or nil for plain TCP.
	ClientTLS() *tls.Config
}

// RefusedError is a server that answered a publication and did not carry it out, nor any part of it.
type RefusedError struct {
	Status int    // of HTTP; 0 if that is not how it was refused
	Text   string // what the server said, for people
}

func (e *RefusedError) Error() string {
	if e.Status == 0 {
		return "refused: " + e.Text
	}
	return fmt.Sprintf("refused with status %d: %s", e.Status, e.Text)
}

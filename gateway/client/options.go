package client

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"net"
	"net/http"
	"time"
)

// Options are the settings of a Client. The zero value of each field stands for its default.
type Options struct {
	// Header is sent with each handshake, for instance cookies, or an Origin that the server expects.
	Header http.Header
	// Token, if not nil, says who the client is. It is called for each handshake, which has the token in the header
	// Authorization, and when the server says that the token expires, to renew it on the same connection by the service
	// "session". It may be called again at any time and should then have a fresh token; an empty one is none. It may block
	// until ctx ends. If it fails, so does the attempt to connect; a renewal is tried again as long as the connection stands.
	Token func(ctx context.Context) (string, error)
	// TLS is used for wss addresses. The default trusts the authorities of the system.
	TLS *tls.Config
	// NetDial opens the network connections, for proxies and the like; by default a net.Dialer does.
	NetDial func(ctx context.Context, network, address string) (net.Conn, error)

	// ConnectTimeout bounds each attempt to connect, handshake included; by default 10 s.
	ConnectTimeout time.Duration
	// WriteTimeout is how long the server may take nothing at all; by default 10 s.
	WriteTimeout time.Duration
	// PingInterval is the time between pings to the server; by default 25 s, negative for none.
	PingInterval time.Duration
	// SilenceTimeout ends a connection on which nothing came for so long, not even a ping or a pong; by default 60 s.
	SilenceTimeout time.Duration

	// ReadLimit is the largest message of the server, in bytes; by default 16 MiB.
	ReadLimit int64
	// MaxPendingBytes bounds the requests that wait to be sent; by default 1 MiB. A single larger one is possible.
	MaxPendingBytes int
	// MaxInboxBytes bounds the messages that wait for the handlers; by default 4 MiB. Beyond it nothing more is read until
	// the handlers catch up, and the connection is given up if they do nothing for SilenceTimeout.
	MaxInboxBytes int

	// MinBackoff and MaxBackoff are what the wait before a reconnect is below, at first and after many failures; by
	// default 500 ms and 30 s. The waits are spread evenly between nothing and that, so that clients do not come in
	// waves. A server that asks to come back later gets from one to two times MaxBackoff. One that says in how much time,
	// as a server does that is restarted, is obeyed to the millisecond, for up to 10 minutes: it has a moment for each
	// of its clients.
	MinBackoff, MaxBackoff time.Duration

	// OnState is told how the connection does, in order with the messages. err says why a connection was lost or could not
	// be made.
	OnState func(state State, err error)
	// OnWait is told how long the client waits before an attempt, just before OnState is told that it does.
	OnWait func(delay time.Duration, cause error)
	// OnRefused is told of subscriptions that existed and that the server would not renew after a reconnect.
	OnRefused func(service string, channel json.RawMessage, err error)
}

func (o Options) withDefaults() Options {
	setDefault(&o.ConnectTimeout, 10*time.Second)
	setDefault(&o.WriteTimeout, 10*time.Second)
	setDefault(&o.PingInterval, 25*time.Second)
	setDefault(&o.SilenceTimeout, 60*time.Second)
	setDefault(&o.ReadLimit, 16<<20)
	setDefault(&o.MaxPendingBytes, 1<<20)
	setDefault(&o.MaxInboxBytes, 4<<20)
	setDefault(&o.MinBackoff, 500*time.Millisecond)
	setDefault(&o.MaxBackoff, 30*time.Second)
	if o.NetDial == nil {
		o.NetDial = new(net.Dialer).DialContext
	}
	return o
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// State is how the connection of a Client does.
type State int

const (
	// Connected: calls go through.
	Connected State = iota
	// Waiting: the connection is lost, and the next attempt comes after the back-off.
	Waiting
	// Connecting: an attempt is being made.
	Connecting
	// Closed: it is over, by Close or because the server does not want the client back.
	Closed
)

// String returns the state in lower case.
func (s State) String() string {
	switch s {
	case Connected:
		return "connected"
	case Waiting:
		return "waiting"
	case Connecting:
		return "connecting"
	case Closed:
		return "closed"
	}
	return "unknown"
}

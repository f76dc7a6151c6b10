package actors

import (
	"runtime"
	"time"

	"github.com/rs/zerolog"
)

// Options are the settings of a Broker. The zero value of each field stands for its default.
type Options struct {
	// Loops is the number of event loops; by default one less than the processors that Go uses, and at least one. A busy
	// loop keeps its processor, and the one that is left takes in what is published.
	Loops int
	// Portable keeps sockets away from the event loops: each gets a goroutine that reads and one that writes, as it is
	// everywhere but on Linux. The loops still schedule the actors.
	Portable bool

	// MaxQueuedBytes bounds what waits for a client that reads too slowly, in bytes; by default 1 MiB. A client that
	// lets more wait is closed with wire.CloseSlowReader.
	MaxQueuedBytes int
	// WriteTimeout is how long a client may take nothing at all while something waits for it; by default 5 s.
	WriteTimeout time.Duration
	// PingInterval is the time between two pings to a silent client; by default 25 s, negative for no pings.
	PingInterval time.Duration
	// PongTimeout ends a connection from which nothing came for so long; by default 60 s, negative for never.
	PongTimeout time.Duration
	// SendBuffer is the size of the kernel's send buffer of each socket, in bytes; by default 128 KiB. What lies
	// there counts for nobody's bound, so that a large one hides slow clients.
	SendBuffer int

	// MaxSubscriptions bounds the channels of one connection; by default 1000, negative for no bound.
	MaxSubscriptions int
	// MaxChannelBytes bounds a channel's name, or its canonical form if it is no string; by default 255 bytes, negative
	// for no bound.
	MaxChannelBytes int
	// MaxPendingBytes bounds the requests of one connection that wait for their turn; by default 256 KiB. Beyond it
	// nothing more is read from that connection until the first of them is answered.
	MaxPendingBytes int
	// MaxBacklogBytes bounds what waits in one channel for its fan-out; by default 4 MiB. Beyond it a publisher gets
	// its answer only when its publication has gone out.
	MaxBacklogBytes int
	// CallTimeout is how long a service may take for an answer; by default 60 s, negative for any time. After it the
	// caller gets wire.ErrInternal, and a later answer goes nowhere.
	CallTimeout time.Duration

	// ExpiryNotice is how long before its end a client is told that its principal expires; by default 30 s. For one that
	// holds for less than twice that, it is half of the time.
	ExpiryNotice time.Duration

	// IdentityTimeout, if it is not 0, has every client say who it is: one without an identity may call the services named
	// in Lobby only and gets wire.ErrNotAuthenticated from the others, which do not hear of it until it has one. If it has
	// none after this time it is closed with wire.CloseUnauthenticated. By default clients may be nobody.
	IdentityTimeout time.Duration
	// Lobby are the names of the services of the frontend that a client without identity may call nevertheless.
	Lobby []string

	// Limits are how often clients may ask for something; by default as often as they like. See Broker.SetLimits.
	Limits Limits

	// Logger gets one line per event that an operator wants to see. The default logs nothing.
	Logger zerolog.Logger
}

func (o Options) withDefaults() Options {
	setDefault(&o.Loops, max(1, runtime.GOMAXPROCS(0)-1))
	setDefault(&o.MaxQueuedBytes, 1<<20)
	setDefault(&o.WriteTimeout, 5*time.Second)
	setDefault(&o.PingInterval, 25*time.Second)
	setDefault(&o.PongTimeout, 60*time.Second)
	setDefault(&o.SendBuffer, 128<<10)
	setDefault(&o.MaxSubscriptions, 1000)
	setDefault(&o.MaxChannelBytes, 255)
	setDefault(&o.MaxPendingBytes, 256<<10)
	setDefault(&o.MaxBacklogBytes, 4<<20)
	setDefault(&o.CallTimeout, 60*time.Second)
	setDefault(&o.ExpiryNotice, 30*time.Second)
	return o
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

package backendapi

import (
	"net/http"
	"net/netip"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors/limit"
)

// Options are the settings of a Handler. The zero value of each field but Keys stands for its default.
type Options struct {
	// Path is the one resource there is, compared exactly; by default "/backend".
	Path string
	// Keys are the keys that open the door, all at once: two while one is replaced by the other. See Handler.SetKeys.
	Keys [][]byte
	// MaxBody bounds the body of a request, in bytes; by default 1 MiB. A larger one is answered with 413.
	MaxBody int64
	// BodyTimeout is how long a body may take from the end of the headers to its last byte; by default 10 s. A slower
	// one is answered with 408.
	BodyTimeout time.Duration
	// Timeout is how long a call may take; by default 60 s. After it the answer is "Internal error", and the service may
	// or may not have done what it was asked.
	Timeout time.Duration
	// BadKeyRate is how often one IPv4 address or one /64 of IPv6 may present a wrong key; by default as often as it likes.
	// Further wrong ones are answered with 429 instead of 401, and the connection is closed. A right key opens the door in
	// any case. See Handler.SetBadKeyRate.
	BadKeyRate limit.Rate
	// Client says where a request comes from, for the log; by default that is its RemoteAddr. Behind a proxy that is trusted
	// it may be what the proxy says.
	Client func(*http.Request) netip.AddrPort
	// LogInterval is the least time between two log lines of one kind that strangers or failing services can cause; by
	// default one minute. What was left out in between is counted in the next line.
	LogInterval time.Duration
	// Logger gets a line for refused keys, for panics and for calls that failed. The default logs nothing.
	Logger zerolog.Logger
}

func (o Options) withDefaults() Options {
	setDefault(&o.Path, "/backend")
	setDefault(&o.MaxBody, 1<<20)
	setDefault(&o.BodyTimeout, 10*time.Second)
	setDefault(&o.Timeout, 60*time.Second)
	setDefault(&o.LogInterval, time.Minute)
	return o
}

// ServerOptions are the settings of a Server. The zero value of each field stands for its default.
type ServerOptions struct {
	// HeaderTimeout is how long the head of a request may take from its first byte, and a new connection until it has
	// sent one; by default 10 s.
	HeaderTimeout time.Duration
	// IdleTimeout is how long a kept-alive connection may lie idle; by default 2 minutes. Clients give up theirs earlier,
	// so that they do not write into a connection that is about to be closed.
	IdleTimeout time.Duration
	// WriteTimeout is the time from the end of a request's head to the last byte of its answer, the call included; by
	// default 90 s. It has to exceed Options.BodyTimeout and Options.Timeout together.
	WriteTimeout time.Duration
	// MaxHeaderBytes bounds the head of a request, in bytes; by default 16 KiB. net/http adds 4 KiB of its own to it.
	MaxHeaderBytes int
	// MaxConnections bounds the connections; by default 4096. If there are more, one without a request is closed that has
	// been silent for longest, or others wait in the kernel's backlog. Those that have presented a valid key stay. See
	// Server.SetMaxConnections.
	MaxConnections int
	// LogInterval is the least time between two lines about failing connections; by default one minute.
	LogInterval time.Duration
	// Logger gets what net/http has to say, such as a failing accept. The default logs nothing.
	Logger zerolog.Logger
}

func (o ServerOptions) withDefaults() ServerOptions {
	setDefault(&o.HeaderTimeout, 10*time.Second)
	setDefault(&o.IdleTimeout, 2*time.Minute)
	setDefault(&o.WriteTimeout, 90*time.Second)
	setDefault(&o.MaxHeaderBytes, 16<<10)
	setDefault(&o.MaxConnections, 4096)
	setDefault(&o.LogInterval, time.Minute)
	return o
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Package config holds the settings of snorkyd: one table of them, from which the flags, the environment variables, the
// keys of the configuration file, the help and the example file are made.
package config

import (
	"errors"
	"fmt"
	"time"

	"github.com/snorky-go/snorky/actors/limit"
	"github.com/snorky-go/snorky/actors/services"
	"github.com/snorky-go/snorky/backendapi/application"
	"github.com/snorky-go/snorky/cmd/internal/overview"
)

// Config is every setting of the server. Start from Default, since zero is a value like any other here: where the table
// says so it stands for no limit, elsewhere it is refused.
type Config struct {
	// Frontend is the address, host:port, at which browsers connect; Backend the one at which applications publish.
	// Port 0 takes any free port.
	Frontend, Backend string
	// Admin is the address for those who run the server. Empty: there is none.
	Admin string
	// KeyFile has the key of the backend, or two of them during a rotation. Empty: a random key for this run.
	KeyFile string
	// AllowOrigins are the origins of the pages that may connect, "*" for all. Empty: the page's own host only.
	AllowOrigins []string
	// TrustedProxies are those whose word about the address of a client counts: in X-Forwarded-For, and in PROXY headers
	// where ProxyProtocol (of the frontend) and BackendProxyProtocol allow or require such.
	TrustedProxies                      []string
	ProxyProtocol, BackendProxyProtocol string
	// TLSCertFile and TLSKeyFile (PEM) make the frontend one of TLS; the others do that for the backend, and may require
	// certificates of its clients.
	TLSCertFile, TLSKeyFile                                       string
	BackendTLSCertFile, BackendTLSKeyFile, BackendTLSClientCAFile string

	MaxConnections           int // of all clients; 0: no limit
	MaxConnectionsPerAddress int // of one network address; 0: no limit
	MaxSubscriptions         int // of one connection; 0: no limit
	MaxChannelBytes          int // of a channel's name; 0: no limit
	ReadLimit                int // bytes of one message
	MaxPendingBytes          int // bytes of requests that wait for their turn, per connection

	// How often clients may do something; the zero Rate is no limit.
	ConnectRatePerAddress, ConnectRatePerIdentity              limit.Rate
	CallRate, CallRatePerAddress, CallRatePerIdentity          limit.Rate // of all requests
	PublishRate, PublishRatePerAddress, PublishRatePerIdentity limit.Rate // of those that others get to see

	// What there may be of all clients together, or of strangers.
	AcceptRate            limit.Rate // TCP connections; zero: as many as there is time for
	MaxHandshakes         int        // TCP connections that are not admitted yet
	MaxBackendConnections int
	BadKeyRate            limit.Rate // wrong keys of one address; zero: no limit
	MaxMemory             int        // bytes; 0: it is found out

	// TokenSecretFile, TokenKeyFile (PEM), TokenJWKSFile and TokenJWKSURL are where the keys of tokens are. Without any of
	// them there are no tokens, and of the settings named Token none may be set.
	TokenSecretFile, TokenKeyFile, TokenJWKSFile, TokenJWKSURL string

	TokenJWKSRefresh   time.Duration // between two readings of the URL
	TokenAlgorithms    []string      // that tokens may be signed with; empty: the usual one of each key
	TokenAudience      []string      // one of which a token has to be for; empty: any
	TokenIssuer        string        // who has to have made a token; empty: anybody
	TokenLeeway        time.Duration // for clocks that differ
	TokenIdentityClaim string        // which claim is the identity
	TokenUnlimited     bool          // tokens need not expire
	TokenSources       []string      // query, header, cookie, session
	TokenCookie        string        // name of the cookie
	RequireIdentity    bool          // nobody is admitted without a token
	AuthTimeout        time.Duration // until a client has to have one
	ExpiryNotice       time.Duration // before a client's token expires

	// ApplicationURL is where the application says who clients are (ApplicationConnect), and what they may do where a rule
	// leaves it to it. Empty: it is not asked.
	ApplicationURL string

	ApplicationConnect  bool          // ask who a client is that has no token
	ApplicationTimeout  time.Duration // for an answer
	ApplicationMaxCalls int           // questions that are under way
	ApplicationHeaders  []string      // of a handshake that the application gets to see

	MaxQueuedBytes  int           // bytes that wait for a client which reads too slowly
	MaxBacklogBytes int           // bytes that wait in one channel for its fan-out
	SendBuffer      int           // bytes in the kernel, per connection
	WriteTimeout    time.Duration // for a client that takes nothing
	PingInterval    time.Duration // 0: no pings
	PongTimeout     time.Duration // of silence; 0: never

	HeaderTimeout  time.Duration // for the header of an HTTP request
	IdleTimeout    time.Duration // between two requests of a kept HTTP connection
	MaxHeaderBytes int           // of an HTTP request
	BackendMaxBody int           // bytes of one backend request
	BackendTimeout time.Duration // for the body of a backend request to arrive
	CallTimeout    time.Duration // for the answer of a service

	Loops     int           // event loops; 0: one less than there are processors, but at least one
	Portable  bool          // no event loops for sockets
	Drain     time.Duration // from the signal to the end
	LogLevel  string        // debug, info, warn, error
	LogFormat string        // auto, json, journal, pretty

	ReconnectSpread time.Duration // over which clients are asked to come back after the end; 0: they are not asked

	// PubSub are publish and subscribe services, each with a twin on the backend.
	PubSub []PubSub
	// Messaging, Chat and Cursors are services of these kinds.
	Messaging, Chat, Cursors []Plain
	// DataSync are services that keep data in clients up to date, each with a twin on the backend.
	DataSync []DataSync
}

// PubSub declares one publish and subscribe service.
type PubSub struct {
	Name      string    // on the frontend
	Subscribe Policy    // which clients may subscribe; empty: everybody
	Publish   Policy    // which clients may publish; empty: nobody. The backend always may
	Backend   string    // its name on the backend
	Channels  []Channel // rules for some of the channels; the first one that is about a channel counts
}

// Channel has rules for the channels whose names a pattern matches.
type Channel struct {
	Pattern            string
	Subscribe, Publish Policy // empty: that of the PubSub
}

// Policy is a rule that says which clients may do something, as services.AccessRules explains it.
type Policy string

// The policies that are one word. Application needs an ApplicationURL, and Own is for a Channel with {identity} in its
// pattern.
const (
	Nobody        Policy = services.RuleNobody
	Everybody     Policy = services.RuleEverybody
	Authenticated Policy = services.RuleAuthenticated
	Own           Policy = services.RuleOwn
	Application   Policy = services.RuleApplication
)

// Default returns what runs without any configuration: both doors open, nobody but the backend publishes.
func Default() Config {
	return Config{
		Frontend: ":5800",
		Backend:  "127.0.0.1:5801",
		Admin:    overview.DefaultAddress,

		ProxyProtocol:        ProxyOff,
		BackendProxyProtocol: ProxyOff,

		MaxSubscriptions: 1000,
		MaxChannelBytes:  255,
		ReadLimit:        64 << 10,
		MaxPendingBytes:  256 << 10,

		MaxHandshakes:         1024,
		MaxBackendConnections: 4096,
		BadKeyRate:            limit.Rate{PerSecond: 10, Burst: 1000},

		TokenJWKSRefresh:   time.Hour,
		TokenLeeway:        10 * time.Second,
		TokenIdentityClaim: "sub",
		TokenSources:       []string{SourceQuery, SourceHeader, SourceSession},
		TokenCookie:        "access_token",
		AuthTimeout:        10 * time.Second,
		ExpiryNotice:       30 * time.Second,

		ApplicationTimeout:  3 * time.Second,
		ApplicationMaxCalls: 64,
		ApplicationHeaders:  application.DefaultHeaders(),

		MaxQueuedBytes:  1 << 20,
		MaxBacklogBytes: 4 << 20,
		SendBuffer:      128 << 10,
		WriteTimeout:    5 * time.Second,
		PingInterval:    25 * time.Second,
		PongTimeout:     60 * time.Second,
		HeaderTimeout:   10 * time.Second,
		IdleTimeout:     60 * time.Second,
		MaxHeaderBytes:  32 << 10,
		BackendMaxBody:  1 << 20,
		BackendTimeout:  10 * time.Second,
		CallTimeout:     60 * time.Second,
		Drain:           5 * time.Second,
		ReconnectSpread: 10 * time.Second,
		LogLevel:        "info",
		LogFormat:       "auto",
		PubSub:          defaultPubSub(),
	}
}

func defaultPubSub() []PubSub {
	return []PubSub{
		{Name: "pubsub", Subscribe: Everybody, Publish: Nobody, Backend: "pubsub_backend"},
		{Name: "announcements", Subscribe: Everybody, Publish: Nobody, Backend: "announcements_backend"},
	}
}

// Error is a fault of the configuration, as opposed to one of the machine: nothing but another configuration helps. Its
// text is one line and never has a key in it.
type Error struct{ err error }

// Errorf makes an Error.
func Errorf(format string, args ...any) error { return &Error{err: fmt.Errorf(format, args...)} }

func (e *Error) Error() string { return e.err.Error() }
func (e *Error) Unwrap() error { return e.err }

// IsError tells whether err is, or wraps, a fault of the configuration.
func IsError(err error) bool {
	_, is := errors.AsType[*Error](err)
	return is
}

// Package gateway is the door for browsers: it answers WebSocket handshakes, hands the connections to the broker, and
// parses what arrives on them (PROTOCOL.md section 1).
package gateway

import (
	"context"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/limit"
	"github.com/snorky-go/snorky/actors/wire"
)

// Options are the settings of a Handler. The zero value of each field stands for its default.
type Options struct {
	// Origins are the pages whose scripts may connect, as scheme://host or scheme://host:port. By default only those of
	// the host that the request asks for; that trusts the Host header, so a server that the Internet can reach should
	// have a list. "*" admits every page. Clients that send no Origin are no browsers and are not held back by this.
	Origins []string
	// ReadLimit is the largest message of a client, in bytes of payload; by default 64 KiB.
	ReadLimit int
	// MaxConnections bounds the connections in all; by default there is no bound.
	MaxConnections int
	// MaxConnectionsPerAddress bounds the connections of one IPv4 address or of one /64 of IPv6; by default there is no
	// bound. Behind a proxy all clients have the address of the proxy, unless it is one of the TrustedProxies.
	MaxConnectionsPerAddress int
	// ConnectRatePerAddress is how often one IPv4 address or one /64 of IPv6 may connect, and ConnectRatePerIdentity how
	// often those of one Principal.Identity may; by default as often as they like. Others are to come back later. See
	// Handler.SetConnectRates.
	ConnectRatePerAddress, ConnectRatePerIdentity limit.Rate
	// TrustedProxies are those whose X-Forwarded-For says where a client is. What it says is the address of the client for
	// everybody: for bounds, for the log, for the Authenticator (as RemoteAddr of the request) and for the broker. By
	// default nobody is believed, and the address is that of the connection.
	TrustedProxies Proxies
	// HandshakeTimeout is how long a client may take to accept the answer to its handshake; by default 10 s. How long
	// it may take to ask is up to the http.Server. A Listener has one time for both.
	HandshakeTimeout time.Duration
	// Authenticator says who a client is, before it is admitted; nil: everybody is nobody in particular. With one, a
	// Listener leaves all handshakes to net/http, which watches whether the client leaves while it is waited for.
	Authenticator Authenticator
	// AuthenticationTimeout is how long an Authenticator may take; by default 10 s. What the http.Server allows for a
	// request has to be more.
	AuthenticationTimeout time.Duration
	// MaxAuthenticating bounds the handshakes that an Authenticator judges at the same time; by default 1000. Others are
	// to come back later.
	MaxAuthenticating int
	// RetryAfter is how long a client should stay away that is refused now with status 503 or 429. Each call is another
	// client, so that those who are refused together need not come back together. It is safe for concurrent use. Without
	// it, or if it returns 0, they are asked for 5 to 10 s.
	RetryAfter func() time.Duration
	// Logger gets one line for each handshake that is refused, up to ten lines a second of each level: warnings about those
	// for whom there is no room, who are too fast, or whose origin is foreign. The default logs nothing.
	Logger zerolog.Logger
}

func (o Options) withDefaults() Options {
	if o.ReadLimit <= 0 {
		o.ReadLimit = 64 << 10
	}
	if o.HandshakeTimeout <= 0 {
		o.HandshakeTimeout = 10 * time.Second
	}
	if o.AuthenticationTimeout <= 0 {
		o.AuthenticationTimeout = 10 * time.Second
	}
	if o.MaxAuthenticating <= 0 {
		o.MaxAuthenticating = 1000
	}
	return o
}

// Broker is what a Handler needs of an actors.Broker.
type Broker interface {
	// Attach takes over a connection. Until it is closed, the Attachment's Door serves it.
	Attach(actors.Attachment) error
}

// Handler is the http.Handler of the WebSocket path and the actors.Door of the connections that it has admitted.
type Handler struct {
	broker  Broker
	current atomic.Pointer[settings]
	log     *limit.Lines
	seats   seats
	rates   atomic.Pointer[connectRates] // nil: there are none
	full    atomic.Bool
	limited refusals
	parsers sync.Pool
	checks  atomic.Int64    // calls of the Authenticator that are under way
	open    context.Context // ends with Close
	shut    context.CancelFunc
	closed  atomic.Bool
	handshakeCounts
}

var (
	_ http.Handler = (*Handler)(nil)
	_ actors.Door  = (*Handler)(nil)
)

// New returns a Handler that gives its connections to b. Origins that ValidateOrigin refuses admit nobody.
func New(b Broker, o Options) *Handler {
	h := &Handler{
		broker:  b,
		log:     limit.NewLines(o.Logger, 10),
		seats:   newSeats(),
		parsers: sync.Pool{New: func() any { return newParser() }},
	}
	h.SetConnectRates(o.ConnectRatePerAddress, o.ConnectRatePerIdentity)
	h.open, h.shut = context.WithCancel(context.Background())
	h.SetOptions(o)
	return h
}

// ServeHTTP answers a handshake and hands the connection to the broker. It returns at once, or when the Authenticator
// has; nothing of it lives on.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	by := h.current.Load()
	at := remoteAddress(r)
	remote := by.TrustedProxies.client(at, r.Header)
	if remote != at {
		ofClient := *r
		ofClient.RemoteAddr = remote.String()
		r = &ofClient
	}
	h.shakeHands(by, w, r, remote)
}

// shakeHands goes by the same settings from the beginning to the end.
func (h *Handler) shakeHands(by *settings, w http.ResponseWriter, r *http.Request, remote netip.AddrPort) {
	if h.closed.Load() {
		h.refuse(w, r, http.StatusServiceUnavailable, "shutting down")
		return
	}
	if status, reason := precheck(r); status != 0 {
		h.refuse(w, r, status, reason)
		return
	}
	if by.Authenticator != nil {
		if status, reason := by.worthAsking(r); status != 0 {
			h.refuse(w, r, status, reason)
			return
		}
	}
	if h.full.Load() {
		h.refuseFull(w, r)
		return
	}
	if status, reason := h.seats.take(remote); status != 0 {
		h.refuse(w, r, status, reason)
		return
	}
	if !h.mayConnect(w, r, remote) {
		h.seats.free(remote)
		return
	}
	var principal actors.Principal
	if by.Authenticator != nil {
		var err error
		if principal, err = h.authenticate(by, r); err != nil {
			h.seats.free(remote)
			h.refuseClient(w, r, err)
			return
		}
		if !h.mayConnectAs(w, r, principal) {
			h.seats.free(remote)
			return
		}
	}
	ws, err := by.upgrader.Upgrade(w, r, nil)
	if err != nil {
		h.seats.free(remote)
		return
	}
	conn := bare(ws.NetConn())
	if err := h.broker.Attach(actors.Attachment{Conn: conn, Door: h, Remote: remote, Principal: principal}); err != nil {
		h.turnAway(conn, remote, err)
		h.seats.free(remote)
		return
	}
	h.accepted.Add(1)
}

// Close makes the handler refuse all further handshakes with status 503, also those that are being authenticated. It does
// not touch connections.
func (h *Handler) Close() {
	h.closed.Store(true)
	h.shut()
}

// Closed implements actors.Door.
func (h *Handler) Closed(remote netip.AddrPort, _ wire.CloseCode) { h.seats.free(remote) }

// remoteAddress is the client's address, or the zero value where it has none, as on a Unix socket.
func remoteAddress(r *http.Request) netip.AddrPort {
	remote, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.AddrPort{}
	}
	return plainAddress(remote)
}

// plainAddress has an IPv4 address for what is one, whichever way it was written.
func plainAddress(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

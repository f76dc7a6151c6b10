package server

import (
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/backendapi"
	"github.com/snorky-go/snorky/cmd/snorkyd/config"
	"github.com/snorky-go/snorky/gateway"
)

// brokerOptions translates: in a Config zero is no limit, in Options it is the default.
func brokerOptions(c config.Config, log zerolog.Logger) actors.Options {
	o := actors.Options{
		Loops:            c.Loops,
		Portable:         c.Portable,
		MaxQueuedBytes:   c.MaxQueuedBytes,
		WriteTimeout:     c.WriteTimeout,
		PingInterval:     zeroIsNone(c.PingInterval),
		PongTimeout:      zeroIsNone(c.PongTimeout),
		SendBuffer:       c.SendBuffer,
		MaxSubscriptions: zeroIsNone(c.MaxSubscriptions),
		MaxChannelBytes:  zeroIsNone(c.MaxChannelBytes),
		MaxPendingBytes:  c.MaxPendingBytes,
		MaxBacklogBytes:  c.MaxBacklogBytes,
		CallTimeout:      c.CallTimeout,
		ExpiryNotice:     c.ExpiryNotice,
		Limits:           brokerLimits(c),
		Lobby:            []string{config.SessionService},
		Logger:           log,
	}
	if c.RequireIdentity {
		o.IdentityTimeout = c.AuthTimeout
	}
	return o
}

func brokerLimits(c config.Config) actors.Limits {
	return actors.Limits{
		Calls:     actors.Limit{PerConnection: c.CallRate, PerAddress: c.CallRatePerAddress, PerIdentity: c.CallRatePerIdentity},
		Publishes: actors.Limit{PerConnection: c.PublishRate, PerAddress: c.PublishRatePerAddress, PerIdentity: c.PublishRatePerIdentity},
	}
}

func zeroIsNone[T int | time.Duration](limit T) T {
	if limit == 0 {
		return -1
	}
	return limit
}

func gatewayOptions(c config.Config, log zerolog.Logger) gateway.Options {
	return gateway.Options{
		Origins:                  c.AllowOrigins,
		ReadLimit:                c.ReadLimit,
		MaxConnections:           c.MaxConnections,
		MaxConnectionsPerAddress: c.MaxConnectionsPerAddress,
		ConnectRatePerAddress:    c.ConnectRatePerAddress,
		ConnectRatePerIdentity:   c.ConnectRatePerIdentity,
		TrustedProxies:           c.Proxies(),
		HandshakeTimeout:         c.HeaderTimeout,
		AuthenticationTimeout:    tokenTime + c.ApplicationTimeout,
		MaxAuthenticating:        maxAuthenticating(c.MaxHandshakes),
		Logger:                   log,
	}
}

// maxAuthenticating is fewer than there are places for: one whose handshake is being judged has said something, so it is
// not closed for others. With an application that hangs they would have all places, and nobody would be answered any more,
// not even with 503.
func maxAuthenticating(places int) int { return max(1, min(1000, places/4*3)) }

func listenerOptions(c config.Config, routes *http.ServeMux) gateway.ListenerOptions {
	return gateway.ListenerOptions{
		Path:          WebSocketPath,
		HeaderTimeout: c.HeaderTimeout,
		Mux:           routes,
		MaxHandshakes: c.MaxHandshakes,
		AcceptRate:    c.AcceptRate,
	}
}

// doorOptions are gatewayOptions with who judges handshakes, and who says when to come back.
func (s *Server) doorOptions(c config.Config) gateway.Options {
	o := gatewayOptions(c, s.log)
	o.Authenticator, o.RetryAfter = s.doorkeeper(c), s.retryAfter
	return o
}

func backendOptions(c config.Config, valid [][]byte, log zerolog.Logger) backendapi.Options {
	return backendapi.Options{
		Path:        BackendPath,
		Keys:        valid,
		MaxBody:     int64(c.BackendMaxBody),
		BodyTimeout: c.BackendTimeout,
		Timeout:     c.CallTimeout,
		BadKeyRate:  c.BadKeyRate,
		Client:      c.Proxies().Client,
		Logger:      log,
	}
}

func backendServerOptions(c config.Config, log zerolog.Logger) backendapi.ServerOptions {
	return backendapi.ServerOptions{
		HeaderTimeout:  c.HeaderTimeout,
		IdleTimeout:    c.IdleTimeout,
		WriteTimeout:   c.BackendTimeout + c.CallTimeout + answerTime,
		MaxHeaderBytes: c.MaxHeaderBytes,
		MaxConnections: c.MaxBackendConnections,
		Logger:         log,
	}
}

// answerTime is what a client has for reading an answer, at least.
const answerTime = 20 * time.Second

// tokenTime is what the check of a token may take, before the application is asked.
const tokenTime = 10 * time.Second

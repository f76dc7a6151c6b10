package config

import (
	"math"
	"strings"
	"time"

	"github.com/snorky-go/snorky/actors/token"
)

// setting is one row of the table: all that snorkyd knows about a setting lies here, but for its default, which is what
// Default has in the field.
type setting struct {
	name  string // key in the file and name of the flag
	group string
	when  when
	help  string // one sentence or two, without the default
	field func(*Config) value
}

// when says when a change of a setting takes effect. A test of the program wants to see that of each live one.
type when bool

const (
	live    when = true  // with SIGHUP
	restart when = false // with the next start
)

// mark is for those who read of the setting.
func (w when) mark() string {
	if w == live {
		return ""
	}
	return " Needs a restart."
}

// variable is the setting's name in the environment.
func (s setting) variable() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(s.name, "-", "_"))
}

const envPrefix = "SNORKY_"

const (
	groupDoors       = "Doors"
	groupClients     = "Limits for each client"
	groupRates       = "Rates and pressure"
	groupIdentity    = "Identity"
	groupApplication = "Application"
	groupDelivery    = "Delivery"
	groupHTTP        = "HTTP and services"
	groupProcess     = "Process"
)

const (
	kiB = 1 << 10
	miB = 1 << 20
	giB = 1 << 30
	// many is more than any machine has of anything that is counted here.
	many = 1_000_000_000
	day  = 24 * time.Hour
)

// settings is in the order of the help and of the example file; the rows of a group lie together.
var settings = []setting{
	{
		"frontend", groupDoors, restart, "Where browsers connect, at /ws; /healthz answers 200 there.",
		func(c *Config) value { return address{&c.Frontend} },
	},
	{
		"backend", groupDoors, restart, "Where applications publish, by POST to /backend. Keep it away from the public. For snorky the variable may be a URL; here " +
			"it is an address.",
		func(c *Config) value { return address{&c.Backend} },
	},
	{
		"admin", groupDoors, restart, "Where the server tells how it is: /healthz, /readyz, /metrics for Prometheus, /top for \"snorky top\", " +
			"/debug/pprof/. There is no key to it: keep it away from the public. Requests have to name it by an IP address, a name " +
			"without a dot or the one that stands here; where it is no address of this machine alone (loopback), /metrics, /healthz " +
			"and /readyz answer by any name. \"none\" or an empty text: nowhere. For snorky the variable may be a URL.",
		func(c *Config) value { return addressOrNone{&c.Admin} },
	},
	{
		"key-file", groupDoors, live, "File with the backend's key, of 16 bytes or more, readable by its owner and group only. " +
			"Two lines are two valid keys, for a rotation. SIGHUP reads it again. Without it a random key is made for this run.",
		func(c *Config) value { return path{&c.KeyFile} },
	},
	{
		"allow-origin", groupDoors, live, "Origin of the pages that may connect, such as https://example.com; \"*\" for all. " +
			"May be given several times. Without it only pages of the host they connect to may.",
		func(c *Config) value { return origins{&c.AllowOrigins} },
	},
	{
		"trusted-proxies", groupDoors, restart, "Address or network (10.0.0.0/8; loopback; unix) of a proxy that is believed about where a " +
			"client is: in X-Forwarded-For, and see proxy-protocol. May be given several times. Without it nobody is, and clients " +
			"behind a proxy all have its address.",
		func(c *Config) value { return proxies{&c.TrustedProxies} },
	},
	{
		"proxy-protocol", groupDoors, restart, "PROXY headers (version 1 and 2) at the frontend. optional: trusted-proxies may send one; " +
			"required: nobody but they come in, each connection with one.",
		func(c *Config) value { return choice{&c.ProxyProtocol, proxyPolicies} },
	},
	{
		"backend-proxy-protocol", groupDoors, restart, "PROXY headers at the backend.",
		func(c *Config) value { return choice{&c.BackendProxyProtocol, proxyPolicies} },
	},
	{
		"tls-cert-file", groupDoors, restart, "File with the certificate of the frontend, and those up to its authority, in PEM: browsers " +
			"then connect by wss. It is read again some seconds after it has changed, and by SIGHUP.",
		func(c *Config) value { return path{&c.TLSCertFile} },
	},
	{
		"tls-key-file", groupDoors, restart, "File with the certificate's key in PEM, readable by its owner and group only.",
		func(c *Config) value { return path{&c.TLSKeyFile} },
	},
	{
		"backend-tls-cert-file", groupDoors, restart, "File with the certificate of the backend, as tls-cert-file.",
		func(c *Config) value { return path{&c.BackendTLSCertFile} },
	},
	{
		"backend-tls-key-file", groupDoors, restart, "File with its key.",
		func(c *Config) value { return path{&c.BackendTLSKeyFile} },
	},
	{
		"backend-tls-client-ca-file", groupDoors, restart, "File with authorities in PEM: clients of the backend need a certificate of one of " +
			"them, beside the key. Without it none is asked for.",
		func(c *Config) value { return path{&c.BackendTLSClientCAFile} },
	},

	{
		"max-connections", groupClients, live, "Connections of all clients. 0: no limit.",
		func(c *Config) value { return count{&c.MaxConnections, 0, many} },
	},
	{
		"max-connections-per-address", groupClients, live, "Connections from one network address. 0: no limit, which is right " +
			"behind a proxy that is none of the trusted-proxies: then all clients have its address.",
		func(c *Config) value { return count{&c.MaxConnectionsPerAddress, 0, many} },
	},
	{
		"max-subscriptions", groupClients, live, "Channels of one connection. 0: no limit.",
		func(c *Config) value { return count{&c.MaxSubscriptions, 0, many} },
	},
	{
		"max-channel-name", groupClients, live, "Length of a channel's name. 0: no limit.",
		func(c *Config) value { return size{&c.MaxChannelBytes, 0, miB} },
	},
	{
		"read-limit", groupClients, live, "Length of one message from a client. A longer one ends the connection.",
		func(c *Config) value { return size{&c.ReadLimit, 128, giB} },
	},
	{
		"max-pending", groupClients, live, "Requests of one connection that may wait for their turn. Beyond it no more is read " +
			"from that connection until one is answered.",
		func(c *Config) value { return size{&c.MaxPendingBytes, kiB, giB} },
	},

	{
		"connect-rate-per-address", groupRates, live, "How often one network address may connect (IPv6: one /64). Others are answered with " +
			"429. Behind a proxy all clients may have the proxy's address. 0: no limit.",
		func(c *Config) value { return frequency{&c.ConnectRatePerAddress} },
	},
	{
		"connect-rate-per-identity", groupRates, live, "How often one identity may connect. 0: no limit.",
		func(c *Config) value { return frequency{&c.ConnectRatePerIdentity} },
	},
	{
		"call-rate", groupRates, live, "How often one connection may send a request. Others are answered with \"Too many requests\"; who " +
			"goes on and on is closed with 4102. 50/s burst 200 bothers no client that people use. 0: no limit.",
		func(c *Config) value { return frequency{&c.CallRate} },
	},
	{
		"call-rate-per-address", groupRates, live, "The same for all connections of one network address together. 0: no limit.",
		func(c *Config) value { return frequency{&c.CallRatePerAddress} },
	},
	{
		"call-rate-per-identity", groupRates, live, "The same for all connections of one identity together. 0: no limit.",
		func(c *Config) value { return frequency{&c.CallRatePerIdentity} },
	},
	{
		"publish-rate", groupRates, live, "How often one connection may send what others get to see: publications, messages, moves of a " +
			"cursor. They are requests, too. 0: no limit.",
		func(c *Config) value { return frequency{&c.PublishRate} },
	},
	{
		"publish-rate-per-address", groupRates, live, "The same for all connections of one network address together. 0: no limit.",
		func(c *Config) value { return frequency{&c.PublishRatePerAddress} },
	},
	{
		"publish-rate-per-identity", groupRates, live, "The same for all connections of one identity together. 0: no limit.",
		func(c *Config) value { return frequency{&c.PublishRatePerIdentity} },
	},
	{
		"accept-rate", groupRates, live, "How many connections of all clients are accepted. Others wait in the kernel. 0: as many as " +
			"there is time for beside those who are in.",
		func(c *Config) value { return frequency{&c.AcceptRate} },
	},
	{
		"max-handshakes", groupRates, live, "TCP connections that have not got through their handshake. Beyond it the most silent one is " +
			"closed, after 2 s at least; others wait in the kernel.",
		func(c *Config) value { return count{&c.MaxHandshakes, 16, many} },
	},
	{
		"max-backend-connections", groupRates, live, "Connections to the backend. Beyond it the most silent one without a key is closed.",
		func(c *Config) value { return count{&c.MaxBackendConnections, 16, many} },
	},
	{
		"bad-key-rate", groupRates, live, "How often one network address may come to the backend with a wrong key. Others are answered " +
			"with 429, and right keys as ever. 0: no limit.",
		func(c *Config) value { return frequency{&c.BadKeyRate} },
	},
	{
		"max-memory", groupRates, live, "Memory of the process beyond which new connections are refused with 503, to come back later. 0B: nine " +
			"tenths of GOMEMLIMIT, or else of what the control group has, or else no limit.",
		func(c *Config) value { return size{&c.MaxMemory, 0, math.MaxInt} },
	},

	{
		"token-secret-file", groupIdentity, live, "File with the secret that tokens (JWT) are signed with, of 32 bytes or more, readable " +
			"by its owner and group only. A line end behind it does not count. SIGHUP reads it again.",
		func(c *Config) value { return path{&c.TokenSecretFile} },
	},
	{
		"token-key-file", groupIdentity, live, "File with the public keys of tokens, or certificates, in PEM. SIGHUP reads it again.",
		func(c *Config) value { return path{&c.TokenKeyFile} },
	},
	{
		"token-jwks-file", groupIdentity, live, "File with the public keys of tokens as a JSON Web Key Set. SIGHUP reads it again.",
		func(c *Config) value { return path{&c.TokenJWKSFile} },
	},
	{
		"token-jwks-url", groupIdentity, live, "Where the public keys of tokens are published as a JSON Web Key Set. SIGHUP reads it " +
			"again. While it cannot be read the keys that are known stay valid.",
		func(c *Config) value { return link{&c.TokenJWKSURL} },
	},
	{
		"token-jwks-refresh", groupIdentity, live, "Time between two readings of token-jwks-url. A token with an unknown key has it " +
			"read sooner, but not within ten seconds.",
		func(c *Config) value { return span{&c.TokenJWKSRefresh, 10 * time.Second, 7 * day, false} },
	},
	{
		"token-algorithms", groupIdentity, live, "What tokens may be signed with: " + strings.Join(token.Algorithms(), ", ") +
			". May be given several times. Without it each key has its usual one: HS256, RS256, ES256 and so on.",
		func(c *Config) value { return words{&c.TokenAlgorithms, token.Algorithms(), "ALGORITHM"} },
	},
	{
		"token-audience", groupIdentity, live, "What a token has to be for (aud). May be given several times; then one of them.",
		func(c *Config) value { return words{&c.TokenAudience, nil, "TEXT"} },
	},
	{
		"token-issuer", groupIdentity, live, "Who has to have made a token (iss).",
		func(c *Config) value { return text{&c.TokenIssuer, nil} },
	},
	{
		"token-leeway", groupIdentity, live, "By how much the clock of who makes tokens may differ.",
		func(c *Config) value { return span{&c.TokenLeeway, time.Millisecond, time.Hour, true} },
	},
	{
		"token-identity-claim", groupIdentity, live, "The claim of a token that is the client's identity.",
		func(c *Config) value { return text{&c.TokenIdentityClaim, present} },
	},
	{
		"token-unlimited", groupIdentity, live, "Admit tokens that do not expire.",
		func(c *Config) value { return toggle{&c.TokenUnlimited} },
	},
	{
		"token-sources", groupIdentity, live, "Where a client may give its token: query (?" + QueryParameter + "=...), header " +
			"(Authorization: Bearer), cookie, session (by a call of session.authenticate). May be given several times.",
		func(c *Config) value { return words{&c.TokenSources, sources, strings.Join(sources, "|")} },
	},
	{
		"token-cookie", groupIdentity, live, "Name of the cookie with the token.",
		func(c *Config) value { return text{&c.TokenCookie, cookieName} },
	},
	{
		"require-identity", groupIdentity, live, "Admit nobody without an identity. Where a token may come by session.authenticate, " +
			"clients may connect without, but do nothing else before.",
		func(c *Config) value { return toggle{&c.RequireIdentity} },
	},
	{
		"auth-timeout", groupIdentity, live, "How long such a client may take until its token is there.",
		func(c *Config) value { return span{&c.AuthTimeout, 100 * time.Millisecond, day, false} },
	},
	{
		"expiry-notice", groupIdentity, live, "How long before its end a client is told that its token expires.",
		func(c *Config) value { return span{&c.ExpiryNotice, 100 * time.Millisecond, day, false} },
	},

	{
		"application-url", groupApplication, live, "Where the application is asked, by POST, who clients are (application-connect) and what " +
			"they may do (the rule application). It gets the backend's key. While it does not answer, the answer is no.",
		func(c *Config) value { return link{&c.ApplicationURL} },
	},
	{
		"application-connect", groupApplication, live, "Ask the application about each client that connects without a token.",
		func(c *Config) value { return toggle{&c.ApplicationConnect} },
	},
	{
		"application-timeout", groupApplication, live, "How long the application may take for an answer, and a question for its turn.",
		func(c *Config) value {
			return span{&c.ApplicationTimeout, 100 * time.Millisecond, 30 * time.Second, false}
		},
	},
	{
		"application-max-calls", groupApplication, live, "Questions that are with the application at the same time. Others wait for their turn.",
		func(c *Config) value { return count{&c.ApplicationMaxCalls, 1, 10_000} },
	},
	{
		"application-headers", groupApplication, live, "Headers of a handshake that the application gets to see. May be given several times.",
		func(c *Config) value { return headers{&c.ApplicationHeaders} },
	},

	{
		"max-queued", groupDelivery, live, "What may wait for a client that reads too slowly. Beyond it the connection is closed.",
		func(c *Config) value { return size{&c.MaxQueuedBytes, 4 * kiB, giB} },
	},
	{
		"max-backlog", groupDelivery, live, "What may wait in one channel for its fan-out. Beyond it publishers wait.",
		func(c *Config) value { return size{&c.MaxBacklogBytes, 4 * kiB, giB} },
	},
	{
		"send-buffer", groupDelivery, live, "The kernel's send buffer of one connection, which is not counted in max-queued.",
		func(c *Config) value { return size{&c.SendBuffer, 4 * kiB, giB} },
	},
	{
		"write-timeout", groupDelivery, live, "How long a client may take nothing while something waits for it.",
		func(c *Config) value { return span{&c.WriteTimeout, 100 * time.Millisecond, day, false} },
	},
	{
		"ping-interval", groupDelivery, live, "Time between two pings to a silent client. 0s: no pings.",
		func(c *Config) value { return span{&c.PingInterval, 100 * time.Millisecond, day, true} },
	},
	{
		"pong-timeout", groupDelivery, live, "Silence that ends a connection. 0s: never.",
		func(c *Config) value { return span{&c.PongTimeout, 100 * time.Millisecond, day, true} },
	},

	{
		"header-timeout", groupHTTP, restart, "How long the header of an HTTP request may take to arrive.",
		func(c *Config) value { return span{&c.HeaderTimeout, 100 * time.Millisecond, day, false} },
	},
	{
		"idle-timeout", groupHTTP, restart, "How long an HTTP connection is kept without a request.",
		func(c *Config) value { return span{&c.IdleTimeout, 100 * time.Millisecond, day, false} },
	},
	{
		"max-header", groupHTTP, restart, "Length of the header of an HTTP request.",
		func(c *Config) value { return size{&c.MaxHeaderBytes, 4 * kiB, 16 * miB} },
	},
	{
		"backend-max-body", groupHTTP, live, "Length of one backend request.",
		func(c *Config) value { return size{&c.BackendMaxBody, 128, giB} },
	},
	{
		"backend-timeout", groupHTTP, live, "How long the body of a backend request may take to arrive.",
		func(c *Config) value { return span{&c.BackendTimeout, 100 * time.Millisecond, day, false} },
	},
	{
		"call-timeout", groupHTTP, live, "How long a service may take for an answer.",
		func(c *Config) value { return span{&c.CallTimeout, 100 * time.Millisecond, day, false} },
	},

	{
		"drain", groupProcess, live, "Time from SIGTERM to the end, over which the closing of connections is spread.",
		func(c *Config) value { return span{&c.Drain, 0, day, false} },
	},
	{
		"reconnect-spread", groupProcess, live, "Time over which clients are asked to come back after that, evenly, but at least 200 a " +
			"second. 0s: they are not asked.",
		func(c *Config) value { return span{&c.ReconnectSpread, 0, 5 * time.Minute, true} },
	},
	{
		"log-level", groupProcess, live, "The least important lines that are logged.",
		func(c *Config) value { return choice{&c.LogLevel, []string{"debug", "info", "warn", "error"}} },
	},
	{
		"log-format", groupProcess, restart, "How lines are logged on standard error. journal: json with the priority in front, as " +
			"systemd wants it. auto: pretty on a terminal, journal where systemd takes the lines, else json.",
		func(c *Config) value { return choice{&c.LogFormat, []string{"auto", "json", "journal", "pretty"}} },
	},
	{
		"loops", groupProcess, restart, "Event loops. 0: one less than there are processors, but at least one.",
		func(c *Config) value { return count{&c.Loops, 0, 1024} },
	},
	{
		"portable", groupProcess, restart, "Serve each connection by goroutines instead of event loops, as systems other than Linux do.",
		func(c *Config) value { return toggle{&c.Portable} },
	},
}

// lookup finds a setting by its name.
func lookup(name string) (setting, bool) {
	for _, s := range settings {
		if s.name == name {
			return s, true
		}
	}
	return setting{}, false
}

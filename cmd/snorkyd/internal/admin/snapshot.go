package admin

import (
	"time"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/token"
	"github.com/snorky-go/snorky/backendapi"
	"github.com/snorky-go/snorky/backendapi/application"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/certificate"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/memory"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/pulse"
	"github.com/snorky-go/snorky/gateway"
)

// Snapshot is what there is to count. Its numbers are each right, but of slightly different moments.
type Snapshot struct {
	Version  string
	Started  time.Time
	Open     bool // both doors accept
	Draining bool
	Pulse    pulse.Sign // what the last probe of the actors said

	Frontend, Backend string // addresses
	MaxConnections    int    // 0: no limit
	MaxBacklog        int    // bytes of one channel

	Broker       actors.Metrics
	Gateway      gateway.Stats
	Calls        backendapi.Stats
	Backends     backendapi.ServerStats
	Tokens       token.Stats       // all zero where there are no tokens
	Application  application.Stats // likewise
	Entrances    [2]Entrance       // of the frontend and the backend
	Reloads      Reloads
	Pressure     Pressure
	LogLinesLost uint64
}

// Entrance is what stands before HTTP at a door.
type Entrance struct {
	Failures    int64              // connections that were closed there
	Certificate *certificate.Stats // nil: there is no TLS
}

// Reloads tell how the configuration was read again.
type Reloads struct {
	Succeeded, Failed uint64
	LastFailed        bool
	LastSuccess       time.Time // or the start
	Waiting           int       // settings of the last one that was read which need a restart
}

// Pressure is what strangers and crowds do to a server.
type Pressure struct {
	// Memory is what the process holds, and whether new connections are refused because of it.
	Memory memory.Stats

	OverLimit       int64 // messages of clients that were refused because of a rate
	ConnectsRefused int64 // because of a rate
	RefusedFull     int64 // connects that were refused because of the memory

	Handshakes        int   // TCP connections that have not got through
	HandshakesEvicted int64 // those that were closed because they were silent while others wanted in

	BackendConnections int
	BackendEvicted     int64 // likewise
}

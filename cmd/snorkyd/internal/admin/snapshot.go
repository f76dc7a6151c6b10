package admin

import (
	"time"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/token"
	"github.com/snorky-go/snorky/backendapi"
	"github.com/snorky-go/snorky/backendapi/application"
	"github.com/snorky-go/snorky/gateway"
)

// Snapshot is what there is to count. Its numbers are each right, but of slightly different moments.
type Snapshot struct {
	Version  string
	Started  time.Time
	Open     bool // both doors accept
	Draining bool

	Frontend, Backend string // addresses
	MaxConnections    int    // 0: no limit

	Broker       actors.Metrics
	Gateway      gateway.Stats
	Calls        backendapi.Stats
	Backends     backendapi.ServerStats
	Tokens       token.Stats       // all zero where there are no tokens
	Application  application.Stats // likewise
	Reloads      Reloads
	LogLinesLost uint64
}

// Reloads tell how the configuration was read again.
type Reloads struct {
	Succeeded, Failed uint64
	LastFailed        bool
	LastSuccess       time.Time // or the start
}

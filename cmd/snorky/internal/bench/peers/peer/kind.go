// Package peer knows the servers that are measured side by side: how to get each, how to start it as a process of its
// own, and how to speak to it. Each has a file.
package peer

import (
	"context"

	"github.com/snorky-go/snorky/cmd/snorky/internal/bench"
)

// Kind is a server in one configuration.
type Kind struct {
	Name  string // in flags and in results
	Title string // in tables and plots
	Setup string // how it is configured, in a few words
	// Floor marks a server that is no broker and only shows what the machine leaves room for.
	Floor bool
	// Prepare builds or finds what Start needs, and returns its version. An error says why the server cannot be had.
	Prepare func(ctx context.Context, w *Workshop) (version string, err error)
	// Start starts it, after Prepare, and returns when it accepts connections.
	Start func(ctx context.Context, w *Workshop) (*Server, error)
}

// Server is one that runs. The embedded Peer is how to speak to it.
type Server struct {
	bench.Peer
	process *process
}

// PIDs are its processes; their children belong to it too.
func (s *Server) PIDs() []int { return []int{s.process.command.Process.Pid} }

// Stop kills it, waits until it is gone, and removes what it kept in files.
func (s *Server) Stop() { s.process.stop() }

// Complaints is the end of what it wrote to its standard error.
func (s *Server) Complaints() string { return s.process.complaints.String() }

// Kinds are all that are known, in the order of the tables.
func Kinds() []Kind {
	return []Kind{
		snorky("snorky", "Snorky", "defaults"),
		snorky("snorky-portable", "Snorky, portable", "`-portable`: goroutines instead of event loops", "-portable"),
		centrifuge("centrifuge", "centrifuge", "Centrifugo's defaults"),
		centrifuge("centrifuge-tuned", "centrifuge, tuned",
			"collects for 1 ms, any number of messages in a frame, shared write buffers, small read stacks",
			"-write-delay", "1ms", "-messages-in-frame", "-1", "-write-pool", "-off-read-loop"),
		nats(),
		nchan("nchan", "nchan, 1 worker", 1),
		nchan("nchan-2", "nchan, 2 workers", 2),
		socketIO(),
		limit("limit", "limit, plain", "one write for each message and subscriber"),
		limit("limit-coalesce", "limit, coalescing", "one write for all that waits", "-coalesce"),
	}
}

// Command reference is the server that PROTOCOL.md section 12 describes, with all its services: the one that
// conformance suites and clients are tried against. Everybody who finds its ports can do everything, so it is no server
// for anything else.
package main

import (
	"flag"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/cmd/snorkyd/config"
	"github.com/snorky-go/snorky/cmd/snorkyd/server"
	"github.com/snorky-go/snorky/examples/internal/boot"
)

func main() { boot.Main(program()) }

func program() boot.Program {
	key := "swordfish"
	return boot.Program{
		Name:     "reference",
		About:    "The reference application of the Snorky protocol, for tests of clients and servers.",
		Defaults: defaults(),
		Flags: func(flags *flag.FlagSet) {
			flags.StringVar(&key, "key", key, "The `key` of the backend, unless there is a key file.")
		},
		Key:     func() string { return key },
		Prepare: prepare,
	}
}

// defaults are the values of section 12; limits that it does not know are out of the way of any test.
func defaults() server.Config {
	c := server.Default()
	c.Frontend, c.Backend, c.Admin = "127.0.0.1:5800", "127.0.0.1:5801", ""
	c.AllowOrigins = []string{"*"}
	c.ReadLimit = 10 << 20 // PROTOCOL.md section 1
	c.BackendMaxBody = 16 << 20
	c.MaxSubscriptions, c.MaxChannelBytes = 0, 0
	c.MaxPendingBytes = 64 << 20
	c.MaxQueuedBytes, c.MaxBacklogBytes = 64<<20, 64<<20
	c.Drain = time.Second
	c.PubSub = []config.PubSub{
		{Name: "pubsub", Publish: config.Everybody, Backend: "pubsub_backend"},
		{Name: "announcements", Publish: config.Nobody, Backend: "announcements_backend"},
	}
	return c
}

func prepare(s *server.Server, _ zerolog.Logger) error { return register(s.Broker()) }

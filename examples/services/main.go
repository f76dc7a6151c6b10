// Command services is a server with the services of the guide "Writing services", to try them. Its README is the guide.
package main

import (
	"errors"
	"net"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/cmd/snorkyd/server"
	"github.com/snorky-go/snorky/examples/calculator"
	"github.com/snorky-go/snorky/examples/echo"
	"github.com/snorky-go/snorky/examples/internal/boot"
	"github.com/snorky-go/snorky/examples/lookup"
	"github.com/snorky-go/snorky/examples/minipubsub"
	"github.com/snorky-go/snorky/examples/polls"
	"github.com/snorky-go/snorky/examples/visitors"
)

func main() { boot.Main(program()) }

func program() boot.Program {
	return boot.Program{
		Name:     "services",
		About:    "The services of the guide \"Writing services\".",
		Defaults: defaults(),
		Prepare:  func(s *server.Server, _ zerolog.Logger) error { return register(s.Broker()) },
	}
}

// defaults keep strangers out: everybody who gets in may ask this machine's name server.
func defaults() server.Config {
	c := server.Default()
	c.Frontend, c.Admin = "127.0.0.1:5800", "" // who operates this one sees it
	c.Drain = time.Second
	c.PubSub = nil // the one of the guide
	return c
}

func register(broker *actors.Broker) error {
	browsers, backends := broker.Frontend(), broker.Backend()
	here := visitors.New()
	return errors.Join(
		browsers.Register("echo", echo.Echo{}),
		browsers.Register("calculator", calculator.Calculator{}),
		browsers.Register("pubsub", &minipubsub.PubSub{}),
		browsers.Register("lookup", lookup.New(net.DefaultResolver.LookupHost)),
		browsers.Register("polls", polls.New(func(string, polls.Tally) error { return nil })), // kept nowhere
		browsers.Register("visitors", here),
		backends.Register("desk", visitors.NewDesk(here)),
	)
}

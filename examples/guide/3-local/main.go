// Command 3-local is the third step of the guide: the backend's door can be reached from this machine only.
package main

import (
	"flag"
	"fmt"
	"log"
	"net/netip"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/services"
	"github.com/snorky-go/snorky/backendapi"
	"github.com/snorky-go/snorky/cmd/snorkyd/config"
	"github.com/snorky-go/snorky/examples/guide/doors"
	"github.com/snorky-go/snorky/gateway"
)

func main() {
	frontend := flag.String("frontend", ":5800", "where browsers connect")
	backend := flag.String("backend", "127.0.0.1:5801", "where programs on this machine publish")
	keyFile := flag.String("key-file", "backend.key", "file with the key")
	flag.Parse()
	if err := run(*frontend, *backend, *keyFile); err != nil {
		log.Fatal(err)
	}
}

func run(frontend, backend, keyFile string) error {
	if err := mustBeLocal(backend); err != nil {
		return err
	}
	broker, err := actors.NewBroker(actors.Options{})
	if err != nil {
		return err
	}
	if err := register(broker); err != nil {
		return err
	}
	browsers := gateway.New(broker, gateway.Options{})
	keys, err := config.ReadKeyFile(keyFile)
	if err != nil {
		return err
	}
	backends, err := backendapi.New(broker, backendapi.Options{Keys: keys})
	if err != nil {
		return err
	}
	return doors.Serve(broker, doors.Door{Address: frontend, Handler: browsers}, doors.Door{Address: backend, Handler: backends})
}

// mustBeLocal refuses an address that other machines could reach, such as ":5801", which is every network that this
// machine is in.
func mustBeLocal(address string) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil || !at.Addr().IsLoopback() {
		return fmt.Errorf("-backend %q: it has to be a port of 127.0.0.1 or [::1]", address)
	}
	return nil
}

// register is that of the first step.
func register(broker *actors.Broker) error {
	pubsub := services.NewPubSub(services.Nobody)
	if err := broker.Frontend().Register("pubsub", pubsub); err != nil {
		return err
	}
	return broker.Backend().Register("pubsub_backend", services.NewPubSubBackend(pubsub))
}

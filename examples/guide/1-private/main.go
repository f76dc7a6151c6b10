// Command 1-private is the first step of the guide: a PubSub to which browsers listen while only a backend publishes,
// each on a port of its own.
package main

import (
	"flag"
	"log"
	"os"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/services"
	"github.com/snorky-go/snorky/backendapi"
	"github.com/snorky-go/snorky/examples/guide/doors"
	"github.com/snorky-go/snorky/gateway"
)

func main() {
	frontend := flag.String("frontend", ":5800", "where browsers connect")
	backend := flag.String("backend", ":5801", "where your own servers publish")
	flag.Parse()
	if err := run(*frontend, *backend, os.Getenv("BACKEND_KEY")); err != nil {
		log.Fatal(err)
	}
}

func run(frontend, backend, key string) error {
	broker, err := actors.NewBroker(actors.Options{})
	if err != nil {
		return err
	}
	if err := register(broker); err != nil {
		return err
	}
	browsers := gateway.New(broker, gateway.Options{})
	backends, err := backendapi.New(broker, backendapi.Options{Keys: [][]byte{[]byte(key)}})
	if err != nil {
		return err
	}
	return doors.Serve(broker, doors.Door{Address: frontend, Handler: browsers}, doors.Door{Address: backend, Handler: backends})
}

// register puts the two sides of one PubSub into the two registries.
func register(broker *actors.Broker) error {
	// Browsers subscribe here; when they try to publish, the answer is "Not authorized".
	pubsub := services.NewPubSub(services.Nobody)
	if err := broker.Frontend().Register("pubsub", pubsub); err != nil {
		return err
	}
	// Backends publish here, whatever browsers may do.
	return broker.Backend().Register("pubsub_backend", services.NewPubSubBackend(pubsub))
}

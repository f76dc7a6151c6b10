// Command 2-key is the second step of the guide: the key lies in a file that only its owner can read, and is replaced
// without a moment in which backends are shut out.
package main

import (
	"flag"
	"log"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/services"
	"github.com/snorky-go/snorky/backendapi"
	"github.com/snorky-go/snorky/cmd/snorkyd/config"
	"github.com/snorky-go/snorky/examples/guide/doors"
	"github.com/snorky-go/snorky/gateway"
)

func main() {
	frontend := flag.String("frontend", ":5800", "where browsers connect")
	backend := flag.String("backend", ":5801", "where your own servers publish")
	keyFile := flag.String("key-file", "backend.key", "file with the key, or two of them on a line each")
	flag.Parse()
	if err := run(*frontend, *backend, *keyFile); err != nil {
		log.Fatal(err)
	}
}

func run(frontend, backend, keyFile string) error {
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
	defer onHangup(func() { reread(keyFile, backends) })()
	return doors.Serve(broker, doors.Door{Address: frontend, Handler: browsers}, doors.Door{Address: backend, Handler: backends})
}

// reread takes the keys from the file again. If something is wrong with it, the keys stay as they are.
func reread(keyFile string, backends *backendapi.Handler) {
	keys, err := config.ReadKeyFile(keyFile)
	if err == nil {
		err = backends.SetKeys(keys...)
	}
	if err != nil {
		log.Print("nothing changed: ", err)
		return
	}
	log.Printf("valid keys: %d", len(keys))
}

// onHangup calls f for each SIGHUP that the program gets, until stop.
func onHangup(f func()) (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	var done sync.WaitGroup
	done.Go(func() {
		for range signals {
			f()
		}
	})
	return func() {
		signal.Stop(signals)
		close(signals)
		done.Wait()
	}
}

// register is that of the first step.
func register(broker *actors.Broker) error {
	pubsub := services.NewPubSub(services.Nobody)
	if err := broker.Frontend().Register("pubsub", pubsub); err != nil {
		return err
	}
	return broker.Backend().Register("pubsub_backend", services.NewPubSubBackend(pubsub))
}

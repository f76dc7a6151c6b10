// Package doors is what the servers of the guide have in common and what is no subject of it: opening two ports, and
// closing them in order.
package doors

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/backendapi"
)

// Door is a way into a broker.
type Door struct {
	Address string // such as ":5800" or "127.0.0.1:5801"
	Handler http.Handler
}

// Serve lets browsers in at one door, under /ws, and backends at the other, until the program is interrupted; then it
// ends the broker. It shows the addresses as soon as both doors are open.
func Serve(broker *actors.Broker, browsers, backends Door) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	frontPort, err := new(net.ListenConfig).Listen(ctx, "tcp", browsers.Address)
	if err != nil {
		return err
	}
	backPort, err := new(net.ListenConfig).Listen(ctx, "tcp", backends.Address)
	if err != nil {
		return errors.Join(err, frontPort.Close())
	}
	paths := http.NewServeMux()
	paths.Handle("/ws", browsers.Handler)
	front := &http.Server{Handler: paths, ReadHeaderTimeout: 10 * time.Second}
	back := backendapi.NewServer(backends.Handler, backendapi.ServerOptions{})

	var ports sync.WaitGroup
	failed := make(chan error, 2)
	ports.Go(func() { failed <- front.Serve(frontPort) })
	ports.Go(func() { failed <- back.Serve(backPort) })
	fmt.Printf("frontend ws://%s/ws\nbackend http://%s/backend\n", frontPort.Addr(), backPort.Addr())

	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	err = errors.Join(err, front.Shutdown(patience), back.Shutdown(patience), broker.Shutdown(patience, time.Second))
	ports.Wait()
	return err
}

// Nats is an embedded nats-server with a plain door for publishers and a WebSocket door for subscribers, set up as it is
// by default but for the WebSockets, which it does not serve by default, and for the limit of connections.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:4222", "address for the NATS protocol over TCP")
	websocket := flag.String("websocket", "127.0.0.1:8080", "address for the NATS protocol in WebSockets")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *listen, *websocket); err != nil {
		fmt.Fprintln(os.Stderr, "nats:", err)
		stop()
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, listen, websocket string) error {
	var o server.Options
	var err error
	if o.Host, o.Port, err = split(listen); err != nil {
		return err
	}
	if o.Websocket.Host, o.Websocket.Port, err = split(websocket); err != nil {
		return err
	}
	o.Websocket.NoTLS = true
	o.NoSigs = true
	o.MaxConn = 100_000 // 64 Ki by default; the descriptors end before
	s, err := server.NewServer(&o)
	if err != nil {
		return err
	}
	s.Start()
	defer s.WaitForShutdown()
	defer s.Shutdown()
	if !s.ReadyForConnections(10 * time.Second) {
		return errors.New("it did not become ready")
	}
	<-ctx.Done()
	return nil
}

func split(address string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	port, err = strconv.Atoi(text)
	return host, port, err
}

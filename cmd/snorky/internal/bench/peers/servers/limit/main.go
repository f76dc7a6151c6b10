//go:build linux

// Limit is a floor to measure against: a server without features that writes pre-framed bytes to all sockets. Whoever
// makes it a WebSocket and sends a frame is a subscriber; every other request is published to all of them. There are no
// channels, keys, or bounds, nothing is decoded, and a slow reader holds up all others.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:7000", "address for subscribers and publishers")
	coalesce := flag.Bool("coalesce", false, "one write for all that waits, instead of one for each message")
	writers := flag.Int("writers", 1, "goroutines that write, each to its share of the sockets")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *listen, *writers, *coalesce); err != nil {
		fmt.Fprintln(os.Stderr, "limit:", err)
		stop()
		os.Exit(1)
	}
}

// run serves until ctx ends; whoever is connected then is left to the end of the process.
func run(ctx context.Context, listen string, writers int, coalesce bool) error {
	leaving, err := newWatch()
	if err != nil {
		return err
	}
	all := make(fanout, writers)
	for i := range all {
		all[i] = newShare(coalesce)
		go all[i].write()
	}
	go leaving.run(all)
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = listener.Close() })
	for {
		conn, err := listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		go serve(conn, all, leaving)
	}
}

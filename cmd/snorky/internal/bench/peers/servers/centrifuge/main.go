// Centrifuge is a small broker over the library that Centrifugo is made of: anonymous clients that subscribe to whatever
// they like, and the part of Centrifugo's HTTP API that publishes.
//
// The library is set up the way Centrifugo sets it up by default: no write delay, up to 16 messages in one frame, a queue
// of 1 MiB for each client, pings every 25 seconds, no history, everything in memory.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/centrifugal/centrifuge"
)

type settings struct {
	listen, key string
	writeDelay  time.Duration
	inFrame     int
	writePool   bool
	offReadLoop bool
}

func main() {
	var s settings
	flag.StringVar(&s.listen, "listen", "127.0.0.1:8000", "address for clients and for the API")
	flag.StringVar(&s.key, "key", "swordfish", "the API's X-API-Key")
	flag.DurationVar(&s.writeDelay, "write-delay", 0, "how long to collect messages before they are written (0: not at all)")
	flag.IntVar(&s.inFrame, "messages-in-frame", 0, "most messages in one frame (0: the library's default, 16; -1: no limit)")
	flag.BoolVar(&s.writePool, "write-pool", false, "share write buffers between connections")
	flag.BoolVar(&s.offReadLoop, "off-read-loop", false, "handle commands away from the read loop, which keeps its stack small")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, "centrifuge:", err)
		stop()
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, s settings) error {
	node, err := centrifuge.New(centrifuge.Config{
		LogLevel:              centrifuge.LogLevelError,
		LogHandler:            func(e centrifuge.LogEntry) { fmt.Fprintln(os.Stderr, e.Message, e.Fields) },
		ClientStaleCloseDelay: 10 * time.Second,
		ClientQueueMaxSize:    1 << 20,
	})
	if err != nil {
		return fmt.Errorf("node: %w", err)
	}
	node.OnConnecting(func(context.Context, centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		return centrifuge.ConnectReply{
			Credentials:        &centrifuge.Credentials{},
			WriteDelay:         s.writeDelay,
			MaxMessagesInFrame: s.inFrame,
		}, nil
	})
	node.OnConnect(func(c *centrifuge.Client) {
		c.OnSubscribe(func(_ centrifuge.SubscribeEvent, answer centrifuge.SubscribeCallback) {
			answer(centrifuge.SubscribeReply{}, nil)
		})
	})
	if err := node.Run(); err != nil {
		return fmt.Errorf("node: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("/connection/websocket", centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{
		CheckOrigin:                func(*http.Request) bool { return true },
		WriteTimeout:               time.Second,
		MessageSizeLimit:           64 << 10,
		UseWriteBufferPool:         s.writePool,
		ProcessCommandsOffReadLoop: s.offReadLoop,
		PingPongConfig:             centrifuge.PingPongConfig{PingInterval: 25 * time.Second, PongTimeout: 8 * time.Second},
	}))
	api{node: node, key: s.key}.routes(mux)

	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", s.listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	select {
	case err := <-done:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	err = errors.Join(server.Shutdown(ending), node.Shutdown(ending))
	if end := <-done; !errors.Is(end, http.ErrServerClosed) {
		err = errors.Join(err, end)
	}
	return err
}

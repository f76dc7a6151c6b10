package peer

import (
	"bufio"
	"context"
	"errors"
	"net"
	"runtime"

	"github.com/snorky-go/snorky/cmd/snorky/internal/bench"
)

// limit is the floor: servers/limit.
func limit(name, title, setup string, args ...string) Kind {
	const binary = "limit"
	return Kind{
		Name: name, Title: title, Setup: setup, Floor: true,
		Prepare: func(ctx context.Context, w *Workshop) (string, error) {
			if runtime.GOOS != "linux" {
				return "", errors.New("it needs Linux")
			}
			return "this tree", w.build(ctx, w.module(), "./servers/limit", binary)
		},
		Start: func(ctx context.Context, w *Workshop) (*Server, error) {
			addresses, err := freeAddresses(ctx, 1)
			if err != nil {
				return nil, err
			}
			child, err := launch(ctx, program{
				path:   w.binary(binary),
				args:   append([]string{"-listen", addresses[0]}, args...),
				awaits: addresses,
			})
			if err != nil {
				return nil, err
			}
			return &Server{limitPeer{addresses[0]}, child}, nil
		},
	}
}

// limitPeer has one channel, whatever it is called.
type limitPeer struct{ address string }

func (p limitPeer) Name() string          { return "limit" }
func (p limitPeer) SubscribeAddr() string { return p.address }
func (p limitPeer) PublishAddr() string   { return p.address }
func (p limitPeer) Control([]byte) []byte { return nil }
func (p limitPeer) Close() []byte         { return goodbye() }

func (p limitPeer) Subscribe(_ context.Context, conn net.Conn, br *bufio.Reader, channel string) error {
	if err := bench.Upgrade(conn, br, webSocketURL(p.address, "/"), ""); err != nil {
		return err
	}
	if err := say(conn, channel); err != nil {
		return err
	}
	return hear(br, "response")
}

func (p limitPeer) NewPublisher(context.Context) (bench.Publisher, error) {
	return newPosters(func(string) bench.Endpoint {
		return bench.Endpoint{URL: httpURL(p.address, "/"), Wait: answerWithin}
	}), nil
}

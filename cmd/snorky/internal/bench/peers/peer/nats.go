package peer

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/snorky-go/snorky/actors/wire"
	"github.com/snorky-go/snorky/cmd/snorky/internal/bench"
)

// nats is servers/nats.
func nats() Kind {
	const binary = "nats"
	return Kind{
		Name: "nats", Title: "NATS", Setup: "defaults, WebSocket door for subscribers, TCP door for publishers",
		Prepare: func(ctx context.Context, w *Workshop) (string, error) {
			if err := w.build(ctx, w.module(), "./servers/nats", binary); err != nil {
				return "", err
			}
			return libraryVersion(w.binary(binary), "github.com/nats-io/nats-server/v2")
		},
		Start: func(ctx context.Context, w *Workshop) (*Server, error) {
			addresses, err := freeAddresses(ctx, 2)
			if err != nil {
				return nil, err
			}
			child, err := launch(ctx, program{
				path:   w.binary(binary),
				args:   []string{"-listen", addresses[0], "-websocket", addresses[1]},
				awaits: addresses,
			})
			if err != nil {
				return nil, err
			}
			return &Server{natsPeer{plain: addresses[0], webSocket: addresses[1]}, child}, nil
		},
	}
}

// natsPeer speaks the protocol of NATS, for subscribers in WebSocket frames.
type natsPeer struct{ plain, webSocket string }

func (p natsPeer) Name() string          { return "nats" }
func (p natsPeer) SubscribeAddr() string { return p.webSocket }
func (p natsPeer) PublishAddr() string   { return p.plain }
func (p natsPeer) Close() []byte         { return goodbye() }

const natsConnect = `CONNECT {"verbose":false,"pedantic":false,"tls_required":false,"lang":"bench","version":"1","protocol":1}` + "\r\n"

func (p natsPeer) Subscribe(_ context.Context, conn net.Conn, br *bufio.Reader, channel string) error {
	if err := bench.Upgrade(conn, br, webSocketURL(p.webSocket, "/"), ""); err != nil {
		return err
	}
	// The answer to PING says that what came before it is done.
	if err := say(conn, natsConnect+"SUB "+channel+" 1\r\nPING\r\n"); err != nil {
		return err
	}
	return hear(br, "PONG\r\n")
}

// Control answers the server's ping.
func (p natsPeer) Control(payload []byte) []byte {
	if bytes.HasPrefix(payload, []byte("PING\r\n")) {
		return bench.AppendFrame(nil, wire.OpText, []byte("PONG\r\n"))
	}
	return nil
}

func (p natsPeer) NewPublisher(ctx context.Context) (bench.Publisher, error) {
	conn, err := (&net.Dialer{Timeout: answerWithin}).DialContext(ctx, "tcp", p.plain)
	if err != nil {
		return nil, err
	}
	publisher := &natsPublisher{conn: conn, br: bufio.NewReaderSize(conn, 8<<10)}
	if err := publisher.exchange([]byte(natsConnect + "PING\r\n")); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return publisher, nil
}

// natsPublisher is a connection over plain TCP. NATS does not acknowledge publications, so a ping follows each request:
// its answer says that the server has taken everything before it.
type natsPublisher struct {
	conn    net.Conn
	br      *bufio.Reader
	request []byte
}

func (p *natsPublisher) Publish(ctx context.Context, channel string, payloads [][]byte) error {
	p.request = p.request[:0]
	for _, payload := range payloads {
		p.request = append(append(append(p.request, "PUB "...), channel...), ' ')
		p.request = append(strconv.AppendInt(p.request, int64(len(payload)), 10), "\r\n"...)
		p.request = append(append(p.request, payload...), "\r\n"...)
	}
	p.request = append(p.request, "PING\r\n"...)
	stop := context.AfterFunc(ctx, func() { _ = p.conn.Close() })
	defer stop()
	if err := p.exchange(p.request); err != nil {
		return errors.Join(ctx.Err(), err)
	}
	return nil
}

// exchange writes what ends in a ping and waits for the answer to that.
func (p *natsPublisher) exchange(request []byte) error {
	if err := p.conn.SetDeadline(time.Now().Add(answerWithin)); err != nil {
		return err
	}
	if _, err := p.conn.Write(request); err != nil {
		return err
	}
	for {
		line, err := p.br.ReadSlice('\n')
		switch {
		case err != nil:
			return err
		case string(line) == "PONG\r\n":
			return nil
		case string(line) == "PING\r\n":
			if _, err := p.conn.Write([]byte("PONG\r\n")); err != nil {
				return err
			}
		case bytes.HasPrefix(line, []byte("-ERR")):
			return fmt.Errorf("refused: %s", bytes.TrimSpace(line))
		}
	}
}

func (p *natsPublisher) Close() error { return p.conn.Close() }

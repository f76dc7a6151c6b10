package peer

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"net/http"

	"github.com/snorky-go/snorky/actors/wire"
	"github.com/snorky-go/snorky/cmd/snorky/internal/bench"
)

// centrifuge is servers/centrifuge.
func centrifuge(name, title, setup string, args ...string) Kind {
	const binary = "centrifuge"
	return Kind{
		Name: name, Title: title, Setup: setup,
		Prepare: func(ctx context.Context, w *Workshop) (string, error) {
			if err := w.build(ctx, w.module(), "./servers/centrifuge", binary); err != nil {
				return "", err
			}
			return libraryVersion(w.binary(binary), "github.com/centrifugal/centrifuge")
		},
		Start: func(ctx context.Context, w *Workshop) (*Server, error) {
			addresses, err := freeAddresses(ctx, 1)
			if err != nil {
				return nil, err
			}
			child, err := launch(ctx, program{
				path:   w.binary(binary),
				args:   append([]string{"-listen", addresses[0], "-key", centrifugeKey}, args...),
				awaits: addresses,
			})
			if err != nil {
				return nil, err
			}
			return &Server{centrifugePeer{addresses[0]}, child}, nil
		},
	}
}

const centrifugeKey = "swordfish"

// centrifugePeer speaks Centrifugo's protocol in JSON, and its HTTP API.
type centrifugePeer struct{ address string }

func (p centrifugePeer) Name() string          { return "centrifuge" }
func (p centrifugePeer) SubscribeAddr() string { return p.address }
func (p centrifugePeer) PublishAddr() string   { return p.address }
func (p centrifugePeer) Close() []byte         { return goodbye() }

func (p centrifugePeer) Subscribe(_ context.Context, conn net.Conn, br *bufio.Reader, channel string) error {
	if err := bench.Upgrade(conn, br, webSocketURL(p.address, "/connection/websocket"), ""); err != nil {
		return err
	}
	// Both commands go in one frame, to be answered in turn.
	commands := append([]byte("{\"id\":1,\"connect\":{}}\n{\"id\":2,\"subscribe\":{\"channel\":"), wire.AppendString(nil, channel)...)
	if err := say(conn, string(commands)+"}}"); err != nil {
		return err
	}
	return hear(br, `"subscribe"`)
}

// Control answers the ping, which is an empty object, as is the pong.
func (p centrifugePeer) Control(payload []byte) []byte {
	if string(bytes.TrimSpace(payload)) == "{}" {
		return bench.AppendFrame(nil, wire.OpText, []byte("{}"))
	}
	return nil
}

func (p centrifugePeer) NewPublisher(ctx context.Context) (bench.Publisher, error) {
	open := func(path string) (*bench.Poster, error) {
		return bench.Endpoint{
			URL:    httpURL(p.address, path),
			Header: http.Header{"Content-Type": {"application/json"}, "X-API-Key": {centrifugeKey}},
			Wait:   answerWithin,
		}.Open(ctx)
	}
	one, err := open("/api/publish")
	if err != nil {
		return nil, err
	}
	many, err := open("/api/batch")
	if err != nil {
		_ = one.Close()
		return nil, err
	}
	return &centrifugePublisher{one: one, many: many}, nil
}

// centrifugePublisher calls publish for one payload, and batch for more.
type centrifugePublisher struct {
	one, many *bench.Poster
	body      []byte
}

func (p *centrifugePublisher) Publish(ctx context.Context, channel string, payloads [][]byte) error {
	poster := p.many
	if len(payloads) == 1 {
		poster = p.one
		p.body = appendPublish(p.body[:0], channel, payloads[0])
	} else {
		p.body = append(p.body[:0], `{"commands":[`...)
		for i, payload := range payloads {
			if i > 0 {
				p.body = append(p.body, ',')
			}
			p.body = append(appendPublish(append(p.body, `{"publish":`...), channel, payload), '}')
		}
		p.body = append(p.body, "]}"...)
	}
	status, answer, err := poster.Post(ctx, p.body)
	if err != nil {
		return err
	}
	if bytes.Contains(answer, []byte(`"error"`)) {
		status = http.StatusBadRequest // it answers errors with 200
	}
	return accepted(status, answer)
}

func appendPublish(dst []byte, channel string, payload []byte) []byte {
	dst = wire.AppendString(append(dst, `{"channel":`...), channel)
	dst = append(append(dst, `,"data":`...), payload...)
	return append(dst, '}')
}

func (p *centrifugePublisher) Close() error {
	_ = p.many.Close() // closing what is closed is no error
	return p.one.Close()
}

package peer

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/snorky-go/snorky/actors/wire"
	"github.com/snorky-go/snorky/cmd/snorky/internal/bench"
)

// socketIO is servers/socketio, which Node.js runs and npm installs on demand.
func socketIO() Kind {
	folder := func(w *Workshop) string { return filepath.Join(w.module(), "servers", "socketio") }
	return Kind{
		Name: "socketio", Title: "socket.io", Setup: "WebSocket only, no compression, no kept requests",
		Prepare: func(ctx context.Context, w *Workshop) (string, error) { return installSocketIO(ctx, folder(w)) },
		Start: func(ctx context.Context, w *Workshop) (*Server, error) {
			addresses, err := freeAddresses(ctx, 1)
			if err != nil {
				return nil, err
			}
			node, err := exec.LookPath("node")
			if err != nil {
				return nil, err
			}
			host, port, err := net.SplitHostPort(addresses[0])
			if err != nil {
				return nil, err
			}
			child, err := launch(ctx, program{
				path:   node,
				args:   []string{filepath.Join(folder(w), "server.js"), host, port},
				awaits: addresses,
			})
			if err != nil {
				return nil, err
			}
			return &Server{socketIOPeer{addresses[0]}, child}, nil
		},
	}
}

// npmPackage is the part of a package.json that matters here.
type npmPackage struct {
	Version      string            `json:"version"`
	Dependencies map[string]string `json:"dependencies"`
}

func readPackage(file string) (p npmPackage, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return p, err
	}
	return p, json.Unmarshal(text, &p)
}

// installSocketIO installs the locked versions unless they are there.
func installSocketIO(ctx context.Context, folder string) (version string, err error) {
	node, err := run(ctx, folder, "node", "--version")
	if err != nil {
		return "", err
	}
	own, err := readPackage(filepath.Join(folder, "package.json"))
	if err != nil {
		return "", err
	}
	version = own.Dependencies["socket.io"]
	installed, err := readPackage(filepath.Join(folder, "node_modules", "socket.io", "package.json"))
	if err != nil || installed.Version != version {
		if _, err := run(ctx, folder, "npm", "ci", "--no-audit", "--no-fund", "--no-update-notifier"); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%s (Node.js %s)", version, strings.TrimPrefix(strings.TrimSpace(node), "v")), nil
}

// socketIOPeer speaks version 4 of Engine.IO and version 5 of the Socket.IO protocol.
type socketIOPeer struct{ address string }

func (p socketIOPeer) Name() string          { return "socketio" }
func (p socketIOPeer) SubscribeAddr() string { return p.address }
func (p socketIOPeer) PublishAddr() string   { return p.address }
func (p socketIOPeer) Close() []byte         { return goodbye() }

func (p socketIOPeer) Subscribe(_ context.Context, conn net.Conn, br *bufio.Reader, channel string) error {
	target := webSocketURL(p.address, "/socket.io/")
	target.RawQuery = "EIO=4&transport=websocket"
	if err := bench.Upgrade(conn, br, target, ""); err != nil {
		return err
	}
	for _, step := range []struct{ say, hear string }{
		{"", `0{"sid"`},    // the connection is open
		{"40", `40{"sid"`}, // the default namespace
		{`420["subscribe",` + string(wire.AppendString(nil, channel)) + `]`, "430["}, // an event with an acknowledgement
	} {
		if step.say != "" {
			if err := say(conn, step.say); err != nil {
				return err
			}
		}
		if err := hear(br, step.hear); err != nil {
			return err
		}
	}
	return nil
}

// Control answers the ping of Engine.IO, which is "2".
func (p socketIOPeer) Control(payload []byte) []byte {
	if string(payload) == "2" {
		return bench.AppendFrame(nil, wire.OpText, []byte("3"))
	}
	return nil
}

func (p socketIOPeer) NewPublisher(context.Context) (bench.Publisher, error) {
	return newPosters(func(channel string) bench.Endpoint {
		target := httpURL(p.address, "/publish")
		target.RawQuery = url.Values{"channel": {channel}}.Encode()
		return bench.Endpoint{URL: target, Header: http.Header{"Content-Type": {"application/json"}}, Wait: answerWithin}
	}), nil
}

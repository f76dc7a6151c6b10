package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	backend "github.com/snorky-go/snorky/backendapi/client"
	"github.com/snorky-go/snorky/cmd/snorkyd/server"
	"github.com/snorky-go/snorky/gateway/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 20 * time.Second

// start runs the program in this process until the end of the test, and gives it to use.
func start(t *testing.T, use func(context.Context, *server.Server)) {
	t.Helper()
	p := program()
	p.Work = func(ctx context.Context, s *server.Server, _ io.Writer) error {
		use(ctx, s)
		return nil
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var log bytes.Buffer
	arguments := []string{"-frontend", "127.0.0.1:0", "-backend", "127.0.0.1:0"}
	if err := p.Run(ctx, arguments, nil, io.Discard, zerolog.SyncWriter(&log)); err != nil {
		t.Errorf("ended with %v\n%s", err, log.String())
	}
}

// One call of each service, over sockets.
func TestServicesAreThere(t *testing.T) {
	start(t, func(ctx context.Context, s *server.Server) {
		c, err := client.Dial(ctx, "ws://"+s.Addr()+"/ws", client.Options{})
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = c.Close() }()
		heard := make(chan string, 1)
		c.Handle("pubsub", func(message json.RawMessage) { heard <- string(message) })
		for _, call := range []struct{ service, command, params, want string }{
			{"calculator", "log", `{"number":8,"base":2}`, "3"},
			{"pubsub", "subscribe", `{"channel":"news"}`, "null"},
			{"pubsub", "publish", `{"channel":"news","message":1}`, "null"},
			{"lookup", "lookUp", `{"name":"127.0.0.1"}`, `["127.0.0.1"]`},
			{"polls", "vote", `{"poll":"lunch","choice":"soup"}`, "null"},
			{"polls", "watch", `{"poll":"lunch"}`, `{"soup":1}`},
			{"visitors", "enter", `{"name":"ann"}`, "null"},
			{"visitors", "list", `{}`, `{"you":"ann","here":["ann"]}`},
		} {
			got, err := c.Call(ctx, call.service, call.command, json.RawMessage(call.params))
			if err != nil || string(got) != call.want {
				t.Errorf("%s.%s %s: %s, %v", call.service, call.command, call.params, got, err)
			}
		}
		select {
		case got := <-heard:
			if !strings.Contains(got, `"channel":"news"`) {
				t.Errorf("heard %s", got)
			}
		case <-ctx.Done():
			t.Error("heard nothing")
		}
		desk, err := backend.New("http://"+s.BackendAddr()+server.BackendPath, s.Key())
		if err != nil {
			t.Error(err)
			return
		}
		defer desk.Close()
		if got, err := desk.Call(ctx, "desk", "count", struct{}{}); err != nil || string(got) != "1" {
			t.Errorf("desk.count: %s, %v", got, err)
		}
	})
}

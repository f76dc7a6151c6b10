package actors_test

import (
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/services"
	"github.com/snorky-go/snorky/actors/wire"
)

// logLines is a log that a test waits for.
type logLines chan string

func (l logLines) Write(b []byte) (int, error) {
	l <- string(b)
	return len(b), nil
}

func (l logLines) await(t *testing.T, text string) {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case line := <-l:
			if strings.Contains(line, text) {
				return
			}
		case <-deadline:
			t.Fatalf("no line %q", text)
		}
	}
}

// Whatever of its queue a slow reader still gets, it gets in order, in whole frames, and ended by the reason.
func TestSlowReadersGetWholeFrames(t *testing.T) {
	for _, test := range []struct {
		name, line string
		code       wire.CloseCode
		bytes      int // published altogether
		options    actors.Options
	}{
		{"too much", "slow reader", wire.CloseSlowReader, 1 << 20, actors.Options{MaxQueuedBytes: 100_000}},
		{"too long", "takes nothing", wire.CloseWriteTimeout, 200_000, actors.Options{WriteTimeout: 100 * time.Millisecond}},
	} {
		t.Run(test.name, func(t *testing.T) {
			lines := make(logLines, 1000)
			test.options.SendBuffer, test.options.Loops, test.options.Logger = 16<<10, 1, zerolog.New(lines)
			s := newServer(t, "loop", test.options)
			defer s.shutdown()
			p := services.NewPubSub(services.Nobody)
			s.register("pubsub", p)
			if err := s.broker.Backend().Register("backend", services.NewPubSubBackend(p)); err != nil {
				t.Fatal(err)
			}
			c := s.connect()
			if tcp, ok := c.conn.(*net.TCPConn); ok {
				_ = tcp.SetReadBuffer(16 << 10)
			}
			c.send(request("pubsub", "subscribe", `{"channel":1}`, 1))
			c.expect(response("pubsub", "null", 1))
			published := 0
			for i := 0; published < test.bytes; i++ {
				text := fmt.Sprintf(`"%d %s"`, i, strings.Repeat("x", i*977%5000))
				published += len(text)
				call := `{"command":"publish","params":{"channel":1,"message":` + text + `}}`
				if _, err := s.broker.Call(t.Context(), "backend", []byte(call)); err != nil {
					t.Fatal(err)
				}
			}
			lines.await(t, test.line)
			for i := 0; ; i++ {
				op, payload, err := c.frame()
				if err != nil {
					t.Fatalf("after %d frames: %v", i, err)
				}
				if op == wire.OpClose {
					if code := wire.CloseCode(uint16(payload[0])<<8 | uint16(payload[1])); code != test.code {
						t.Errorf("closed with %d", code)
					}
					break
				}
				var m struct{ Message struct{ Message string } }
				if err := json.Unmarshal(payload, &m); err != nil || !strings.HasPrefix(m.Message.Message, fmt.Sprint(i, " ")) {
					t.Fatalf("frame %d: %v, %.100q", i, err, payload)
				}
			}
			c.expectEnd()
		})
	}
}

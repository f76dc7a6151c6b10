package actors_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/services"
	"github.com/snorky-go/snorky/actors/wire"
)

// The conformance suite of connections: what a client sees is the same, whatever carries its bytes.
func TestConnections(t *testing.T) {
	suite := []struct {
		name string
		run  func(*testing.T, *server)
		with actors.Options
	}{
		{name: "publications reach subscribers in order, and the publisher before its answer", run: publishAndReceive},
		{name: "requests in one packet are answered in order", run: pipelined},
		{name: "what is no packet is dropped", run: dropped},
		{name: "a message may come in pieces", run: pieces},
		{name: "large messages go both ways", run: largeMessages, with: actors.Options{MaxQueuedBytes: 32 << 20}},
		{name: "pings are answered", run: pings},
		{name: "a close frame is answered after the requests before it", run: closeByClient},
		{name: "a fault ends the connection with its code", run: closeByFault},
		{name: "a client that just goes frees its subscriptions", run: abruptEnd},
		{name: "requests before the end of the stream are done", run: halfClose},
		{name: "a reader that does not read is cut off and holds up nobody", run: slowReader},
		{name: "shutdown delivers, answers and says why", run: shutdownWithClients},
		{name: "reading pauses while too many requests wait", run: backPressure, with: actors.Options{MaxPendingBytes: 1000}},
		{name: "silent clients are pinged and cut off", run: silence, with: actors.Options{PingInterval: 20 * time.Millisecond, PongTimeout: 200 * time.Millisecond}},
	}
	for _, way := range ways {
		for _, test := range suite {
			t.Run(way+"/"+test.name, func(t *testing.T) {
				s := newServer(t, way, test.with)
				s.register("pubsub", services.NewPubSub(services.Everybody))
				defer s.shutdown()
				test.run(t, s)
			})
		}
	}
}

func publishAndReceive(_ *testing.T, s *server) {
	a, b := s.connect(), s.connect()
	for _, c := range []*client{a, b} {
		c.send(request("pubsub", "subscribe", `{"channel":"news"}`, 1))
		c.expect(response("pubsub", "null", 1))
	}
	for i := range 100 {
		a.send(request("pubsub", "publish", fmt.Sprintf(`{"channel":"news","message":%d}`, i), i))
	}
	for i := range 100 {
		a.expect(publication("pubsub", `"news"`, fmt.Sprint(i)), response("pubsub", "null", i))
		b.expect(publication("pubsub", `"news"`, fmt.Sprint(i)))
	}
	a.send(request("pubsub", "unsubscribe", `{"channel":"news"}`, 2), request("pubsub", "publish", `{"channel":"news","message":0}`, 3))
	a.expect(response("pubsub", "null", 2), response("pubsub", "null", 3))
	b.expect(publication("pubsub", `"news"`, "0"))
}

func pipelined(_ *testing.T, s *server) {
	c := s.connect()
	var lines []string
	for i := range 50 {
		lines = append(lines,
			request("pubsub", "subscribe", `{"channel":1}`, 3*i),
			request("pubsub", "subscribe", `{"channel":1.0}`, 3*i+1),
			request("pubsub", "unsubscribe", `{"channel":1e0}`, 3*i+2))
	}
	c.send(lines...)
	for i := range 50 {
		c.expect(response("pubsub", "null", 3*i), refusal("pubsub", "Already subscribed", 3*i+1), response("pubsub", "null", 3*i+2))
	}
}

func dropped(_ *testing.T, s *server) {
	c := s.connect()
	c.send("", "hello", "[]", "{}", `{"service":"pubsub"}`, `{"service":"nobody","message":{}}`, `{"service":1,"message":{}}`,
		`{"service":"pubsub","message":1}`, `{"service":"pubsub","message":{"command":"subscribe","callId":1}}`)
	c.send(request("pubsub", "nope", "{}", "end"))
	c.expect(refusal("pubsub", "Unknown command", "end"))
}

func pieces(t *testing.T, s *server) {
	c := s.connect()
	text := request("pubsub", "nope", "{}", strings.Repeat("x", 2000)) + "\n"
	for i := range text {
		if _, err := c.conn.Write([]byte(text[i : i+1])); err != nil {
			t.Fatal(err)
		}
	}
	c.expect(refusal("pubsub", "Unknown command", strings.Repeat("x", 2000)))
}

func largeMessages(_ *testing.T, s *server) {
	a, b := s.connect(), s.connect()
	b.send(request("pubsub", "subscribe", `{"channel":"big"}`, 0))
	b.expect(response("pubsub", "null", 0))
	big := `"` + strings.Repeat("0123456789abcdef", 1<<18) + `"` // 4 MiB
	a.send(request("pubsub", "publish", `{"channel":"big","message":`+big+`}`, 1))
	b.expect(publication("pubsub", `"big"`, big))
	a.expect(response("pubsub", "null", 1))
}

func pings(t *testing.T, s *server) {
	c := s.connect()
	c.send("!ping hello")
	for {
		op, payload, err := c.frame()
		if err != nil {
			t.Fatal(err)
		}
		if op == wire.OpPong {
			if string(payload) != "hello" {
				t.Fatalf("pong %q", payload)
			}
			return
		}
	}
}

func closeByClient(t *testing.T, s *server) {
	c := s.connect()
	c.send(request("pubsub", "subscribe", `{"channel":"x"}`, 1), "!close", request("pubsub", "subscribe", `{"channel":"y"}`, 2))
	c.expect(response("pubsub", "null", 1))
	if code := c.expectClose(); code != wire.CloseNormal {
		t.Errorf("closed with %d", code)
	}
	c.expectEnd()
	if code := <-s.door.codes; code != wire.CloseNormal {
		t.Errorf("the door was told %d", code)
	}
}

func closeByFault(t *testing.T, s *server) {
	c := s.connect()
	c.send("!fault", "more", "and more")
	if code := c.expectClose(); code != wire.CloseProtocolError {
		t.Errorf("closed with %d", code)
	}
	_ = c.conn.Close()
	<-s.door.codes
}

func abruptEnd(t *testing.T, s *server) {
	for range 10 {
		c := s.connect()
		c.send(request("pubsub", "subscribe", `{"channel":"x"}`, 1))
		c.expect(response("pubsub", "null", 1))
		_ = c.conn.Close()
	}
	until(t, "all gone", func() bool { return s.broker.Stats() == actors.Stats{} })
}

func halfClose(t *testing.T, s *server) {
	watcher, c := s.connect(), s.connect()
	watcher.send(request("pubsub", "subscribe", `{"channel":"x"}`, 1))
	watcher.expect(response("pubsub", "null", 1))
	go func() {
		c.send(request("pubsub", "publish", `{"channel":"x","message":1}`, 1), request("pubsub", "publish", `{"channel":"x","message":2}`, 2))
		_ = c.conn.Close()
	}()
	watcher.expect(publication("pubsub", `"x"`, "1"), publication("pubsub", `"x"`, "2"))
	until(t, "the end", func() bool { return s.broker.Stats().Connections == 1 })
}

func slowReader(t *testing.T, s *server) {
	slow, healthy, publisher := s.connect(), s.connect(), s.connect()
	for _, c := range []*client{slow, healthy} {
		c.send(request("pubsub", "subscribe", `{"channel":"flood"}`, 1))
		c.expect(response("pubsub", "null", 1))
	}
	if tcp, ok := slow.conn.(*net.TCPConn); ok {
		_ = tcp.SetReadBuffer(4096)
	}
	message := `"` + strings.Repeat("x", 64<<10) + `"`
	const rounds = 60 // more than all buffers hold
	for i := range rounds {
		publisher.send(request("pubsub", "publish", `{"channel":"flood","message":`+message+`}`, i))
		publisher.expect(response("pubsub", "null", i))
		healthy.expect(publication("pubsub", `"flood"`, message))
	}
	if code := <-s.door.codes; code != wire.CloseSlowReader {
		t.Errorf("the slow reader was closed with %d", code)
	}
}

func shutdownWithClients(t *testing.T, s *server) {
	subscriber := s.connect()
	subscriber.send(request("pubsub", "subscribe", `{"channel":"x"}`, 1))
	subscriber.expect(response("pubsub", "null", 1))
	publisher := s.connect()
	publisher.send(request("pubsub", "publish", `{"channel":"x","message":1}`, 1))
	publisher.expect(response("pubsub", "null", 1))
	result := make(chan error, 1)
	go func() { result <- s.broker.Shutdown(context.Background(), time.Second) }()
	subscriber.expect(publication("pubsub", `"x"`, "1"))
	for _, c := range []*client{subscriber, publisher} {
		if code := c.expectClose(); code != wire.CloseGoingAway {
			t.Errorf("closed with %d", code)
		}
		_ = c.conn.Close()
	}
	if err := <-result; err != nil {
		t.Error(err)
	}
	if err := s.broker.Attach(actors.Attachment{Door: s.door}); err == nil {
		t.Error("a connection was taken after the end")
	}
}

func backPressure(t *testing.T, s *server) {
	gate := newGate()
	s.register("gate", gate)
	c := s.connect()
	const calls = 2000
	go func() {
		c.send(request("gate", "wait", "{}", 0))
		for i := range calls {
			c.send(request("pubsub", "subscribe", fmt.Sprintf(`{"channel":%d}`, i%10), i+1))
		}
	}()
	<-gate.waiting
	gate.open()
	c.expect(response("gate", "null", 0))
	for i := range calls {
		want := response("pubsub", "null", i+1)
		if i >= 10 {
			want = refusal("pubsub", "Already subscribed", i+1)
		}
		c.expect(want)
	}
}

func silence(t *testing.T, s *server) {
	c := s.connect()
	pings := 0
	for {
		op, payload, err := c.frame()
		if err != nil {
			t.Fatal(err)
		}
		if op == wire.OpPing {
			pings++
		}
		if op == wire.OpClose {
			if code := wire.CloseCode(uint16(payload[0])<<8 | uint16(payload[1])); code != wire.ClosePongTimeout {
				t.Errorf("closed with %d", code)
			}
			break
		}
	}
	if pings == 0 {
		t.Error("no ping before the end")
	}
}

// gate is a service whose command waits until the test lets it go on.
type gate struct {
	waiting chan struct{}
	opened  chan struct{}
}

func newGate() *gate { return &gate{waiting: make(chan struct{}, 1), opened: make(chan struct{})} }

func (g *gate) open() { close(g.opened) }

func (g *gate) Commands() actors.Commands {
	return actors.Commands{"wait": actors.Command(func(*actors.Call, actors.NoParams) (any, error) {
		g.waiting <- struct{}{}
		<-g.opened
		return nil, nil
	})}
}

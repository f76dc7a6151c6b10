package gateway_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/services"
	"github.com/snorky-go/snorky/gateway"
)

const (
	patience  = 10 * time.Second
	readLimit = 4096
)

// door is a server with a broker, whose service pubsub everybody may use.
type door struct {
	t       *testing.T
	broker  *actors.Broker
	handler *gateway.Handler
	server  *httptest.Server
	dialer  websocket.Dialer
}

// kind is what stands between a client and the broker.
type kind struct{ secure, portable, guarded bool }

func openDoor(t *testing.T, k kind) *door {
	t.Helper()
	broker, err := actors.NewBroker(actors.Options{Loops: 2, Portable: k.portable})
	if err != nil {
		t.Fatal(err)
	}
	pubsub := services.NewPubSub(services.Everybody)
	if err := broker.Frontend().Register("pubsub", pubsub); err != nil {
		t.Fatal(err)
	}
	d := &door{t: t, broker: broker, handler: gateway.New(broker, gateway.Options{ReadLimit: readLimit, MaxConnections: 3})}
	d.server = httptest.NewUnstartedServer(d.handler)
	d.dialer = websocket.Dialer{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	if k.guarded {
		d.server.Listener = gateway.NewListener(d.server.Listener, d.handler, gateway.ListenerOptions{Path: "/"})
	}
	if k.secure {
		d.server.StartTLS()
	} else {
		d.server.Start()
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := broker.Shutdown(ctx, 0); err != nil {
			t.Errorf("shutting down: %v", err)
		}
		d.server.Close()
	})
	return d
}

// doors runs a test on event loops, on the portable way, and with TLS, each with and without a Listener.
func doors(t *testing.T, test func(*door)) {
	for name, k := range map[string]kind{
		"loops":              {},
		"portable":           {portable: true},
		"TLS":                {secure: true},
		"loops, listener":    {guarded: true},
		"portable, listener": {guarded: true, portable: true},
		"TLS, listener":      {guarded: true, secure: true},
	} {
		t.Run(name, func(t *testing.T) { test(openDoor(t, k)) })
	}
}

// dial connects a client. It waits while there is no seat, since the broker notices a moment later who has gone.
func (d *door) dial() *guest {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		conn, response, err := d.dialer.DialContext(ctx, "ws"+strings.TrimPrefix(d.server.URL, "http"), nil)
		if err == nil {
			d.t.Cleanup(func() { _ = conn.Close() })
			_ = conn.SetReadDeadline(time.Now().Add(patience))
			return &guest{d.t, conn}
		}
		if response == nil || response.StatusCode != 503 {
			d.t.Fatal(err)
		}
		<-tick.C
	}
}

// guest is a client of gorilla's, which looks at frames more strictly than most.
type guest struct {
	t    *testing.T
	conn *websocket.Conn
}

func (g *guest) send(texts ...string) {
	g.t.Helper()
	for _, text := range texts {
		if err := g.conn.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
			g.t.Fatal(err)
		}
	}
}

// raw sends bytes that may be no frames.
func (g *guest) raw(b []byte) {
	g.t.Helper()
	if _, err := g.conn.NetConn().Write(b); err != nil {
		g.t.Fatal(err)
	}
}

func (g *guest) expect(texts ...string) {
	g.t.Helper()
	for _, want := range texts {
		kind, got, err := g.conn.ReadMessage()
		if err != nil || kind != websocket.TextMessage || !json.Valid(got) || string(got) != want {
			g.t.Fatalf("got kind %d, %s, error %v; want %s", kind, got, err, want)
		}
	}
}

// expectClose reads the close frame, answers it, and waits for the end of the connection.
func (g *guest) expectClose(code int) {
	g.t.Helper()
	_, _, err := g.conn.ReadMessage()
	var closed *websocket.CloseError
	if !errors.As(err, &closed) || closed.Code != code {
		g.t.Fatalf("got %v, want close code %d", err, code)
	}
	var end [1]byte
	for err = nil; err == nil; {
		_, err = g.conn.NetConn().Read(end[:])
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		g.t.Fatal("the connection stays open")
	}
	_ = g.conn.Close()
}

// request is a call of pubsub, and answer what comes back.
func request(id int, command, params string) string {
	return fmt.Sprintf(`{"service":"pubsub","message":{"command":"%s","params":%s,"callId":%d}}`, command, params, id)
}

func answer(id int) string {
	return fmt.Sprintf(`{"service":"pubsub","message":{"type":"response","callId":%d,"data":null}}`, id)
}

func published(channel, message string) string {
	return fmt.Sprintf(`{"service":"pubsub","message":{"type":"message","channel":%s,"message":%s}}`, channel, message)
}

func TestPublishFromClientToClient(t *testing.T) {
	doors(t, func(d *door) {
		reader, writer := d.dial(), d.dial()
		reader.send(request(1, "subscribe", `{"channel":"news"}`))
		reader.expect(answer(1))
		long := `"` + strings.Repeat("ü", 1500) + `"`
		writer.send(request(1, "publish", `{"channel":"news","message":"hello"}`), "no JSON", request(2, "publish", `{"channel":"news","message":`+long+`}`))
		writer.expect(answer(1), answer(2))
		reader.expect(published(`"news"`, `"hello"`), published(`"news"`, long))
	})
}

func TestPingInsideAMessage(t *testing.T) {
	doors(t, func(d *door) {
		g := d.dial()
		pongs := make(chan string, 1)
		g.conn.SetPongHandler(func(payload string) error { pongs <- payload; return nil })
		call := request(7, "subscribe", `{"channel":"news"}`)
		g.raw(frameOf(websocket.TextMessage, call[:9]))
		g.raw(frameOf(0x80|websocket.PingMessage, "now"))
		g.raw(frameOf(0x80, call[9:]))
		g.expect(answer(7))
		select {
		case got := <-pongs:
			if got != "now" {
				t.Errorf("pong %q", got)
			}
		default:
			t.Error("no pong before the answer")
		}
	})
}

func TestFaultsOfFraming(t *testing.T) {
	huge := []byte{0x81, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0, 1, 2, 3, 4}
	cases := map[string]struct {
		sent []byte
		code int
	}{
		"reserved bit":        {frameOf(0xc1, "x"), 1002},
		"unmasked":            {[]byte{0x81, 1, 'x'}, 1002},
		"promise of a GiB":    {huge, 1009},
		"too large":           {frameOf(0x81, strings.Repeat("x", readLimit+1)), 1009},
		"not UTF-8":           {frameOf(0x81, "\xff"), 1007},
		"close":               {frameOf(0x88, "\x03\xe8bye"), 1000},
		"close without code":  {frameOf(0x88, ""), 1000},
		"close with own code": {frameOf(0x88, "\x0f\xa0"), 4000},
		"close, bad code":     {frameOf(0x88, "\x03\xed"), 1002},
		"call after close":    {append(frameOf(0x88, "\x03\xe8"), frameOf(0x81, request(1, "subscribe", `{"channel":1}`))...), 1000},
	}
	doors(t, func(d *door) {
		for name, c := range cases {
			d.t.Log(name)
			g := d.dial()
			g.send(request(0, "subscribe", `{"channel":"news"}`))
			g.expect(answer(0))
			g.raw(c.sent)
			g.expectClose(c.code)
		}
		d.dial().send(request(1, "subscribe", `{"channel":"news"}`))
	})
}

// Frames in absurd numbers cost their sender more than the broker, and the call they are part of is answered.
func TestManyFrames(t *testing.T) {
	call := request(1, "subscribe", `{"channel":"news"}`)
	start, end := frameOf(websocket.TextMessage, call[:1]), frameOf(0x80, call[len(call)-1:])
	var bytewise []byte
	for _, c := range []byte(call[1 : len(call)-1]) {
		bytewise = append(bytewise, frameOf(0, string(c))...)
		bytewise = append(bytewise, frameOf(0x80|websocket.PingMessage, "p")...)
	}
	middle := frameOf(0, call[1:len(call)-1])
	cases := map[string]struct {
		sent  []byte
		pongs int
	}{
		"empty fragments":                     {slices.Concat(start, bytes.Repeat(frameOf(0, ""), 100_000), middle, end), 0},
		"pings before a call":                 {slices.Concat(bytes.Repeat(frameOf(0x80|websocket.PingMessage, "p"), 20_000), start, middle, end), 20_000},
		"fragments of a byte, pings in there": {slices.Concat(start, bytewise, end), len(call) - 2},
	}
	doors(t, func(d *door) {
		for name, c := range cases {
			d.t.Log(name)
			g := d.dial()
			pongs := 0
			g.conn.SetPongHandler(func(string) error { pongs++; return nil })
			g.raw(c.sent)
			g.expect(answer(1))
			if pongs != c.pongs {
				d.t.Errorf("%d pongs, want %d", pongs, c.pongs)
			}
			_ = g.conn.Close()
		}
	})
}

// The seat of a connection is free again after it, however it ended. dial waits for that.
func TestSeatsAreGivenBack(t *testing.T) {
	doors(t, func(d *door) {
		for i := range 12 {
			g := d.dial()
			switch i % 3 {
			case 0:
				g.raw(frameOf(0x88, ""))
			case 1:
				_ = g.conn.NetConn().Close()
			default:
				g.raw([]byte{0xff, 0xff})
				g.expectClose(1002)
			}
		}
		guests := []*guest{d.dial(), d.dial(), d.dial()}
		_, response, err := d.dialer.Dial("ws"+strings.TrimPrefix(d.server.URL, "http"), nil)
		if err == nil || response == nil || response.StatusCode != 503 {
			d.t.Errorf("a fourth of three: %v", err)
		}
		for i, g := range guests {
			g.send(request(i, "subscribe", `{"channel":"news"}`))
			g.expect(answer(i))
		}
	})
}

func TestDraining(t *testing.T) {
	doors(t, func(d *door) {
		g := d.dial()
		d.handler.Close()
		if _, response, err := d.dialer.Dial("ws"+strings.TrimPrefix(d.server.URL, "http"), nil); err == nil || response.StatusCode != 503 {
			d.t.Errorf("a handshake while draining: %v", err)
		}
		g.send(request(1, "subscribe", `{"channel":"news"}`))
		g.expect(answer(1))
	})
}

// frameOf is a short frame as a client sends it.
func frameOf(first byte, payload string) []byte {
	frame := []byte{first, 0x80 | byte(len(payload))}
	if len(payload) > 125 {
		frame = []byte{first, 0x80 | 126, byte(len(payload) >> 8), byte(len(payload))}
	}
	mask := []byte{9, 8, 7, 6}
	frame = append(frame, mask...)
	for i := range len(payload) {
		frame = append(frame, payload[i]^mask[i%4])
	}
	return frame
}

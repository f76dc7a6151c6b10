package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/snorky-go/snorky/actors/wire"
	"github.com/snorky-go/snorky/cmd/snorky/internal/bench"
)

// abuser is a stranger who does what must not succeed.
type abuser struct {
	w    *world
	turn atomic.Uint32
}

// attack is one kind of abuse.
type attack struct {
	name  string
	times int
	do    func(ctx context.Context) error // tells what should not have been
}

// burst does all of it, several at a time. It takes some twenty seconds, which is how long the slow ones are borne with.
func (a *abuser) burst(ctx context.Context) {
	var attacks []attack
	for name, bytes := range map[string][]byte{
		"reserved bits":     {0xff, 0xff},
		"not masked":        {0x81, 0x02, 'h', 'i'},
		"not UTF-8":         bench.AppendFrame(nil, wire.OpText, []byte{0xff, 0xfe}),
		"no end of lengths": {0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4},
		"too long":          bench.AppendFrame(nil, wire.OpText, bytes.Repeat([]byte{' '}, 70_000)),
		"bad close frame":   bench.AppendFrame(nil, wire.OpClose, []byte{1}),
	} {
		attacks = append(attacks, attack{name, 40, func(ctx context.Context) error { return a.frames(ctx, bytes) }})
	}
	for name, r := range map[string]refusal{
		"wrong key":      {a.w.server.back, "POST /backend HTTP/1.1\r\nHost: x\r\nX-Backend-Key: wrong\r\nContent-Length: 2\r\n\r\n{}", 401},
		"wrong origin":   {a.w.server.front, upgradeTo("/ws", "Origin: http://evil.example\r\n"), 403},
		"wrong path":     {a.w.server.front, upgradeTo("/debug/pprof/", ""), 404},
		"forged token":   {a.w.server.front, upgradeTo("/ws?access_token=e30.e30.e30", ""), 401},
		"large header":   {a.w.server.front, "GET /ws HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 200_000) + "\r\n\r\n", 431},
		"TLS":            {a.w.server.front, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x00", 40) + "\r\n\r\n", 400},
		"random bytes":   {a.w.server.back, "\x00\x01\x02rubbish\r\n\r\n", 400},
		"1 GiB promised": {a.w.server.back, "POST /backend HTTP/1.1\r\nHost: x\r\nX-Backend-Key: wrong\r\nContent-Length: 1073741824\r\n\r\n{", 401},
	} {
		attacks = append(attacks, attack{name, 40, func(ctx context.Context) error { return a.request(ctx, r) }})
	}
	attacks = append(attacks,
		attack{"rubbish in frames", 20, a.rubbish},
		attack{"reset at once", 200, a.reset},
		attack{"one byte after another", 60, a.trickle},
	)
	var running sync.WaitGroup
	for _, at := range attacks {
		running.Go(func() {
			width := 4
			if at.name == "one byte after another" {
				width = at.times
			}
			a.repeat(ctx, at, width)
		})
	}
	running.Wait()
}

func (a *abuser) repeat(ctx context.Context, at attack, width int) {
	var left atomic.Int32
	left.Store(int32(at.times))
	var all sync.WaitGroup
	for range width {
		all.Go(func() {
			for left.Add(-1) >= 0 && ctx.Err() == nil {
				if err := at.do(ctx); err != nil && ctx.Err() == nil {
					a.w.fault("abuse: "+at.name, "%v", err)
				}
			}
		})
	}
	all.Wait()
}

func upgradeTo(path, header string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
		"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" + header + "\r\n"
}

// dial connects from one of a few addresses.
func (a *abuser) dial(ctx context.Context, address string) (*net.TCPConn, error) {
	raw, err := dialFrom(ctx, address, 0xff00+a.turn.Add(1)%8, false)
	if err == nil {
		_ = raw.SetDeadline(time.Now().Add(answerWithin))
		a.w.connections.Add(1)
	}
	return raw, err
}

func (a *abuser) hangUp(raw *net.TCPConn) {
	_ = raw.Close()
	a.w.connections.Add(-1)
}

// frames sends what no server may take, and waits for the end of the connection. What would come together with the
// handshake would be refused with it.
func (a *abuser) frames(ctx context.Context, sent []byte) error {
	c, err := a.w.open(ctx, quietBuffer, "", false)
	if err != nil {
		return err
	}
	a.w.connections.Add(1)
	defer a.w.gone(c)
	_, _ = c.Write(sent)
	return ended(c.TCPConn)
}

// ended waits for the end of a connection.
func ended(raw net.Conn) error {
	if _, err := io.Copy(io.Discard, raw); errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("the connection lives after %v", answerWithin)
	}
	return nil
}

// refusal is a request and the status that it must have.
type refusal struct {
	address, sent string
	status        int
}

func (a *abuser) request(ctx context.Context, r refusal) error {
	raw, err := a.dial(ctx, r.address)
	if err != nil {
		return err
	}
	defer a.hangUp(raw)
	_, _ = io.WriteString(raw, r.sent)
	answer := make([]byte, 12)
	if _, err := io.ReadFull(raw, answer); err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return fmt.Errorf("no answer within %v", answerWithin)
		}
		return nil // it was reset in the middle of what it sent
	}
	var status int
	_, _ = fmt.Sscanf(string(answer), "HTTP/1.1 %d", &status)
	busy := status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable
	if status != r.status && !busy {
		return fmt.Errorf("answered with %q, not %d", answer, r.status)
	}
	return nil
}

// rubbish sends messages that are no packets, and then a call, which is answered.
func (a *abuser) rubbish(ctx context.Context) error {
	c, err := a.w.open(ctx, quietBuffer, "", false)
	if err != nil {
		return err
	}
	a.w.connections.Add(1)
	defer a.w.gone(c)
	c.notice = func([]byte) {}
	for _, text := range []string{"", "hello", "[]", `{"service"`, strings.Repeat("[", 10_000), `{"service":"nope","message":1}`} {
		for range 20 {
			if err := c.send(wire.OpText, []byte(text)); err != nil {
				return err
			}
		}
	}
	return c.call("pubsub", "subscribe", `{"channel":"after all"}`)
}

func (a *abuser) reset(ctx context.Context) error {
	raw, err := a.dial(ctx, a.w.server.front)
	if err != nil {
		return err
	}
	if rand.IntN(2) == 0 {
		_, _ = io.WriteString(raw, upgradeTo("/ws", "")[:rand.IntN(100)])
	}
	_ = raw.SetLinger(0)
	a.hangUp(raw)
	return nil
}

// trickle sends a header so slowly that it never ends.
func (a *abuser) trickle(ctx context.Context) error {
	address := a.w.server.front
	if rand.IntN(2) == 0 {
		address = a.w.server.back
	}
	raw, err := a.dial(ctx, address)
	if err != nil {
		return err
	}
	defer a.hangUp(raw)
	request := upgradeTo("/ws", "")
	for i := range 60 {
		if _, err := io.WriteString(raw, request[i:i+1]); err != nil {
			return nil // this is what should happen
		}
		if !rest(ctx, time.Second/2) {
			return nil
		}
	}
	return errors.New("a header that takes half a minute was borne with")
}

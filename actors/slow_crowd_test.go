package actors

import (
	"bufio"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/snorky-go/snorky/actors/wire"
)

// audience are clients with real sockets, all subscribed to one channel of a board.
type audience struct {
	*crowd
	t     *testing.T
	ends  []net.Conn
	heard []atomic.Int32  // how many of those that read have heard each message
	all   []chan struct{} // closed when all of them have
	codes *sync.Map       // by address, how connections of the broker have ended
	read  sync.WaitGroup  // those that read
}

// Closed notes how a connection has ended. An audience is the door of its members.
func (a *audience) Closed(remote netip.AddrPort, code wire.CloseCode) { a.codes.Store(remote, code) }

// Parse takes nothing: the members are subscribed without asking.
func (*audience) Parse(*ParseState, []byte, Sink) ([]byte, error) { return nil, nil }

func newAudience(t *testing.T, o Options, size, messages int) *audience {
	t.Helper()
	b, err := NewBroker(o)
	if err != nil {
		t.Fatal(err)
	}
	a := &audience{crowd: &crowd{tb: t, broker: b, board: &board{}}, t: t, codes: &sync.Map{}, heard: make([]atomic.Int32, messages)}
	t.Cleanup(a.end)
	if err := b.Frontend().Register("board", a.board); err != nil {
		t.Fatal(err)
	}
	if err := b.Backend().Register("board_backend", companionBoard{a.board}); err != nil {
		t.Fatal(err)
	}
	for range messages {
		a.all = append(a.all, make(chan struct{}))
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	for i := range size {
		a.join(listener, i)
	}
	a.await(size)
	return a
}

func (a *audience) join(listener net.Listener, i int) {
	here, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		a.t.Fatal(err)
	}
	_ = here.(*net.TCPConn).SetReadBuffer(16 << 10)
	a.ends = append(a.ends, here)
	there, err := listener.Accept()
	if err != nil {
		a.t.Fatal(err)
	}
	if err := a.broker.Attach(Attachment{Conn: there, Door: a, Remote: remoteOf(i)}); err != nil {
		a.t.Fatal(err)
	}
	l := a.broker.loops[0]
	var conn *connection
	for conn == nil {
		a.on(l, func() {
			if len(l.conns) == i+1 {
				conn = l.conns[i]
			}
		})
	}
	a.subscribe(conn, channelName)
}

// remoteOf is the address by which the door knows a member.
func remoteOf(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.IPv6LinkLocalAllNodes(), uint16(i))
}

func (a *audience) end() {
	for _, end := range a.ends {
		_ = end.Close()
	}
	a.read.Wait()
	if err := a.broker.Shutdown(context.Background(), 0); err != nil {
		a.t.Error(err)
	}
}

// listen has a member read all messages, of which the first n bytes are their number.
func (a *audience) listen(i, readers int) {
	a.read.Go(func() {
		r := bufio.NewReader(a.ends[i])
		for number := range a.heard {
			text, err := readText(r)
			if err != nil || !strings.Contains(text, fmt.Sprintf(`"message":"%d `, number)) {
				a.t.Errorf("member %d at message %d: %v, %.100q", i, number, err, text)
				return
			}
			if a.heard[number].Add(1) == int32(readers) {
				close(a.all[number])
			}
		}
	})
}

// readText reads a frame of up to 64 KiB.
func readText(r *bufio.Reader) (string, error) {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:2]); err != nil {
		return "", err
	}
	size := uint16(head[1])
	if size == 126 {
		if _, err := io.ReadFull(r, head[2:4]); err != nil {
			return "", err
		}
		size = binary.BigEndian.Uint16(head[2:4])
	}
	text := make([]byte, size)
	_, err := io.ReadFull(r, text)
	return string(text), err
}

// waiting is how much waits in the broker for the first members, together, and at most for one of the others, in bytes.
func (a *audience) waiting(first int) (together, one int) {
	l := a.broker.loops[0]
	a.on(l, func() {
		for _, conn := range l.conns {
			bytes := conn.queued
			if conn.held != nil {
				bytes += conn.held.bytes
			}
			if int(conn.remote.Port()) < first {
				together += bytes
			} else {
				one = max(one, bytes)
			}
		}
	})
	return together, one
}

// Of 200 subscribers 10 stop reading. All others get every message, once and in order; exactly the 10 are cut off; and no
// more waits in the broker than they may have waiting.
func TestSlowReadersCostOnlyThemselves(t *testing.T) {
	const (
		size, slow = 200, 10
		messages   = 500
		ahead      = 16 // messages that may be on their way to those that read
		bound      = 128 << 10
	)
	for _, portable := range []bool{false, true} {
		t.Run(loopName(portable), func(t *testing.T) {
			a := newAudience(t, Options{
				Loops: 1, Portable: portable, MaxQueuedBytes: bound, SendBuffer: 16 << 10, PingInterval: -1,
			}, size, messages)
			for i := slow; i < size; i++ {
				a.listen(i, size-slow)
			}
			padding, most, other, longest := strings.Repeat("x", 1024), 0, 0, 0
			for number := range messages {
				if number >= ahead {
					select {
					case <-a.all[number-ahead]:
					case <-time.After(time.Minute):
						t.Fatalf("message %d has not reached everybody", number-ahead)
					}
				}
				call := fmt.Sprintf(`{"command":"publish","params":{"channel":"news","message":"%d %s"},"callId":1}`, number, padding)
				longest = max(longest, len(call))
				if _, err := a.broker.Call(t.Context(), "board_backend", []byte(call)); err != nil {
					t.Fatal(err)
				}
				together, one := a.waiting(slow)
				most, other = max(most, together), max(other, one)
			}
			<-a.all[messages-1]
			if most > slow*bound || most < slow*bound/2 || other > ahead*longest {
				t.Errorf("up to %d bytes waited for %d slow readers, and up to %d for one that reads", most, slow, other)
			}
			until(t, "the slow ones are gone", func() bool { return a.broker.Stats().Connections == size-slow })
			for i := range size {
				code, ended := a.codes.Load(remoteOf(i))
				if ended != (i < slow) || ended && code != wire.CloseSlowReader && code != wire.CloseWriteTimeout {
					t.Errorf("member %d: ended: %v, %v", i, ended, code)
				}
			}
		})
	}
}

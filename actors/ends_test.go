package actors_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/services"
	"github.com/snorky-go/snorky/actors/wire"
)

// trapDoor panics where it is told to.
type trapDoor struct{ *lineDoor }

func (d trapDoor) Parse(st *actors.ParseState, data []byte, sink actors.Sink) ([]byte, error) {
	if bytes.Contains(data, []byte("!panic")) {
		panic("in Parse")
	}
	return d.lineDoor.Parse(st, data, sink)
}

func (d trapDoor) Closed(remote netip.AddrPort, code wire.CloseCode) {
	d.lineDoor.Closed(remote, code)
	panic("in Closed")
}

// A door that panics costs its connection, and nobody else.
func TestDoorsThatPanic(t *testing.T) {
	for _, way := range ways {
		t.Run(way, func(t *testing.T) {
			s := newServer(t, way, actors.Options{Loops: 1})
			defer s.shutdown()
			s.register("pubsub", services.NewPubSub(services.Everybody))
			s.gate = trapDoor{s.door}
			healthy := s.connect()
			healthy.send(request("pubsub", "subscribe", `{"channel":1}`, 0))
			healthy.expect(response("pubsub", "null", 0))
			for i := range 5 {
				c := s.connect()
				c.send(request("pubsub", "subscribe", `{"channel":1}`, 1))
				c.expect(response("pubsub", "null", 1))
				c.send("!panic")
				if code := c.expectClose(); code != wire.CloseInternalError {
					t.Errorf("closed with %d", code)
				}
				_ = c.conn.Close()
				<-s.door.codes
				healthy.send(request("pubsub", "publish", `{"channel":1,"message":1}`, i))
				healthy.expect(publication("pubsub", "1", "1"), response("pubsub", "null", i))
			}
			until(t, "all others gone", func() bool { return s.broker.Stats().Connections == 1 })
		})
	}
}

// A client that has ended its stream may still be reading, slowly: it gets all its answers.
func TestAnswersAfterTheEndOfTheStream(t *testing.T) {
	for _, way := range []string{"loop", "portable"} {
		t.Run(way, func(t *testing.T) {
			s := newServer(t, way, actors.Options{SendBuffer: 16 << 10})
			defer s.shutdown()
			s.register("d", &direct{})
			c := s.connect()
			tcp, _ := c.conn.(*net.TCPConn)
			_ = tcp.SetReadBuffer(16 << 10)
			value := `"` + strings.Repeat("x", 4000) + `"`
			const calls = 100
			for i := range calls {
				c.send(request("d", "greet", `{"value":`+value+`}`, i))
			}
			if err := tcp.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			for i := range calls {
				c.expect(`{"service":"d","message":`+value+`}`, response("d", value, i))
			}
			c.expectEnd()
		})
	}
}

// A client that asks for more than it takes has to wait, but is not cut off for it.
func TestAnswersHoldUpRequests(t *testing.T) {
	for _, way := range ways {
		t.Run(way, func(t *testing.T) {
			s := newServer(t, way, actors.Options{SendBuffer: 16 << 10, MaxQueuedBytes: 256 << 10})
			defer s.shutdown()
			s.register("d", &direct{})
			c := s.connect()
			if tcp, ok := c.conn.(*net.TCPConn); ok {
				_ = tcp.SetReadBuffer(16 << 10)
			}
			const calls = 3000
			var lines []string
			for i := range calls {
				lines = append(lines, request("d", "whoami", "{}", fmt.Sprintf("%0100d", i)))
			}
			sent := make(chan error, 1)
			go func() {
				_, err := io.WriteString(c.conn, strings.Join(lines, "\n")+"\n")
				sent <- err
			}()
			for i := range calls {
				c.expect(response("d", "null", fmt.Sprintf("%0100d", i)))
			}
			if err := <-sent; err != nil {
				t.Error(err)
			}
		})
	}
}

// busy publishes on several connections until they end, and tells how each ended.
func busy(s *server, n int) <-chan wire.CloseCode {
	codes := make(chan wire.CloseCode, n)
	for i := range n {
		c := s.connect()
		go func() {
			for j := 0; ; j++ {
				line := request("pubsub", "publish", fmt.Sprintf(`{"channel":%d,"message":%d}`, i%2, j), j) + "\n"
				if _, err := io.WriteString(c.conn, line); err != nil {
					codes <- 0
					return
				}
				op, payload, err := c.frame()
				if err != nil {
					codes <- 0
					return
				}
				if op == wire.OpClose {
					codes <- wire.CloseCode(uint16(payload[0])<<8 | uint16(payload[1]))
					_ = c.conn.Close()
					return
				}
			}
		}()
	}
	return codes
}

// Publishers that never pause do not keep the broker from ending properly.
func TestShutdownAmongBusyPublishers(t *testing.T) {
	s := newServer(t, "loop", actors.Options{Loops: 2})
	defer s.shutdown()
	s.register("pubsub", services.NewPubSub(services.Everybody))
	for i := range 200 {
		c := s.connect()
		c.send(request("pubsub", "subscribe", fmt.Sprintf(`{"channel":%d}`, i%2), 0))
		go func() { _, _ = io.Copy(io.Discard, c.conn) }()
	}
	until(t, "subscribed", func() bool { return s.broker.Stats().Subscriptions == 200 })
	const publishers = 8
	codes := busy(s, publishers)
	until(t, "under way", func() bool { return s.broker.Stats().Connections == 200+publishers })
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.broker.Shutdown(ctx, 0); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	for range publishers {
		if code := <-codes; code != wire.CloseGoingAway {
			t.Errorf("a publisher was closed with %d", code)
		}
	}
}

// Connections end evenly over the time that Shutdown is given.
func TestConnectionsEndSpreadOverTime(t *testing.T) {
	bubble(t, actors.Options{Loops: 1, PingInterval: -1}, func(t *testing.T, s *server) {
		const clients, spread = 1000, 5 * time.Second // no slower than minDrainRate
		var mu sync.Mutex
		var ends []time.Duration
		var wg sync.WaitGroup
		var start time.Time
		for range clients {
			c := s.connect()
			wg.Go(func() {
				_, _, _ = c.nextFrame()
				mu.Lock()
				ends = append(ends, time.Since(start))
				mu.Unlock()
				_ = c.conn.Close()
			})
		}
		synctest.Wait()
		start = time.Now()
		if err := s.broker.Shutdown(context.Background(), 2*spread); err != nil {
			t.Error(err)
		}
		wg.Wait()
		if len(ends) != clients {
			t.Fatalf("%d ended", len(ends))
		}
		for i, at := range ends {
			due := spread * time.Duration(i) / clients
			if at < due-200*time.Millisecond || at > due+400*time.Millisecond {
				t.Fatalf("connection %d ended after %v, due after %v", i, at, due)
			}
		}
	})
}

// A context that ends cuts off what is left; Shutdown returns although a service is stuck.
func TestShutdownInAHurry(t *testing.T) {
	bubble(t, actors.Options{}, func(t *testing.T, s *server) {
		s.register("slow", slow{})
		s.register("pubsub", services.NewPubSub(services.Everybody))
		c, idle := s.connect(), s.connect()
		c.send(request("slow", "sleep", `{"seconds":60}`, 1), request("pubsub", "subscribe", `{"channel":1}`, 2))
		idle.send(request("pubsub", "subscribe", `{"channel":1}`, 1))
		idle.expect(response("pubsub", "null", 1))
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		if err := s.broker.Shutdown(ctx, time.Minute); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("shutdown: %v", err)
		}
		if passed := time.Since(start); passed > 4*time.Second {
			t.Errorf("shutdown took %v", passed)
		}
		if code := <-s.door.codes; code != wire.CloseGoingAway {
			t.Errorf("the idle one ended with %d", code)
		}
		<-s.door.codes
		<-time.After(2 * time.Minute) // the stuck command returns
	})
}

// Whoever is attached while the broker ends is either refused or told.
func TestAttachWhileTheBrokerEnds(t *testing.T) {
	for _, way := range []string{"loop", "pipe"} {
		t.Run(way, func(t *testing.T) {
			for range 5 {
				s := newServer(t, way, actors.Options{Loops: 2})
				var taken atomic.Int32
				var wg sync.WaitGroup
				for range 4 {
					wg.Go(func() {
						for range 20 {
							here, there := socketPair(t, way)
							if err := s.broker.Attach(actors.Attachment{Conn: there, Door: s.door}); err != nil {
								_ = there.Close()
							} else {
								taken.Add(1)
							}
							go func() {
								_, _ = io.ReadFull(here, make([]byte, 4)) // a close frame, if it is taken
								_ = here.Close()
							}()
						}
					})
				}
				until(t, "some there", func() bool { return taken.Load() > 10 })
				s.shutdown()
				wg.Wait()
				if closed := s.door.closed.Load(); closed != taken.Load() {
					t.Fatalf("%d of %d were told of their end", closed, taken.Load())
				}
			}
		})
	}
}

func socketPair(t *testing.T, way string) (here, there net.Conn) {
	if way == "pipe" {
		return net.Pipe()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Error(err)
		return net.Pipe()
	}
	defer func() { _ = l.Close() }()
	if here, err = net.Dial("tcp", l.Addr().String()); err == nil {
		there, err = l.Accept()
	}
	if err != nil {
		t.Error(err)
	}
	return here, there
}

// stubborn is a net.Conn that takes its time to close, as TLS does for a client that does not read.
type stubborn struct {
	net.Conn
	release <-chan struct{}
}

func (c stubborn) Close() error {
	<-c.release
	return c.Conn.Close()
}

func TestSlowClosingHoldsUpNobody(t *testing.T) {
	bubble(t, actors.Options{Loops: 1}, func(t *testing.T, s *server) {
		s.register("pubsub", services.NewPubSub(services.Everybody))
		release := make(chan struct{})
		here, there := net.Pipe()
		s.attach(stubborn{there, release})
		c := s.connect()
		go func() { _, _ = io.WriteString(here, "!close\n") }()
		_, _ = io.ReadFull(here, make([]byte, 4))
		<-s.door.codes
		c.send(request("pubsub", "subscribe", `{"channel":1}`, 1))
		c.expect(response("pubsub", "null", 1))
		close(release)
	})
}

package server_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/snorky-go/snorky/actors/wire"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/trial"
	"github.com/snorky-go/snorky/cmd/snorkyd/server"
)

// hindrance is something that would hold up the end for ever, if it could. It is made before the end, and taken away
// by the function it returns, after it.
type hindrance func(t *testing.T, s *server.Server, a *fakeApplication) (over func())

var hindrances = map[string]hindrance{
	"client that does not answer": func(t *testing.T, s *server.Server, _ *fakeApplication) func() {
		enter(t, s, "ann")
		return func() {}
	},
	"client that takes nothing": func(t *testing.T, s *server.Server, _ *fakeApplication) func() {
		if got := subscribe(enter(t, s, "ann"), "flood"); got != "null" {
			t.Fatal(got)
		}
		publisher := trial.Publisher(t, s.BackendAddr(), s.Key())
		for range 20 {
			trial.Publish(t, publisher, "pubsub_backend", "flood", strings.Repeat("x", 100_000))
		}
		return func() {}
	},
	"service that sleeps": func(t *testing.T, s *server.Server, _ *fakeApplication) func() {
		service := newSlow()
		if err := s.Broker().Frontend().Register("slow", service); err != nil {
			t.Fatal(err)
		}
		c := enter(t, s, "ann")
		for i := range 3 {
			c.Send(fmt.Sprintf(`{"service":"slow","message":{"command":"wait","params":{},"callId":%d}}`, i))
		}
		<-service.called
		return func() { close(service.release) }
	},
	"service of the backend that sleeps": func(t *testing.T, s *server.Server, _ *fakeApplication) func() {
		service := newSlow()
		if err := s.Broker().Backend().Register("slow", service); err != nil {
			t.Fatal(err)
		}
		publisher := trial.Publisher(t, s.BackendAddr(), s.Key())
		var calls sync.WaitGroup
		calls.Go(func() { _, _ = publisher.Call(context.Background(), "slow", "wait", struct{}{}) })
		<-service.called
		return func() {
			close(service.release)
			calls.Wait()
		}
	},
	"application that does not answer": func(t *testing.T, s *server.Server, a *fakeApplication) func() {
		c := enter(t, s, "ann")
		for i := range 3 {
			c.Send(fmt.Sprintf(`{"service":"pubsub","message":{"command":"subscribe","params":{"channel":"ask: slow"},"callId":%d}}`, i))
		}
		<-a.arrived
		return func() {}
	},
	"handshake that is not answered": func(t *testing.T, s *server.Server, a *fakeApplication) func() {
		var handshake sync.WaitGroup
		handshake.Go(func() {
			if _, status := trial.DialWith(t, s.Addr(), "?as=slow"); status != http.StatusServiceUnavailable {
				t.Errorf("it is answered with %d", status)
			}
		})
		<-a.arrived
		return handshake.Wait
	},
	"half a request on each door": func(t *testing.T, s *server.Server, _ *fakeApplication) func() {
		for address, start := range map[string]string{
			s.Addr():        "GET /ws HTTP/1.1\r\nHost: x\r\n",
			s.BackendAddr(): "POST /backend HTTP/1.1\r\nHost: x\r\nX-Backend-Key: " + s.Key() + "\r\nContent-Length: 9\r\n\r\n{",
		} {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			_, _ = conn.Write([]byte(start))
		}
		return func() {}
	},
}

// Whatever hangs, the server ends when its time is over, and before that tells all others to go and when to come back.
func TestNothingHoldsUpTheEnd(t *testing.T) {
	t.Parallel()
	for name, hinder := range hindrances {
		for _, drain := range []time.Duration{0, 3 * time.Second} {
			if drain == 0 && !strings.Contains(name, "sleeps") {
				continue // it has less time, and is the same otherwise
			}
			t.Run(fmt.Sprintf("%s/%v", name, drain), func(t *testing.T) {
				t.Parallel()
				a := newFakeApplication(t)
				s := withApplication(t, a, func(c *server.Config) {
					c.Drain, c.CallTimeout, c.BackendTimeout, c.HeaderTimeout = drain, time.Hour, time.Hour, time.Hour
				})
				others := make([]*trial.Socket, 5)
				for i := range others {
					others[i] = enter(t, s, "bob")
				}
				over := hinder(t, s, a)
				ctx, cancel := context.WithTimeout(context.Background(), trial.Patience)
				defer cancel()
				_ = s.Shutdown(ctx)
				if ctx.Err() != nil {
					t.Error("it does not end")
				}
				over()
				for i, socket := range others {
					_, code := socket.Next()
					if after, ok := wire.Hint(socket.Reason); code != wire.CloseGoingAway || !ok || after > 4*time.Second {
						t.Errorf("client %d is closed with %d %q", i, code, socket.Reason)
					}
				}
			})
		}
	}
}

func TestClientsAreNotAskedToComeBack(t *testing.T) {
	t.Parallel()
	cfg := local()
	cfg.ReconnectSpread = 0
	s := boot(t, cfg)
	socket := trial.Subscribe(t, s.Addr(), "pubsub", "news")
	end(t, s)
	if _, code := socket.Next(); code != wire.CloseGoingAway || socket.Reason != "server is going away" {
		t.Errorf("closed with %d %q", code, socket.Reason)
	}
}

// Who comes while the server ends is asked to come back when it has ended.
func TestRefusedDuringTheDrain(t *testing.T) {
	t.Parallel()
	for spread, want := range map[time.Duration][2]int{0: {5, 10}, 20 * time.Second: {30, 81}} {
		t.Run(spread.String(), func(t *testing.T) {
			t.Parallel()
			cfg := local()
			cfg.Drain, cfg.ReconnectSpread = time.Minute, spread
			s := boot(t, cfg)
			service := newSlow()
			if err := s.Broker().Backend().Register("slow", service); err != nil {
				t.Fatal(err)
			}
			publisher := trial.Publisher(t, s.BackendAddr(), s.Key())
			var running sync.WaitGroup
			running.Go(func() { _, _ = publisher.Call(context.Background(), "slow", "wait", struct{}{}) })
			<-service.called
			running.Go(func() { _ = s.Shutdown(context.Background()) })
			trial.Eventually(t, "it drains", func() bool {
				return trial.Status(t, "http://"+s.Addr()+server.HealthPath) == http.StatusServiceUnavailable
			})
			for range 20 {
				after := refusal(t, s, "").Get("Retry-After")
				if n, err := strconv.Atoi(after); err != nil || n < want[0] || n > want[1] {
					t.Errorf("Retry-After %q, want %v", after, want)
				}
			}
			close(service.release)
			running.Wait()
		})
	}
}

// Clients who go on coming while one server ends and the next begins are all served by one of them, where the socket is
// kept open.
func TestNobodyIsRefusedWhereTheDoorIsKept(t *testing.T) {
	t.Parallel()
	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer front.Close()
	file, err := front.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	generation := func() *server.Server {
		l, err := net.FileListener(file)
		if err != nil {
			t.Fatal(err)
		}
		cfg := local()
		cfg.Drain = time.Second
		return boot(t, cfg, server.WithKeptListeners(l, nil))
	}
	s := generation()
	crowd := make([]*trial.Socket, 100)
	for i := range crowd {
		crowd[i] = trial.Subscribe(t, s.Addr(), "pubsub", "news")
	}
	stop := make(chan struct{})
	var coming sync.WaitGroup
	for range 4 {
		coming.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if _, status := trial.Dial(t, front.Addr().String()); status != http.StatusSwitchingProtocols {
					t.Errorf("somebody is answered with %d", status)
					return
				}
			}
		})
	}
	for range 2 {
		end(t, s)
		s = generation()
		trial.Subscribe(t, s.Addr(), "pubsub", "news")
	}
	close(stop)
	coming.Wait()
	for _, socket := range crowd {
		if _, code := socket.Next(); code != wire.CloseGoingAway {
			t.Errorf("closed with %d", code)
		}
	}
}

// A handshake that began before the door was left is not refused either: its client is told when to come back.
func TestHandshakeUnderWayWhenTheDoorIsLeft(t *testing.T) {
	t.Parallel()
	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	a := newFakeApplication(t)
	s := withApplication(t, a, nil, server.WithKeptListeners(front, nil))
	bob := enter(t, s, "bob")
	var running sync.WaitGroup
	running.Go(func() {
		socket, status := trial.DialWith(t, s.Addr(), "?as=slow")
		if socket == nil {
			t.Errorf("refused with %d", status)
			return
		}
		_, code := socket.Next()
		if _, ok := wire.Hint(socket.Reason); code != wire.CloseGoingAway || !ok {
			t.Errorf("closed with %d %q", code, socket.Reason)
		}
	})
	<-a.arrived
	running.Go(func() { end(t, s) })
	if _, code := bob.Next(); code != wire.CloseGoingAway { // the broker takes nobody any more
		t.Errorf("closed with %d", code)
	}
	a.release <- struct{}{}
	running.Wait()
}

// Where the drain takes longer than clients have for connecting, they are refused until shortly before its end.
func TestKeptDoorDuringALongDrain(t *testing.T) {
	t.Parallel()
	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := local()
	cfg.Drain = time.Hour
	s := boot(t, cfg, server.WithKeptListeners(front, nil))
	service := newSlow()
	if err := s.Broker().Backend().Register("slow", service); err != nil {
		t.Fatal(err)
	}
	publisher := trial.Publisher(t, s.BackendAddr(), s.Key())
	var running sync.WaitGroup
	running.Go(func() { _, _ = publisher.Call(context.Background(), "slow", "wait", struct{}{}) })
	<-service.called
	running.Go(func() { end(t, s) })
	trial.Eventually(t, "it refuses", func() bool {
		_, status := trial.Dial(t, s.Addr())
		return status == http.StatusServiceUnavailable
	})
	close(service.release)
	running.Wait()
}

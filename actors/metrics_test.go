package actors_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/services"
	"github.com/snorky-go/snorky/actors/wire"
)

// total adds up what the loops count.
func total(m actors.Metrics) (sum actors.LoopMetrics) {
	for _, l := range m.Loops {
		sum.Connections += l.Connections
		sum.Deliveries += l.Deliveries
		sum.SentBytes += l.SentBytes
		sum.Messages += l.Messages
		sum.ReceivedBytes += l.ReceivedBytes
		sum.WaitingBytes += l.WaitingBytes
	}
	return sum
}

// publishers has a pubsub with its twin.
func publishers(t *testing.T, s *server) {
	t.Helper()
	p := services.NewPubSub(services.Everybody)
	s.register("pubsub", p)
	if err := s.broker.Backend().Register("backend", services.NewPubSubBackend(p)); err != nil {
		t.Fatal(err)
	}
}

func publish(t *testing.T, s *server, channel, message string) {
	t.Helper()
	call := fmt.Sprintf(`{"command":"publish","params":{"channel":%s,"message":%s}}`, channel, message)
	if _, err := s.broker.Call(t.Context(), "backend", []byte(call)); err != nil {
		t.Fatal(err)
	}
}

func TestMetricsCountWhatHappens(t *testing.T) {
	for _, way := range ways {
		t.Run(way, func(t *testing.T) {
			s := newServer(t, way, actors.Options{Loops: 2})
			defer s.shutdown()
			publishers(t, s)
			const clients = 3
			sent := 0
			var all []*client
			for range clients {
				c := s.connect()
				subscribe := request("pubsub", "subscribe", `{"channel":"news"}`, 1)
				sent += len(subscribe) + len("\n")
				c.send(subscribe)
				c.expect(response("pubsub", "null", 1))
				all = append(all, c)
			}
			rude := s.connect()
			nonsense := request("pubsub", "nonsense", `{}`, 2)
			sent += len(nonsense) + len("\n") + len("!fault\n")
			rude.send(nonsense, "!fault")
			rude.expect(refusal("pubsub", "Unknown command", 2))
			if code := rude.expectClose(); code != wire.CloseProtocolError {
				t.Errorf("closed with %d", code)
			}
			_ = rude.conn.Close()
			publish(t, s, `"news"`, "1")
			publish(t, s, `"news"`, "2")
			publish(t, s, `"nobody is here"`, "3")
			for _, c := range all {
				c.expect(publication("pubsub", `"news"`, "1"), publication("pubsub", `"news"`, "2"))
			}
			until(t, "everything is counted", func() bool {
				m := s.broker.Metrics()
				return total(m).Deliveries == 2*clients && total(m).WaitingBytes == 0 && total(m).Connections == clients && m.Closed[wire.CloseProtocolError] == 1
			})
			m := s.broker.Metrics()
			sum := total(m)
			if sum.Messages != clients+1 || sum.ReceivedBytes != uint64(sent) {
				t.Errorf("received %d messages of %d bytes, want %d of %d", sum.Messages, sum.ReceivedBytes, clients+1, sent)
			}
			if want := uint64(2 * clients * len(publication("pubsub", `"news"`, "1"))); sum.SentBytes < want {
				t.Errorf("sent %d bytes, want %d and more", sum.SentBytes, want)
			}
			if m.Publications != 3 || m.Errors["unknown_command"] != 1 || len(m.Errors) != 1 || len(m.BackendErrors) != 0 {
				t.Errorf("%d publications, errors %v", m.Publications, m.Errors)
			}
			if n := m.Latency.Counts; sumOf(n) != 2 || len(n) != len(m.Latency.Bounds)+1 {
				t.Errorf("latencies: %v", n)
			}
			want := []actors.ServiceMetrics{{Name: "pubsub", Calls: clients + 1}, {Name: "backend", Backend: true, Calls: 3}}
			if fmt.Sprint(m.Services) != fmt.Sprint(want) {
				t.Errorf("services %+v, want %+v", m.Services, want)
			}
			if m.BacklogBytes != 0 || m.MailBytes != 0 || sum.WaitingBytes != 0 {
				t.Errorf("%+v waits, though everything was read", m)
			}
		})
	}
}

func sumOf(counts []uint64) (n uint64) {
	for _, c := range counts {
		n += c
	}
	return n
}

// What a client may choose does not become a name of a counter.
func TestClosesOfStrangeCodesHaveOneCounter(t *testing.T) {
	s := newServer(t, "pipe", actors.Options{Loops: 1})
	s.gate = strangeDoor{s.door}
	defer s.shutdown()
	for code := 3000; code < 3200; code++ {
		c := s.connect()
		c.send(fmt.Sprint(code))
		c.expectEnd()
	}
	until(t, "all have ended", func() bool { return s.broker.Stats().Connections == 0 })
	if closed := s.broker.Metrics().Closed; len(closed) != 1 || closed[0] != 200 {
		t.Errorf("%v", closed)
	}
}

// strangeDoor closes with whatever code the client names.
type strangeDoor struct{ *lineDoor }

func (strangeDoor) Parse(_ *actors.ParseState, data []byte, _ actors.Sink) ([]byte, error) {
	var code wire.CloseCode
	if _, err := fmt.Sscan(string(data), &code); err != nil {
		return data, nil //nolint:nilerr // not all of it is there
	}
	return nil, &wire.CloseError{Code: code, ByPeer: true}
}

func TestSlowestAreThoseForWhomMostWaits(t *testing.T) {
	for _, way := range []string{"loop", "portable"} {
		t.Run(way, func(t *testing.T) {
			s := newServer(t, way, actors.Options{Loops: 2, SendBuffer: 16 << 10, MaxQueuedBytes: 64 << 20, WriteTimeout: time.Hour})
			defer s.shutdown()
			publishers(t, s)
			for i, channel := range []string{"0", "1", "2"} {
				s.principal.Identity = []byte(fmt.Sprint(i))
				c := s.connect()
				if tcp, ok := c.conn.(*net.TCPConn); ok {
					_ = tcp.SetReadBuffer(16 << 10)
				}
				c.send(request("pubsub", "subscribe", `{"channel":`+channel+`}`, 1))
				c.expect(response("pubsub", "null", 1))
			}
			// More than kernels keep for a connection, even where they do not obey the sizes that were set.
			const much = 2 << 20
			for _, channel := range []string{"1", "2"} { // goroutines of a socket take one message away from the queue
				publish(t, s, channel, `"`+strings.Repeat("x", much)+`"`)
			}
			publish(t, s, "1", `"`+strings.Repeat("x", 2*much)+`"`)
			publish(t, s, "2", `"`+strings.Repeat("x", much)+`"`)
			publish(t, s, "0", `"little"`)
			until(t, "both are behind", func() bool {
				slow, err := s.broker.Slowest(t.Context(), 10)
				return err == nil && len(slow) == 2
			})
			slow, err := s.broker.Slowest(t.Context(), 10)
			if err != nil || len(slow) != 2 || string(slow[0].Identity) != "1" || string(slow[1].Identity) != "2" {
				t.Fatalf("%v, %+v", err, slow)
			}
			if slow[0].WaitingBytes <= slow[1].WaitingBytes || slow[1].WaitingBytes <= 0 || slow[0].Subscriptions != 1 {
				t.Errorf("%+v", slow)
			}
			if one, err := s.broker.Slowest(t.Context(), 1); err != nil || len(one) != 1 || string(one[0].Identity) != "1" {
				t.Errorf("%v, %+v", err, one)
			}
			if waiting := total(s.broker.Metrics()).WaitingBytes; waiting != int64(slow[0].WaitingBytes+slow[1].WaitingBytes) {
				t.Errorf("%d bytes wait, by connection %+v", waiting, slow)
			}
		})
	}
}

func TestBusiestAreThoseWithMostDeliveries(t *testing.T) {
	s := newServer(t, "pipe", actors.Options{Loops: 2})
	defer s.shutdown()
	publishers(t, s)
	subscribers := map[string]int{`"a"`: 1, `"b"`: 3, `"c"`: 1, `"silent"`: 5}
	for channel, n := range subscribers {
		for range n {
			c := s.connect()
			c.send(request("pubsub", "subscribe", `{"channel":`+channel+`}`, 1))
			c.expect(response("pubsub", "null", 1))
			go func() { // it has to be read, what does not matter
				for {
					if _, _, err := c.nextFrame(); err != nil {
						return
					}
				}
			}()
		}
	}
	for _, channel := range []string{`"a"`, `"a"`, `"b"`, `"c"`, `"c"`, `"c"`, `"c"`} {
		publish(t, s, channel, "1")
	}
	until(t, "all have gone out", func() bool { return total(s.broker.Metrics()).Deliveries == 2+3+4 })
	top := s.broker.Busiest(2)
	if len(top) != 2 || string(top[0].Channel) != `"c"` || string(top[1].Channel) != `"b"` {
		t.Fatalf("%+v", top)
	}
	if c := top[1]; c.Service != "pubsub" || c.Subscribers != 3 || c.PublicationsPerSecond <= 0 || c.PublicationsPerSecond > 1 {
		t.Errorf("%+v", c)
	}
	if all := s.broker.Busiest(10); len(all) != 3 {
		t.Errorf("%+v", all)
	}
}

// stuckService does not come back from Start before it may.
type stuckService struct{ release chan struct{} }

func (s stuckService) Start(*actors.ServiceContext) error {
	<-s.release
	return errors.New("never mind")
}

func (stuckService) Commands() actors.Commands { return actors.Commands{} }

func TestProbe(t *testing.T) {
	s := newServer(t, "loop", actors.Options{Loops: 2})
	for range 100 {
		if err := s.broker.Probe(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if m := s.broker.Metrics(); m.Channels != 0 || sumOf(m.Latency.Counts) != 0 || m.Publications != 0 || m.BacklogBytes != 0 {
		t.Errorf("probes are counted: %+v", m)
	}

	stuck := errors.New("too long")
	probe := func() error {
		ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, stuck)
		defer cancel()
		return s.broker.Probe(ctx)
	}
	release, registered := make(chan struct{}), make(chan error)
	go func() { registered <- s.broker.Frontend().Register("stuck", stuckService{release}) }()
	until(t, "the registry is stuck", func() bool { return probe() != nil })
	if err := probe(); !errors.Is(err, stuck) || err.Error() != "no answer from the registry of the frontend: too long" {
		t.Error(err)
	}
	close(release)
	if err := <-registered; err == nil {
		t.Error("a service whose Start fails is registered")
	}
	if err := s.broker.Probe(t.Context()); err != nil {
		t.Error(err)
	}

	free := actors.Halt(s.broker, 1)
	if err := probe(); !errors.Is(err, stuck) || !strings.Contains(err.Error(), "a channel on loop 0, a channel on loop 1") {
		t.Errorf("a loop hangs, and the probe says: %v", err)
	}
	free()
	if err := s.broker.Probe(t.Context()); err != nil {
		t.Error(err)
	}

	s.shutdown()
	if err := s.broker.Probe(t.Context()); !errors.Is(err, actors.ErrStopped) {
		t.Error(err)
	}
	if _, err := s.broker.Slowest(t.Context(), 1); !errors.Is(err, actors.ErrStopped) {
		t.Error(err)
	}
}

// An application that misspells its commands gets status 200 for each, so the log and a counter have to tell.
func TestErrorsOfTheBackendAreSeen(t *testing.T) {
	var lines bytes.Buffer
	bubble(t, actors.Options{Loops: 1, PingInterval: -1, Logger: zerolog.New(&lines)}, func(t *testing.T, s *server) {
		publishers(t, s)
		publish(t, s, `"news"`, "1")
		lines.Reset()
		for range 20 {
			answer, err := s.broker.Call(t.Context(), "backend", []byte(`{"command":"pubish","params":{},"callId":1}`))
			if err != nil || !strings.Contains(string(answer), "Unknown command") {
				t.Fatalf("%s, %v", answer, err)
			}
		}
		m := s.broker.Metrics()
		if m.BackendErrors["unknown_command"] != 20 || len(m.BackendErrors) != 1 || len(m.Errors) != 0 {
			t.Errorf("errors of the backend %v, of clients %v", m.BackendErrors, m.Errors)
		}
		if got := lines.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `"service":"backend","command":"pubish","error":"Unknown command"`) {
			t.Errorf("log:\n%s", got)
		}
		<-time.After(time.Minute)
		lines.Reset()
		if _, err := s.broker.Call(t.Context(), "backend", []byte(`{"command":"publish","params":{"channel":{"a":1}}}`)); err != nil {
			t.Fatal(err)
		}
		if got := lines.String(); !strings.Contains(got, `"command":"publish","error":"Invalid params"`) {
			t.Errorf("log a minute later:\n%s", got)
		}
	})
}

// What waits for a slow service is seen while it is slow.
func TestMailboxOfASlowService(t *testing.T) {
	bubble(t, actors.Options{PingInterval: -1}, func(t *testing.T, s *server) {
		s.register("slow", slow{})
		const calls = 5
		var all []*client
		for range calls {
			c := s.connect()
			c.send(request("slow", "sleep", `{"seconds":1}`, 1))
			synctest.Wait() // those of different loops come in this order, too
			all = append(all, c)
		}
		for i, c := range all {
			if got, want := s.broker.Metrics().Services[0].Mailbox, calls-1-i; got != want {
				t.Errorf("%d messages wait for the service, want %d", got, want)
			}
			c.expect(response("slow", "null", 1))
			synctest.Wait()
		}
	})
}

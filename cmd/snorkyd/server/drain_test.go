package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors/wire"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/trial"
	"github.com/snorky-go/snorky/cmd/snorkyd/server"
)

func TestRequestsInProgressAreAnswered(t *testing.T) {
	t.Parallel()
	cfg := local()
	cfg.Drain = time.Hour // nothing here waits for it
	s := boot(t, cfg)
	service := newSlow()
	if err := s.Broker().Backend().Register("slow", service); err != nil {
		t.Fatal(err)
	}
	type result struct {
		data json.RawMessage
		err  error
	}
	answered := make(chan result, 1)
	publisher := trial.Publisher(t, s.BackendAddr(), s.Key())
	go func() {
		data, err := publisher.Call(context.Background(), "slow", "wait", struct{}{})
		answered <- result{data, err}
	}()
	<-service.called

	ended := make(chan error, 1)
	go func() { ended <- s.Shutdown(context.Background()) }()
	trial.Eventually(t, "/healthz says that the server drains", func() bool {
		return trial.Status(t, "http://"+s.Addr()+server.HealthPath) == http.StatusServiceUnavailable
	})
	if _, status := trial.Dial(t, s.Addr()); status != http.StatusServiceUnavailable {
		t.Errorf("a new client gets %d", status)
	}
	select {
	case r := <-answered:
		t.Fatalf("answered too early: %s, %v", r.data, r.err)
	case <-s.Done():
		t.Fatal("ended over the request")
	default:
	}
	close(service.release)
	if r := <-answered; r.err != nil || string(r.data) != `"done"` {
		t.Errorf("got %s, %v", r.data, r.err)
	}
	if err := <-ended; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if err := s.Wait(); err != nil {
		t.Errorf("Wait: %v", err)
	}
}

func TestAcknowledgedPublicationsAreDelivered(t *testing.T) {
	t.Parallel()
	const subscribers, publishers = 40, 4
	cfg := local()
	cfg.Drain = 3 * time.Second
	s := boot(t, cfg)

	var received sync.WaitGroup
	got := make([]map[string]bool, subscribers)
	for i := range subscribers {
		got[i] = map[string]bool{}
		socket := trial.Subscribe(t, s.Addr(), "pubsub", "news")
		received.Go(func() {
			for {
				m, code := socket.Next()
				if code == wire.CloseGoingAway {
					return
				}
				if code != 0 {
					t.Errorf("subscriber %d was closed with %d", i, code)
					return
				}
				if got[i][string(m.Message)] {
					t.Errorf("subscriber %d got %s twice", i, m.Message)
				}
				got[i][string(m.Message)] = true
			}
		})
	}
	var published sync.WaitGroup
	under := make(chan struct{}, publishers)
	acknowledged := make([]int, publishers)
	for p := range publishers {
		publisher := trial.Publisher(t, s.BackendAddr(), s.Key())
		published.Go(func() {
			for n := 0; ; n++ {
				if publisher.Publish(context.Background(), "pubsub_backend", "news", strconv.Itoa(p)+"."+strconv.Itoa(n)) != nil {
					acknowledged[p] = n
					return
				}
				if n == 10 {
					under <- struct{}{}
				}
			}
		})
	}
	for range publishers {
		<-under
	}
	end(t, s)
	published.Wait()
	received.Wait()
	for i := range got {
		for p, n := range acknowledged {
			for k := range n {
				if !got[i][`"`+strconv.Itoa(p)+"."+strconv.Itoa(k)+`"`] {
					t.Fatalf("subscriber %d lacks %d.%d of %d", i, p, k, n)
				}
			}
		}
	}
}

// A request that does not end cannot hold up the draining: it gets half of the time, and the connections the rest.
func TestRequestsThatDoNotEndAreCutOff(t *testing.T) {
	t.Parallel()
	cfg := local()
	cfg.Drain = 3 * time.Second
	cfg.BackendTimeout = time.Hour
	var lines lockedBuffer
	s := boot(t, cfg, server.WithLogger(zerolog.New(&lines)))
	conn, err := net.Dial("tcp", s.BackendAddr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /backend HTTP/1.1\r\nHost: x\r\nX-Backend-Key: %s\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n", s.Key())
	if _, err := conn.Read(make([]byte, 100)); err != nil { // 100 Continue: it is in progress
		t.Fatal(err)
	}
	socket := trial.Subscribe(t, s.Addr(), "pubsub", "news")
	end(t, s)
	if _, code := socket.Next(); code != wire.CloseGoingAway {
		t.Errorf("closed with %d", code)
	}
	if log := lines.String(); !strings.Contains(log, "backend requests were cut off") || strings.Contains(log, `"cut_off"`) {
		t.Errorf("the log says:\n%s", log)
	}
}

func TestLaterShutdownDoesNotWaitLongerThanItsCallerWants(t *testing.T) {
	t.Parallel()
	cfg := local()
	cfg.Drain = time.Hour
	s := boot(t, cfg)
	service := newSlow()
	if err := s.Broker().Backend().Register("slow", service); err != nil {
		t.Fatal(err)
	}
	publisher := trial.Publisher(t, s.BackendAddr(), s.Key())
	answered := make(chan error, 1)
	go func() {
		_, err := publisher.Call(context.Background(), "slow", "wait", struct{}{})
		answered <- err
	}()
	<-service.called
	first := make(chan error, 1)
	go func() { first <- s.Shutdown(context.Background()) }()
	trial.Eventually(t, "it drains", func() bool {
		return trial.Status(t, "http://"+s.Addr()+server.HealthPath) == http.StatusServiceUnavailable
	})
	ctx, cancel := context.WithCancelCause(t.Context())
	impatient := errors.New("impatient")
	cancel(impatient)
	if err := s.Shutdown(ctx); !errors.Is(err, impatient) {
		t.Errorf("second Shutdown: %v", err)
	}
	close(service.release)
	if err := errors.Join(<-answered, <-first); err != nil {
		t.Error(err)
	}
}

func TestSecondShutdownWaitsForTheFirst(t *testing.T) {
	t.Parallel()
	s := boot(t, local())
	var calls sync.WaitGroup
	for range 3 {
		calls.Go(func() {
			if err := s.Shutdown(context.Background()); err != nil {
				t.Errorf("Shutdown: %v", err)
			}
			select {
			case <-s.Done():
			default:
				t.Error("returned before the end")
			}
		})
	}
	calls.Wait()
}

func TestNoDrainTime(t *testing.T) {
	t.Parallel()
	cfg := local()
	cfg.Drain = 0
	s := boot(t, cfg)
	socket := trial.Subscribe(t, s.Addr(), "pubsub", "news")
	end(t, s)
	if _, code := socket.Next(); code != wire.CloseGoingAway {
		t.Errorf("closed with %d", code)
	}
}

type lockedBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

package server_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/snorky-go/snorky/actors/limit"
	"github.com/snorky-go/snorky/cmd/snorkyd/config"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/trial"
	"github.com/snorky-go/snorky/cmd/snorkyd/server"
)

// watched is a server with an admin address.
func watched(t *testing.T, change func(*server.Config), options ...server.Option) *server.Server {
	t.Helper()
	cfg := local()
	cfg.Admin = "127.0.0.1:0"
	if change != nil {
		change(&cfg)
	}
	return boot(t, cfg, options...)
}

func scrape(t *testing.T, s *server.Server) string {
	t.Helper()
	status, body := trial.Get(t, "http://"+s.AdminAddr()+"/metrics")
	if status != http.StatusOK {
		t.Fatalf("metrics: status %d: %s", status, body)
	}
	return body
}

func hasLines(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains("\n"+text, "\n"+line+"\n") {
			name, _, _ := strings.Cut(line, " ")
			for has := range strings.Lines(text) {
				if strings.HasPrefix(has, name) {
					t.Log(has)
				}
			}
			t.Errorf("there is no line %s", line)
		}
	}
}

// A reload tells how many settings it could not put into force, until another one can.
func TestSettingsThatWaitForARestart(t *testing.T) {
	t.Parallel()
	s := watched(t, nil)
	cfg := s.Config()
	hasLines(t, scrape(t, s), "snorky_config_settings_awaiting_restart 0")
	for _, loops := range []int{3, 0} {
		next := cfg
		next.Loops = loops
		done, err := s.Reload(next)
		if err != nil {
			t.Fatal(err)
		}
		hasLines(t, scrape(t, s), fmt.Sprintf("snorky_config_settings_awaiting_restart %d", len(done.Restart)))
		if (len(done.Restart) > 0) != (loops > 0) {
			t.Errorf("%d loops: %v", loops, done.Restart)
		}
	}
}

// What is for operators is at the admin address and nowhere else, and what is for others is not there.
func TestAdminPathsAreNotPublic(t *testing.T) {
	t.Parallel()
	s := watched(t, nil)
	for _, path := range []string{"/metrics", "/readyz", "/top", "/debug/pprof/", "/debug/pprof/heap", "/debug/vars"} {
		for door, address := range map[string]string{"frontend": s.Addr(), "backend": s.BackendAddr()} {
			if status := trial.Status(t, "http://"+address+path); status != http.StatusNotFound {
				t.Errorf("%s of the %s: %d", path, door, status)
			}
		}
		if status := trial.Status(t, "http://"+s.AdminAddr()+path); status != http.StatusOK && path != "/debug/vars" {
			t.Errorf("%s of the admin address: %d", path, status)
		}
	}
	for _, path := range []string{server.WebSocketPath, server.BackendPath, server.ScriptPath} {
		if status := trial.Status(t, "http://"+s.AdminAddr()+path); status != http.StatusNotFound {
			t.Errorf("%s of the admin address: %d", path, status)
		}
	}
}

func TestNoAdminAddress(t *testing.T) {
	t.Parallel()
	if s := boot(t, local()); s.AdminAddr() != "" {
		t.Errorf("it is at %s", s.AdminAddr())
	}
}

func TestAdminAddressInUse(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	cfg := local()
	cfg.Admin = taken.Addr().String()
	s, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	err = s.Start()
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.HasPrefix(err.Error(), "admin: "+cfg.Admin+" is in use") || config.IsError(err) {
		t.Errorf("got %v", err)
	}
}

// The admin address answers until the server has ended, and says that it ends.
func TestAdminWhileDraining(t *testing.T) {
	t.Parallel()
	busy := newSlow()
	s := watched(t, func(c *server.Config) { c.Drain = trial.Patience })
	if err := s.Broker().Backend().Register("slow", busy); err != nil {
		t.Fatal(err)
	}
	admin := "http://" + s.AdminAddr()
	for path, want := range map[string]string{"/healthz": "ok\n", "/readyz": "ready\n"} {
		if status, body := trial.Get(t, admin+path); status != http.StatusOK || body != want {
			t.Errorf("before: %s: %d %s", path, status, body)
		}
	}
	answered := make(chan error, 1)
	publisher := trial.Publisher(t, s.BackendAddr(), s.Key())
	go func() {
		_, err := publisher.Call(context.Background(), "slow", "wait", nil)
		answered <- err
	}()
	<-busy.called
	ended := make(chan error, 1)
	go func() { ended <- s.Shutdown(context.Background()) }()
	trial.Eventually(t, "it drains", func() bool { return trial.Status(t, admin+"/readyz") == http.StatusServiceUnavailable })
	if status, body := trial.Get(t, admin+"/healthz"); status != http.StatusOK || body != "ok, draining\n" {
		t.Errorf("healthz: %d %s", status, body)
	}
	hasLines(t, scrape(t, s), "snorky_ready 0", "snorky_draining 1")
	close(busy.release)
	if err := <-answered; err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	if status := trial.Status(t, admin+"/healthz"); status != 0 {
		t.Errorf("after the end: %d", status)
	}
}

func TestWhatIsCounted(t *testing.T) {
	t.Parallel()
	s := watched(t, nil, server.WithProcess(server.Process{Version: "v1.2.3", LogLinesLost: func() uint64 { return 5 }}))
	socket := trial.Subscribe(t, s.Addr(), "pubsub", "news")
	trial.Publish(t, trial.Publisher(t, s.BackendAddr(), s.Key()), "pubsub_backend", "news", "hello")
	if got, _ := socket.Next(); string(got.Message) != `"hello"` {
		t.Fatalf("got %+v", got)
	}
	socket.Call("pubsub", "dance", "{}")
	if _, status := trial.DialWith(t, s.Addr(), "", "Origin: http://elsewhere.example"); status != http.StatusForbidden {
		t.Fatalf("status %d", status)
	}
	s.NoteReload(errors.New("unreadable"))
	text := scrape(t, s)
	hasLines(t, text,
		"snorky_ready 1", "snorky_connections 1", "snorky_channels 1", "snorky_subscriptions 1", "snorky_publications_total 1",
		"snorky_publish_latency_seconds_count 1", "snorky_handshakes_accepted_total 1", `snorky_handshakes_refused_total{status="403"} 1`,
		`snorky_errors_total{code="unknown_command",door="frontend"} 1`, `snorky_backend_requests_total{status="200"} 1`, "snorky_backend_keys 1",
		"snorky_log_lines_lost_total 5", `snorky_config_reloads_total{result="failure"} 1`, "snorky_config_last_reload_successful 0",
		`snorky_service_calls_total{door="backend",service="pubsub_backend"} 1`, `snorky_tokens_total{result="accepted"} 0`)
	if !strings.Contains(text, `version="v1.2.3"`) {
		t.Error("the version is not told")
	}
	s.NoteReload(nil)
	hasLines(t, scrape(t, s), `snorky_config_reloads_total{result="success"} 1`, "snorky_config_last_reload_successful 1")
}

// What strangers and crowds do to a server is counted, too.
func TestPressureIsCounted(t *testing.T) {
	t.Parallel()
	once := limit.Rate{PerSecond: 1e-6, Burst: 1}
	s := watched(t, func(c *server.Config) {
		c.CallRate, c.ConnectRatePerAddress, c.MaxMemory = once, once, 1<<40
	})
	socket := trial.Subscribe(t, s.Addr(), "pubsub", "news")
	for range 2 {
		socket.Call("pubsub", "subscribe", `{"channel":"more"}`)
	}
	for range 3 {
		if _, status := trial.Dial(t, s.Addr()); status != http.StatusTooManyRequests {
			t.Errorf("status %d", status)
		}
	}
	conn, err := net.Dial("tcp", s.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	trial.Publish(t, trial.Publisher(t, s.BackendAddr(), s.Key()), "pubsub_backend", "news", "hello")
	trial.Eventually(t, "only the one who says nothing is not through", func() bool { return s.Pressure().Handshakes == 1 })
	text := scrape(t, s)
	hasLines(t, text,
		"snorky_messages_over_limit_total 2", "snorky_handshakes_over_limit_total 3", "snorky_handshakes_unfinished 1",
		"snorky_handshakes_evicted_total 0", "snorky_handshakes_short_of_memory_total 0", "snorky_short_of_memory 0",
		"snorky_backend_connections 1", "snorky_backend_connections_evicted_total 0", "snorky_memory_ceiling_bytes 1.099511627776e+12")
	if strings.Contains(text, "\nsnorky_memory_held_bytes 0\n") {
		t.Error("the process holds no memory")
	}
}

// However many channels, errors and wrong requests strangers think of, a scrape stays as large as it was.
func TestScrapesDoNotGrow(t *testing.T) {
	t.Parallel()
	s := watched(t, func(c *server.Config) { c.MaxSubscriptions = 0 })
	socket := trial.Subscribe(t, s.Addr(), "pubsub", "news")
	socket.Call("pubsub", "none", "{}")
	before := strings.Count(scrape(t, s), "\n")
	for i := range 500 {
		socket.Call("pubsub", "subscribe", fmt.Sprintf(`{"channel":"channel %d"}`, i))
		socket.Call("pubsub", fmt.Sprint("command ", i), "{}")
	}
	publisher := trial.Publisher(t, s.BackendAddr(), s.Key())
	for i := range 100 {
		_, _ = publisher.Call(t.Context(), fmt.Sprint("service ", i), "publish", nil)
		trial.Status(t, fmt.Sprintf("http://%s/%d", s.BackendAddr(), i))
	}
	text := scrape(t, s)
	hasLines(t, text, "snorky_channels 501", `snorky_errors_total{code="unknown_command",door="frontend"} 501`)
	if after := strings.Count(text, "\n"); after > before+10 { // statuses and codes that were not there before
		t.Errorf("%d lines became %d", before, after)
	}
}

// Many who look on, some of whom do not read, while messages flow: all messages come, in their order.
func TestLookedAtUnderLoad(t *testing.T) {
	t.Parallel()
	s := watched(t, nil)
	const messages = 300
	sockets := make([]*trial.Socket, 5)
	for i := range sockets {
		sockets[i] = trial.Subscribe(t, s.Addr(), "pubsub", "news")
	}
	for range 20 {
		conn, err := net.Dial("tcp", s.AdminAddr())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		fmt.Fprint(conn, strings.Repeat("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", 100)) // and never reads
	}
	stop := make(chan struct{})
	var looking sync.WaitGroup
	for _, path := range []string{"/metrics", "/healthz", "/top", "/debug/pprof/goroutine?debug=1"} {
		looking.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					if status := trial.Status(t, "http://"+s.AdminAddr()+path); status != http.StatusOK && status != http.StatusServiceUnavailable {
						t.Errorf("%s: %d", path, status)
					}
				}
			}
		})
	}
	publisher := trial.Publisher(t, s.BackendAddr(), s.Key())
	for i := range messages {
		trial.Publish(t, publisher, "pubsub_backend", "news", i)
	}
	for _, socket := range sockets {
		for i := range messages {
			if got, code := socket.Next(); string(got.Message) != fmt.Sprint(i) {
				t.Fatalf("message %d is %s, code %d", i, got.Message, code)
			}
		}
	}
	close(stop)
	looking.Wait()
}

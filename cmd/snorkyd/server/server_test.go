package server_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/snorky-go/snorky/cmd/snorkyd/config"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/trial"
	"github.com/snorky-go/snorky/cmd/snorkyd/server"
)

func TestPublishReachesSubscriber(t *testing.T) {
	t.Parallel()
	for name, portable := range map[string]bool{"loops": false, "portable": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := local()
			cfg.Portable = portable
			s := boot(t, cfg)
			subscriber := trial.Subscribe(t, s.Addr(), "announcements", "news")
			publisher := trial.Publisher(t, s.BackendAddr(), s.Key())
			trial.Publish(t, publisher, "announcements_backend", "news", "Hello!")
			if got, code := subscriber.Next(); got.Type != "message" || string(got.Message) != `"Hello!"` {
				t.Errorf("got %+v, code %d", got, code)
			}
		})
	}
}

func TestFrontendServesWhatIsNamedAndNothingElse(t *testing.T) {
	t.Parallel()
	s := boot(t, local())
	s.Handle("GET /{$}", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "the page") }))
	for path, want := range map[string]int{
		"/healthz":    http.StatusOK,
		"/":           http.StatusOK,
		"/snorky.js":  http.StatusOK,
		"/snorky.mjs": http.StatusOK,
		"/ws":         http.StatusBadRequest,
		"/ws/":        http.StatusNotFound,
		"/backend":    http.StatusNotFound,

		"/debug/pprof/": http.StatusNotFound,
		"/debug/vars":   http.StatusNotFound,
		"/metrics":      http.StatusNotFound,
	} {
		if got := trial.Status(t, "http://"+s.Addr()+path); got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
	if _, body := trial.Get(t, "http://"+s.Addr()+"/"); body != "the page" {
		t.Errorf("got %q", body)
	}
	for _, path := range []string{"/", "/ws", "/healthz", "/debug/pprof/", "/debug/vars", "/metrics"} {
		if got := trial.Status(t, "http://"+s.BackendAddr()+path); got != http.StatusNotFound {
			t.Errorf("backend %s: %d", path, got)
		}
	}
}

func TestDeclaredServices(t *testing.T) {
	t.Parallel()
	cfg := local()
	cfg.PubSub = []config.PubSub{
		{Name: "open", Publish: config.Everybody, Backend: "open_twin"},
		{Name: "shut", Publish: config.Nobody, Backend: "shut_twin"},
		{Name: "members", Publish: config.Authenticated, Backend: "members_twin"},
	}
	s := boot(t, cfg)
	publisher := trial.Publisher(t, s.BackendAddr(), s.Key())
	for service, want := range map[string]string{"open": "response", "shut": "error", "members": "error"} {
		socket := trial.Subscribe(t, s.Addr(), service, "elsewhere")
		if got := socket.Call(service, "publish", `{"channel":"c","message":1}`); got.Type != want {
			t.Errorf("%s: a client that publishes gets %+v", service, got)
		}
		trial.Publish(t, publisher, service+"_twin", "elsewhere", 2)
		if got, _ := socket.Next(); string(got.Message) != "2" {
			t.Errorf("%s: got %+v of its twin", service, got)
		}
	}
	want := "members_twin open_twin shut_twin"
	if got := strings.Join(s.Broker().Backend().Names(), " "); got != want {
		t.Errorf("backend services %q, want %q", got, want)
	}
}

func TestLimitsOfTheConfigurationHold(t *testing.T) {
	t.Parallel()
	cfg := local()
	cfg.MaxConnectionsPerAddress = 2
	cfg.MaxSubscriptions = 1
	cfg.MaxChannelBytes = 20
	cfg.ReadLimit = 1024
	s := boot(t, cfg)
	first := trial.Subscribe(t, s.Addr(), "pubsub", "one")
	if got := first.Call("pubsub", "subscribe", `{"channel":"two"}`); string(got.Message) != `"Too many subscriptions"` {
		t.Errorf("second channel: %+v", got)
	}
	second, _ := trial.Dial(t, s.Addr())
	if got := second.Call("pubsub", "subscribe", `{"channel":"`+strings.Repeat("n", 30)+`"}`); string(got.Message) != `"Channel name too long"` {
		t.Errorf("long name: %+v", got)
	}
	if _, status := trial.Dial(t, s.Addr()); status != http.StatusTooManyRequests {
		t.Errorf("third connection: status %d", status)
	}
	first.Send(strings.Repeat(" ", 1025))
	if _, code := first.Next(); code != 1009 {
		t.Errorf("long message: closed with %d", code)
	}
}

func TestPortInUse(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := local()
	cfg.Frontend, cfg.Backend = free.Addr().String(), taken.Addr().String()
	_ = free.Close()
	s, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	err = s.Start()
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.HasPrefix(err.Error(), "backend: "+cfg.Backend+" is in use by another process") {
		t.Errorf("got %v", err)
	}
	if config.IsError(err) {
		t.Error("a port in use is no fault of the configuration")
	}
	if waited := s.Wait(); !errors.Is(waited, syscall.EADDRINUSE) {
		t.Errorf("Wait: %v", waited)
	}
	again, err := net.Listen("tcp", cfg.Frontend)
	if err != nil {
		t.Fatalf("the frontend was left open: %v", err)
	}
	_ = again.Close()
}

func TestAddressThatIsNotOfThisMachine(t *testing.T) {
	t.Parallel()
	cfg := local()
	cfg.Frontend = "192.0.2.1:80" // of a network for documentation
	s, err := server.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err == nil || !strings.HasPrefix(err.Error(), "frontend: ") {
		t.Errorf("got %v", err)
	}
}

func TestStartsOnce(t *testing.T) {
	t.Parallel()
	s := boot(t, local())
	if err := s.Start(); !errors.Is(err, server.ErrState) {
		t.Errorf("second start: %v", err)
	}
	end(t, s)
	if err := s.Start(); !errors.Is(err, server.ErrState) {
		t.Errorf("start after the end: %v", err)
	}
}

func TestEndsWithoutAStart(t *testing.T) {
	t.Parallel()
	s, err := server.New(local())
	if err != nil {
		t.Fatal(err)
	}
	if s.Addr() != "" || s.BackendAddr() != "" {
		t.Errorf("addresses %q and %q before the start", s.Addr(), s.BackendAddr())
	}
	end(t, s)
	if err := s.Wait(); err != nil {
		t.Errorf("Wait: %v", err)
	}
}

func TestBadConfigurations(t *testing.T) {
	t.Parallel()
	twice := local()
	twice.PubSub = append(twice.PubSub, twice.PubSub[0])
	keyless := local()
	keyless.KeyFile = "/nowhere/key"
	for want, cfg := range map[string]server.Config{
		`pubsub number 3: name: "pubsub" is used twice`:      twice,
		`key file "/nowhere/key": no such file or directory`: keyless,
		`frontend: "" is not an address`:                     {},
	} {
		if _, err := server.New(cfg); err == nil || !strings.HasPrefix(err.Error(), want) || !config.IsError(err) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestBrokenDoorEndsTheServer(t *testing.T) {
	t.Parallel()
	front, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := boot(t, local(), server.WithListeners(front, nil))
	if s.Addr() != front.Addr().String() {
		t.Errorf("the frontend is at %s", s.Addr())
	}
	subscriber := trial.Subscribe(t, s.Addr(), "pubsub", "news")
	_ = front.Close()
	if err := s.Wait(); !errors.Is(err, net.ErrClosed) || !strings.HasPrefix(err.Error(), "frontend: ") {
		t.Errorf("Wait: %v", err)
	}
	if _, code := subscriber.Next(); code != 1001 {
		t.Errorf("closed with %d", code)
	}
}

func TestEachKindOfServiceIsThere(t *testing.T) {
	t.Parallel()
	cfg := local()
	cfg.Messaging = []config.Plain{{Name: "mail"}}
	cfg.Chat = []config.Plain{{Name: "chat"}, {Name: "support"}}
	cfg.Cursors = []config.Plain{{Name: "cursors"}}
	s := boot(t, cfg)
	socket, status := trial.Dial(t, s.Addr())
	if status != http.StatusSwitchingProtocols {
		t.Fatal(status)
	}
	for _, test := range []struct{ service, command, params, want string }{
		{"mail", "unregisterParticipant", `{"name":1}`, `"Unknown participant"`},
		{"chat", "leave", `{"channel":1}`, `"Not joined"`},
		{"support", "leave", `{"channel":1}`, `"Not joined"`},
		{"cursors", "leave", `{"document":1}`, `"Not joined"`},
		{"pubsub", "unsubscribe", `{"channel":1}`, `"Not subscribed"`},
	} {
		if got := socket.Call(test.service, test.command, test.params); string(got.Message) != test.want {
			t.Errorf("%s: %+v, want %s", test.service, got, test.want)
		}
	}
}

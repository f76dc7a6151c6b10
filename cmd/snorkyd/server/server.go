// Package server is the whole of snorkyd as a value: both doors, the broker between them and the services that the
// configuration declares. main boots it, and so do tests and examples.
package server

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/services"
	"github.com/snorky-go/snorky/backendapi"
	"github.com/snorky-go/snorky/cmd/snorkyd/config"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/admin"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/entrance"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/memory"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/pulse"
	"github.com/snorky-go/snorky/gateway"
)

// Config is what a Server is made of. Start from Default.
type Config = config.Config

// Default returns what runs without any configuration.
func Default() Config { return config.Default() }

// ErrState says that a Server was started twice, or after its end.
var ErrState = errors.New("the server was started or has ended already")

// Server is a broker with its two doors. Its methods are safe for concurrent use.
type Server struct {
	config  Config                 // what it was made of; of what may change, see Config
	inForce atomic.Pointer[Config] // see Reload
	log     zerolog.Logger
	broker  *actors.Broker
	keys    keys
	tokens  tokens
	pubsub  map[string]*services.PubSub // those of the configuration
	calls   *backendapi.Handler

	applications applications
	reloading    sync.Mutex // held by Reload
	onReload     []func(Config)

	certificates                certificates
	frontEntrance, backEntrance *entrance.Listener // nil before Start, and where there is nothing to pass

	ws         *gateway.Handler
	handshakes *gateway.Listener // nil before Start
	routes     *http.ServeMux
	answered   atomic.Bool     // a request at the frontend, by s.front
	bodiless   map[string]bool // patterns of routes where nobody reads a body
	kept       *keptDoor       // nil: nobody else has the frontend open
	keptBack   *keptDoor       // likewise, the backend
	beforeBack net.Listener    // what the backend accepts from; nil before Start
	front      *http.Server
	back       *backendapi.Server
	doors      sync.WaitGroup // the two that accept
	draining   atomic.Bool
	limit      atomic.Pointer[time.Time] // of the end; nil: it is not ending
	memory     *memory.Watch             // nil before Start
	heart      heart

	started   time.Time
	process   Process
	reloads   reloads
	admin     *admin.Server // nil: there is none
	adminDone sync.WaitGroup

	mu            sync.Mutex
	state         state
	frontListener net.Listener
	backListener  net.Listener
	adminListener net.Listener
	failure       error
	done          chan struct{}
}

type state int

const (
	made state = iota
	running
	ending
)

// Option changes a Server from what its Config says.
type Option func(*Server)

// WithLogger has the server log to l. Without it nothing is logged.
func WithLogger(l zerolog.Logger) Option { return func(s *Server) { s.log = l } }

// WithKey sets the keys of the backend, for programs that do not read them from a file. It may not be combined with
// Config.KeyFile.
func WithKey(valid ...string) Option {
	return func(s *Server) { s.keys.given = append(s.keys.given, valid...) }
}

// WithListeners has Start use doors that are open already, as those of socket activation. A nil one is opened as usual.
// The server owns and closes them.
func WithListeners(frontend, backend net.Listener) Option {
	return func(s *Server) { s.frontListener, s.backListener = frontend, backend }
}

// WithKeptListeners is WithListeners for doors that whoever gives them keeps open for the next server, as a service manager
// does. Near its end the server leaves clients in the backlog of such a frontend: the next one answers them, and nobody is
// refused.
func WithKeptListeners(frontend, backend net.Listener) Option {
	return func(s *Server) {
		if frontend != nil {
			s.kept = keep(frontend)
			s.frontListener = s.kept
		}
		if backend != nil {
			s.keptBack = keep(backend)
			s.backListener = s.keptBack
		}
	}
}

// OnReload has f called with the configuration that is in force from now on, at the end of each Reload that has changed
// something. It is for what the program itself makes of the settings.
func OnReload(f func(Config)) Option {
	return func(s *Server) { s.onReload = append(s.onReload, f) }
}

// New makes a server with the services of cfg, but opens no port yet. Its broker runs already, so that services can be
// registered; whoever makes a Server has to end it by Shutdown, unless Start failed. Faults of the configuration are
// those that config.IsError knows.
func New(cfg Config, options ...Option) (*Server, error) {
	s := &Server{config: cfg, log: zerolog.Nop(), done: make(chan struct{}), started: time.Now()}
	s.reloads.seen.LastSuccess = s.started
	for _, option := range options {
		option(s)
	}
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	s.inForce.Store(&cfg)
	if err := s.certificates.open(s); err != nil {
		return nil, err
	}
	all, err := s.prepare(cfg, nil)
	if err != nil {
		return nil, err
	}
	s.keys.set(cfg.KeyFile, all.keys)
	s.tokens.replace(all.verifier)
	s.applications.replace(all.application)
	if s.broker, err = actors.NewBroker(brokerOptions(cfg, s.log)); err != nil {
		s.tokens.close()
		s.applications.close()
		return nil, err
	}
	s.heart.Monitor = pulse.NewMonitor(s.broker.Probe, s.log)
	if err := s.build(all.keys); err != nil {
		s.abandon()
		return nil, err
	}
	return s, nil
}

// abandon ends what never had a client; there is nothing in it that could last.
func (s *Server) abandon() {
	_ = s.broker.Shutdown(context.Background(), 0)
	s.tokens.close()
	s.applications.close()
}

func (s *Server) build(valid [][]byte) (err error) {
	if s.pubsub, err = declare(s.broker, s.config, &s.applications); err != nil {
		return err
	}
	if s.config.HasTokens() {
		if err := s.openSession(s.config); err != nil {
			return err
		}
	}
	if s.calls, err = backendapi.New(s.broker, backendOptions(s.config, valid, s.log)); err != nil {
		return config.Errorf("%w", err)
	}
	s.back = backendapi.NewServer(s.calls, backendServerOptions(s.config, s.log))
	s.ws = gateway.New(s.broker, s.doorOptions(s.config))
	s.buildFrontend()
	return nil
}

// Start opens both doors, and the admin address, and returns when clients can come in. After an error the server has ended.
func (s *Server) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.state != made {
		return ErrState
	}
	front, back, err := s.listen()
	if err != nil {
		s.state = ending
		s.abandon()
		s.finish(err)
		return err
	}
	s.state = running
	s.certificates.watch()
	front, s.beforeBack = s.guard(front), back
	s.watchMemory()
	s.heart.watch()
	s.doors.Go(func() { s.watch("frontend", s.front.Serve(front)) })
	s.doors.Go(func() { s.watch("backend", s.back.Serve(back)) })
	s.startAdmin()
	return nil
}

// Addr is the address of the frontend, host:port, after Start.
func (s *Server) Addr() string { return s.address(&s.frontListener) }

// BackendAddr is the address of the backend, host:port, after Start.
func (s *Server) BackendAddr() string { return s.address(&s.backListener) }

// AdminAddr is the admin address, host:port, after Start; empty if there is none.
func (s *Server) AdminAddr() string { return s.address(&s.adminListener) }

func (s *Server) address(listener *net.Listener) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if *listener == nil {
		return ""
	}
	return (*listener).Addr().String()
}

// Broker is where services are registered and unregistered, before Start or while the server runs.
func (s *Server) Broker() *actors.Broker { return s.broker }

// Handle serves pattern on the frontend, beside /ws and /healthz, as http.ServeMux.Handle does. It panics if the pattern
// is taken. It may be called at any time.
func (s *Server) Handle(pattern string, handler http.Handler) { s.routes.Handle(pattern, handler) }

// Done is closed when the server has ended: by Shutdown, or because a door broke.
func (s *Server) Done() <-chan struct{} { return s.done }

// Err tells why the server ended; nil if by Shutdown, or if it has not ended.
func (s *Server) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failure
}

// Wait blocks until the server has ended and returns what Err does.
func (s *Server) Wait() error {
	<-s.done
	return s.Err()
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/cmd/snorkyd/config"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/activation"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/outlet"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/supervisor"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/trim"
	"github.com/snorky-go/snorky/cmd/snorkyd/server"
)

// flushTime is how long the last lines may take to be written.
const flushTime = 500 * time.Millisecond

var errSecondSignal = errors.New("a second signal came: ended at once")

// process is one run of the server.
type process struct {
	command        config.Command
	load           func() (config.Command, error) // reads the same command line again, and the file
	least          logLevel
	env            []string
	signals        <-chan os.Signal
	stdout, stderr *outlet.Outlet
	colours        bool
	toJournal      bool                // standard error is the journal of systemd
	contract       supervisor.Contract // with the service manager
	log            zerolog.Logger
}

// serve runs the server until a signal, or until it fails.
func (p *process) serve() error {
	cfg := p.command.Config
	p.log = newLogger(cfg, p.stderr, p.colours, p.toJournal, &p.least)
	p.stderr.OnLoss(func(lines int) { p.log.Warn().Int("lines", lines).Msg("log lines were lost") })
	front, back, err := activation.Listeners(p.env)
	if err != nil {
		return config.Errorf("%w", err)
	}
	s, err := server.New(cfg, server.WithLogger(p.log), server.WithKeptListeners(front, back),
		server.WithProcess(server.Process{Version: version(), LogLinesLost: p.stderr.Lost}),
		server.OnReload(func(c config.Config) { p.least.set(c.LogLevel) }))
	if err != nil {
		return err
	}
	if err := s.Start(); err != nil {
		return err
	}
	p.announce(s)
	manager := supervisor.Start(supervisor.Options{Contract: p.contract, Log: p.log, Broker: alive{s.Broker(), s}, Answer: s.Ask})
	defer manager.Close()
	defer p.trim()()
	reads := &rereads{read: func() {
		manager.Reloading()
		manager.Reloaded(p.reload(s))
	}}
	defer reads.end(flushTime)
	for {
		select {
		case <-s.Done():
			return s.Err()
		case <-reads.done:
			reads.next()
		case err := <-manager.Failed():
			p.log.Error().Err(err).Msg("ending")
			return errors.Join(err, p.end(s, manager))
		case got := <-p.signals:
			if got == syscall.SIGHUP {
				reads.ask()
				continue
			}
			p.log.Info().Stringer("signal", got).Msg("ending")
			return p.end(s, manager)
		}
	}
}

// alive is the broker as the service manager wants to know of it. What its watchdog finds out, the server knows, too.
type alive struct {
	*actors.Broker
	server *server.Server
}

// Probe implements supervisor.Broker.
func (a alive) Probe(ctx context.Context) error { return a.server.Probe(ctx) }

// trim starts to give memory back; the function it returns ends that.
func (p *process) trim() (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	looks := time.NewTicker(trim.Interval)
	var done sync.WaitGroup
	done.Go(func() { trim.Run(ctx, looks.C) })
	return func() {
		looks.Stop()
		cancel()
		done.Wait()
	}
}

// announce says once what runs. A random key is shown on standard output and is not in the log.
func (p *process) announce(s *server.Server) {
	started := p.log.Info().Str("version", version()).Str("frontend", s.Addr()).Str("backend", s.BackendAddr()).
		Strs("services", s.Broker().Frontend().Names()).Strs("backend_services", s.Broker().Backend().Names()).
		Str("key", string(s.KeySource()))
	if front, back := s.TLS(); front || back {
		started.Bool("tls", front).Bool("backend_tls", back)
	}
	if address := s.AdminAddr(); address != "" {
		started.Str("admin", address)
	}
	if p.command.File != "" {
		started.Str("config", p.command.File)
	}
	started.Msg("started")
	if len(p.command.Ignored) > 0 {
		p.log.Warn().Strs("variables", p.command.Ignored).Msg("these are no settings and were ignored")
	}
	if address := s.AdminAddr(); exposed(address) {
		p.log.Warn().Str("admin", address).Msg("the admin address is not loopback: whoever reaches it needs no key, also for profiles")
	}
	p.warn(s.Config())
	if s.KeySource() != server.KeyRandom {
		return
	}
	fmt.Fprintf(p.stdout, "No key is configured (-key-file). The backend's key for this run:\n\n    %s\n", s.Key())
	if line := s.Curl(); line != "" {
		fmt.Fprintf(p.stdout, "\nPublish a message to the channel \"news\":\n\n    %s\n", line)
	}
	fmt.Fprintln(p.stdout)
}

// warn says what is allowed and cannot be meant.
func (p *process) warn(cfg config.Config) {
	if names := cfg.OutOfReach(); len(names) > 0 {
		p.log.Warn().Strs("services", names).Msg("these need an identity, which nobody has: there are neither tokens nor application-connect")
	}
	for _, text := range look().warnings(cfg) {
		p.log.Warn().Msg(text)
	}
}

// reload reads the configuration again, and all files that it names, and says in a line how that went. A configuration
// with anything wrong in it changes nothing.
func (p *process) reload(s *server.Server) (outcome string) {
	command, err := p.load()
	var done server.Reloaded
	if err == nil {
		done, err = s.Reload(command.Config)
	}
	s.NoteReload(err)
	if err != nil {
		p.log.Error().Err(err).Msg("SIGHUP: the configuration stays as it was")
		return fmt.Sprintf("the configuration stays as it was: %v", err)
	}
	read := p.log.Info().Strs("changed", done.Changed)
	if done.Keys > 0 {
		read.Int("keys", done.Keys)
	}
	read.Msg("SIGHUP: the configuration was read")
	p.warn(s.Config())
	if len(done.Restart) == 0 {
		return "done"
	}
	p.log.Warn().Strs("settings", done.Restart).Msg("SIGHUP: these need a restart")
	return "done, but these need a restart: " + strings.Join(done.Restart, ", ")
}

// end drains the server. A second signal ends the process at once, and with it what is left; another SIGHUP means
// nothing any more.
func (p *process) end(s *server.Server, manager *supervisor.Supervisor) error {
	manager.Stopping(s.DrainLimit())
	go func() { _ = s.Shutdown(context.Background()) }() // logs what it cut off; Done is its end
	for {
		select {
		case <-s.Done():
			return s.Err() // a door may have broken before the signal came
		case got := <-p.signals:
			if got != syscall.SIGHUP {
				return errSecondSignal
			}
		}
	}
}

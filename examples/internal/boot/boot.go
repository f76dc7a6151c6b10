// Package boot runs the examples that are whole servers. Flags, environment, configuration file and exit statuses are
// those of snorkyd.
package boot

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/cmd/snorkyd/config"
	"github.com/snorky-go/snorky/cmd/snorkyd/server"
)

// Exit statuses.
const (
	exitFailure = 1
	exitConfig  = 78 // EX_CONFIG of sysexits.h
)

// Program is a server with services of its own.
type Program struct {
	Name  string
	About string // one line, for the help
	// Defaults are the settings where nothing else is said.
	Defaults server.Config
	// Flags, if not nil, adds flags to those of snorkyd.
	Flags func(*flag.FlagSet)
	// Key, if not nil, returns the backend's key where no key file is given. Without it a random one is made.
	Key func() string
	// Prepare adds services and pages before the doors open. What goes wrong with them later is for the log.
	Prepare func(s *server.Server, log zerolog.Logger) error
	// Work, if not nil, runs while the doors are open. It returns when ctx ends.
	Work func(ctx context.Context, s *server.Server, stdout io.Writer) error
}

// Main runs the program with what the process was given, and ends the process.
func Main(p Program) {
	// A reader of the log that has gone away is no reason to end.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	err := p.Run(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	if err == nil {
		return
	}
	fmt.Fprintf(os.Stderr, "%s: %v\n", p.Name, err)
	if config.IsError(err) {
		os.Exit(exitConfig)
	}
	os.Exit(exitFailure)
}

// Run serves until ctx ends. The error is one line that shows no key.
func (p Program) Run(ctx context.Context, arguments, environment []string, stdout, stderr io.Writer) error {
	loader := config.Loader{Program: p.Name, About: p.About, Defaults: p.Defaults, Flags: p.Flags}
	command, err := loader.Load(arguments, environment)
	if err != nil {
		return err
	}
	switch command.Action {
	case config.Help, config.Version:
		loader.Usage(stdout)
		return nil
	case config.Check, config.Run:
	}
	log := newLogger(command.Config, stderr)
	s, err := server.New(command.Config, p.options(command.Config, log)...)
	if err != nil {
		return err
	}
	if command.Action == config.Check {
		return s.Shutdown(ctx)
	}
	if err := p.Prepare(s, log); err != nil {
		return errors.Join(err, s.Shutdown(ctx))
	}
	return p.serve(ctx, s, stdout)
}

func newLogger(c server.Config, to io.Writer) zerolog.Logger {
	level, err := zerolog.ParseLevel(c.LogLevel)
	if err != nil { // the table of settings allows no other levels
		level = zerolog.InfoLevel
	}
	if c.LogFormat != "json" {
		to = zerolog.ConsoleWriter{Out: to, NoColor: true, TimeFormat: time.TimeOnly}
	}
	return zerolog.New(to).Level(level).With().Timestamp().Logger()
}

func (p Program) options(c server.Config, log zerolog.Logger) []server.Option {
	options := []server.Option{server.WithLogger(log)}
	if p.Key != nil && c.KeyFile == "" {
		options = append(options, server.WithKey(p.Key()))
	}
	return options
}

// serve opens the doors and works until ctx ends or a door breaks.
func (p Program) serve(ctx context.Context, s *server.Server, stdout io.Writer) error {
	if err := s.Start(); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	worked := make(chan error, 1)
	go func() {
		if p.Work == nil {
			worked <- nil
			return
		}
		worked <- p.Work(ctx, s, stdout)
		cancel()
	}()
	select {
	case <-ctx.Done():
	case <-s.Done():
		cancel()
	}
	err := <-worked
	return errors.Join(err, s.Shutdown(context.WithoutCancel(ctx)), s.Err())
}

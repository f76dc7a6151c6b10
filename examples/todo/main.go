// Command todo is a to-do list in a database that many people share, each of whom sees at once what the others do. The
// database is PostgreSQL, or SQLite where none is named; a snorkyd tells the pages of the changes.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/rs/zerolog"
	"github.com/snorky-go/snorky/backendapi/client"
	"github.com/snorky-go/snorky/examples/internal/site"
	"github.com/snorky-go/snorky/examples/internal/tasks"

	"github.com/snorky-go/snorky/examples/todo/sqlstore"
)

const (
	// opening is how long the database may take at the start.
	opening = 15 * time.Second
	// closing is how long requests that are under way have at the end.
	closing = 5 * time.Second
)

// Exit statuses.
const (
	exitFailure = 1
	exitUsage   = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	switch {
	case err == nil:
	case errors.As(err, new(usageError)):
		fmt.Fprintln(os.Stderr, "todo:", err)
		os.Exit(exitUsage)
	default:
		fmt.Fprintln(os.Stderr, "todo:", err)
		os.Exit(exitFailure)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, arguments []string, getenv func(string) string, stdout, stderr io.Writer) error {
	s, err := readSettings(arguments, getenv, stdout)
	if err != nil || s == nil {
		return err
	}
	logger := zerolog.New(zerolog.ConsoleWriter{Out: stderr, NoColor: true, TimeFormat: time.TimeOnly}).With().Timestamp().Logger()
	snorky, err := client.New(s.backend, s.key)
	if err != nil {
		return usageError{err}
	}
	defer snorky.Close()
	store, err := openStore(ctx, s.database)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", s.listen)
	if err != nil {
		return err
	}
	app := tasks.New(tasks.Options{
		Store:  store,
		Snorky: func() (*client.Client, error) { return snorky, nil },
		Log:    logger,
		Site:   site.Options{Socket: s.socket},
	})
	fmt.Fprintf(stdout, "Open this page, on as many screens as you like:\n\n    http://%s/\n\nCtrl-C ends it.\n", visible(listener.Addr()))

	ctx, cancel := context.WithCancel(ctx)
	var working sync.WaitGroup
	defer working.Wait()
	defer cancel()
	working.Go(func() { app.Run(ctx) })
	working.Go(func() { examine(ctx, snorky, s.backend, logger) })
	return serve(ctx, listener, app.Handler("/"), logger)
}

func openStore(ctx context.Context, database string) (*sqlstore.Store, error) {
	ctx, cancel := context.WithTimeout(ctx, opening)
	defer cancel()
	return sqlstore.Open(ctx, database, tasks.Limits{})
}

// serve answers requests until ctx ends, and then those that are under way.
func serve(ctx context.Context, listener net.Listener, handler http.Handler, logger zerolog.Logger) error {
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       20 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          log.New(logger, "", 0),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), closing)
	defer cancel()
	err := server.Shutdown(last)
	if err != nil {
		_ = server.Close()
	}
	return errors.Join(err, ignore(<-ended, http.ErrServerClosed))
}

// ignore returns the error if it is not the one that was expected.
func ignore(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return err
}

// visible is the address that people on this machine type.
func visible(at net.Addr) string {
	tcp, ok := at.(*net.TCPAddr)
	if !ok || !tcp.IP.IsLoopback() && !tcp.IP.IsUnspecified() {
		return at.String()
	}
	return fmt.Sprintf("localhost:%d", tcp.Port)
}

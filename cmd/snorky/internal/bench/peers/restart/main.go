// Restart measures what a restart of snorkyd is for its clients. A parent keeps the sockets, as systemd does; thousands of
// clients of ours are connected, something is published throughout, newcomers knock, and the process gets SIGTERM and is
// started again. Then the storm: as many clients as are wanted, who know no hints, come to a new process within a second.
// `make bench-restart` runs it.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/snorky-go/snorky/cmd/snorky/internal/bench/peers/report"
)

// settings are the command line.
type settings struct {
	root           string
	clients, storm int
	drain, spread  time.Duration
	limit          time.Duration
	out            string
}

func main() {
	var s settings
	flag.StringVar(&s.root, "root", "../../../../..", "the repository's `folder`")
	flag.IntVar(&s.clients, "clients", 5000, "clients that are connected when the server is restarted")
	flag.IntVar(&s.storm, "storm", 10_000, "clients that come within one second")
	flag.DurationVar(&s.drain, "drain", 5*time.Second, "the server's setting drain")
	flag.DurationVar(&s.spread, "spread", 10*time.Second, "the server's setting reconnect-spread")
	flag.DurationVar(&s.limit, "limit", 4*time.Minute, "all of it ends then")
	flag.StringVar(&s.out, "out", "results", "the `folder` for restart.svg and restart.json")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, "restart:", err)
		stop()
		os.Exit(1)
	}
}

// figures are what is kept of a run.
type figures struct {
	Restart report.Restart `json:"restart"`
	Storm   storm          `json:"storm"`
}

func run(ctx context.Context, s settings) error {
	ctx, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	folder, err := os.MkdirTemp("", "snorky-restart-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	binary := filepath.Join(folder, "snorkyd")
	//nolint:gosec // the folder is that of this run
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/snorkyd")
	build.Dir = s.root
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building snorkyd: %w: %s", err, out)
	}
	var f figures
	if f.Restart, err = restart(ctx, s, binary, folder); err != nil {
		return err
	}
	fmt.Println(f.Restart.Summary())
	if f.Storm, err = measureStorm(ctx, s, binary, folder); err != nil {
		return err
	}
	fmt.Println(f.Storm.summary())
	return write(s.out, f)
}

func write(folder string, f figures) error {
	text, err := json.MarshalIndent(f, "", "\t")
	if err != nil {
		return err
	}
	plot := report.RestartPlot(f.Restart)
	for name, content := range map[string]string{"restart.json": string(text) + "\n", plot.File: plot.SVG} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o644); err != nil { //nolint:gosec // to be read by all
			return err
		}
	}
	return nil
}

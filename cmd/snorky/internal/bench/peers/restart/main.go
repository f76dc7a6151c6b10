// Restart measures what a restart of snorkyd is for its clients. A parent keeps the sockets, as systemd does; thousands of
// clients of ours are connected, something is published throughout, newcomers knock, and the process gets SIGTERM and is
// started again. Then the storm: as many clients as are wanted, who know no hints, come to a new process within a second, by
// turns to this snorkyd and to another one, if there is one to compare with. `make bench-restart` runs it.
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
	rounds         int
	against        string
	come           string
}

func main() {
	var s settings
	flag.StringVar(&s.root, "root", "../../../../..", "the repository's `folder`")
	flag.IntVar(&s.clients, "clients", 5000, "clients that are connected when the server is restarted; 0: only the storms, of which nothing is kept")
	flag.IntVar(&s.storm, "storm", 18_000, "clients that come within one second")
	flag.DurationVar(&s.drain, "drain", 5*time.Second, "the server's setting drain")
	flag.DurationVar(&s.spread, "spread", 10*time.Second, "the server's setting reconnect-spread")
	flag.DurationVar(&s.limit, "limit", 4*time.Minute, "all of it ends then")
	flag.StringVar(&s.out, "out", "results", "the `folder` for restart.svg and restart.json")
	flag.IntVar(&s.rounds, "rounds", 1, "storms")
	flag.StringVar(&s.against, "against", "", "the `binary` of another snorkyd, which gets as many storms")
	flag.StringVar(&s.come, "come", "", "be the storm, for another process: come to this `address`, and stay until the input ends")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	do := run
	if s.come != "" {
		do = func(ctx context.Context, s settings) error { return comeAndStay(ctx, s.come, s.storm) }
	}
	if err := do(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, "restart:", err)
		stop()
		os.Exit(1)
	}
}

// figures are what is kept of a run.
type figures struct {
	Restart report.Restart `json:"restart"`
	Storms  []storm        `json:"storms"`
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
	if s.clients > 0 {
		if f.Restart, err = restart(ctx, s, binary, folder); err != nil {
			return err
		}
		fmt.Println(f.Restart.Summary())
	}
	if f.Storms, err = storms(ctx, s, binary, folder); err != nil || s.clients == 0 {
		return err
	}
	return write(s.out, f)
}

func storms(ctx context.Context, s settings, binary, folder string) (all []storm, err error) {
	for range s.rounds {
		for _, server := range []struct{ name, binary string }{{"this", binary}, {s.against, s.against}} {
			if server.binary == "" {
				continue
			}
			result, err := measureStorm(ctx, s, server.binary, folder)
			if err != nil {
				return all, err
			}
			result.Server = filepath.Base(server.name)
			fmt.Println(result.summary())
			all = append(all, result)
		}
	}
	return all, nil
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

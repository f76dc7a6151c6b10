// Soak runs a real snorkyd for a long time, under clients that come and go in every way that clients have, and tells
// whether its memory, its goroutines and its descriptors stay flat and whether everybody got what was due. `make soak` runs
// it. It needs Linux, whose /proc it reads.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/snorky-go/snorky/cmd/snorky/internal/bench/peers/report"
)

// settings are the command line.
type settings struct {
	root, snorkyd, out string
	work               report.SoakWork
	duration, warmup   time.Duration
	every              time.Duration // between two samples
	abuse, reload      time.Duration // between two of them; 0: never
	storm              time.Duration
	render             bool
}

func main() {
	s := parse(os.Args[1:])
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, s, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		stop()
		os.Exit(1)
	}
}

func parse(arguments []string) (s settings) {
	set := flag.NewFlagSet("soak", flag.ExitOnError)
	minutes := set.Float64("minutes", 60, "how long, from when everybody is connected")
	set.DurationVar(&s.warmup, "warmup", 0, "what is left out of the judgement at the beginning (default 10m, or a third)")
	set.IntVar(&s.work.Clients, "clients", 5000, "connections")
	set.IntVar(&s.work.Channels, "channels", 0, "channels, of which a client has three (default for ten clients each)")
	set.Float64Var(&s.work.Rate, "rate", 500, "publications a second")
	set.Float64Var(&s.work.Churn, "churn", 10, "`percent` of the clients that leave in a minute, and others come")
	set.DurationVar(&s.abuse, "abuse", 10*time.Minute, "between two bursts of abuse; 0: none")
	set.DurationVar(&s.reload, "reload", 3*time.Minute, "between two SIGHUPs, each of which is a step of a key's rotation; 0: none")
	set.DurationVar(&s.storm, "storm", 15*time.Minute, "between two storms, in which a tenth of the clients is reset and comes back; 0: none")
	set.DurationVar(&s.every, "every", 5*time.Second, "between two samples")
	set.StringVar(&s.root, "root", "../../../../..", "the repository's `folder`")
	set.StringVar(&s.snorkyd, "snorkyd", "", "a `program` to run instead of building one")
	set.StringVar(&s.out, "out", "results", "a `folder` for the samples and the graph")
	set.BoolVar(&s.render, "render", false, "run nothing; judge and draw the samples that are there")
	_ = set.Parse(arguments) // it exits
	s.duration = time.Duration(*minutes * float64(time.Minute))
	if s.warmup == 0 {
		s.warmup = min(10*time.Minute, s.duration/3)
	}
	if s.work.Channels == 0 {
		s.work.Channels = max(3, s.work.Clients*3/10)
	}
	s.work.Seconds, s.work.Warmup = s.duration.Seconds(), s.warmup.Seconds()
	return s
}

func run(ctx context.Context, s settings, out io.Writer) error {
	switch {
	case s.work.Clients < 1 || s.work.Channels < 3 || s.work.Rate <= 0 || s.work.Churn < 0 || s.every <= 0:
		return errors.New("clients, rate and every have to be positive, and there have to be three channels")
	case s.duration < 3*s.every:
		return errors.New("that is too short for a judgement")
	}
	file := filepath.Join(s.out, "soak.jsonl")
	if !s.render {
		if err := os.MkdirAll(s.out, 0o750); err != nil {
			return err
		}
		if err := measure(ctx, s, file); err != nil {
			return err
		}
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	soak, err := report.ReadSoak(f)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	plot := soak.Plot()
	if err := os.WriteFile(filepath.Join(s.out, plot.File), []byte(plot.SVG), 0o600); err != nil {
		return err
	}
	fmt.Fprintln(out, soak.Text())
	if !soak.Good() {
		return errors.New("the run was not good")
	}
	return nil
}

// measure does the run and keeps its samples, each as soon as it is there.
func measure(ctx context.Context, s settings, file string) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	server, err := startServer(ctx, s)
	if err != nil {
		return err
	}
	defer server.kill()
	w := newWorld(s, server)
	if err := w.soak(ctx, report.NewSoakWriter(f)); err != nil {
		return fmt.Errorf("%w; the server's log is %s", err, server.logFile)
	}
	if len(w.faults) > 0 {
		w.say("the server's log is %s", server.logFile)
	} else {
		server.forget()
	}
	return f.Close()
}

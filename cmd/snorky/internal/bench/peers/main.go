// Peers measures Snorky and other servers side by side: each in turn does the same work, round after round, and tables
// and plots of the medians go into the document. `make bench-peers` runs it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/snorky-go/snorky/cmd/snorky/internal/bench/peers/peer"
	"github.com/snorky-go/snorky/cmd/snorky/internal/bench/peers/report"
	"github.com/snorky-go/snorky/cmd/snorky/internal/bench/peers/session"
)

// settings are the command line.
type settings struct {
	root             string
	peers, scenarios string
	rounds, repeats  int
	duration         time.Duration
	noise            float64
	out              string
	render, list     bool
}

func main() {
	s, set := parse(os.Args[1:])
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, s, set); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		stop()
		os.Exit(1)
	}
}

// parse returns the settings and, for the record, those that change what is measured.
func parse(arguments []string) (s settings, changed string) {
	set := flag.NewFlagSet("peers", flag.ExitOnError)
	set.StringVar(&s.root, "root", "../../../../..", "the repository's `folder`")
	set.StringVar(&s.peers, "peers", "", "`names` of the servers, with commas (default all)")
	set.StringVar(&s.scenarios, "scenarios", "", "`names` or modes of the scenarios, with commas (default all)")
	set.IntVar(&s.rounds, "rounds", 5, "how often everything is measured")
	set.DurationVar(&s.duration, "duration", 0, "how long each run is measured, where time ends it (default as the scenario has it)")
	set.Float64Var(&s.noise, "noise", 5, "`percent` of the machine that others may use before a run is repeated")
	set.IntVar(&s.repeats, "repeats", 3, "how often a run is repeated at most")
	set.StringVar(&s.out, "out", "", "a `folder` for records, tables and plots, instead of the repository's")
	set.BoolVar(&s.render, "render", false, "measure nothing; make tables and plots of the records")
	set.BoolVar(&s.list, "list", false, "show the servers and the scenarios")
	_ = set.Parse(arguments) // it exits
	var given []string
	set.Visit(func(f *flag.Flag) {
		if slices.Contains([]string{"peers", "rounds", "duration", "noise", "repeats"}, f.Name) {
			given = append(given, "-"+f.Name+" "+f.Value.String())
		}
	})
	return s, strings.Join(given, " ")
}

func run(ctx context.Context, s settings, changed string) error {
	paths := placesOf(s)
	if s.list {
		list(os.Stdout)
		return nil
	}
	if !s.render {
		if err := measure(ctx, s, changed, paths.records); err != nil {
			return err
		}
	}
	records, err := load(paths.records)
	if err != nil {
		return err
	}
	if len(records.Runs) == 0 {
		return fmt.Errorf("%s holds no runs", paths.records)
	}
	if err := paths.publish(records, os.Stdout); err != nil {
		return err
	}
	if wrong := records.Wrong(); !s.render && len(wrong) > 0 {
		return fmt.Errorf("%d runs went wrong:\n%s", len(wrong), strings.Join(wrong, "\n"))
	}
	return nil
}

// measure goes through a session. Its records replace those of the same scenarios, and are written as they come.
func measure(ctx context.Context, s settings, changed, file string) error {
	kinds, err := choose(peer.Kinds(), words(s.peers))
	if err != nil {
		return err
	}
	scenarios, err := session.Select(session.Scenarios(), words(s.scenarios))
	if err != nil {
		return err
	}
	for i := range scenarios {
		if s.duration > 0 && scenarios[i].Mode != "idle" {
			scenarios[i].Config.Duration = s.duration
		}
	}
	system, err := kernel()
	if err != nil {
		return err
	}
	workshop, err := peer.OpenWorkshop(s.root)
	if err != nil {
		return err
	}
	defer func() { _ = workshop.Close() }()
	say := func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
	prepared, described, err := session.Prepare(ctx, kinds, workshop, say)
	if err != nil {
		return err
	}
	log, err := begin(file, scenarios)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	if err := report.WriteSession(log, session.Record(log.id, described, scenarios, system, s.rounds, changed)); err != nil {
		return err
	}
	work := session.New(log.id, prepared, scenarios, workshop, session.Options{
		Rounds: s.rounds, Noise: s.noise / 100, Repeats: s.repeats, Say: say,
		Keep: func(r report.Run) error { return report.WriteRun(log, r) },
	})
	err = work.Run(ctx)
	if ctx.Err() != nil {
		return fmt.Errorf("interrupted; what was measured is in %s, of which -render makes tables", file)
	}
	if err != nil {
		return err
	}
	return log.Close()
}

// records is a file of records that takes more.
type records struct {
	*os.File
	id int // of the session to come
}

// begin opens a file of records for a session, without what there was of its scenarios.
func begin(file string, scenarios []session.Scenario) (*records, error) {
	old, err := load(file)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var names []string
	for _, s := range scenarios {
		names = append(names, s.Name)
	}
	old = old.Without(names)
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		return nil, err
	}
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	if err := old.Write(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &records{f, len(old.Sessions) + 1}, nil
}

func load(file string) (report.Records, error) {
	f, err := os.Open(file)
	if err != nil {
		return report.Records{}, err
	}
	defer func() { _ = f.Close() }()
	r, err := report.Read(f)
	if err != nil {
		return r, fmt.Errorf("%s: %w", file, err)
	}
	return r, nil
}

func choose(all []peer.Kind, names []string) ([]peer.Kind, error) {
	if len(names) == 0 {
		return all, nil
	}
	var picked []peer.Kind
	var known []string
	for _, k := range all {
		known = append(known, k.Name)
		if slices.Contains(names, k.Name) {
			picked = append(picked, k)
		}
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, fmt.Errorf("there is no server %q; there are %s", name, strings.Join(known, ", "))
		}
	}
	return picked, nil
}

// words are what stands between commas.
func words(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

// kernel is its name and release, without what a distribution adds.
func kernel() (string, error) {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return "", err
	}
	release, _, _ := strings.Cut(unix.ByteSliceToString(name.Release[:]), "-")
	return unix.ByteSliceToString(name.Sysname[:]) + " " + release, nil
}

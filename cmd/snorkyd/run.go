package main

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/coreos/go-systemd/v22/journal"

	"github.com/snorky-go/snorky/cmd/snorkyd/config"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/outlet"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/supervisor"
	"github.com/snorky-go/snorky/cmd/snorkyd/server"
)

const (
	program = "snorkyd"
	about   = "snorkyd notifies browsers: they subscribe to channels over WebSockets, and one HTTP request publishes."
)

// Exit statuses. That of a wrong configuration is EX_CONFIG of sysexits.h: it tells a supervisor that another start will
// not help.
const (
	statusOK     = 0
	statusFailed = 1
	statusConfig = 78
)

// run is the program: it returns the status to exit with.
func run(args, env []string, stdout, stderr io.Writer) int {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer signal.Stop(signals)
	surviveWrites()
	contract := supervisor.Take()
	toJournal := isJournal(stderr)

	loader := config.Loader{Program: program, About: about, Defaults: config.Default()}
	command, err := loader.Load(args, env)
	if err != nil {
		contract.Explain(err)
		return complain(stderr, toJournal, err)
	}
	toJournal = toJournal || command.Config.LogFormat == formatJournal
	switch command.Action {
	case config.Help:
		loader.Usage(stdout)
		return statusOK
	case config.Version:
		fmt.Fprintf(stdout, "%s %s (%s %s/%s)\n", program, version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
		return statusOK
	case config.Check:
		return check(command, toJournal, stdout, stderr)
	default:
		lines := stderr
		if isJournal(stderr) {
			lines = newJournalStream(stderr)
		}
		p := &process{
			command: command, env: env, signals: signals,
			load:   func() (config.Command, error) { return loader.Load(args, env) },
			stdout: outlet.New(stdout), stderr: outlet.New(lines),
		}
		p.colours, p.toJournal, p.contract = isTerminal(stderr), toJournal, contract
		err := p.serve()
		p.stdout.Close(flushTime)
		p.stderr.Close(flushTime)
		if err != nil {
			contract.Explain(err)
			return complain(stderr, toJournal, err)
		}
		return statusOK
	}
}

// check reads what a start would read, and opens nothing. It says what it has checked: whoever meant the file of the unit and
// named none would take praise of the defaults for praise of the file.
func check(command config.Command, toJournal bool, stdout, stderr io.Writer) int {
	cfg := command.Config
	if err := server.CheckFiles(cfg); err != nil {
		return complain(stderr, toJournal, err)
	}
	for _, text := range look().warnings(cfg) {
		fmt.Fprintf(stderr, "%s: warning: %s\n", program, text)
	}
	if command.File == "" {
		fmt.Fprintln(stdout, "no file was named; flags, environment and defaults are good")
	} else {
		fmt.Fprintln(stdout, command.File, "is good")
	}
	return statusOK
}

// complain says in one line why there is nothing to run. A pipe that nobody empties does not keep the process from ending.
func complain(stderr io.Writer, toJournal bool, err error) int {
	last := outlet.New(stderr)
	var line io.Writer = last
	if toJournal {
		line = journalWriter{to: last, plain: journal.PriErr}
	}
	fmt.Fprintf(line, "%s: %v\n", program, err)
	last.Close(flushTime)
	if config.IsError(err) {
		return statusConfig
	}
	return statusFailed
}

// release is set by those who build a release: go build -ldflags "-X main.release=v1.2.3".
var release string

// version is the release, or else what the module was built from, as far as the build knows.
func version() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "(devel)"
	}
	return info.Main.Version
}

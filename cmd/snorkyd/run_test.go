package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/snorky-go/snorky/cmd/snorkyd/config"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/outlet"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/trial"
)

func TestRunWithoutServing(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		args       []string
		status     int
		out, wrong string
	}{
		{"version", []string{"-version"}, statusOK, "snorkyd ", ""},
		{"help", []string{"-help"}, statusOK, about + "\n\nUsage: snorkyd ", ""},
		{"check", []string{"-check-config", "-key-file", keyFile(t, testKey)}, statusOK, "no file was named; flags, environment and defaults are good\n", ""},
		{"check without a key", []string{"-check-config"}, statusOK, "no file was named; flags, environment and defaults are good\n", ""},
		{"check finds", []string{"-check-config", "-key-file", "/nowhere/key"}, statusConfig, "", "snorkyd: key file \"/nowhere/key\": no such file or directory\n"},
		{"settings", []string{"-loops", "x"}, statusConfig, "", "snorkyd: -loops: \"x\" is not a number\n"},
		{"key file", []string{"-key-file", "/nowhere/key"}, statusConfig, "", "snorkyd: key file \"/nowhere/key\": no such file or directory\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var out, wrong bytes.Buffer
			status := run(test.args, nil, &out, &wrong)
			if status != test.status || !strings.HasPrefix(out.String(), test.out) || wrong.String() != test.wrong {
				t.Errorf("status %d\n%s\n%s", status, out.String(), wrong.String())
			}
		})
	}
}

// stuck is a pipe that nobody empties.
type stuck chan struct{}

func (s stuck) Write(p []byte) (int, error) {
	<-s
	return len(p), nil
}

// Why it does not run is said, but nobody has to listen for the process to end.
func TestComplaintThatNobodyReads(t *testing.T) {
	t.Parallel()
	pipe, ended := make(stuck), make(chan int, 1)
	defer close(pipe)
	go func() { ended <- run([]string{"-loops", "x"}, nil, io.Discard, pipe) }()
	select {
	case status := <-ended:
		if status != statusConfig {
			t.Errorf("status %d", status)
		}
	case <-time.After(trial.Patience):
		t.Error("it waits for somebody to read")
	}
}

// trialRun is a process inside of the test, to which signals are sent that nobody else gets.
type trialRun struct {
	signals  chan os.Signal
	out, log lockedBuffer
	p        *process
	ended    chan error
	load     func() // called for each reading of the configuration; nil: nothing
}

func (r *trialRun) start(t *testing.T, cfg config.Config) *trialRun {
	t.Helper()
	cfg.Frontend, cfg.Backend, cfg.Admin = "127.0.0.1:0", "127.0.0.1:0", ""
	r.signals, r.ended = make(chan os.Signal, 8), make(chan error, 1)
	r.p = &process{
		command: config.Command{Config: cfg, File: "the.toml", Ignored: []string{"SNORKY_PORT"}},
		signals: r.signals, stdout: outlet.New(&r.out), stderr: outlet.New(&r.log),
	}
	r.p.load = func() (config.Command, error) {
		if r.load != nil {
			r.load()
		}
		return r.p.command, nil
	}
	go func() {
		err := r.p.serve()
		r.p.stdout.Close(flushTime)
		r.p.stderr.Close(flushTime)
		r.ended <- err
	}()
	t.Cleanup(func() {
		r.signals <- syscall.SIGTERM
	})
	return r
}

func (r *trialRun) says(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		trial.Eventually(t, text, func() bool { return strings.Contains(r.log.String(), text) })
	}
}

func TestLifeOfAProcess(t *testing.T) {
	t.Parallel()
	cfg := config.Default()
	cfg.KeyFile = keyFile(t, testKey)
	cfg.Chat = []config.Plain{{Name: "chat"}}
	r := new(trialRun).start(t, cfg)
	r.says(t, `"services":["chat"]`, "these need an identity, which nobody has")
	r.says(t, `"message":"started"`, `"key":"file"`, `"config":"the.toml"`, `"services":["announcements","chat","pubsub"]`,
		`"variables":["SNORKY_PORT"]`)

	r.signals <- syscall.SIGHUP
	r.says(t, `"keys":1,`, "SIGHUP: the configuration was read")
	if err := os.WriteFile(cfg.KeyFile, []byte("hunter2"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.signals <- syscall.SIGHUP
	r.says(t, "SIGHUP: the configuration stays as it was", "a key is shorter than 16 bytes")

	r.signals <- syscall.SIGTERM
	if err := <-r.ended; err != nil {
		t.Errorf("ended with %v", err)
	}
	r.says(t, `"signal":"terminated"`, `"message":"draining"`, `"message":"drained"`)
	if r.out.String() != "" {
		t.Errorf("on standard output: %s", r.out.String())
	}
	for _, secret := range []string{testKey, "hunter2"} {
		if strings.Contains(r.log.String(), secret) {
			t.Errorf("the log shows a key:\n%s", r.log.String())
		}
	}
}

func TestSIGHUPReadsTheKeysOfTokens(t *testing.T) {
	t.Parallel()
	cfg := config.Default()
	cfg.TokenSecretFile = keyFile(t, "correct-horse-battery-staple-1234")
	r := new(trialRun).start(t, cfg)
	r.says(t, `"services":["announcements","pubsub","session"]`)
	r.signals <- syscall.SIGHUP
	r.says(t, "SIGHUP: the configuration was read")
	if err := os.WriteFile(cfg.TokenSecretFile, []byte("hunter2"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.signals <- syscall.SIGHUP
	r.says(t, "SIGHUP: the configuration stays as it was", "the secret is shorter than 32 bytes")
	r.signals <- syscall.SIGTERM
	if err := <-r.ended; err != nil {
		t.Errorf("ended with %v", err)
	}
	for _, unwanted := range []string{"correct-horse", "hunter2", "there is no key file"} {
		if strings.Contains(r.log.String(), unwanted) {
			t.Errorf("the log says %q:\n%s", unwanted, r.log.String())
		}
	}
}

func TestSIGHUPReadsTheURLWithTheKeysOfTokens(t *testing.T) {
	t.Parallel()
	answer := make(chan struct{})
	app := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-answer }))
	t.Cleanup(app.Close)
	t.Cleanup(func() { close(answer) })
	cfg := config.Default()
	cfg.TokenJWKSURL = app.URL
	r := new(trialRun).start(t, cfg)
	r.says(t, `"services":["announcements","pubsub","session"]`)
	r.signals <- syscall.SIGHUP
	r.says(t, "SIGHUP: the configuration was read")
	r.signals <- syscall.SIGTERM
	if err := <-r.ended; err != nil {
		t.Errorf("ended with %v", err)
	}
}

func TestRandomKeyIsShownOnceAndNotLogged(t *testing.T) {
	t.Parallel()
	cfg := config.Default()
	r := new(trialRun).start(t, cfg)
	r.says(t, `"key":"random"`)
	trial.Eventually(t, "a line for curl", func() bool { return strings.Contains(r.out.String(), "curl http://127.0.0.1:") })
	_, after, found := strings.Cut(r.out.String(), "for this run:\n\n    ")
	key, _, _ := strings.Cut(after, "\n")
	if !found || len(key) < 20 || !strings.Contains(r.out.String(), "'X-Backend-Key: "+key+"'") {
		t.Errorf("no key in:\n%s", r.out.String())
	}
	r.signals <- syscall.SIGHUP
	r.says(t, "SIGHUP: the configuration was read")
	r.signals <- os.Interrupt
	if err := <-r.ended; err != nil {
		t.Errorf("ended with %v", err)
	}
	if strings.Contains(r.log.String(), key) {
		t.Error("the log shows the key")
	}
}

func TestStartThatFails(t *testing.T) {
	t.Parallel()
	cfg := config.Default()
	cfg.KeyFile = "/nowhere/key"
	r := new(trialRun).start(t, cfg)
	if err := <-r.ended; !config.IsError(err) {
		t.Errorf("ended with %v", err)
	}
	if r.log.String() != "" {
		t.Errorf("logged before it ran:\n%s", r.log.String())
	}
}

func TestLogFormats(t *testing.T) {
	t.Parallel()
	tests := []struct {
		format            string
		terminal, journal bool
		want              string
	}{
		{"auto", false, false, `{"level":"info","name":"a\u001b[2Jb"`},
		{"auto", true, false, "\x1b["},
		{"auto", false, true, `<6>{"level":"info"`},
		{"json", true, true, `{"level":"info"`},
		{"journal", true, false, `<6>{"level":"info"`},
		{"pretty", false, true, `INF it happened name="a\x1b[2Jb"`},
	}
	for _, test := range tests {
		var out bytes.Buffer
		cfg := config.Default()
		cfg.LogFormat = test.format
		log := newLogger(cfg, &out, test.terminal, test.journal, new(logLevel))
		log.Debug().Msg("below the level")
		log.Info().Str("name", "a\x1b[2Jb").Msg("it happened")
		if !strings.Contains(out.String(), test.want) || strings.Count(out.String(), "\n") != 1 {
			t.Errorf("%s, terminal %v: %q", test.format, test.terminal, out.String())
		}
	}
}

// The level changes for all loggers that there are.
func TestLogLevels(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	var least logLevel
	log := newLogger(config.Default(), &out, false, false, &least)
	of := log.With().Str("part", "one").Logger()
	for level, want := range map[string]int{"debug": 4, "info": 3, "warn": 2, "error": 1} {
		least.set(level)
		out.Reset()
		of.Debug().Msg("a")
		of.Info().Msg("b")
		of.Warn().Msg("c")
		of.Error().Msg("d")
		if got := strings.Count(out.String(), "\n"); got != want {
			t.Errorf("%s: %d lines", level, got)
		}
	}
}

func TestTerminals(t *testing.T) {
	t.Parallel()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	defer write.Close()
	if isTerminal(write) || isTerminal(new(bytes.Buffer)) {
		t.Error("a pipe and a buffer are no terminals")
	}
}

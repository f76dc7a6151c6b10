package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/snorky-go/snorky/cmd/snorkyd/server"
)

const (
	testKey  = "a-key-for-these-tests"
	patience = 30 * time.Second // beyond which something that should happen is taken for never to happen

	// shortTimeout is for what is never answered. It is also the time to connect, which a busy machine has to manage.
	shortTimeout = "2s"
)

// asProgram has the test binary be snorky itself, for what needs a process.
const asProgram = "SNORKY_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(untilSignal())
	}
	for _, variable := range []string{envURL, envBackend, envKey, envKeyFile, envToken, envTokenFile, envAdmin} {
		_ = os.Unsetenv(variable)
	}
	// net/http lets a refused client read the refusal for half a second, in a goroutine that nobody can wait for.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// site is a whole server, as snorkyd runs it.
type site struct {
	*server.Server
	t *testing.T
}

func boot(t *testing.T, adapt ...func(*server.Config)) *site {
	t.Helper()
	cfg := server.Default()
	cfg.Frontend, cfg.Backend, cfg.Admin = "127.0.0.1:0", "127.0.0.1:0", ""
	for _, f := range adapt {
		f(&cfg)
	}
	s, err := server.New(cfg, server.WithKey(testKey))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shutdown(t, s) })
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	return &site{s, t}
}

// shutdown ends a server that may have ended before.
func shutdown(t *testing.T, s *server.Server) {
	t.Helper()
	select {
	case <-s.Done():
		return
	default:
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

func everybodyPublishes(cfg *server.Config) {
	for i := range cfg.PubSub {
		cfg.PubSub[i].Publish = "everybody"
	}
}

// doors are flags for the server, and for a key file with its key.
func (s *site) doors() []string {
	return []string{"--url", s.Addr(), "--backend", s.BackendAddr(), "--key-file", keyFile(s.t, testKey+"\n")}
}

func keyFile(t *testing.T, text string) string {
	t.Helper()
	name := t.TempDir() + "/key"
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// snorky runs a command line at the server to its end. Its last flags are those of the doors that the command knows.
func (s *site) snorky(stdin string, args ...string) (status int, stdout, stderr string) {
	s.t.Helper()
	return snorky(s.t, stdin, s.with(args)...)
}

func (s *site) with(args []string) []string {
	flags := s.doors()
	if args[0] == "subscribe" {
		flags = flags[:2]
	}
	return append(append([]string{args[0]}, flags...), args[1:]...)
}

// publish publishes a message, which has to succeed.
func (s *site) publish(channel, message string) {
	s.t.Helper()
	if status, _, stderr := s.snorky("", "publish", channel, message); status != 0 {
		s.t.Fatalf("publishing %s: status %d: %s", message, status, stderr)
	}
}

// snorky runs a command line to its end.
func snorky(t *testing.T, stdin string, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	r := start(t, strings.NewReader(stdin), args...)
	status = r.wait()
	return status, r.stdout.String(), r.stderr.String()
}

// running is a command line that has been started.
type running struct {
	t      *testing.T
	stdout *watched
	stderr *watched
	signal context.CancelCauseFunc
	ended  chan int
}

func start(t *testing.T, stdin io.Reader, args ...string) *running {
	t.Helper()
	r := &running{t: t, stdout: newWatched(), stderr: newWatched(), ended: make(chan int, 1)}
	return r.start(stdin, r.stdout, args...)
}

func (r *running) start(stdin io.Reader, stdout io.Writer, args ...string) *running {
	ctx, cancel := context.WithCancelCause(context.Background())
	r.signal = cancel
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.ended <- run(ctx, args, stdin, stdout, r.stderr)
	}()
	r.t.Cleanup(func() {
		cancel(interruption{os.Interrupt})
		<-ended
	})
	return r
}

// wait returns the exit status.
func (r *running) wait() int {
	r.t.Helper()
	select {
	case status := <-r.ended:
		return status
	case <-time.After(patience):
		r.t.Fatalf("goes on and on; stdout %q, stderr %q", r.stdout, r.stderr)
		return 0
	}
}

// subscribed waits until the server has agreed to all subscriptions.
func (r *running) subscribed() *running {
	r.t.Helper()
	if line := r.stderr.line(r.t); !strings.Contains(line, "subscribed") {
		r.t.Fatalf("not subscribed: %s", line)
	}
	return r
}

// watched is an output whose lines can be waited for.
type watched struct {
	mu    sync.Mutex
	text  bytes.Buffer
	lines chan string
}

func newWatched() *watched { return &watched{lines: make(chan string, 10000)} }

// Write takes whole lines, as those that follow the output of snorky rely on.
func (w *watched) Write(text []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text.Write(text)
	for line := range strings.Lines(string(text)) {
		w.lines <- line
	}
	return len(text), nil
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

// line waits for the next line, and returns it without its end.
func (w *watched) line(t *testing.T) string {
	t.Helper()
	select {
	case line := <-w.lines:
		text, whole := strings.CutSuffix(line, "\n")
		if !whole {
			t.Errorf("half a line: %q", line)
		}
		return text
	case <-time.After(patience):
		t.Fatalf("no further line after %q", w)
		return ""
	}
}

// program is snorky as a process of its own.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}

// contains checks for each part of a text.
func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("lacks %q:\n%s", part, text)
		}
	}
}

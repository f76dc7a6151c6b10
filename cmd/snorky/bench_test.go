package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/snorky-go/snorky/actors/wire"
	"github.com/snorky-go/snorky/cmd/snorky/internal/bench"
	"github.com/snorky-go/snorky/cmd/snorkyd/server"
)

// bench runs "snorky bench" at the site, with a little work for each mode.
func (s *site) bench(mode string, flags ...string) (status int, stdout, stderr string) {
	s.t.Helper()
	return snorky(s.t, "", s.benchLine(mode, flags...)...)
}

func (s *site) benchLine(mode string, flags ...string) []string {
	doors, little := s.doors(), map[string][]string{
		"fanout":  {"--subscribers", "5", "--messages", "50", "--warmup", "0s"},
		"latency": {"--subscribers", "5", "--rate", "100", "--duration", "100ms", "--warmup", "0s"},
		"idle":    {"--subscribers", "5", "--settle", "10ms", "--hold", "10ms"},
		"churn":   {"--loops", "2", "--duration", "100ms", "--warmup", "0s"},
	}
	if mode == "churn" {
		doors = doors[:2]
	}
	return append(append(append([]string{"bench", mode}, doors...), little[mode]...), flags...)
}

// thisServer are flags for figures of the server, which is this process, where there are any.
func thisServer() []string {
	if runtime.GOOS != "linux" {
		return nil
	}
	return []string{"--server-pid", strconv.Itoa(os.Getpid())}
}

// resultOf reads the one line that --json prints.
func resultOf(t *testing.T, stdout string) bench.Result {
	t.Helper()
	var r struct {
		bench.Result
		Settings json.RawMessage `json:"settings"`
	}
	if err := json.Unmarshal([]byte(stdout), &r); err != nil || strings.Count(stdout, "\n") != 1 {
		t.Fatalf("%v: %q", err, stdout)
	}
	return r.Result
}

func TestBenchFanout(t *testing.T) {
	t.Parallel()
	s := boot(t)
	for reader, batch := range map[string]string{"auto": "1", "goroutines": "4"} {
		status, stdout, stderr := s.bench("fanout", "--json", "--reader", reader, "--batch", batch, "--channels", "2", "--publishers", "3")
		if r := resultOf(t, stdout); status != 0 || stderr != "" || r.Messages != 50 || r.Deliveries < 100 || r.Faults.Total() != 0 {
			t.Errorf("status %d, %s, %+v", status, stderr, r)
		}
	}
	status, stdout, stderr := s.bench("fanout", thisServer()...)
	if status != 0 || stderr != "" {
		t.Errorf("status %d, %s", status, stderr)
	}
	contains(t, stdout, "fanout at "+s.Addr()+": 5 subscribers, 1 channel, 128 bytes, 8 publishers, window 64, batch 1\n",
		"  deliveries                 250 of 50 messages in ", "\n  deliveries/s ", "p99.9", "\n  CPU seconds                ",
		"\n  faults                     none\n")
}

func TestBenchLatency(t *testing.T) {
	t.Parallel()
	s := boot(t)
	status, stdout, stderr := s.bench("latency", "--json", "--beside", "3")
	r := resultOf(t, stdout)
	if status != 0 || stderr != "" || r.Messages != 10 || r.Deliveries != 50 || r.Latency.Count != 50 || r.Beside.Subscribers != 3 {
		t.Errorf("status %d, %s, %+v", status, stderr, r)
	}
	status, stdout, _ = s.bench("latency", "--slow", "20")
	contains(t, stdout, "latency, ms ", "client's own lag, ms ", "0 of 1 cut by the server", "100 messages a second")
	if status != 0 {
		t.Errorf("status %d", status)
	}
}

func TestBenchIdle(t *testing.T) {
	t.Parallel()
	s := boot(t)
	status, stdout, stderr := s.bench("idle", thisServer()...)
	if status != 0 || stderr != "" {
		t.Errorf("status %d, %s", status, stderr)
	}
	contains(t, stdout, "  alive                      5 of 5\n", "kernel, per connection")
	if strings.Contains(stdout, "server, per connection") != (thisServer() != nil) {
		t.Errorf("figures of a server:\n%s", stdout)
	}
}

func TestBenchChurn(t *testing.T) {
	t.Parallel()
	s := boot(t)
	status, stdout, stderr := s.bench("churn", "--json")
	if r := resultOf(t, stdout); status != 0 || stderr != "" || r.Cycles == 0 || r.Cycle.Count != r.Cycles {
		t.Errorf("status %d, %s, %+v", status, stderr, r)
	}
	_, stdout, _ = s.bench("churn")
	contains(t, stdout, "churn at "+s.Addr()+": 2 loops\n", "cycles/s", "cycle, ms", "faults                     none")
}

// TestBenchCutsSlowReadersOnly publishes much more than a reader that has stopped is allowed to have waiting.
func TestBenchCutsSlowReadersOnly(t *testing.T) {
	t.Parallel()
	s := boot(t, func(cfg *server.Config) { cfg.MaxQueuedBytes = 512 << 10 })
	_, stdout, stderr := s.bench("fanout", "--json", "--slow", "20", "--size", "8000", "--messages", "2000", "--window", "4")
	r := resultOf(t, stdout)
	if r.Slow.Subscribers != 1 || r.Slow.Cut != 1 || r.Slow.Gaps != 0 || r.Faults.Total() != 0 || r.Deliveries != 8000 {
		t.Errorf("%s, %d deliveries, %+v, %+v", stderr, r.Deliveries, r.Slow, r.Faults)
	}
}

func TestBenchExplainsWhatIsWrong(t *testing.T) {
	t.Parallel()
	s := boot(t)
	other := boot(t)
	for _, c := range []struct {
		name   string
		mode   string
		flags  []string
		status exitKind
		says   string
	}{
		{"a wrong key", "fanout", []string{"--key-file", keyFile(t, "wrong")}, exitKey, "does not accept the key"},
		{"no key file", "latency", []string{"--key-file", "/nowhere"}, exitKey, "key file /nowhere"},
		{"a wrong service", "churn", []string{"--service", "news", "--timeout", shortTimeout}, exitOther, "Is there a service news?"},
		{"a wrong twin", "idle", []string{"--backend-service", "news"}, exitRefused, "there is no service news"},
		{"no frontend", "churn", []string{"--url", "127.0.0.1:1"}, exitUnreachable, "cannot connect to ws://127.0.0.1:1/ws"},
		{"no backend", "fanout", []string{"--backend", "127.0.0.1:1"}, exitUnreachable, "cannot connect to http://127.0.0.1:1/backend"},
		{"doors of two servers", "fanout", []string{"--backend", other.BackendAddr(), "--timeout", shortTimeout}, exitOther, "is not heard by subscribers"},
		{"the wrong door", "churn", []string{"--url", s.BackendAddr()}, exitOther, "answers the handshake with status"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			status, stdout, stderr := s.bench(c.mode, c.flags...)
			if status != int(c.status) || stdout != "" {
				t.Errorf("status %d, %s", status, stdout)
			}
			contains(t, stderr, c.says)
		})
	}
}

func TestBenchExplainsLimits(t *testing.T) {
	t.Parallel()
	b := &benchmark{mode: "fanout"}
	b.url = "h:1"
	for _, c := range []struct {
		err    error
		status exitKind
		says   string
	}{
		{&bench.FileLimitError{Need: 30000, Allowed: 1024}, exitOther, "30000 open files, and a process may have 1024"},
		{&bench.SetupError{Err: &net.OpError{Op: "dial", Err: syscall.EADDRNOTAVAIL}}, exitUnreachable, "no ports left"},
		{&bench.SetupError{Err: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}}, exitUnreachable, "cannot connect to ws://h:1/ws"},
		{&bench.SetupError{Err: &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, Publisher: true}, exitUnreachable, "cannot connect to http://127.0.0.1:5801/backend"},
		{&bench.SetupError{Err: &bench.HandshakeError{Status: 503}}, exitUnreachable, "handshake with status 503"},
		{&bench.SetupError{Err: &bench.RefusedError{Text: "Too many"}}, exitRefused, "refused subscribe: Too many"},
		{&bench.SetupError{Err: &wire.CloseError{Code: wire.CloseTooManyConnections, ByPeer: true}}, exitUnreachable, "too many connections"},
		{&bench.SetupError{Err: io.ErrUnexpectedEOF}, exitUnreachable, "failed while others worked: the other end hung up"},
		{errors.New("epoll is out"), exitOther, "the measurement failed: epoll is out"},
	} {
		if f := asFailure(b.explainBench(c.err)); f.kind != c.status || !strings.Contains(f.what, c.says) {
			t.Errorf("%v: %d, %s", c.err, f.kind, f.what)
		}
	}
}

func TestWrongBenchLines(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ line, says string }{
		{"bench frobnicate", "no command `frobnicate`"},
		{"bench fanot", "Did you mean fanout?"},
		{"bench fanout news", "wants no arguments"},
		{"bench fanout --subscribers 0", "--subscribers has to be between"},
		{"bench fanout --subscribers many", "--subscribers"},
		{"bench fanout --size 3", "--size has to be between"},
		{"bench fanout --duration 0s", "--duration has to be"},
		{"bench fanout --window 2 --batch 3", "--window has to be between"},
		{"bench fanout --reader book", "loop, goroutines and auto"},
		{"bench fanout --server-pid 1073741824", "--server-pid names a process"},
		{"bench fanout --sources 3 --url ws://192.0.2.1/ws", "--sources is for"},
		{"bench fanout --url ftp://h", "--url"},
		{"bench latency --rate 0", "--rate has to be"},
		{"bench latency --slow 100", "--slow has to be"},
		{"bench idle --settle -1s", "--settle has to be"},
		{"bench churn --loops 0", "--loops has to be"},
		{"bench churn --timeout 0s", "--timeout has to be"},
		{"bench churn --rate 3", "unknown flag"},
	} {
		t.Run(c.line, func(t *testing.T) {
			t.Parallel()
			args := strings.Fields(c.line)
			if !strings.Contains(c.line, "churn") && len(args) > 2 {
				args = append(args, "--key-file", keyFile(t, testKey))
			}
			status, stdout, stderr := snorky(t, "", args...)
			if status != int(exitUsage) || stdout != "" {
				t.Errorf("status %d, stdout %q", status, stdout)
			}
			contains(t, stderr, "snorky: ", c.says)
		})
	}
}

// TestBenchSurvivesTheServer has the server go away in the middle.
func TestBenchSurvivesTheServer(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"fanout", "latency", "churn"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			s := boot(t)
			flags := []string{"--json", "--duration", "1h", "--stall", "1s", "--progress"}
			if mode == "fanout" {
				flags = append(flags, "--messages", "0")
			}
			r := start(t, strings.NewReader(""), s.benchLine(mode, flags...)...)
			contains(t, r.stderr.line(t), `{"event":"progress","message":"`)
			shutdown(t, s.Server)
			if status := r.wait(); status != int(exitFaults) {
				t.Errorf("status %d, %s", status, r.stderr)
			}
			result := resultOf(t, r.stdout.String())
			if result.Faults.Refused == 0 || mode != "churn" && result.Faults.Disconnected != 5 || result.Interrupted {
				t.Errorf("%+v", result.Faults)
			}
			lines := strings.Split(strings.TrimSpace(r.stderr.String()), "\n")
			if f := failureOf(t, lines[len(lines)-1]); f.Error != "faults" || f.Exit != int(exitFaults) || !strings.Contains(f.Message, result.Faults.First) {
				t.Errorf("%+v", f)
			}
		})
	}
}

func TestBenchTellsPeopleOfFaults(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	a := &app{stdout: &out}
	peer, err := bench.NewSnorky(bench.SnorkyOptions{URL: "ws://h/ws", Backend: "http://h/backend"})
	if err != nil {
		t.Fatal(err)
	}
	r := &bench.Result{Mode: "fanout", Interrupted: true, Faults: bench.Faults{Missing: 1234, Disconnected: 2, First: "it was\x1b[31m he"}}
	if err := a.summary(r, peer); err != nil {
		t.Fatal(err)
	}
	contains(t, out.String(), "  FAULT: missing             1,234\n", "  FAULT: disconnected        2\n", `it was\u001b[31m he`, "these are the figures so far")
	if strings.Contains(out.String(), "duplicated") {
		t.Errorf("what there is none of is not shown:\n%s", out.String())
	}
}

func TestBenchIsInterrupted(t *testing.T) {
	t.Parallel()
	s := boot(t)
	for mode, flags := range map[string][]string{
		"fanout":  {"--duration", "1h", "--messages", "0"},
		"latency": {"--duration", "1h"},
		"idle":    append([]string{"--hold", "1h"}, thisServer()...),
		"churn":   {"--duration", "1h"},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			if mode == "idle" && thisServer() == nil {
				return // there is nothing to wait for
			}
			flags = append(flags, "--progress")
			r := start(t, strings.NewReader(""), s.benchLine(mode, flags...)...)
			contains(t, r.stderr.line(t), "faults")
			r.signal(interruption{syscall.SIGINT})
			if status := r.wait(); status != int(exitInterrupted) {
				t.Errorf("status %d, %s", status, r.stderr)
			}
			contains(t, r.stdout.String(), mode+" at ", "these are the figures so far", "faults                     none")
		})
	}
}

func TestBenchProgress(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mode string
		p    bench.Progress
		want string
	}{
		{"fanout", bench.Progress{Phase: bench.PhaseConnecting, Connected: 3, Elapsed: 1500 * time.Millisecond}, "connecting 1.5 s: 3 of 7 connected, 0 faults"},
		{"fanout", bench.Progress{Phase: bench.PhaseMeasuring, PerSecond: 1234567, InFlight: 1000, Faults: 2}, "measuring 0.0 s: 1,234,567 deliveries/s, 1,000 in flight, 2 faults"},
		{"churn", bench.Progress{Phase: bench.PhaseWarmup, PerSecond: 999}, "warm-up 0.0 s: 999 cycles/s, 0 faults"},
		{"idle", bench.Progress{Phase: bench.PhaseSettling, Connected: 7}, "settling 0.0 s: 7 connected, 0 faults"},
	} {
		b := &benchmark{mode: c.mode, Config: bench.Config{Subscribers: 7}}
		if got := progressNote(c.p, b).Text; got != c.want {
			t.Errorf("%q instead of %q", got, c.want)
		}
	}
	var terminal strings.Builder
	report, done := live(&terminal, &benchmark{mode: "churn"})
	report(bench.Progress{Phase: bench.PhaseMeasuring, PerSecond: 1})
	report(bench.Progress{Phase: bench.PhaseMeasuring, PerSecond: 2})
	done()
	want := "\rmeasuring 0.0 s: 1 cycles/s, 0 faults\x1b[K\rmeasuring 0.0 s: 2 cycles/s, 0 faults\x1b[K\r\x1b[K"
	if terminal.String() != want {
		t.Errorf("%q", terminal.String())
	}
	if isTerminalOutput(&terminal) {
		t.Error("a buffer is taken for a terminal")
	}
}

func TestGroupedNumbers(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{0: "0", 999: "999", 1000: "1,000", 1234567.4: "1,234,567", -1234: "-1,234", -123: "-123"} {
		if got := grouped(v); got != want {
			t.Errorf("%v: %s", v, got)
		}
	}
}

func TestBenchHelp(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"", "fanout", "latency", "idle", "churn"} {
		args, name := []string{"bench", mode, "--help"}, "bench-"+mode
		if mode == "" {
			args, name = []string{"bench", "--help"}, "bench"
		}
		status, stdout, stderr := snorky(t, "", args...)
		if status != 0 || stderr != "" {
			t.Errorf("%s: status %d, %s", name, status, stderr)
		}
		file := filepath.Join("testdata", "help", name+".txt")
		if *update {
			if err := os.WriteFile(file, []byte(stdout), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if stdout != string(want) {
			t.Errorf("%s is not the help; if it should be, run go test -update:\n%s", file, stdout)
		}
	}
}

func TestBenchCompletions(t *testing.T) {
	t.Parallel()
	const noFilesMark = ":4\n"
	for _, c := range []struct {
		typed []string
		want  []string
	}{
		{[]string{"bench", ""}, []string{"churn\t", "fanout\t", "idle\t", "latency\t", noFilesMark}},
		{[]string{"bench", "fanout", "--reader", ""}, []string{"auto\nloop\ngoroutines\n", noFilesMark}},
		{[]string{"bench", "latency", "--be"}, []string{"--beside\t", noFilesMark}},
		{[]string{"bench", "idle", "--subscribers", ""}, []string{noFilesMark}},
		{[]string{"bench", "churn", ""}, []string{noFilesMark}},
	} {
		_, stdout, _ := snorky(t, "", append([]string{"__complete"}, c.typed...)...)
		contains(t, stdout, c.want...)
	}
}

// TestBenchWithoutAWayBack has a context end before anything begins.
func TestBenchWithoutAWayBack(t *testing.T) {
	t.Parallel()
	s := boot(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	if status := run(ctx, s.benchLine("churn"), strings.NewReader(""), &stdout, &stderr); status != int(exitInterrupted) || stdout.Len() > 0 {
		t.Errorf("status %d, %s, %s", status, stdout.String(), stderr.String())
	}
}

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"github.com/snorky-go/snorky/cmd/snorkyd/internal/trial"
)

// leakless runs the tests and then looks for goroutines that they left.
type leakless struct{ *testing.M }

func (m leakless) Run() int {
	defer func() { _ = os.RemoveAll(buildDir) }()
	code := m.M.Run()
	// net/http lets a refused client read the refusal for half a second, in a goroutine that nobody can wait for.
	if err := goleak.Find(goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait")); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func TestMain(m *testing.M) {
	testscript.Main(leakless{m}, map[string]func(){"snorkyd": main})
}

func TestScripts(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("TAKEN", taken.Addr().String())
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"refuses": refuses, "big": big},
	})
}

// secrets stand in the scripts, and never in what the program says.
var secrets = []string{"correct-horse", "s3cr3", "battery"}

// refuses STATUS TEXT ARGUMENT... runs snorkyd, which has to end with the status and that one line.
func refuses(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: refuses STATUS TEXT ARGUMENT...")
	}
	err := ts.Exec("snorkyd", args[2:]...)
	exit, ended := errors.AsType[*exec.ExitError](err)
	if !ended || strconv.Itoa(exit.ExitCode()) != args[0] {
		ts.Fatalf("got %v, want status %s", err, args[0])
	}
	said := ts.ReadFile("stderr")
	if want := "snorkyd: " + args[1] + "\n"; said != want {
		ts.Fatalf("\n got %q\nwant %q", said, want)
	}
	if out := ts.ReadFile("stdout"); out != "" {
		ts.Fatalf("on standard output: %q", out)
	}
	for _, secret := range secrets {
		if strings.Contains(said, secret) {
			ts.Fatalf("%q shows a key", said)
		}
	}
}

// big LENGTH FILE writes a file of that many bytes.
func big(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), bytes.Repeat([]byte("k"), n), 0o600))
}

// buildDir is where binary lies, removed by leakless.
var buildDir string

// binary is the program as users have it: built as such, not a test.
var binary = sync.OnceValues(func() (string, error) {
	var err error
	if buildDir, err = os.MkdirTemp("", "snorkyd-test-"); err != nil {
		return "", err
	}
	file := filepath.Join(buildDir, "snorkyd")
	if out, err := exec.Command("go", "build", "-o", file, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return file, nil
})

// snorkyd is the program, running by itself.
type snorkyd struct {
	t      *testing.T
	cmd    *exec.Cmd
	log    lockedBuffer
	front  string
	back   string
	exited chan struct{}
	status int // -1: by a signal
}

const testKey = "correct-horse-battery-staple"

func keyFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// prepare makes a command line on ports that were free a moment ago, with testKey as key. The caller may change cmd
// before start.
func prepare(t *testing.T, args ...string) *snorkyd {
	t.Helper()
	file, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	p := &snorkyd{t: t, exited: make(chan struct{})}
	p.front, p.back = freePorts(t)
	p.cmd = exec.Command(file, append([]string{
		"-frontend", p.front, "-backend", p.back, "-admin", "none", "-key-file", keyFile(t, testKey+"\n"),
	}, args...)...)
	p.cmd.Stderr = &p.log
	return p
}

// shell has a shell do something before it becomes the program: set a limit, close a descriptor.
func (p *snorkyd) shell(before string) *snorkyd {
	p.cmd.Args = append([]string{"sh", "-c", before + `; exec "$0" "$@"`, p.cmd.Path}, p.cmd.Args[1:]...)
	p.cmd.Path = "/bin/sh"
	return p
}

// start runs it and returns without waiting for anything.
func (p *snorkyd) start() *snorkyd {
	p.t.Helper()
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() {
		defer close(p.exited)
		_ = p.cmd.Wait()
		p.status = p.cmd.ProcessState.ExitCode()
	}()
	p.t.Cleanup(func() {
		_ = p.cmd.Process.Signal(syscall.SIGCONT)
		_ = p.cmd.Process.Kill()
		<-p.exited
	})
	return p
}

// up runs it and waits until it is well.
func (p *snorkyd) up() *snorkyd {
	p.t.Helper()
	p.start()
	p.healthy()
	return p
}

func (p *snorkyd) healthy() {
	p.t.Helper()
	trial.Eventually(p.t, "it is well: "+p.log.String(), func() bool {
		select {
		case <-p.exited:
			p.t.Fatalf("ended with status %d:\n%s", p.status, p.log.String())
		default:
		}
		return trial.Status(p.t, "http://"+p.front+"/healthz") == 200
	})
}

// serves proves that a publication reaches a subscriber.
func (p *snorkyd) serves() {
	p.t.Helper()
	subscriber := trial.Subscribe(p.t, p.front, "announcements", "proof")
	trial.Publish(p.t, trial.Publisher(p.t, p.back, testKey), "announcements_backend", "proof", "it serves")
	if got, code := subscriber.Next(); string(got.Message) != `"it serves"` {
		p.t.Errorf("got %+v, code %d", got, code)
	}
}

func (p *snorkyd) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// ends waits for the end and returns the status.
func (p *snorkyd) ends() int {
	p.t.Helper()
	select {
	case <-p.exited:
	case <-time.After(trial.Patience):
		p.t.Fatalf("it does not end:\n%s", p.log.String())
	}
	return p.status
}

// logged waits for a line of the log with this message and returns it.
func (p *snorkyd) logged(message string) map[string]any {
	p.t.Helper()
	var found map[string]any
	trial.Eventually(p.t, "the log says "+message, func() bool {
		lines := bufio.NewScanner(strings.NewReader(p.log.String()))
		for lines.Scan() {
			var line map[string]any
			if json.Unmarshal(lines.Bytes(), &line) == nil && line["message"] == message {
				found = line
				return true
			}
		}
		return false
	})
	return found
}

// freePorts are two addresses that nobody listened on a moment ago. Both are taken before either is given back: the
// system may offer the same port again at once.
func freePorts(t *testing.T) (front, back string) {
	t.Helper()
	var addresses [2]string
	for i := range addresses {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		addresses[i] = l.Addr().String()
	}
	return addresses[0], addresses[1]
}

type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

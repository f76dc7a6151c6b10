package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

// binary is the demo as people run it.
var binary string

func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "demo")
	if err == nil {
		binary = filepath.Join(folder, "demo")
		var said []byte
		if said, err = exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
			err = fmt.Errorf("go build: %w\n%s", err, said)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	// net/http lets a refused client read the refusal for half a second, in a goroutine that nobody can wait for.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"), goleak.Cleanup(func(status int) {
		_ = os.RemoveAll(folder)
		os.Exit(status)
	}))
}

// demo is a running process.
type demo struct {
	t       *testing.T
	command *exec.Cmd
	kill    context.CancelFunc
	readers sync.WaitGroup
	ended   bool

	page string // its address
	curl string // the line to paste
}

// start runs the demo and reads what it tells people. The process is killed at the end of the test.
func start(t *testing.T, frontend string) *demo {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	d := &demo{t: t, kill: cancel, command: exec.CommandContext(ctx, binary, "-frontend", frontend, "-backend", "127.0.0.1:0")}
	stdout, err := d.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	log, err := d.command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.command.Start(); err != nil {
		t.Fatal(err)
	}
	shown, logged := make(chan string, 100), make(chan string, 1000)
	d.readers.Go(func() { lines(stdout, shown) })
	d.readers.Go(func() { lines(log, logged) })
	t.Cleanup(d.end)
	d.page = await(t, shown, logged, "http://localhost:")
	d.curl = await(t, shown, logged, "curl ")
	return d
}

// lines passes on lines until there are no more; those for which there is no room are lost.
func lines(r io.Reader, to chan<- string) {
	defer close(to)
	for scanner := bufio.NewScanner(r); scanner.Scan(); {
		select {
		case to <- scanner.Text():
		default:
		}
	}
}

// await returns the first line that begins like that.
func await(t *testing.T, shown, logged <-chan string, beginning string) string {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case line, more := <-shown:
			if !more {
				t.Fatalf("the demo ended without showing %q; its log ends with %q", beginning, <-logged)
			}
			if line = strings.TrimSpace(line); strings.HasPrefix(line, beginning) {
				return line
			}
		case <-deadline:
			t.Fatalf("the demo did not show %q", beginning)
		}
	}
}

// end kills the process (SIGKILL), as a crash would.
func (d *demo) end() {
	if d.ended {
		return
	}
	d.ended = true
	d.kill()
	d.readers.Wait()
	var killed *exec.ExitError
	if err := d.command.Wait(); err != nil && !errors.As(err, &killed) {
		d.t.Errorf("the demo ended with %v", err)
	}
}

// address is where the frontend can be reached again after a restart.
func (d *demo) address() string {
	return strings.Trim(strings.Replace(strings.TrimPrefix(d.page, "http://"), "localhost", "127.0.0.1", 1), "/")
}

// paste does what people do with the line: they give it to a shell.
func (d *demo) paste() {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	defer cancel()
	said, err := exec.CommandContext(ctx, "sh", "-c", d.curl).CombinedOutput()
	if err != nil || !strings.Contains(string(said), `"type":"response"`) {
		d.t.Fatalf("%s\n%s%v", d.curl, said, err)
	}
}

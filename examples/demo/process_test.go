package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/snorky-go/snorky/examples/internal/process"
)

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
	process *process.Process

	page string // its address
	curl string // the line to paste
}

// start runs the demo and reads what it tells people. The process is killed at the end of the test.
func start(t *testing.T, frontend string) *demo {
	t.Helper()
	d := &demo{t: t, process: process.Start(t, process.Command{
		Program: binary, Arguments: []string{"-frontend", frontend, "-backend", "127.0.0.1:0"},
	})}
	d.page = d.process.Shown("http://localhost:")
	d.curl = d.process.Shown("curl ")
	return d
}

// address is where the frontend can be reached again after a restart.
func (d *demo) address() string {
	return strings.Trim(strings.Replace(strings.TrimPrefix(d.page, "http://"), "localhost", "127.0.0.1", 1), "/")
}

// paste does what people do with the line: they give it to a shell.
func (d *demo) paste() {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), process.Patience)
	defer cancel()
	said, err := exec.CommandContext(ctx, "sh", "-c", d.curl).CombinedOutput()
	if err != nil || !strings.Contains(string(said), `"type":"response"`) {
		d.t.Fatalf("%s\n%s%v", d.curl, said, err)
	}
}

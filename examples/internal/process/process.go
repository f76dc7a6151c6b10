// Package process runs the programs of the examples in tests, as people run them.
package process

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Patience is how long a test waits for what must come.
const Patience = 30 * time.Second

// Process is a program that runs.
type Process struct {
	t       testing.TB
	name    string
	command *exec.Cmd
	readers sync.WaitGroup
	shown   chan string
	logged  chan string
	group   bool
	ended   bool
}

// Command is what to run.
type Command struct {
	Program   string
	Arguments []string
	// Environment is what there is beside that of the test.
	Environment []string
	// Folder is where it runs; empty: where the test does.
	Folder string
	// Group says that the program runs others, as a shell does: they end when it ends.
	Group bool
}

// Start runs a program. At the end of the test it is killed, if it still runs.
func Start(t testing.TB, c Command) *Process {
	t.Helper()
	p := &Process{t: t, name: c.Program, group: c.Group, shown: make(chan string, 100), logged: make(chan string, 1000)}
	//nolint:gosec // tests run what they have built
	p.command = exec.CommandContext(context.Background(), c.Program, c.Arguments...) // Kill ends it
	p.command.Env = append(os.Environ(), c.Environment...)
	p.command.Dir = c.Folder
	p.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: c.Group}
	stdout, err := p.command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := p.command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.command.Start(); err != nil {
		t.Fatal(err)
	}
	p.readers.Go(func() { lines(stdout, p.shown) })
	p.readers.Go(func() { lines(stderr, p.logged) })
	t.Cleanup(p.Kill)
	return p
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

// Shown waits for a line on standard output that begins like that, and returns it without blanks at its ends.
func (p *Process) Shown(beginning string) string {
	p.t.Helper()
	return p.await(p.shown, "show", beginning, func(line string) bool { return strings.HasPrefix(line, beginning) })
}

// Logged waits for a line on standard error that has a text in it, and returns it.
func (p *Process) Logged(text string) string {
	p.t.Helper()
	return p.await(p.logged, "log", text, func(line string) bool { return strings.Contains(line, text) })
}

func (p *Process) await(lines <-chan string, how, what string, is func(string) bool) string {
	p.t.Helper()
	deadline := time.After(Patience)
	for {
		select {
		case line, more := <-lines:
			if !more {
				p.t.Fatalf("%s ended and did not %s %q; its log: %q", p.name, how, what, p.Log())
			}
			if line = strings.TrimSpace(line); is(line) {
				return line
			}
		case <-deadline:
			p.t.Fatalf("%s did not %s %q", p.name, how, what)
		}
	}
}

// Log returns what has been logged since it was asked for last.
func (p *Process) Log() (all []string) {
	for {
		select {
		case line, more := <-p.logged:
			if !more {
				return all
			}
			all = append(all, line)
		default:
			return all
		}
	}
}

// Kill ends the process (SIGKILL), as a crash would.
func (p *Process) Kill() { p.end(syscall.SIGKILL) }

// Interrupt asks the process to end (SIGINT), as people do by Ctrl-C, and waits for that. It has to end well.
func (p *Process) Interrupt() {
	p.t.Helper()
	p.end(syscall.SIGINT)
	if status := p.command.ProcessState.ExitCode(); status != 0 {
		p.t.Errorf("%s ended with status %d; its log: %q", p.name, status, p.Log())
	}
}

func (p *Process) end(by syscall.Signal) {
	if p.ended {
		return
	}
	p.ended = true
	pid := p.command.Process.Pid
	if p.group {
		pid = -pid
	}
	_ = syscall.Kill(pid, by) // it may have ended
	late := time.AfterFunc(Patience, func() {
		p.t.Errorf("%s did not end", p.name)
		_ = syscall.Kill(pid, syscall.SIGKILL)
	})
	defer late.Stop()
	p.readers.Wait()
	var exit *exec.ExitError
	if err := p.command.Wait(); err != nil && !errors.As(err, &exit) {
		p.t.Errorf("%s ended with %v", p.name, err)
	}
}

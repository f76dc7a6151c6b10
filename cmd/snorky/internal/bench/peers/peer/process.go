package peer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// program is what to start.
type program struct {
	path   string
	args   []string
	folder string   // its own, removed in the end; empty: it needs none
	awaits []string // the addresses it listens on when it is ready
}

// process is a child in a process group of its own.
type process struct {
	command    *exec.Cmd
	folder     string
	complaints tail
	ended      chan struct{} // closed when it has been waited for
}

const (
	readyWithin = 20 * time.Second
	readyEvery  = 10 * time.Millisecond
)

// launch starts a program and waits until it listens. After an error nothing is left of it.
func launch(ctx context.Context, p program) (*process, error) {
	child := &process{folder: p.folder, ended: make(chan struct{})}
	// It is not bound to ctx: Stop ends it, in one way only.
	//nolint:gosec // what is started is said in this package
	child.command = exec.CommandContext(context.WithoutCancel(ctx), p.path, p.args...)
	child.command.Stderr = &child.complaints
	child.command.SysProcAttr = attributes()
	if err := child.command.Start(); err != nil {
		child.clean()
		return nil, err
	}
	go func() {
		defer close(child.ended)
		_ = child.command.Wait() // it was killed
	}()
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	for _, address := range p.awaits {
		if err := child.await(ctx, address); err != nil {
			child.stop()
			return nil, fmt.Errorf("%s did not become ready: %w: %s", p.path, err, child.complaints.String())
		}
	}
	return child, nil
}

// await returns when something accepts connections at an address.
func (p *process) await(ctx context.Context, address string) error {
	again := time.NewTicker(readyEvery)
	defer again.Stop()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.ended:
			return errors.New("it ended")
		case <-again.C:
		}
	}
}

// stop kills the whole group, so that no worker is left behind.
func (p *process) stop() {
	_ = syscall.Kill(-p.command.Process.Pid, syscall.SIGKILL) // it may have ended already
	<-p.ended
	p.clean()
}

func (p *process) clean() {
	if p.folder != "" {
		_ = os.RemoveAll(p.folder) // the folder of temporary files; the system sees to what is left
	}
}

// freeAddresses are loopback addresses whose ports nobody has at the moment.
func freeAddresses(ctx context.Context, n int) ([]string, error) {
	found := make([]string, n)
	for i := range found {
		listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp4", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { _ = listener.Close() }()
		found[i] = listener.Addr().String()
	}
	return found, nil
}

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(b []byte) (int, error) {
	const longest = 2 << 10
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	if more := len(t.text) - longest; more > 0 {
		t.text = append(t.text[:0], t.text[more:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.text)
}

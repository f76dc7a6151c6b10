package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const key = "a-key-for-one-restart-only"

// house is what outlives a server: its sockets, its key, its program.
type house struct {
	binary  string
	args    []string
	front   string
	back    string
	sockets []*os.File
}

func build(ctx context.Context, s settings, binary, folder string) (*house, error) {
	h := &house{binary: binary}
	for _, address := range []*string{&h.front, &h.back} {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp4", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		*address = l.Addr().String()
		file, err := l.(*net.TCPListener).File()
		_ = l.Close()
		if err != nil {
			return nil, err
		}
		h.sockets = append(h.sockets, file)
	}
	keyFile, err := writeKey(folder)
	h.args = []string{
		"-key-file", keyFile, "-drain", s.drain.String(), "-reconnect-spread", s.spread.String(), "-log-level", "warn",
	}
	return h, err
}

// rent is a house whose server opens its doors itself, and is told no more than any version of it understands.
func rent(ctx context.Context, binary, folder string) (*house, error) {
	h := &house{binary: binary}
	for _, address := range []*string{&h.front, &h.back} {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp4", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		*address = l.Addr().String()
		_ = l.Close()
	}
	keyFile, err := writeKey(folder)
	h.args = []string{"-key-file", keyFile, "-frontend", h.front, "-backend", h.back, "-log-level", "warn"}
	return h, err
}

func writeKey(folder string) (string, error) {
	file := filepath.Join(folder, "key")
	return file, os.WriteFile(file, []byte(key), 0o600)
}

func (h *house) close() {
	for _, file := range h.sockets {
		_ = file.Close()
	}
}

// server is one process.
type server struct {
	command *exec.Cmd
	ended   chan struct{}
}

// start starts a process on the sockets, and returns when it answers.
func (h *house) start(ctx context.Context) (*server, error) {
	// LISTEN_PID is the process that reads it: the shell that becomes snorkyd.
	script := `export LISTEN_PID=$$; exec "$0" "$@"`
	//nolint:gosec // it is our own program
	command := exec.CommandContext(context.WithoutCancel(ctx), "/bin/sh", append([]string{"-c", script, h.binary}, h.args...)...)
	if len(h.sockets) > 0 {
		command.Env = append(os.Environ(), "LISTEN_FDS=2", "LISTEN_FDNAMES=frontend:backend")
		command.ExtraFiles = h.sockets
	}
	command.Stderr = os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the parent
	if err := command.Start(); err != nil {
		return nil, err
	}
	s := &server{command: command, ended: make(chan struct{})}
	go func() {
		defer close(s.ended)
		_ = command.Wait()
	}()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		if healthy(ctx, h.front) {
			return s, nil
		}
		select {
		case <-again.C:
		case <-s.ended:
			return nil, fmt.Errorf("the server has ended with status %d", command.ProcessState.ExitCode())
		case <-ctx.Done():
			s.kill()
			return nil, ctx.Err()
		}
	}
}

func healthy(ctx context.Context, address string) bool {
	// While nobody accepts, the request waits in the backlog.
	ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/healthz", nil)
	if err != nil {
		return false
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// terminate asks the process to end and waits until it has.
func (s *server) terminate(ctx context.Context) error {
	if err := s.command.Process.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-s.ended:
	case <-ctx.Done():
		return ctx.Err()
	}
	if status := s.command.ProcessState.ExitCode(); status != 0 {
		return errors.New("the server has not ended well: " + s.command.ProcessState.String())
	}
	return nil
}

func (s *server) kill() {
	_ = s.command.Process.Kill()
	<-s.ended
}

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// server is the snorkyd under test.
type server struct {
	front, back, admin string // addresses; admin is empty where the program has none
	folder, logFile    string
	keyFile            string
	secret             []byte // that tokens are signed with
	key                string // that it started with
	command            *exec.Cmd
	log                *os.File
	ended              chan struct{}
}

// everything is a configuration with all kinds of services, and with rates that keep books of everybody but hinder nobody.
const everything = `
connect-rate-per-address = "50/s burst 1000"
connect-rate-per-identity = "10/s burst 100"
call-rate = "200/s burst 1000"
call-rate-per-address = "1000/s burst 5000"
call-rate-per-identity = "200/s burst 1000"
publish-rate = "100/s burst 500"
publish-rate-per-address = "1000/s burst 5000"
publish-rate-per-identity = "100/s burst 500"
[[messaging]]
name = "messaging"
[[chat]]
name = "chat"
[[cursors]]
name = "cursors"
[[datasync]]
name = "datasync"
backend = "datasync_backend"
[[datasync.dealer]]
name = "TasksByOwner"
model = "Task"
kind = "key"
field = "owner"
[[datasync.dealer]]
name = "AllNotes"
model = "Note"
kind = "broadcast"
`

const readyWithin = 30 * time.Second

// startServer builds snorkyd, starts it and waits until it serves. After an error nothing is left of it.
func startServer(ctx context.Context, s settings) (*server, error) {
	folder, err := os.MkdirTemp("", "snorky-soak-")
	if err != nil {
		return nil, err
	}
	v := &server{
		folder: folder, logFile: filepath.Join(folder, "log"), keyFile: filepath.Join(folder, "key"),
		secret: []byte(rand.Text() + rand.Text()), key: rand.Text(), ended: make(chan struct{}),
	}
	if err := v.start(ctx, s); err != nil {
		if v.command != nil && v.command.Process != nil {
			v.kill()
		}
		return nil, fmt.Errorf("starting snorkyd in %s: %w", folder, err)
	}
	return v, nil
}

func (v *server) start(ctx context.Context, s settings) error {
	program := s.snorkyd
	if program == "" {
		program = filepath.Join(v.folder, "snorkyd")
		build := exec.CommandContext(ctx, "go", "build", "-o", program, "./cmd/snorkyd") //nolint:gosec // the path is our own
		build.Dir = s.root
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
	}
	settings, secret := filepath.Join(v.folder, "snorkyd.toml"), filepath.Join(v.folder, "secret")
	if err := errors.Join(
		os.WriteFile(settings, []byte(everything), 0o600), os.WriteFile(secret, v.secret, 0o600), v.writeKeys(v.key),
	); err != nil {
		return err
	}
	addresses, err := freeAddresses(ctx, 3)
	if err != nil {
		return err
	}
	v.front, v.back = addresses[0], addresses[1]
	arguments := []string{
		"-config", settings, "-key-file", v.keyFile, "-token-secret-file", secret,
		"-frontend", v.front, "-backend", v.back, "-log-format", "json",
	}
	help, _ := exec.CommandContext(ctx, program, "-help").Output() //nolint:gosec // it was just built, or is the operator's
	if strings.Contains(string(help), "-admin") {
		v.admin = addresses[2]
		arguments = append(arguments, "-admin", v.admin)
	}
	if v.log, err = os.Create(v.logFile); err != nil {
		return err
	}
	v.command = exec.CommandContext(context.WithoutCancel(ctx), program, arguments...) //nolint:gosec // as above
	v.command.Stdout, v.command.Stderr, v.command.SysProcAttr = v.log, v.log, attributes()
	if err := v.command.Start(); err != nil {
		return err
	}
	go func() {
		defer close(v.ended)
		_ = v.command.Wait()
	}()
	return v.ready(ctx)
}

// ready waits until it is well.
func (v *server) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+v.front+"/healthz", nil)
		if err != nil {
			return err
		}
		if answer, err := http.DefaultClient.Do(request); err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-again.C:
		case <-v.ended:
			return fmt.Errorf("it ended: %s", v.command.ProcessState)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (v *server) pid() int { return v.command.Process.Pid }

// writeKeys replaces the key file in one step.
func (v *server) writeKeys(keys ...string) error {
	next := v.keyFile + ".next"
	if err := os.WriteFile(next, []byte(strings.Join(keys, "\n")+"\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(next, v.keyFile)
}

// terminate asks it to end and tells how it did.
func (v *server) terminate(patience time.Duration) error {
	_ = v.command.Process.Signal(syscall.SIGTERM)
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case <-v.ended:
	case <-late.C:
		return fmt.Errorf("it did not end within %v of SIGTERM", patience)
	}
	if code := v.command.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("after SIGTERM it ended with status %d", code)
	}
	return nil
}

// kill ends it and leaves its log, for those who want to know why.
func (v *server) kill() {
	_ = v.command.Process.Kill()
	<-v.ended
	_ = v.log.Close()
	_ = os.Remove(filepath.Join(v.folder, "snorkyd")) // where it was built
}

// forget removes its log and all its files.
func (v *server) forget() { _ = os.RemoveAll(v.folder) }

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

// complaints are the lines of its log that tell of errors.
func (v *server) complaints() (lines []string) {
	text, _ := os.ReadFile(v.logFile)
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, `"level":"error"`) || strings.Contains(line, `"level":"fatal"`) || !strings.HasPrefix(line, "{") {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	return lines
}

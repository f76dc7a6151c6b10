package main

import (
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/snorky-go/snorky/cmd/snorkyd/config"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/trial"
	"github.com/snorky-go/snorky/cmd/snorkyd/server"
)

// hangs has a process whose configuration is on a disk that hangs, until release is called, and counts the readings.
func hangs(t *testing.T) (r *trialRun, readings *atomic.Int32, release func()) {
	t.Helper()
	cfg := config.Default()
	cfg.KeyFile = keyFile(t, testKey)
	disk := make(chan struct{})
	readings = new(atomic.Int32)
	r = &trialRun{load: func() { readings.Add(1); <-disk }}
	r.start(t, cfg).says(t, `"message":"started"`)
	release = sync.OnceFunc(func() { close(disk) })
	t.Cleanup(release)
	return r, readings, release
}

// send fails the test if nobody takes the signals any more: those of the system would be lost.
func (r *trialRun) send(t *testing.T, signal os.Signal, times int) {
	t.Helper()
	for range times {
		select {
		case r.signals <- signal:
		case <-time.After(trial.Patience):
			t.Fatalf("nobody listens to %v", signal)
		}
	}
}

func TestSIGTERMWhileTheConfigurationIsRead(t *testing.T) {
	t.Parallel()
	r, readings, _ := hangs(t)
	r.send(t, syscall.SIGHUP, 1)
	trial.Eventually(t, "it reads", func() bool { return readings.Load() == 1 })
	r.send(t, syscall.SIGHUP, 20)
	r.send(t, syscall.SIGTERM, 1)
	select {
	case err := <-r.ended:
		if err != nil {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(trial.Patience):
		t.Error("SIGTERM is not heard")
	}
}

// What changes while the configuration is read is seen by one more reading, however many ask for it.
func TestManySIGHUPsAreOne(t *testing.T) {
	t.Parallel()
	r, readings, release := hangs(t)
	r.send(t, syscall.SIGHUP, 1)
	trial.Eventually(t, "it reads", func() bool { return readings.Load() == 1 })
	r.send(t, syscall.SIGHUP, 20)
	trial.Eventually(t, "all are heard", func() bool { return len(r.signals) == 0 })
	release()
	trial.Eventually(t, "another reading", func() bool { return readings.Load() == 2 })
	r.send(t, syscall.SIGTERM, 1)
	if err := <-r.ended; err != nil {
		t.Errorf("ended with %v", err)
	}
	if n := readings.Load(); n != 2 {
		t.Errorf("%d readings", n)
	}
}

// A signal does not hide that the server was ending anyway.
func TestSIGTERMAfterADoorBroke(t *testing.T) {
	t.Parallel()
	broken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = broken.Close()
	cfg := config.Default()
	cfg.Backend, cfg.Admin = "127.0.0.1:0", ""
	s, err := server.New(cfg, server.WithListeners(broken, nil))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	trial.Eventually(t, "the door breaks", func() bool { return s.Err() != nil })
	if err := new(process).end(s, nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("ended with %v", err)
	}
}

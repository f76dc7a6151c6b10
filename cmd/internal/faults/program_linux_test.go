package faults_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// snorkyd is the program as users have it, without the race detector, whose memory is no measure.
var snorkyd = sync.OnceValues(func() (string, error) {
	var err error
	if buildDir, err = os.MkdirTemp("", "snorky-faults-"); err != nil {
		return "", err
	}
	file := filepath.Join(buildDir, "snorkyd")
	build := exec.Command("go", "build", "-o", file, "github.com/snorky-go/snorky/cmd/snorkyd")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return file, nil
})

// program is a site that is a process of its own.
type program struct {
	*site
	t      *testing.T
	cmd    *exec.Cmd
	log    lockedBuffer
	exited chan struct{}
}

// run starts the program with the services of every site.
func run(t *testing.T, args ...string) *program {
	t.Helper()
	return runWith(t, "", args...)
}

// runWith starts the program with more settings than every site has, as lines of its file. The runtime is told to keep to 96 MiB, which helps only if
// the memory that is really in use stays well below.
func runWith(t *testing.T, more string, args ...string) *program {
	t.Helper()
	file, err := snorkyd()
	must(t, err)
	folder := t.TempDir()
	var lines strings.Builder
	lines.WriteString(more)
	for _, service := range services {
		fmt.Fprintf(&lines, "[[pubsub]]\nname = %q\npublish = %q\nbackend = %q\n", service.Name, service.Publish, service.Backend)
	}
	settings, key := filepath.Join(folder, "snorkyd.toml"), filepath.Join(folder, "key")
	must(t, os.WriteFile(settings, []byte(lines.String()), 0o600))
	must(t, os.WriteFile(key, []byte(testKey), 0o600))
	p := &program{t: t, exited: make(chan struct{})}
	p.cmd = exec.Command(file, append([]string{
		"-config", settings, "-key-file", key, "-frontend", "127.0.0.1:0", "-backend", "127.0.0.1:0", "-admin", "none", "-drain", "0s",
	}, args...)...)
	p.cmd.Stderr = &p.log
	p.cmd.Env = append(os.Environ(), "GOMEMLIMIT=96MiB")
	must(t, p.cmd.Start())
	go func() {
		defer close(p.exited)
		_ = p.cmd.Wait()
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.exited
	})
	var started struct{ Message, Frontend, Backend string }
	eventually(t, "it starts", func() bool {
		line, _, _ := bytes.Cut([]byte(p.log.String()), []byte{'\n'})
		return json.Unmarshal(line, &started) == nil && started.Message == "started"
	})
	p.site = openSite(t, started.Frontend, started.Backend)
	return p
}

// alive proves that it is still the same process, that it serves, and that it never held more than so many MiB.
func (p *program) alive(mostMiB int) {
	p.t.Helper()
	p.well(p.t)
	p.welcome(p.t)
	select {
	case <-p.exited:
		p.t.Fatalf("it has ended:\n%s", p.log.String())
	default:
	}
	if peak := p.status("VmHWM"); peak > mostMiB<<10 {
		p.t.Errorf("it held %d KiB at most, more than %d MiB", peak, mostMiB)
	}
}

// status is a number in /proc/PID/status; sizes are in KiB.
func (p *program) status(name string) (n int) {
	p.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	must(p.t, err)
	_, after, _ := strings.Cut(string(status), "\n"+name+":")
	_, err = fmt.Sscan(after, &n)
	must(p.t, err)
	return n
}

func (p *program) descriptors() int {
	p.t.Helper()
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.cmd.Process.Pid))
	must(p.t, err)
	return len(open)
}

// cpu is the time that it has computed so far, in ticks of 10 ms.
func (p *program) cpu() (ticks int) {
	p.t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	must(p.t, err)
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+2:]))
	for _, field := range fields[11:13] { // utime and stime
		var n int
		_, err := fmt.Sscan(field, &n)
		must(p.t, err)
		ticks += n
	}
	return ticks
}

func (p *program) signal(s syscall.Signal) {
	p.t.Helper()
	must(p.t, p.cmd.Process.Signal(s))
}

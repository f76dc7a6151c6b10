//go:build systemd && linux

package boot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// patience is how long an event may take on the slowest machine.
const patience = 2 * time.Minute

// machine is a container with an init of its own. What it writes is gone when it stops: its tree is only read.
type machine struct {
	init string // the process id of its init, as seen from outside
}

// boot starts a machine from a tree. The folder is seen in it at /packages.
func boot(t *testing.T, tree, packages string) *machine {
	t.Helper()
	console, err := os.Create(filepath.Join(t.TempDir(), "console"))
	if err != nil {
		t.Fatal(err)
	}
	group := fmt.Sprintf("snorky-test-%d", os.Getpid())
	nspawn := exec.Command("sh", "-c", inOwnGroup, group, "systemd-nspawn", "--quiet", "--directory="+tree, "--volatile=overlay", "--boot",
		"--register=no", "--keep-unit", "--private-network", "--console=pipe", "--machine="+group, "--bind-ro="+packages+":/packages")
	nspawn.Stdout, nspawn.Stderr = console, console
	if err := nspawn.Start(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan struct{})
	go func() {
		_ = nspawn.Wait()
		close(gone)
	}()
	t.Cleanup(func() {
		_ = nspawn.Process.Signal(syscall.SIGTERM) // asks the init to power off
		select {
		case <-gone:
		case <-time.After(patience):
			_ = nspawn.Process.Kill()
			<-gone
		}
		removeGroups(group)
		_ = console.Close()
		if t.Failed() {
			text, _ := os.ReadFile(console.Name())
			t.Logf("the console:\n%s", tail(string(text), 30))
		}
	})
	m := &machine{}
	eventually(t, "the machine's init", func() bool {
		m.init = initBelow(nspawn.Process.Pid)
		return m.init != ""
	})
	state := ""
	defer func() { t.Logf("the machine is %s", state) }()
	eventually(t, "the end of the boot", func() bool {
		state, _ = m.try("systemctl", "is-system-running")
		return state == "running" || state == "degraded"
	})
	return m
}

// Two inits must not share control groups, so each machine has some of its own, in whatever hierarchies there are.
const (
	inOwnGroup = `for top in ` + groupTops + `; do
	[ -e $top/cgroup.procs ] && mkdir -p $top/$0 && echo $$ >$top/$0/cgroup.procs
done
exec "$@"`
	groupTops = "/sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/systemd"
)

// removeGroups removes the control groups of a machine that has ended: empty folders, those below first.
func removeGroups(name string) {
	for top := range strings.FieldsSeq(groupTops) {
		var folders []string
		_ = filepath.WalkDir(filepath.Join(top, name), func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				folders = append(folders, path)
			}
			return nil
		})
		for _, folder := range slices.Backward(folders) {
			_ = os.Remove(folder)
		}
	}
}

// initBelow is the child of a process that is an init by now; empty while there is none. Others come and go before it.
func initBelow(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		return ""
	}
	for child := range strings.FieldsSeq(string(text)) {
		if comm, err := os.ReadFile("/proc/" + child + "/comm"); err == nil && string(comm) == "systemd\n" {
			return child
		}
	}
	return ""
}

// command is one that runs inside of the machine.
func (m *machine) command(ctx context.Context, args ...string) *exec.Cmd {
	inside := []string{
		"--target", m.init, "--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd=/", "--", "/usr/bin/env", "-i",
		"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8", "DEBIAN_FRONTEND=noninteractive", "SYSTEMD_PAGER=",
	}
	cmd := exec.CommandContext(ctx, "nsenter", append(inside, args...)...)
	// The process that is killed is nsenter; what it has started would live on and keep the pipes open.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd
}

// try runs a command to its end and returns what it wrote, without blanks around it.
func (m *machine) try(args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := m.command(ctx, args...).CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// do is try for what has to succeed.
func (m *machine) do(t *testing.T, args ...string) string {
	t.Helper()
	out, err := m.try(args...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (m *machine) shell(t *testing.T, script string) string {
	t.Helper()
	return m.do(t, "sh", "-ec", script)
}

// write puts a text into a file, and makes its folder.
func (m *machine) write(t *testing.T, file, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	cmd := m.command(ctx, "sh", "-ec", `mkdir -p "$(dirname "$1")"; cat >"$1"`, "sh", file)
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("writing %s: %v\n%s", file, err, out)
	}
}

// unit are the properties of a unit.
type unit map[string]string

func (m *machine) show(t *testing.T, name string) unit {
	t.Helper()
	u := unit{}
	for line := range strings.Lines(m.do(t, "systemctl", "show", name)) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		u[key] = value
	}
	return u
}

func (u unit) number(t *testing.T, key string) int {
	t.Helper()
	n, err := strconv.Atoi(u[key])
	if err != nil {
		t.Fatalf("%s: %v", key, err)
	}
	return n
}

// service are the properties of snorkyd.service.
func (m *machine) service(t *testing.T) unit {
	t.Helper()
	return m.show(t, "snorkyd.service")
}

// up waits until the service is ready, with another process than before, and returns which.
func (m *machine) up(t *testing.T, before string) (pid string) {
	t.Helper()
	eventually(t, "the service being up with a new process", func() bool {
		u := m.service(t)
		pid = u["MainPID"]
		return u["ActiveState"] == "active" && u["SubState"] == "running" && pid != "0" && pid != before
	})
	return pid
}

// background starts a command that runs inside until the test has ended. What it writes comes line by line; the channel is
// closed when it ends.
func (m *machine) background(t *testing.T, args ...string) <-chan string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := m.command(ctx, args...)
	lines := &lineWriter{lines: make(chan string, 10_000)}
	cmd.Stdout, cmd.Stderr = lines, os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(lines.lines)
		if err := cmd.Wait(); err != nil && !errors.Is(ctx.Err(), context.Canceled) {
			fmt.Fprintf(os.Stderr, "%s: %v\n", strings.Join(args, " "), err)
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return lines.lines
}

// lineWriter cuts what it gets into lines.
type lineWriter struct {
	rest  []byte
	lines chan string
}

func (w *lineWriter) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	for {
		line, rest, whole := bytes.Cut(w.rest, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		w.lines <- string(line)
		w.rest = rest
	}
}

// eventually waits for a condition, which is looked at often.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	looks := time.NewTicker(50 * time.Millisecond)
	defer looks.Stop()
	deadline := time.After(patience)
	for !holds() {
		select {
		case <-looks.C:
		case <-deadline:
			t.Fatalf("waited %v for %s", patience, what)
		}
	}
}

// tail are the last lines of a text.
func tail(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

package main

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/snorky-go/snorky/actors/wire"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/trial"
)

// A server does not depend on anybody reading what it says.
func TestOutputsThatDoNotWork(t *testing.T) {
	t.Parallel()
	full := func(p *snorkyd) {
		f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			p.t.Fatal(err)
		}
		p.t.Cleanup(func() { _ = f.Close() })
		p.cmd.Stdout, p.cmd.Stderr = f, f
	}
	brokenPipe := func(p *snorkyd) {
		read, write, err := os.Pipe()
		if err != nil {
			p.t.Fatal(err)
		}
		_ = read.Close()
		p.t.Cleanup(func() { _ = write.Close() })
		p.cmd.Stdout, p.cmd.Stderr = write, write
	}
	stuckPipe := func(p *snorkyd) {
		read, write, err := os.Pipe()
		if err != nil {
			p.t.Fatal(err)
		}
		p.t.Cleanup(func() { _, _ = read.Close(), write.Close() })
		fill(p.t, write)
		p.cmd.Stdout, p.cmd.Stderr = write, write
	}
	for name, prepareOutput := range map[string]func(*snorkyd){
		"full device": full,
		"broken pipe": brokenPipe,
		"stuck pipe":  stuckPipe,
		"closed":      func(p *snorkyd) { p.shell("exec <&- >&- 2>&-") },
		"limited file": func(p *snorkyd) {
			f, err := os.Create(filepath.Join(p.t.TempDir(), "log"))
			if err != nil {
				p.t.Fatal(err)
			}
			p.t.Cleanup(func() { _ = f.Close() })
			p.shell("ulimit -f 0").cmd.Stdout, p.cmd.Stderr = f, f
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := prepare(t, "-log-level", "debug")
			prepareOutput(p)
			p.up()
			for range 5 {
				p.signal(syscall.SIGHUP) // each is logged
			}
			p.serves()
			p.signal(syscall.SIGTERM)
			if status := p.ends(); status != statusOK {
				t.Errorf("status %d", status)
			}
		})
	}
}

// fill writes to a pipe until it takes no more.
func fill(t *testing.T, f *os.File) {
	t.Helper()
	raw, err := f.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	junk := make([]byte, 4096)
	err = raw.Write(func(fd uintptr) bool {
		for {
			if _, err := unix.Write(int(fd), junk); err != nil {
				return true
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestPoorSurroundings(t *testing.T) {
	t.Parallel()
	gone := filepath.Join(t.TempDir(), "gone")
	if err := os.Mkdir(gone, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, surround := range map[string]func(*snorkyd){
		"no environment":      func(p *snorkyd) { p.cmd.Env = []string{} },
		"directory gone":      func(p *snorkyd) { p.shell("cd " + gone + " && rmdir " + gone) },
		"64 descriptors":      func(p *snorkyd) { p.shell("ulimit -n 64") },
		"2 GiB address space": func(p *snorkyd) { p.shell("ulimit -v 2097152") },
		"one processor":       func(p *snorkyd) { p.cmd.Env = append(os.Environ(), "GOMAXPROCS=1") },
		"96 MiB of memory":    func(p *snorkyd) { p.cmd.Env = append(os.Environ(), "GOMEMLIMIT=96MiB") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := prepare(t)
			surround(p)
			p.up()
			p.serves()
			p.signal(syscall.SIGTERM)
			if status := p.ends(); status != statusOK {
				t.Errorf("status %d:\n%s", status, p.log.String())
			}
		})
	}
}

// What a service manager says is believed where it can be, and harmless where it is rubbish. NOT-A-SOCKET stands for a file.
func TestRubbishOfAServiceManager(t *testing.T) {
	t.Parallel()
	all := make(map[string]*snorkyd)
	for name, before := range map[string]string{
		"notify: nowhere":               "NOTIFY_SOCKET=/nowhere/notify",
		"notify: nobody, abstract":      "NOTIFY_SOCKET=@nobody-listens-here",
		"notify: a file":                "NOTIFY_SOCKET=NOT-A-SOCKET",
		"notify: relative":              "NOTIFY_SOCKET=notify",
		"notify: empty":                 "NOTIFY_SOCKET=",
		"notify: too long":              "NOTIFY_SOCKET=/" + strings.Repeat("x", 200),
		"notify: other kinds":           "NOTIFY_SOCKET=vsock:2:1234",
		"watchdog: no number":           "WATCHDOG_USEC=soon",
		"watchdog: for another process": "WATCHDOG_USEC=1000000 WATCHDOG_PID=1",
		"watchdog: no process":          "WATCHDOG_USEC=1000000 WATCHDOG_PID=me",
		"watchdog: zero":                "WATCHDOG_USEC=0",
		"watchdog: below zero":          "WATCHDOG_USEC=-1000000",
		"watchdog: a microsecond":       "WATCHDOG_USEC=1 NOTIFY_SOCKET=/nowhere/notify",
		"watchdog: five microseconds":   "WATCHDOG_USEC=5 WATCHDOG_PID=$$",
		"watchdog: overflows":           "WATCHDOG_USEC=18446744073709551615",
		"watchdog: overflows as time":   "WATCHDOG_USEC=9223372036854775807",
		"sockets: no number":            "LISTEN_PID=$$ LISTEN_FDS=many",
		"sockets: below zero":           "LISTEN_PID=$$ LISTEN_FDS=-1",
		"sockets: too many":             "LISTEN_PID=$$ LISTEN_FDS=100000 LISTEN_FDNAMES=frontend:backend:x",
		"sockets: overflow":             "LISTEN_PID=$$ LISTEN_FDS=9223372036854775807",
		"sockets: of another process":   "LISTEN_PID=1 LISTEN_FDS=2",
		"sockets: no process":           "LISTEN_PID=me LISTEN_FDS=2",
		"sockets: closed":               "LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=frontend:backend",
		"all at once":                   "LISTEN_PID=$$ LISTEN_FDS=x LISTEN_FDNAMES=:: NOTIFY_SOCKET=% WATCHDOG_USEC=% WATCHDOG_PID=%",
	} {
		all[name] = prepare(t, "-frontend", "127.0.0.1:0", "-backend", "127.0.0.1:0").shell("export " + strings.ReplaceAll(before, "NOT-A-SOCKET", keyFile(t, "x"))).start()
	}
	start := make(map[string]time.Duration)
	for name, p := range all {
		t.Run(name, func(t *testing.T) {
			p.t = t
			started := p.logged("started")
			p.front, p.back = started["frontend"].(string), started["backend"].(string)
			p.healthy()
			p.serves()
			start[name] = p.cpu()
		})
	}
	<-time.After(time.Second)
	for name, p := range all {
		if spent := p.cpu() - start[name]; spent > 400*time.Millisecond {
			t.Errorf("%s: %v of computing in an idle second or a little more", name, spent)
		}
		p.signal(syscall.SIGTERM)
	}
	for name, p := range all {
		if status := p.ends(); status != statusOK {
			t.Errorf("%s: status %d:\n%s", name, status, p.log.String())
		}
	}
}

// Where a machine has been up for 90 days, its monotonic clock has got far.
func TestMachineThatIsUpForLong(t *testing.T) {
	t.Parallel()
	const days = "7776000" // 90, in seconds
	unshare := []string{"unshare", "--user", "--map-root-user", "--time", "--monotonic", days, "--boottime", days, "--kill-child"}
	if out, err := exec.Command(unshare[0], append(unshare[1:], "true")...).CombinedOutput(); err != nil {
		t.Skipf("there are no namespaces of time: %v: %s", err, out)
	}
	p := prepare(t, "-ping-interval", "100ms", "-pong-timeout", "2s")
	p.cmd.Args = append(append(unshare, p.cmd.Path), p.cmd.Args[1:]...)
	path, err := exec.LookPath(unshare[0])
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Path = path
	p.up()
	child := p.child()
	ours, err1 := os.Readlink("/proc/self/ns/time")
	its, err2 := os.Readlink(fmt.Sprintf("/proc/%d/ns/time", child))
	if err := errors.Join(err1, err2); err != nil || ours == its {
		t.Fatalf("it has our clock %s (%v)", its, err)
	}
	start := time.Now()
	silent, _ := trial.Dial(t, p.front)
	p.serves()
	if _, code := silent.Next(); code != wire.ClosePongTimeout || time.Since(start) < time.Second {
		t.Errorf("who answers no ping was closed with %d after %v", code, time.Since(start))
	}
	if err := syscall.Kill(child, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if status := p.ends(); status != statusOK {
		t.Errorf("status %d:\n%s", status, p.log.String())
	}
}

// child is the process that it has started.
func (p *snorkyd) child() (pid int) {
	p.t.Helper()
	of := p.cmd.Process.Pid
	list, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", of, of))
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := fmt.Sscan(string(list), &pid); err != nil {
		p.t.Fatalf("%q: %v", list, err)
	}
	return pid
}

// cpu is the time that it has computed so far.
func (p *snorkyd) cpu() time.Duration {
	p.t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	var user, system int64 // in ticks of 10 ms
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+2:]))
	if _, err := fmt.Sscan(fields[11]+" "+fields[12], &user, &system); err != nil {
		p.t.Fatal(err)
	}
	return time.Duration(user+system) * 10 * time.Millisecond
}

// Whoever connects before the program runs is served when it does.
func TestSocketActivation(t *testing.T) {
	t.Parallel()
	for _, labels := range []string{"", "frontend:backend", "backend:frontend"} {
		t.Run("labels "+labels, func(t *testing.T) {
			t.Parallel()
			p := prepare(t)
			doors := map[string]*os.File{}
			for door, at := range map[string]*string{"frontend": &p.front, "backend": &p.back} {
				l, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				if doors[door], err = l.(*net.TCPListener).File(); err != nil {
					t.Fatal(err)
				}
				defer doors[door].Close()
				*at = l.Addr().String()
			}
			order := cmp.Or(labels, "frontend:backend")
			for door := range strings.SplitSeq(order, ":") {
				p.cmd.ExtraFiles = append(p.cmd.ExtraFiles, doors[door])
			}
			early := make(chan int, 1)
			go func() {
				_, status := trial.Dial(t, p.front)
				early <- status
			}()
			p.shell("export LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=" + labels).up()
			if status := <-early; status != http.StatusSwitchingProtocols {
				t.Errorf("the early client got %d", status)
			}
			p.serves()
			p.signal(syscall.SIGTERM)
			if status := p.ends(); status != statusOK {
				t.Errorf("status %d:\n%s", status, p.log.String())
			}
		})
	}
}

// A second socket for a door would have clients that nobody answers. It is a fault of the configuration.
func TestSocketThatIsOneTooMany(t *testing.T) {
	t.Parallel()
	p := prepare(t)
	var addresses []string
	for range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		file, err := l.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		p.cmd.ExtraFiles = append(p.cmd.ExtraFiles, file)
		addresses = append(addresses, l.Addr().String())
	}
	p.shell("export LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=frontend:frontend").start()
	want := addresses[1] + " is one socket too many for the frontend"
	if status := p.ends(); status != statusConfig || !strings.Contains(p.log.String(), want) {
		t.Errorf("status %d:\n%s", status, p.log.String())
	}
}

func TestSignalsThatDoNotEndIt(t *testing.T) {
	t.Parallel()
	p := prepare(t).up()
	subscriber := trial.Subscribe(t, p.front, "announcements", "news")
	for range 5 {
		p.signal(syscall.SIGHUP)
	}
	p.signal(syscall.SIGPIPE)
	p.logged("SIGHUP: the configuration was read")
	p.signal(syscall.SIGSTOP)
	trial.Eventually(t, "it is stopped", func() bool { return p.state() == 'T' })
	p.signal(syscall.SIGCONT)
	trial.Publish(t, trial.Publisher(t, p.back, testKey), "announcements_backend", "news", "still here")
	if got, code := subscriber.Next(); string(got.Message) != `"still here"` {
		t.Errorf("got %+v, code %d", got, code)
	}
	if strings.Contains(p.log.String(), testKey) {
		t.Error("the log shows the key")
	}
}

// state is the letter that ps shows.
func (p *snorkyd) state() byte {
	p.t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	return stat[strings.LastIndexByte(string(stat), ')')+2]
}

// Memory stays within bounds under what strangers send, and the healthy are served.
func TestFloodsUnderAMemoryLimit(t *testing.T) {
	t.Parallel()
	p := prepare(t)
	p.cmd.Env = append(os.Environ(), "GOMEMLIMIT=96MiB")
	p.up()
	const sockets = 20
	junk := strings.Repeat("[", 60_000)
	large := strings.Repeat("x", 70_000)
	for range sockets {
		s, status := trial.Dial(t, p.front)
		if s == nil {
			t.Fatalf("status %d", status)
		}
		for range 50 {
			s.Send(junk)
		}
		s.Send(large)
		if _, code := s.Next(); code != wire.CloseTooBig {
			t.Errorf("closed with %d", code)
		}
	}
	body := strings.NewReader(strings.Repeat("x", 8<<20))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+p.back+"/backend", body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Backend-Key", testKey)
	if response, err := http.DefaultTransport.RoundTrip(request); err == nil {
		_ = response.Body.Close()
		if response.StatusCode != http.StatusRequestEntityTooLarge {
			t.Errorf("8 MiB were answered with %d", response.StatusCode)
		}
	}
	p.serves()
	if kiB := p.memory(); kiB > 200<<10 {
		t.Errorf("%d KiB resident", kiB)
	}
}

func (p *snorkyd) memory() (kiB int) {
	p.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(status), "VmRSS:")
	if _, err := fmt.Sscan(after, &kiB); err != nil {
		p.t.Fatal(err)
	}
	return kiB
}

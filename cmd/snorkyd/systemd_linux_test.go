package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/snorky-go/snorky/cmd/snorkyd/internal/trial"
)

// manager is what systemd would be: it hears what the process says.
type manager struct {
	t    *testing.T
	conn *net.UnixConn
}

// supervise has p started as systemd starts it, with a watchdog of that many microseconds.
func supervise(p *snorkyd, usec int) *manager {
	p.t.Helper()
	name := filepath.Join(p.t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(2 * trial.Patience))
	p.shell(fmt.Sprintf("export NOTIFY_SOCKET=%s WATCHDOG_PID=$$ WATCHDOG_USEC=%d", name, usec))
	return &manager{t: p.t, conn: conn}
}

// hears reads until a message with that line, and returns it. In none of those before may there be a line that begins
// with one of the others.
func (m *manager) hears(line string, others ...string) string {
	m.t.Helper()
	buffer := make([]byte, 4096)
	for {
		n, err := m.conn.Read(buffer)
		if err != nil {
			m.t.Fatalf("waited in vain for %s: %v", line, err)
		}
		text := "\n" + string(buffer[:n])
		if strings.Contains(text, "\n"+line) {
			return text
		}
		for _, other := range others {
			if strings.Contains(text, "\n"+other) {
				m.t.Fatalf("it says %q before %s", text, line)
			}
		}
	}
}

func TestLifeUnderAServiceManager(t *testing.T) {
	t.Parallel()
	p := prepare(t)
	m := supervise(p, 2_000_000)
	p.start()
	m.hears("READY=1", "WATCHDOG", "RELOADING", "STOPPING")
	for _, door := range []string{p.front, p.back} { // they have to answer from now on, without another attempt
		if status := trial.Status(t, "http://"+door+"/"); status == 0 {
			t.Errorf("no answer from %s", door)
		}
	}
	m.hears("WATCHDOG=1", "STOPPING")
	trial.Subscribe(t, p.front, "announcements", "news")
	m.hears("STATUS=connections: 1, channels: 1, subscriptions: 1")
	for range 2 {
		p.signal(syscall.SIGHUP)
		if text := m.hears("RELOADING=1", "READY"); !strings.Contains(text, "\nMONOTONIC_USEC=") {
			t.Errorf("it says %q", text)
		}
		if text := m.hears("READY=1", "RELOADING"); !strings.Contains(text, "; reload at ") {
			t.Errorf("it says %q", text)
		}
	}
	p.signal(syscall.SIGTERM)
	if text := m.hears("STOPPING=1", "READY"); !strings.Contains(text, "\nEXTEND_TIMEOUT_USEC=") {
		t.Errorf("it says %q", text)
	}
	if status := p.ends(); status != statusOK {
		t.Errorf("status %d:\n%s", status, p.log.String())
	}
}

func TestSaysWhyItDoesNotStart(t *testing.T) {
	t.Parallel()
	p := prepare(t, "-loops", "x")
	m := supervise(p, 0)
	p.start()
	m.hears(`STATUS=ended: -loops: "x" is not a number`, "READY")
	if status := p.ends(); status != statusConfig {
		t.Errorf("status %d", status)
	}
}

// A service manager that does not read is of no consequence.
func TestServiceManagerThatIsStuck(t *testing.T) {
	t.Parallel()
	p := prepare(t)
	m := supervise(p, 20_000)
	raw, err := m.conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	_ = raw.Control(func(uintptr) {
		for unix.Sendto(fd, []byte("junk"), 0, &unix.SockaddrUnix{Name: m.conn.LocalAddr().String()}) == nil {
			continue
		}
	})
	p.up()
	for range 40 {
		p.signal(syscall.SIGHUP)
	}
	p.serves()
	p.signal(syscall.SIGTERM)
	if status := p.ends(); status != statusOK {
		t.Errorf("status %d:\n%s", status, p.log.String())
	}
}

// Lines have priorities where systemd says that standard error is the journal, and nowhere else.
func TestPrioritiesInTheJournal(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		stream func(unix.Stat_t) string
		args   []string
		status int
		want   string
	}{
		"journal":      {func(s unix.Stat_t) string { return fmt.Sprintf("%d:%d", s.Dev, s.Ino) }, nil, statusOK, `<6>{"level":"info"`},
		"fault":        {func(s unix.Stat_t) string { return fmt.Sprintf("%d:%d", s.Dev, s.Ino) }, []string{"-loops", "x"}, statusConfig, `<3>snorkyd: -loops`},
		"another file": {func(s unix.Stat_t) string { return fmt.Sprintf("%d:%d", s.Dev, s.Ino+1) }, nil, statusOK, `{"level":"info"`},
		"rubbish":      {func(unix.Stat_t) string { return "journal" }, nil, statusOK, `{"level":"info"`},
		"set":          {func(unix.Stat_t) string { return "" }, []string{"-log-format", "journal"}, statusOK, `<6>{"level":"info"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := prepare(t, test.args...)
			file, err := os.Create(filepath.Join(t.TempDir(), "journal"))
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			var stat unix.Stat_t
			if err := unix.Fstat(int(file.Fd()), &stat); err != nil {
				t.Fatal(err)
			}
			p.cmd.Env = append(os.Environ(), "JOURNAL_STREAM="+test.stream(stat))
			p.cmd.Stderr = file
			p.start()
			if test.status == statusOK {
				p.healthy()
				p.signal(syscall.SIGTERM)
			}
			if status := p.ends(); status != test.status {
				t.Errorf("status %d", status)
			}
			text, err := os.ReadFile(file.Name())
			if err != nil || len(text) == 0 {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(text)) {
				if !strings.HasPrefix(line, test.want) {
					t.Errorf("%q does not begin with %q", line, test.want)
				}
			}
		})
	}
}

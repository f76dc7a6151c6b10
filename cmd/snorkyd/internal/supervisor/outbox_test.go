//go:build unix

package supervisor

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
)

const patience = 30 * time.Second

// socket is one that a service manager would listen on.
func socket(t *testing.T, name string) *net.UnixConn {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Skip(err) // abstract names are of Linux
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return conn
}

func read(t *testing.T, conn *net.UnixConn) string {
	t.Helper()
	buffer := make([]byte, 4096)
	n, err := conn.Read(buffer)
	if err != nil {
		t.Fatal(err)
	}
	return string(buffer[:n])
}

func TestOutboxKeepsOrder(t *testing.T) {
	t.Parallel()
	for kind, name := range map[string]string{
		"path":     filepath.Join(t.TempDir(), "notify"),
		"abstract": fmt.Sprintf("@snorky-test-%d-%d", os.Getpid(), time.Now().UnixNano()),
	} {
		t.Run(kind, func(t *testing.T) {
			manager := socket(t, name)
			o := newOutbox(name, zerolog.Nop())
			var want, got []string
			for i := range maxWaiting {
				want = append(want, fmt.Sprintf("STATUS=%d", i))
				o.post(want[i], false)
			}
			for range want {
				got = append(got, read(t, manager))
			}
			o.close(time.Second)
			if !slices.Equal(got, want) {
				t.Errorf("got %q", got)
			}
		})
	}
}

// What nobody reads holds up nobody, and is bounded; what matters most is what is kept.
func TestOutboxWithAManagerThatDoesNotRead(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "notify")
	manager := socket(t, name)
	stuff(t, name)
	o := newOutbox(name, zerolog.Nop())
	o.post("READY=1", false)
	for i := range 1000 {
		o.post(fmt.Sprintf("STATUS=%d", i), true)
	}
	o.mu.Lock()
	if n := len(o.waiting); n != maxWaiting {
		t.Errorf("%d are waiting", n)
	}
	o.mu.Unlock()
	var got []string
	for last := ""; last != "STATUS=999"; {
		if last = read(t, manager); last != "junk" {
			got = append(got, last)
		}
	}
	if got[0] != "READY=1" || len(got) > maxWaiting+1 {
		t.Errorf("got %q", got)
	}
	o.close(time.Second)
}

func TestOutboxGivesUpAtItsEnd(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "notify")
	socket(t, name)
	stuff(t, name)
	o := newOutbox(name, zerolog.Nop())
	o.post("READY=1", false)
	o.close(50 * time.Millisecond) // the test ends if this does
}

// stuff writes to a socket until it takes no more.
func stuff(t *testing.T, name string) {
	t.Helper()
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for {
		_ = conn.SetWriteDeadline(time.Now().Add(100 * time.Millisecond))
		if _, err := conn.Write([]byte("junk")); err != nil {
			return
		}
	}
}

func TestOutboxWithoutAManager(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	stream := filepath.Join(dir, "stream")
	l, err := net.Listen("unix", stream)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for kind, name := range map[string]string{
		"nothing":  filepath.Join(dir, "nothing"),
		"a file":   file,
		"a folder": dir,
		"a stream": stream,
		"too long": "/" + strings.Repeat("x", 200),
		"abstract": "@snorky-nobody-listens-here",
		"a device": os.DevNull,
	} {
		t.Run(kind, func(t *testing.T) {
			var log strings.Builder
			o := newOutbox(name, zerolog.New(&log))
			o.post("READY=1", false)
			o.close(patience)
			if !strings.Contains(log.String(), `"level":"debug"`) || strings.Count(log.String(), "\n") != 1 {
				t.Errorf("the log says %q", log.String())
			}
		})
	}
}

func TestExplain(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "notify")
	manager := socket(t, name)
	Contract{Socket: name}.Explain(os.ErrNotExist)
	if got := read(t, manager); got != "STATUS=ended: file does not exist" {
		t.Errorf("got %q", got)
	}
}

package activation

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// The descriptors of these tests begin where the process has none of its own.
const first = 700

// give puts listeners, and a file between them, where a service manager would.
func give(t *testing.T) (one, two string) {
	t.Helper()
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	duplicate(t, file, first+1)
	var at []string
	for _, fd := range []int{first, first + 2} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		f, err := l.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		duplicate(t, f, fd)
		at = append(at, l.Addr().String())
	}
	return at[0], at[1]
}

func duplicate(t *testing.T, f *os.File, fd int) {
	t.Helper()
	if err := unix.Dup3(int(f.Fd()), fd, 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Close(fd) }) // closed already if it was taken
}

func TestListeners(t *testing.T) {
	pid := fmt.Sprintf("LISTEN_PID=%d", os.Getpid())
	for name, test := range map[string]struct {
		env               []string
		frontend, backend int    // 1 or 2: which of the listeners; 0: none
		surplus           string // the door for which the second listener is too many; empty: none is
	}{
		"one too many":        {[]string{"LISTEN_FDS=3", pid}, 1, 0, "the doors"},
		"by order":            {[]string{"LISTEN_FDS=2", pid}, 1, 0, ""}, // the second is no listener
		"a place taken":       {[]string{"LISTEN_FDS=3", pid, "LISTEN_FDNAMES=x:y:frontend"}, 1, 0, "the frontend"},
		"by name":             {[]string{"LISTEN_FDS=3", pid, "LISTEN_FDNAMES=backend:x:frontend"}, 2, 1, ""},
		"other names":         {[]string{"LISTEN_FDS=1", pid, "LISTEN_FDNAMES=snorky.socket"}, 1, 0, ""},
		"one name twice":      {[]string{"LISTEN_FDS=3", pid, "LISTEN_FDNAMES=backend:x:backend"}, 0, 1, "the backend"},
		"fewer":               {[]string{"LISTEN_FDS=1", pid, "LISTEN_FDNAMES=frontend:x:backend"}, 1, 0, ""},
		"more than there are": {[]string{"LISTEN_FDS=1000000", pid, "LISTEN_FDNAMES=backend:x:frontend"}, 2, 1, ""},
		"negative":            {[]string{"LISTEN_FDS=-1", pid}, 0, 0, ""},
		"no number":           {[]string{"LISTEN_FDS=two", pid}, 0, 0, ""},
		"for somebody else":   {[]string{"LISTEN_FDS=3", "LISTEN_PID=1"}, 0, 0, ""},
		"nothing":             {nil, 0, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			one, two := give(t)
			found, err := inherited(test.env, first)
			if test.surplus == "" && err != nil {
				t.Error(err)
			}
			if want := two + " is one socket too many for " + test.surplus; test.surplus != "" && (err == nil || !strings.Contains(err.Error(), want)) {
				t.Errorf("got %v, want %q", err, want)
			}
			for i, want := range []int{test.frontend, test.backend} {
				got := ""
				if found[i] != nil {
					got = found[i].Addr().String()
					_ = found[i].Close()
				}
				if want := []string{"", one, two}[want]; got != want {
					t.Errorf("%s: got %q, want %q", names[i], got, want)
				}
			}
		})
	}
}

func TestNoListenersByDefault(t *testing.T) {
	if front, back, err := Listeners(nil); front != nil || back != nil || err != nil {
		t.Errorf("got %v and %v, %v", front, back, err)
	}
}

package supervisor

import (
	"os"
	"strconv"
	"testing"
	"time"
)

func TestTake(t *testing.T) {
	self := strconv.Itoa(os.Getpid())
	for name, test := range map[string]struct {
		socket, usec, pid string
		want              Contract
	}{
		"nothing":               {},
		"all":                   {"/run/notify", "20000000", self, Contract{"/run/notify", 20 * time.Second}},
		"abstract":              {"@notify", "", "", Contract{Socket: "@notify"}},
		"no watchdog":           {"/run/notify", "", self, Contract{Socket: "/run/notify"}},
		"watchdog for anybody":  {"/run/notify", "1", "", Contract{"/run/notify", time.Microsecond}},
		"watchdog for another":  {"/run/notify", "20000000", "1", Contract{Socket: "/run/notify"}},
		"relative":              {"run/notify", "", "", Contract{}},
		"one character":         {"@", "", "", Contract{}},
		"another family":        {"vsock:2:1234", "", "", Contract{}},
		"no number":             {"/run/notify", "soon", self, Contract{Socket: "/run/notify"}},
		"negative":              {"/run/notify", "-5", self, Contract{Socket: "/run/notify"}},
		"nought":                {"/run/notify", "0", self, Contract{Socket: "/run/notify"}},
		"more than an integer":  {"/run/notify", "99999999999999999999", self, Contract{Socket: "/run/notify"}},
		"more than a duration":  {"/run/notify", "9223372036854775807", self, Contract{Socket: "/run/notify"}},
		"a process without one": {"/run/notify", "5", "self", Contract{Socket: "/run/notify"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("NOTIFY_SOCKET", test.socket)
			t.Setenv("WATCHDOG_USEC", test.usec)
			t.Setenv("WATCHDOG_PID", test.pid)
			t.Setenv("LISTEN_PID", self)
			t.Setenv("LISTEN_FDS", "2")
			t.Setenv("LISTEN_FDNAMES", "frontend:backend")
			if got := Take(); got != test.want {
				t.Errorf("got %+v, want %+v", got, test.want)
			}
			for _, name := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
				if value, is := os.LookupEnv(name); is {
					t.Errorf("%s=%s is left for children", name, value)
				}
			}
		})
	}
}

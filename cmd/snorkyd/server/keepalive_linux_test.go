package server_test

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/snorky-go/snorky/cmd/snorkyd/internal/trial"
	"github.com/snorky-go/snorky/cmd/snorkyd/server"
)

// The kernel's probes are for servers that do not ping.
func TestKeepAliveOnlyWithoutPings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		interval       time.Duration
		handed, probed bool
		with           func(front, back net.Listener) server.Option
	}{
		"pings": {20 * time.Second, false, false, server.WithListeners}, "no pings": {0, false, true, server.WithListeners},
		"pings, handed over":    {20 * time.Second, true, false, server.WithListeners},
		"no pings, handed over": {0, true, true, server.WithListeners},
		"pings, kept open":      {20 * time.Second, true, false, server.WithKeptListeners},
		"no pings, kept open":   {0, true, true, server.WithKeptListeners},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := local()
			cfg.PingInterval = c.interval
			var handed net.Listener
			if c.handed {
				var err error
				if handed, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
					t.Fatal(err)
				}
			}
			s := boot(t, cfg, c.with(handed, nil))
			conn, err := net.Dial("tcp", s.Addr())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			trial.Eventually(t, "the probes are as they should be", func() bool {
				probed, found := keptAlive(t, s.Addr(), conn.LocalAddr().(*net.TCPAddr).Port)
				return found && probed == c.probed
			})
		})
	}
}

// keptAlive looks up in the kernel's table whether the server's end of a connection has a timer for probes running.
func keptAlive(t *testing.T, server string, client int) (probed, found bool) {
	t.Helper()
	table, err := os.ReadFile("/proc/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	address, err := net.ResolveTCPAddr("tcp", server)
	if err != nil {
		t.Fatal(err)
	}
	const established, keepAliveTimer = "01", "02:"
	for line := range strings.Lines(string(table)) {
		f := strings.Fields(line)
		if len(f) > 5 && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", address.Port)) &&
			strings.HasSuffix(f[2], fmt.Sprintf(":%04X", client)) && f[3] == established {
			return strings.HasPrefix(f[5], keepAliveTimer), true
		}
	}
	return false, false
}

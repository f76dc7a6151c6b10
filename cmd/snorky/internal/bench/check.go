package bench

import (
	"fmt"
	"net"
	"strings"
	"time"
)

// Check finds out whether the work can be put on a server from here, which it does not connect to. An error is a
// *ConfigError or a *FileLimitError.
func (c Config) Check(peer Peer) error {
	return c.check(peer)
}

// check refuses what cannot be done, and decides what was left open.
func (c *Config) check(peer Peer) error {
	for _, least := range []struct {
		setting string
		value   int
		least   int
		most    int
	}{
		{"subscribers", c.Subscribers, 1, 1 << 24},
		{"channels", c.Channels, 1, MaxChannels - 1},
		{"size", c.Size, MinSize, maxMessage / 2},
		{"publishers", c.Publishers, 1, MaxPublishers},
		{"batch", c.Batch, 1, 10_000},
		{"window", c.Window, c.Batch, 1 << 24},
		{"messages", c.Messages, 0, 1 << 40},
		{"beside", c.Beside, 0, 1 << 24},
		{"dialers", c.Dialers, 1, 1000},
		{"sources", c.Sources, 0, 60_000},
	} {
		if least.value < least.least || least.value > least.most {
			return &ConfigError{least.setting, fmt.Sprintf("has to be between %d and %d", least.least, least.most)}
		}
	}
	if !(c.Rate > 0) || c.Rate > 1e6 {
		return &ConfigError{"rate", "has to be more than 0, and no more than a million"}
	}
	if !(c.Slow >= 0) || c.Slow > 99 {
		return &ConfigError{"slow", "has to be a percentage from 0 to 99"}
	}
	if c.Duration < 0 || c.Duration == 0 && c.Messages == 0 {
		return &ConfigError{"duration", "has to be more than 0, unless a number of messages ends it"}
	}
	for _, t := range []struct {
		setting      string
		value, least time.Duration
	}{
		{"warmup", c.Warmup, 0},
		{"settle", c.Settle, 0},
		{"hold", c.Hold, 0},
		{"sweep", c.Sweep, 0},
		{"stall", c.Stall, tick},
		{"timeout", c.Timeout, 1},
	} {
		if t.value < t.least {
			return &ConfigError{t.setting, "has to be at least " + t.least.String()}
		}
	}
	if err := checkProcesses(c.ServerPIDs); err != nil {
		return err
	}
	if err := c.checkSources(peer); err != nil {
		return err
	}
	if err := c.chooseReader(peer); err != nil {
		return err
	}
	return c.checkFiles(fileLimit)
}

func (c *Config) checkSources(peer Peer) error {
	loopback := isLoopback(peer.SubscribeAddr())
	switch {
	case c.Sources > 0 && !(loopsWork && loopback):
		return &ConfigError{"sources", "is for Linux and for servers at 127.0.0.1"}
	case c.Sources == 0 && loopsWork && loopback:
		// TIME_WAIT keeps ports from being used again for a minute, so that Churn needs some in reserve.
		const forEach, reserve = 15_000, 8
		c.Sources = reserve + (c.Subscribers+c.Beside)/forEach
	}
	return nil
}

func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host).To4()
	return ip != nil && ip.IsLoopback() || strings.EqualFold(host, "localhost")
}

func (c *Config) chooseReader(peer Peer) error {
	secured := clientTLS(peer) != nil
	switch {
	case c.Reader == ReaderLoop && (secured || !loopsWork):
		return &ConfigError{"reader", "cannot be the loop: that wants Linux, and no TLS"}
	case c.Reader == ReaderAuto && (secured || !loopsWork):
		c.Reader = ReaderGoroutines
	case c.Reader == ReaderAuto:
		c.Reader = ReaderLoop
	}
	return nil
}

// checkFiles finds out before anything is opened whether this process may open as much.
func (c *Config) checkFiles(limit func() (uint64, error)) error {
	allowed, err := limit()
	if err != nil {
		return nil //nolint:nilerr // there is no such limit that could be asked for
	}
	const besides = 50 // standard streams, epoll, what a runtime opens
	connections := c.Subscribers + c.Beside + c.Publishers + c.Dialers
	if c.Beside > 0 {
		connections += c.Publishers
	}
	if need := uint64(connections + besides); need > allowed {
		return &FileLimitError{need, allowed}
	}
	return nil
}

// FileLimitError is a process that may not open as many connections as it would need.
type FileLimitError struct{ Need, Allowed uint64 }

func (e *FileLimitError) Error() string {
	return fmt.Sprintf("this takes %d open files, and a process may have %d here", e.Need, e.Allowed)
}

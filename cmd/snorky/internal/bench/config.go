package bench

import (
	"encoding/json"
	"fmt"
	"time"
)

// Config is the work to put on a server. Start from Defaults; each mode looks at the fields that mean something to it.
type Config struct {
	// Subscribers is the number of subscribed connections; for Churn that of the loops.
	Subscribers int
	// Channels is the number of channels; subscriber i is on channel i modulo Channels.
	Channels int
	// Size is that of each payload in bytes, at least MinSize.
	Size int
	// Publishers is the number of connections that publish at the same time, at most MaxPublishers.
	Publishers int
	// Batch is the number of messages in one call of Publisher.Publish.
	Batch int
	// Window is how many messages Fanout lets be on their way to the subscribers, taken over all of them and all
	// channels: no more than Window times the subscribers of a channel are outstanding.
	Window int
	// Rate is the number of messages a second for Latency, all channels together.
	Rate float64
	// Messages ends Fanout after this many; 0 leaves it to Duration.
	Messages int
	// Duration ends Fanout, Latency and Churn; for Fanout 0 leaves it to Messages.
	Duration time.Duration
	// Warmup is how long the same work is done before it is measured. What goes wrong then is counted all the same.
	Warmup time.Duration

	// Slow is the percentage of subscribers that stop reading when the measuring begins (Fanout and Latency). What they
	// miss is no fault, and they are counted in Result.Slow.
	Slow float64
	// Beside is the number of subscribers of another channel, which Latency publishes to flat out at the same time with
	// Publishers and Window of its own. Their faults are counted with the others.
	Beside int

	// ServerPIDs are the processes of the server on this machine; their children count too. Without them there are no
	// figures for the server's CPU time and memory.
	ServerPIDs []int
	// Sources is the number of loopback addresses to connect from, from 127.0.0.2 on; 0 leaves it to the system. One
	// address has some 28,000 ports.
	Sources int
	// Dialers is the number of connections that are opened at the same time.
	Dialers int
	// Settle is how long Idle waits at most for the server's memory to come to rest.
	Settle time.Duration
	// Hold is how long Idle watches the server's CPU after that.
	Hold time.Duration
	// Stall is after how long without any delivery outstanding messages are given up.
	Stall time.Duration
	// Timeout is how long to wait for a connection with its subscription.
	Timeout time.Duration
	// Reader is how subscribers are read.
	Reader Reader
	// Sweep is how long the epoll loop pauses between two rounds: the server does not pay for waking the client up after
	// each write then. It is added to what Latency measures, and is best 0 there.
	Sweep time.Duration
	// Prefix begins the names of the channels; a number follows. Empty stands for one that nobody else uses.
	Prefix string
}

// Reader is a way to read subscribers.
type Reader int

// The ways to read subscribers.
const (
	// ReaderAuto is ReaderLoop where it is possible.
	ReaderAuto Reader = iota
	// ReaderLoop is one epoll loop for all subscribers; Linux only, and not for TLS.
	ReaderLoop
	// ReaderGoroutines is a goroutine for each subscriber.
	ReaderGoroutines
)

// Defaults is a moderate load that any machine should carry: 100 subscribers of one channel.
func Defaults() Config {
	return Config{
		Subscribers: 100,
		Channels:    1,
		Size:        128,
		Publishers:  8,
		Batch:       1,
		Window:      64,
		Rate:        20,
		Duration:    8 * time.Second,
		Warmup:      time.Second,
		Sources:     0,
		Dialers:     16,
		Settle:      20 * time.Second,
		Hold:        5 * time.Second,
		Stall:       5 * time.Second,
		Timeout:     10 * time.Second,
	}
}

// ConfigError is a value of Config that cannot be used.
type ConfigError struct {
	Setting string // the name of the field in JSON
	Problem string // for people; goes on after the name
}

func (e *ConfigError) Error() string { return e.Setting + " " + e.Problem }

// MarshalJSON shows the settings in small letters, with times in seconds.
func (c Config) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Subscribers int     `json:"subscribers"`
		Channels    int     `json:"channels"`
		Size        int     `json:"size"`
		Publishers  int     `json:"publishers"`
		Batch       int     `json:"batch"`
		Window      int     `json:"window"`
		Rate        float64 `json:"rate"`
		Messages    int     `json:"messages"`
		Duration    float64 `json:"duration_s"`
		Warmup      float64 `json:"warmup_s"`
		Slow        float64 `json:"slow"`
		Beside      int     `json:"beside"`
		ServerPIDs  []int   `json:"server_pids"`
		Sources     int     `json:"sources"`
		Stall       float64 `json:"stall_s"`
		Timeout     float64 `json:"timeout_s"`
		Sweep       float64 `json:"sweep_s"`
		Reader      string  `json:"reader"`
	}{
		c.Subscribers, c.Channels, c.Size, c.Publishers, c.Batch, c.Window, c.Rate, c.Messages, c.Duration.Seconds(),
		c.Warmup.Seconds(), c.Slow, c.Beside, append([]int{}, c.ServerPIDs...), c.Sources, c.Stall.Seconds(),
		c.Timeout.Seconds(), c.Sweep.Seconds(), c.Reader.String(),
	})
}

// String is the name of the way, as results show it.
func (r Reader) String() string {
	switch r {
	case ReaderAuto:
		return "auto"
	case ReaderLoop:
		return "loop"
	case ReaderGoroutines:
		return "goroutines"
	}
	return fmt.Sprintf("Reader(%d)", int(r))
}

// Package overview is what the admin address of snorkyd tells at /top, and "snorky top" shows.
package overview

import (
	"encoding/json"
	"time"
)

// Path is where an admin address has it.
const Path = "/top"

// DefaultAddress is the admin address of a snorkyd without configuration.
const DefaultAddress = "127.0.0.1:5802"

// The states of a server.
const (
	Starting = "starting"
	Ready    = "ready"
	Draining = "draining"
)

// Overview is the whole of it. Counts are since the start of the server, all else is of the moment.
type Overview struct {
	Version string    `json:"version"`
	State   string    `json:"state"`
	Now     time.Time `json:"now"`
	Started time.Time `json:"started"`

	Doors         []Door `json:"doors"`
	Connections   int    `json:"connections"`
	Channels      int    `json:"channels"`
	Subscriptions int    `json:"subscriptions"`

	Publications  uint64 `json:"publications"`
	Deliveries    uint64 `json:"deliveries"`
	Messages      uint64 `json:"messages"` // of clients
	SentBytes     uint64 `json:"sentBytes"`
	ReceivedBytes uint64 `json:"receivedBytes"`
	SlowReaders   uint64 `json:"slowReaders"` // connections that were cut off
	Errors        uint64 `json:"errors"`      // answers
	WaitingBytes  int64  `json:"waitingBytes"`
	BacklogBytes  int64  `json:"backlogBytes"`

	Latency Histogram `json:"latency"` // from a publication to the sockets
	Loops   []Loop    `json:"loops"`

	Busiest []Channel    `json:"busiest"`
	Slowest []Connection `json:"slowest"`
	// Incomplete says why Slowest is empty: the loops did not answer in time.
	Incomplete string `json:"incomplete,omitempty"`

	MemoryBytes uint64 `json:"memoryBytes"` // that the Go runtime has from the system
	Goroutines  int    `json:"goroutines"`
}

// Door is an address that the server listens on.
type Door struct {
	Name     string `json:"name"`
	Address  string `json:"address"`
	Open     bool   `json:"open"`
	Limit    int    `json:"limit,omitempty"` // of connections; 0: none
	Accepted uint64 `json:"accepted"`        // handshakes, or requests
	Refused  uint64 `json:"refused"`         // likewise
}

// Loop is an event loop.
type Loop struct {
	Connections  int       `json:"connections"`
	Tasks        int       `json:"tasks"`
	Deliveries   uint64    `json:"deliveries"`
	WaitingBytes int64     `json:"waitingBytes"`
	Lag          Histogram `json:"lag"`
}

// Channel is one of the busiest.
type Channel struct {
	Service      string          `json:"service"`
	Channel      json.RawMessage `json:"channel"`
	Subscribers  int             `json:"subscribers"`
	Rate         float64         `json:"publicationsPerSecond"`
	BacklogBytes int             `json:"backlogBytes"`
}

// Connection is one of the slowest.
type Connection struct {
	Remote        string          `json:"remote"`
	Identity      json.RawMessage `json:"identity,omitempty"`
	Subscriptions int             `json:"subscriptions"`
	WaitingBytes  int             `json:"waitingBytes"`
	Blocked       float64         `json:"blockedSeconds"`
	Closing       bool            `json:"closing,omitempty"`
}

// Histogram says how often something took how long.
type Histogram struct {
	Bounds []float64 `json:"bounds"` // in seconds, ascending
	Counts []uint64  `json:"counts"` // one more than bounds
	Sum    float64   `json:"sum"`    // in seconds
}

// Since is what has come to h after an earlier histogram, or all of it if that is not an earlier one of the same.
func (h Histogram) Since(earlier Histogram) Histogram {
	if len(h.Counts) != len(earlier.Counts) {
		return h
	}
	d := Histogram{Bounds: h.Bounds, Counts: make([]uint64, len(h.Counts)), Sum: max(h.Sum-earlier.Sum, 0)}
	for i := range h.Counts {
		if h.Counts[i] < earlier.Counts[i] {
			return h // the server was started again
		}
		d.Counts[i] = h.Counts[i] - earlier.Counts[i]
	}
	return d
}

// Count is how many there were.
func (h Histogram) Count() (n uint64) {
	for _, c := range h.Counts {
		n += c
	}
	return n
}

// Quantile is the time within which the given part of all was done, estimated as Prometheus does: evenly within each
// interval. For what took longer than all bounds it is the last one. It is not ok if there was nothing.
func (h Histogram) Quantile(q float64) (d time.Duration, ok bool) {
	total := h.Count()
	if total == 0 || len(h.Counts) != len(h.Bounds)+1 || len(h.Bounds) == 0 {
		return 0, false
	}
	rank, below := q*float64(total), 0.0
	for i, n := range h.Counts {
		if i == len(h.Bounds) {
			break
		}
		if below+float64(n) >= rank && n > 0 {
			from := 0.0
			if i > 0 {
				from = h.Bounds[i-1]
			}
			return seconds(from + (h.Bounds[i]-from)*(rank-below)/float64(n)), true
		}
		below += float64(n)
	}
	return seconds(h.Bounds[len(h.Bounds)-1]), true
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

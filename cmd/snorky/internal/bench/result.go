package bench

// Result is what one run found. What a mode does not measure stays zero, and pointers nil.
type Result struct {
	Peer     string `json:"peer"`
	Mode     string `json:"mode"` // "fanout", "latency", "idle" or "churn"
	Settings Config `json:"settings"`
	// Interrupted tells that the context ended before the work was done. The figures are right for the time there was.
	Interrupted bool `json:"interrupted"`

	// Seconds is the time that was measured, up to the last delivery.
	Seconds             float64 `json:"seconds"`
	Messages            int64   `json:"messages"`   // published and acknowledged
	Deliveries          int64   `json:"deliveries"` // to subscribers that read; no duplicates
	DeliveriesPerSecond float64 `json:"deliveries_per_s"`
	PublishesPerSecond  float64 `json:"publishes_per_s"` // messages, not requests

	// Latency is from when a message was due to when it was read, of each delivery (Latency).
	Latency *Percentiles `json:"latency_ms,omitempty"`
	// Lag is how late the client itself began to publish what was due; it is part of Latency (Latency).
	Lag *Percentiles `json:"lag_ms,omitempty"`
	// Cycle is the time to connect, subscribe and leave (Churn).
	Cycle *Percentiles `json:"cycle_ms,omitempty"`
	// Connect is the time to connect and subscribe (all modes but Churn).
	Connect *Percentiles `json:"connect_ms,omitempty"`
	// ConnectsPerSecond is how fast the subscribers came (all modes but Churn).
	ConnectsPerSecond float64 `json:"connects_per_s"`

	Cycles                   int64   `json:"cycles"`
	CyclesPerSecond          float64 `json:"cycles_per_s"`
	CyclesPerServerCPUSecond float64 `json:"cycles_per_server_cpu_s"`

	CPU    CPU     `json:"cpu"`
	Memory Memory  `json:"memory"`
	Slow   *Slow   `json:"slow,omitempty"`
	Beside *Beside `json:"beside,omitempty"`
	Faults Faults  `json:"faults"`
}

// CPU is processor time in seconds. Without the server's processes, Server is 0 and its time is in Other.
type CPU struct {
	Server           float64 `json:"server_s"`
	Client           float64 `json:"client_s"`
	Other            float64 `json:"other_s"` // everything else on the machine: a noisy run shows here
	ServerPerMillion float64 `json:"server_s_per_million"`
	ClientPerMillion float64 `json:"client_s_per_million"` // deliveries, as for the server
	// ServerIdlePercent is that of one processor, while nothing happens (Idle).
	ServerIdlePercent float64 `json:"server_idle_percent"`
}

// Memory is in bytes. The figures of the server need its processes, those of the kernel Linux.
type Memory struct {
	ServerPeak float64 `json:"server_peak"` // largest resident size while it was measured

	// Of Idle: resident before there were connections, after the server came to rest, and the difference for each.
	ServerBefore      float64 `json:"server_before"`
	ServerAfter       float64 `json:"server_after"`
	PerConnection     float64 `json:"per_connection"`
	PeakPerConnection float64 `json:"peak_per_connection"`
	// Of Idle: what the whole machine's TCP buffers (/proc/net/sockstat) and kernel structures that cannot be given
	// back (SUnreclaim) grew by for each connection. On a loopback address both ends are in it.
	KernelBuffersPerConnection    float64 `json:"kernel_buffers_per_connection"`
	KernelStructuresPerConnection float64 `json:"kernel_structures_per_connection"`
}

// Percentiles are in milliseconds.
type Percentiles struct {
	Count int64   `json:"count"`
	Mean  float64 `json:"mean"`
	P50   float64 `json:"p50"`
	P90   float64 `json:"p90"`
	P99   float64 `json:"p99"`
	P999  float64 `json:"p99.9"`
	Max   float64 `json:"max"`
}

// Slow is what became of the subscribers that stopped reading. None of it is a fault, but for Gaps.
type Slow struct {
	Subscribers int `json:"subscribers"`
	Cut         int `json:"cut"` // disconnected by the server
	// Codes counts those that found a close frame at the end of what they had not read, by its code.
	Codes map[int]int `json:"codes"`
	// Gaps are messages missing before the last one that a slow reader could still read.
	Gaps int64 `json:"gaps"`
}

// Beside is what went on in the busy channel beside those that were measured.
type Beside struct {
	Subscribers         int     `json:"subscribers"`
	Messages            int64   `json:"messages"`
	Deliveries          int64   `json:"deliveries"`
	DeliveriesPerSecond float64 `json:"deliveries_per_s"`
}

// Faults counts what went wrong over the whole run, warm-up included, for subscribers that read.
type Faults struct {
	Missing      int64 `json:"missing"`      // deliveries of acknowledged messages
	Duplicated   int64 `json:"duplicated"`   // deliveries
	OutOfOrder   int64 `json:"out_of_order"` // deliveries, behind a later one of the same publisher
	Misrouted    int64 `json:"misrouted"`    // deliveries to subscribers of another channel
	Damaged      int64 `json:"damaged"`      // deliveries that are not what was published
	Disconnected int64 `json:"disconnected"` // subscribers
	Refused      int64 `json:"refused"`      // publications, or cycles of Churn, that failed
	// First is the first that was seen, for people.
	First string `json:"first,omitempty"`
}

// Total is 0 for a run without faults.
func (f Faults) Total() int64 {
	return f.Missing + f.Duplicated + f.OutOfOrder + f.Misrouted + f.Damaged + f.Disconnected + f.Refused
}

package actors

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/snorky-go/snorky/actors/wire"
)

// Metrics are counts since the start of a Broker, and some numbers of the moment. Each is right, but they are of slightly
// different moments.
type Metrics struct {
	Stats

	Publications uint64 // by clients, services and the backend, whether or not anybody was subscribed
	BacklogBytes int64  // published but not yet fanned out
	// Publications of clients and the backend that were held back, which is when the answer waits for the fan-out, because of
	// Options.MaxBacklogBytes, or since a loop had more to do than takes a moment.
	HeldByBacklog, HeldByLoop uint64
	MailBytes                 int64 // sent by services to clients, but not yet taken by the loops of these

	// Latency is the time from when a channel takes in a publication until it is written to the sockets of all subscribers;
	// for one that is behind, until it is in its queue.
	Latency Histogram

	Closed map[wire.CloseCode]uint64 // connections that have ended, by code; 0: one that has no name here
	// Answers that were errors, to clients and to the backend, by wire.Error.Code; "other": one of too many different ones.
	Errors, BackendErrors map[string]uint64

	Loops      []LoopMetrics
	Services   []ServiceMetrics // sorted by door and name
	Registries [2]int           // messages that wait for the registry of the frontend, and of the backend
}

// LoopMetrics are those of one event loop.
type LoopMetrics struct {
	Connections   int
	Tasks         int    // that wait for their turn
	Deliveries    uint64 // messages given to connections, answers excepted
	SentBytes     uint64 // taken by sockets
	Messages      uint64 // of clients
	ReceivedBytes uint64
	WaitingBytes  int64 // for clients that have not taken them
	// Lag is how long a task waits for its turn, measured several times a second.
	Lag Histogram
}

// ServiceMetrics are those of one service.
type ServiceMetrics struct {
	Name    string
	Backend bool // it is a service of the backend
	Calls   uint64
	Mailbox int // messages that wait for the service and its parts; 0 for companions, which have no mailbox
}

// Metrics returns what there is to count. It costs next to nothing, whatever the number of connections and channels, and
// does not wait for any actor.
func (b *Broker) Metrics() Metrics {
	m := Metrics{
		Stats:        b.Stats(),
		Publications: b.counts.publications.Load(),
		BacklogBytes: b.backlog.Load(),
		MailBytes:    b.mail.n.Load(),
		Latency:      b.counts.latency.snapshot(),

		HeldByBacklog: b.counts.held[fullBacklog].Load(),
		HeldByLoop:    b.counts.held[crowdedLoop].Load(),
		BackendErrors: b.counts.errors[backendDoor].snapshot(),

		Closed:     b.counts.closed.snapshot(),
		Errors:     b.counts.errors[frontDoor].snapshot(),
		Registries: [2]int{b.frontend.UserMessageCount(), b.backend.UserMessageCount()},
	}
	for _, l := range b.loops {
		m.Loops = append(m.Loops, l.metrics())
	}
	for _, r := range []*Registry{b.frontend, b.backend} {
		names := r.Names()
		services := r.table.Load().services
		for _, name := range names {
			if s := services[name]; s != nil { // it may have gone since
				m.Services = append(m.Services, ServiceMetrics{
					Name: name, Backend: !r.front, Calls: s.calls.Load(), Mailbox: s.waiting(),
				})
			}
		}
	}
	return m
}

// waiting is how many messages wait for the actor of the service and its parts.
func (s *entry) waiting() int {
	if !s.owner {
		return 0
	}
	n := s.host.UserMessageCount()
	c := s.host.context
	c.mu.Lock()
	defer c.mu.Unlock()
	for p := range c.parts {
		n += p.UserMessageCount()
	}
	return n
}

// counts are those that loops and other goroutines share.
type counts struct {
	publications atomic.Uint64
	held         [pressures]atomic.Uint64
	latency      histogram
	closed       counters[wire.CloseCode]
	errors       [doors]counters[string]
}

// The doors that calls come by.
const (
	frontDoor = iota
	backendDoor
	doors // how many there are
)

// countError counts an answer that is an error.
func (c *Call) countError(err *wire.Error) {
	door := frontDoor
	if c.connection == nil {
		door = backendDoor
	}
	c.service.host.broker.counts.errors[door].add(err.Code, "other")
}

// counters count by a key that strangers may choose, so only so many different ones have a name.
type counters[K comparable] struct {
	mu    sync.Mutex
	byKey map[K]uint64
}

// mostCounters is more than there are codes of ours.
const mostCounters = 100

// add counts one of key, or of other if there are too many different ones.
func (c *counters[K]) add(key, other K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.byKey[key]; !known {
		if c.byKey == nil {
			c.byKey = map[K]uint64{}
		}
		if len(c.byKey) >= mostCounters {
			key = other
		}
	}
	c.byKey[key]++
}

func (c *counters[K]) snapshot() map[K]uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := maps.Clone(c.byKey)
	if m == nil {
		m = map[K]uint64{}
	}
	return m
}

// countClose counts the end of a connection. Clients may send any of thousands of codes, of which few mean anything.
func (b *Broker) countClose(code wire.CloseCode) {
	if !code.IsKnown() {
		code = 0
	}
	b.counts.closed.add(code, 0)
}

// score is what a loop counts of its own. Only its goroutine touches it.
type score struct {
	deliveries, sent, messages, received uint64
	waiting                              int64
}

// shownScore is what others see of a score: as of the end of the last turn.
type shownScore struct {
	last                                 score // that was shown; the loop's own
	deliveries, sent, messages, received atomic.Uint64
	waiting                              atomic.Int64
	connections                          atomic.Int64
}

// show stores what has changed. An atomic store for each delivery would be a good part of what a delivery costs.
func (l *loop) show() {
	s := &l.shown
	if n := int64(len(l.conns)); n != s.connections.Load() {
		s.connections.Store(n)
	}
	if l.score == s.last {
		return
	}
	s.last = l.score
	s.deliveries.Store(l.score.deliveries)
	s.sent.Store(l.score.sent)
	s.messages.Store(l.score.messages)
	s.received.Store(l.score.received)
	s.waiting.Store(l.score.waiting)
}

func (l *loop) metrics() LoopMetrics {
	return LoopMetrics{
		Connections:   int(l.shown.connections.Load()),
		Tasks:         int(l.waiting.Load()),
		Deliveries:    l.shown.deliveries.Load(),
		SentBytes:     l.shown.sent.Load(),
		Messages:      l.shown.messages.Load(),
		ReceivedBytes: l.shown.received.Load(),
		WaitingBytes:  l.shown.waiting.Load(),
		Lag:           l.lag.snapshot(),
	}
}

// Histogram says how often something took how long.
type Histogram struct {
	Bounds []float64 // in seconds, ascending; each belongs to the interval below it
	Counts []uint64  // of each interval; the last one is what took longer than all bounds
	Sum    float64   // in seconds, of all
}

// histogramBounds reach from what a quiet loop takes to what nobody waits for.
var histogramBounds = [...]time.Duration{
	50 * time.Microsecond, 100 * time.Microsecond, 250 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2500 * time.Millisecond, 5 * time.Second, 10 * time.Second,
}

// histogram may be added to by any goroutine.
type histogram struct {
	counts [len(histogramBounds) + 1]atomic.Uint64
	sum    atomic.Int64 // in nanoseconds: enough for 292 years
}

func (h *histogram) observe(d time.Duration) {
	d = max(d, 0)
	i, _ := slices.BinarySearch(histogramBounds[:], d)
	h.counts[i].Add(1)
	h.sum.Add(int64(d))
}

func (h *histogram) snapshot() Histogram {
	s := Histogram{
		Bounds: make([]float64, len(histogramBounds)), Counts: make([]uint64, len(h.counts)),
		Sum: time.Duration(h.sum.Load()).Seconds(),
	}
	for i, bound := range histogramBounds {
		s.Bounds[i] = bound.Seconds()
	}
	for i := range h.counts {
		s.Counts[i] = h.counts[i].Load()
	}
	return s
}

package actors

import (
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

// loop is an event loop: a protoactor dispatcher that also owns sockets. One goroutine gives turns to the actors of
// the loop and polls its sockets in between, so everything that belongs to a connection (descriptor, buffers,
// subscriptions) is touched by that goroutine alone and needs no lock.
//
// Nothing that runs on a loop may block.
type loop struct {
	queues
	broker      *Broker
	id          int
	options     *Options // replaced by the loop itself, see Broker.SetOptions
	logger      *zerolog.Logger
	start       time.Time
	connections *spawner
	channels    *spawner
	leaves      *spawner

	mu       sync.Mutex
	ready    []task
	waiting  atomic.Int64 // the length of ready, for those who only look
	crowd    atomic.Int64 // how much of it is a crowd, see isCrowded
	parked   bool
	stopping bool

	shown  shownScore
	lag    histogram
	ticked atomic.Int64 // when the timer has last fired, since start in nanoseconds

	// Owned by the goroutine of the loop.
	running  []task
	late     []task // have used up a turn and want another one, see turn
	turns    uint64
	isLate   bool          // one of late has its turn
	now      time.Duration // since start, read once a turn
	score    score
	poller   poller
	conns    []*connection
	works    []*work       // that no connection needs
	flushes  []*connection // have something to send at the end of this turn
	limits   map[*connection]struct{}
	meters   map[*connection]*meter // of those that have used some of their limits; nil: nobody has
	expiries expiries
	scratch  []byte
	drain    *drain
	patience time.Duration // since when silence counts, see Broker.SetOptions
	visited  int           // where the walk over conns stands, see deadlines.go
	timer    *time.Timer
}

var _ scheduler = (*loop)(nil)

// poller is how a loop waits: for a task, and for sockets where it owns some.
type poller interface {
	// poll handles what has happened on the sockets and reports whether there was anything. It does not wait.
	poll() bool
	// park waits until something happened on a socket or l has a task.
	park(l *loop)
	// wake ends a park; any goroutine may call it, but only after it has seen parked set, and cleared it.
	wake()
	close()
}

func newLoop(b *Broker, id int) (*loop, error) {
	system, options := b.system, b.options.Load()
	l := &loop{
		broker: b, id: id, options: options, logger: b.logger, start: b.started,
		limits: map[*connection]struct{}{},
	}
	l.crowd.Store(crowded)
	l.connections = newSpawner(system, l, "connection")
	l.channels = newSpawner(system, l, "channel")
	l.leaves = newSpawner(system, l, "leaf")
	var err error
	if l.poller, err = newPoller(l, options.Portable); err != nil {
		return nil, err
	}
	l.timer = time.AfterFunc(options.tick(), func() {
		l.ticked.Store(int64(time.Since(l.start)))
		l.schedule((*tick)(l))
	})
	return l, nil
}

// schedule gives t a turn; any goroutine may call it.
func (l *loop) schedule(t task) {
	l.mu.Lock()
	l.ready = append(l.ready, t)
	l.waiting.Store(int64(len(l.ready)))
	wake := l.parked
	l.parked = false
	l.mu.Unlock()
	if wake {
		l.poller.wake()
	}
}

// So many tasks may wait for their turn before those who make many of them have to wait: as many as take a moment, but
// between fewTasks and crowded.
const (
	crowded  = 256
	fewTasks = 16
	moment   = time.Millisecond
)

// isCrowded reports whether more waits than the loop does in a moment; any goroutine may ask.
func (l *loop) isCrowded() bool { return l.waiting.Load() > l.crowd.Load() }

// measure works out from the turns of this round how many of them fit into a moment.
func (l *loop) measure() {
	n := time.Duration(len(l.running))
	if n < fewTasks {
		return
	}
	took := (time.Since(l.start) - l.now) / n
	l.crowd.Store(int64(max(fewTasks, min(moment/max(took, 1), crowded))))
}

// errand is a function as a task.
type errand func()

func (e errand) run() { e() }

// Schedule is the slow way of schedule, for protoactor's own mailboxes.
func (l *loop) Schedule(fn func()) { l.schedule(errand(fn)) }

// Throughput is the number of messages an actor may take in one turn.
func (*loop) Throughput() int { return throughput }

// main runs the loop until stop.
func (l *loop) main() {
	defer l.poller.close()
	defer l.timer.Stop()
	for l.turn() {
	}
}

// turn gives each waiting task one turn and looks at the sockets once. Of those that have used up a turn and want another
// one, only the first gets it: however many channels are busy, what comes new waits for one of them at most.
func (l *loop) turn() (more bool) {
	l.mu.Lock()
	l.running, l.ready = l.ready, l.running[:0]
	l.waiting.Store(0)
	stop := l.stopping && len(l.running) == 0 && len(l.late) == 0
	l.mu.Unlock()
	if stop {
		return false
	}
	l.now = time.Since(l.start)
	l.turns++
	for i, t := range l.running {
		l.running[i] = nil
		l.guard(t.run)
	}
	l.measure()
	worked := len(l.running) > 0 || len(l.late) > 0
	if len(l.late) > 0 {
		t := l.late[0]
		l.late = slices.Delete(l.late, 0, 1)
		l.isLate = true
		l.guard(t.run)
		l.isLate = false
	}
	l.flush()
	busy := l.poller.poll()
	l.flush()
	l.show()
	if !worked && !busy && len(l.flushes) == 0 {
		l.poller.park(l)
	}
	return true
}

// postpone gives t, which has used up its turn, another one after those that wait for the same. It is called on the loop.
func (l *loop) postpone(t task) { l.late = append(l.late, t) }

// guard keeps the loop alive when what it runs does not.
func (l *loop) guard(f func()) {
	defer func() {
		if reason := recover(); reason != nil {
			l.panicked(reason)
		}
	}()
	f()
}

func (l *loop) panicked(reason any) {
	l.logger.Error().Interface("panic", reason).Bytes("stack", debug.Stack()).Msg("panic on an event loop")
}

// flushBytes is how much is sent at the end of a turn: less than a millisecond's worth.
const flushBytes = 2 << 20

// flush sends what the turn has queued, one write for each connection. If that is much, because many connections that
// were behind can be written to again, the rest is left for the next turn.
func (l *loop) flush() {
	done := 0
	for bytes := 0; done < len(l.flushes) && bytes < flushBytes; done++ {
		c := l.flushes[done]
		before := c.queued
		c.flushing = false
		c.flush()
		bytes += before - c.queued + flushBytes/fanOutStep
	}
	l.flushes = slices.Delete(l.flushes, 0, done)
}

// tryPark announces that the loop is about to wait. It reports false when there is something to do.
func (l *loop) tryPark() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.parked = len(l.ready) == 0 && !l.stopping
	return l.parked
}

func (l *loop) unpark() {
	l.mu.Lock()
	l.parked = false
	l.mu.Unlock()
}

// stop ends the loop when it has nothing left to do.
func (l *loop) stop() {
	l.mu.Lock()
	l.stopping = true
	l.mu.Unlock()
	l.schedule(errand(func() {}))
}

// signalPoller is the poller of a loop without sockets of its own.
type signalPoller struct {
	signal chan struct{}
}

func newSignalPoller() *signalPoller { return &signalPoller{signal: make(chan struct{}, 1)} }

func (*signalPoller) poll() bool { return false }
func (*signalPoller) close()     {}

func (p *signalPoller) park(l *loop) {
	if l.tryPark() {
		<-p.signal
	}
}

// wake cannot find the signal full: it is sent once for each time that parked was cleared.
func (p *signalPoller) wake() { p.signal <- struct{}{} }

package supervisor

import (
	"context"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors"
)

const (
	// answerTime is how long the doors may take until they answer; then they count as slow. TimeoutStartSec= has to be longer.
	answerTime = 30 * time.Second
	// statusEvery is the time between two looks at the numbers.
	statusEvery = 5 * time.Second
	// drainEvery is the time between two requests for more time.
	drainEvery = time.Second
	// extension is how long the service manager waits for the next one.
	extension = 5 * time.Second
	// grace is what comes behind the draining: the last log lines, the end of the process.
	grace = 2 * time.Second
	// farewell is how long the last words may take.
	farewell = 500 * time.Millisecond
)

// Broker is what a Supervisor wants to know of a broker; *actors.Broker is one.
type Broker interface {
	Stats() actors.Stats
	// Probe is a round trip through all actors that serve everybody. It heeds its context, and its error says what hung.
	Probe(ctx context.Context) error
}

// Options say whom a Supervisor speaks for, and to whom.
type Options struct {
	Contract Contract
	Log      zerolog.Logger
	Broker   Broker
	// Answer returns nil when every door has answered a request. When its context ends before, the error is that of the context
	// and says which one did not; any other says that a door is broken.
	Answer func(context.Context) error
}

// Supervisor speaks for one run of the server. None of its methods blocks but Close, and that not for long. They may be
// called from any goroutine, and on a nil Supervisor, which says nothing.
type Supervisor struct {
	o      Options
	out    teller
	failed chan error
	stop   context.CancelFunc // what goes on until Stopping
	cancel context.CancelFunc // all
	done   sync.WaitGroup

	mu       sync.Mutex
	phase    phase
	outcome  string    // of the last reload
	trouble  string    // what the watchdog found
	slow     string    // which door has not answered yet, although it was given the time for it
	last     string    // status line
	stopping stoppings // valid from Stopping
}

// teller is an outbox, and in tests somebody who listens.
type teller interface {
	post(text string, recurrent bool)
	close(limit time.Duration)
}

type phase int

const (
	starting phase = iota
	ready
	stopping
)

type stoppings struct {
	from  int // connections
	until time.Time
}

// Start begins to speak for a server whose doors are open. Where nobody listens it returns nil.
func Start(o Options) *Supervisor {
	if o.Contract.Socket == "" {
		return nil
	}
	return start(o, newOutbox(o.Contract.Socket, o.Log))
}

func start(o Options, out teller) *Supervisor {
	life, cancel := context.WithCancel(context.Background())
	running, stop := context.WithCancel(life)
	s := &Supervisor{o: o, out: out, failed: make(chan error, 1), stop: stop, cancel: cancel}
	s.out.post(statusLine("the doors are open, and have to answer"), true)
	s.done.Go(func() { s.run(life, running) })
	return s
}

// Failed yields one error if a door is broken before it has answered: then the server is not fit to run.
func (s *Supervisor) Failed() <-chan error {
	if s == nil {
		return nil
	}
	return s.failed
}

// Reloading says that the configuration is being read. Reloaded has to follow.
func (s *Supervisor) Reloading() {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	// Before READY, and after STOPPING, the pair would say what is not true.
	if s.phase == ready {
		s.out.post(daemon.SdNotifyReloading+"\n"+daemon.SdNotifyMonotonicUsec()+"STATUS=reloading", false)
		s.last = ""
	}
}

// Reloaded says that the reading is over. Its outcome, one line, stays in the status until the next one.
func (s *Supervisor) Reloaded(outcome string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if outcome = note(outcome); outcome != "" {
		s.outcome = "reload at " + clock() + ": " + outcome
	}
	if s.phase == ready {
		s.last = s.line()
		s.out.post(daemon.SdNotifyReady+"\n"+s.last, false)
	}
}

// Stopping says that the server ends, which it does within limit, and asks for that time.
func (s *Supervisor) Stopping(limit time.Duration) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase == stopping {
		return
	}
	s.phase = stopping
	s.stopping = stoppings{from: s.o.Broker.Stats().Connections, until: time.Now().Add(limit)}
	s.out.post(daemon.SdNotifyStopping+"\n"+s.progress(), false)
	s.stop()
}

// Close ends the Supervisor.
func (s *Supervisor) Close() {
	if s == nil {
		return
	}
	s.cancel()
	s.done.Wait()
	s.out.close(farewell)
}

// Explain tells the service manager why the process is about to end. It may take a moment, but not long.
func (c Contract) Explain(reason error) {
	if c.Socket == "" {
		return
	}
	out := newOutbox(c.Socket, zerolog.Nop())
	out.post(statusLine(note("ended: "+reason.Error())), false)
	out.close(farewell)
}

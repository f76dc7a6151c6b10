package pulse

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors"
)

// Interval is the time between two probes of a Monitor.
const Interval = 10 * time.Second

// Monitor knows whether the actors are alive, whoever has asked them last: it does so itself, where nobody else does. Its
// methods are safe for concurrent use.
type Monitor struct {
	probe func(context.Context) error
	log   zerolog.Logger

	mu    sync.Mutex
	last  Sign
	asked time.Time // when somebody else has had an answer, or none in time
}

// Sign is what came of a probe. The zero value says that nobody has asked yet, and nothing is known to be wrong.
type Sign struct {
	Err  error         // what does not answer; nil: they are alive
	Took time.Duration // until that was known
}

// NewMonitor returns a Monitor that asks by probe, which heeds its context and says what does not answer. Its error
// actors.ErrStopped is the end, and no fault.
func NewMonitor(probe func(context.Context) error, l zerolog.Logger) *Monitor {
	return &Monitor{probe: probe, log: l}
}

// Last returns what is known. It does not block.
func (m *Monitor) Last() Sign {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.last
}

// Probe asks for somebody else, such as the watchdog of a service manager, and keeps what came of it, so that while this
// goes on the Monitor need not ask. It blocks until that is known, at the latest when ctx ends.
func (m *Monitor) Probe(ctx context.Context) error {
	err := m.ask(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked = time.Now()
	return err
}

// ask makes a probe and keeps what came of it.
func (m *Monitor) ask(ctx context.Context) error {
	began := time.Now()
	err := m.probe(ctx)
	m.keep(Sign{err, time.Since(began)})
	return err
}

// keep leaves out what says nothing about the actors: that they have ended, or that nobody wants to know any more.
func (m *Monitor) keep(s Sign) {
	if errors.Is(s.Err, actors.ErrStopped) || errors.Is(s.Err, context.Canceled) {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.last = s
}

// errOthers stands for a probe that was not needed.
var errOthers = errors.New("somebody else asks")

// Run asks until ctx ends, and logs when the actors have fallen silent, and that they answer again. Of what others have
// asked, they know themselves.
func (m *Monitor) Run(ctx context.Context) {
	silent := false
	NewWatch(2*Interval, m.unlessAsked, func(err error) {
		switch {
		case errors.Is(err, errOthers), errors.Is(err, actors.ErrStopped):
			return
		case errors.Is(err, ErrHangs):
			m.keep(Sign{err, Interval})
		}
		switch {
		case err != nil && !silent:
			m.log.Error().Err(err).Msg("the actors do not answer")
		case err == nil && silent:
			m.log.Warn().Msg("the actors answer again")
		}
		silent = err != nil
	}).Run(ctx)
}

func (m *Monitor) unlessAsked(ctx context.Context) error {
	m.mu.Lock()
	asked := m.asked
	m.mu.Unlock()
	if !asked.IsZero() && time.Since(asked) < 2*Interval {
		return errOthers
	}
	return m.ask(ctx)
}

package pulse

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/snorky-go/snorky/actors"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errLoop = errors.New("no answer from a channel on loop 7")

// patient is a Monitor in a bubble, of actors that answer as they are told.
type patient struct {
	*Monitor
	mu     sync.Mutex
	fault  error         // what a probe says when its time is over; nil: they answer
	deaf   chan struct{} // probes end when it is closed, whatever their context says
	probes int
	log    bytes.Buffer
}

func (p *patient) ask(ctx context.Context) error {
	p.mu.Lock()
	p.probes++
	fault, deaf := p.fault, p.deaf
	p.mu.Unlock()
	switch {
	case deaf != nil:
		<-deaf
	case errors.Is(fault, actors.ErrStopped):
	case fault != nil:
		<-ctx.Done()
	default:
		<-time.After(3 * time.Millisecond)
	}
	return fault
}

// become changes how the actors are, and lets time go by until that is known.
func (p *patient) become(fault error, deaf chan struct{}) {
	p.mu.Lock()
	p.fault, p.deaf = fault, deaf
	p.mu.Unlock()
	<-time.After(3 * Interval)
	synctest.Wait()
}

// count returns how many probes there were since the last call.
func (p *patient) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := p.probes
	p.probes = 0
	return n
}

func watch(t *testing.T, act func(*testing.T, *patient)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := new(patient)
		p.Monitor = NewMonitor(p.ask, zerolog.New(&p.log))
		ctx, cancel := context.WithCancel(t.Context())
		var done sync.WaitGroup
		done.Go(func() { p.Run(ctx) })
		act(t, p)
		cancel()
		done.Wait()
	})
}

func TestSilentActorsAreNoticed(t *testing.T) {
	watch(t, func(t *testing.T, p *patient) {
		p.become(nil, nil)
		if s := p.Last(); s.Err != nil || s.Took != 3*time.Millisecond || p.log.Len() != 0 {
			t.Errorf("alive: %+v, log %s", s, &p.log)
		}
		p.become(errLoop, nil)
		p.become(errLoop, nil)
		if s := p.Last(); !errors.Is(s.Err, errLoop) || s.Took < Interval/2 {
			t.Errorf("silent: %+v", s)
		}
		if got := p.log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, `"level":"error","error":"no answer from a channel on loop 7","message":"the actors do not answer"`) {
			t.Errorf("log:\n%s", got)
		}
		p.log.Reset()
		p.become(nil, nil)
		if s := p.Last(); s.Err != nil || !strings.Contains(p.log.String(), "the actors answer again") {
			t.Errorf("alive again: %+v, log %s", s, &p.log)
		}
	})
}

func TestProbeThatHangs(t *testing.T) {
	watch(t, func(t *testing.T, p *patient) {
		deaf := make(chan struct{})
		p.become(nil, deaf)
		if s := p.Last(); !errors.Is(s.Err, ErrHangs) || !strings.Contains(p.log.String(), ErrHangs.Error()) {
			t.Errorf("%+v, log %s", s, &p.log)
		}
		close(deaf)
	})
}

// The end of a broker is no fault of its actors.
func TestStoppedIsNotSilent(t *testing.T) {
	watch(t, func(t *testing.T, p *patient) {
		p.become(actors.ErrStopped, nil)
		if s := p.Last(); s.Err != nil || p.log.Len() != 0 {
			t.Errorf("%+v, log %s", s, &p.log)
		}
	})
}

// Where a watchdog asks, its answers are good enough, and its troubles its own to tell. When it ceases, the Monitor asks.
func TestOthersMayAsk(t *testing.T) {
	watch(t, func(t *testing.T, p *patient) {
		for _, fault := range []error{nil, errLoop, nil} {
			p.mu.Lock()
			p.fault = fault
			p.mu.Unlock()
			for range 20 {
				ctx, cancel := context.WithTimeout(t.Context(), Interval/2)
				_ = p.Probe(ctx)
				cancel()
				<-time.After(Interval / 2)
			}
			if s := p.Last(); !errors.Is(s.Err, fault) {
				t.Errorf("%v: %+v", fault, s)
			}
		}
		if n := p.count(); n != 60 || p.log.Len() != 0 {
			t.Errorf("%d probes instead of 60, log %s", n, &p.log)
		}
		p.become(errLoop, nil)
		p.become(errLoop, nil)
		if s := p.Last(); !errors.Is(s.Err, errLoop) || p.log.Len() == 0 {
			t.Errorf("without the watchdog: %+v, log %s", s, &p.log)
		}
		p.become(nil, nil)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		p.mu.Lock()
		p.fault = gone.Err()
		p.mu.Unlock()
		if err := p.Probe(gone); err == nil || p.Last().Err != nil {
			t.Errorf("who does not want to know any more, has learnt %v: %+v", err, p.Last())
		}
		p.become(nil, nil)
	})
}

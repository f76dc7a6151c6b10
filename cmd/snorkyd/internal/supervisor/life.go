package supervisor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/snorky-go/snorky/cmd/snorkyd/internal/pulse"
)

// run goes through the phases of the server, until life ends. running ends before, when the server stops.
func (s *Supervisor) run(life, running context.Context) {
	if s.begin(running) {
		s.watch(running)
	}
	<-running.Done()
	s.drain(life)
}

// begin waits until the doors answer, and tells whether the server is ready. Doors that run but are slow to answer, as those
// with a long queue are, are no reason to end: the next process would have the same queue, and everybody in it would have
// waited in vain.
func (s *Supervisor) begin(ctx context.Context) bool {
	limited, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	err := s.o.Answer(limited)
	slow := errors.Is(err, context.DeadlineExceeded)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.phase != starting:
		return false
	case err != nil && !slow:
		s.failed <- fmt.Errorf("a door that is open does not answer: %w", err)
		return false
	case slow:
		s.slow = "no answer yet from the " + note(err.Error())
		s.o.Log.Warn().Err(err).Stringer("within", answerTime).Msg("a door accepts, but has not answered anybody yet")
	}
	s.phase = ready
	s.last = s.line()
	s.out.post(daemon.SdNotifyReady+"\n"+s.last, false)
	return true
}

// follow waits for the answer that did not come in time. A door that breaks meanwhile ends the server by itself.
func (s *Supervisor) follow(ctx context.Context) {
	if s.o.Answer(ctx) != nil {
		return
	}
	s.mu.Lock()
	s.slow = ""
	s.mu.Unlock()
	s.o.Log.Info().Msg("all doors answer now")
	s.refresh()
}

// watch keeps the status up to date and the watchdog fed, until the server stops.
func (s *Supervisor) watch(ctx context.Context) {
	var alive sync.WaitGroup
	defer alive.Wait()
	if s.o.Contract.Watchdog > 0 {
		dog := pulse.NewWatch(s.o.Contract.Watchdog, s.o.Broker.Probe, s.found)
		alive.Go(func() { dog.Run(ctx) })
	}
	if s.isSlow() {
		alive.Go(func() { s.follow(ctx) })
	}
	look := time.NewTicker(statusEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
			s.refresh()
		}
	}
}

func (s *Supervisor) isSlow() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.slow != ""
}

// found is what the watchdog reports.
func (s *Supervisor) found(err error) {
	if err == nil {
		s.out.post(daemon.SdNotifyWatchdog, true)
	}
	s.mu.Lock()
	before := s.trouble
	s.trouble = ""
	if err != nil {
		s.trouble = "hangs: " + note(err.Error())
	}
	s.mu.Unlock()
	switch {
	case err != nil:
		s.o.Log.Error().Err(err).Stringer("watchdog", s.o.Contract.Watchdog).
			Msg("the actors do not answer; if they go on like this, the service manager starts another process")
	case before != "":
		s.o.Log.Warn().Msg("the actors answer again")
	}
	s.refresh()
}

// refresh tells the status, if it is another one.
func (s *Supervisor) refresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if line := s.line(); s.phase == ready && line != s.last {
		s.last = line
		s.out.post(line, true)
	}
}

// drain asks for more time while there is some; after that the service manager is free to end what did not.
func (s *Supervisor) drain(ctx context.Context) {
	tick := time.NewTicker(drainEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		s.mu.Lock()
		if !time.Now().Before(s.stopping.until) {
			s.mu.Unlock()
			return
		}
		text := s.progress()
		s.mu.Unlock()
		if s.o.Contract.Watchdog > 0 {
			text = daemon.SdNotifyWatchdog + "\n" + text // the end is bounded without it
		}
		s.out.post(text, true)
	}
}

// progress is how far the draining has come, and the request for more time. The caller holds mu.
func (s *Supervisor) progress() string {
	left := max(0, time.Until(s.stopping.until))
	line := statusLine(fmt.Sprintf("draining: %d of %d connections left, for %v at most",
		s.o.Broker.Stats().Connections, s.stopping.from, left.Round(time.Second)))
	return fmt.Sprintf("EXTEND_TIMEOUT_USEC=%d\n%s", min(extension, left+grace).Microseconds(), line)
}

// line is the status while the server runs. The caller holds mu.
func (s *Supervisor) line() string {
	return statusLine(s.trouble, s.slow, counts(s.o.Broker), s.outcome)
}

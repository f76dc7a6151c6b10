package supervisor

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/pulse"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ear hears what a Supervisor says.
type ear struct {
	mu   sync.Mutex
	said []string
}

func (e *ear) post(text string, _ bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.said = append(e.said, text)
}

func (e *ear) close(time.Duration) {}

// take returns what was said since the last call.
func (e *ear) take() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	said := e.said
	e.said = nil
	return said
}

// variables are the names that were said, without STATUS, which is there for people.
func variables(said []string) (names []string) {
	for _, text := range said {
		for line := range strings.Lines(text) {
			if name, _, _ := strings.Cut(line, "="); name != "STATUS" {
				names = append(names, name)
			}
		}
	}
	return names
}

// broker is one whose actors answer, unless they hang.
type broker struct {
	mu    sync.Mutex
	stats actors.Stats
	hang  error // what a probe says when its time is over; nil: they answer
	deaf  chan struct{}
}

func (b *broker) Stats() actors.Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stats
}

func (b *broker) Probe(ctx context.Context) error {
	b.mu.Lock()
	hang, deaf := b.hang, b.deaf
	b.mu.Unlock()
	if deaf != nil {
		<-deaf
	}
	if hang != nil {
		<-ctx.Done()
	}
	return hang
}

func (b *broker) change(f func(b *broker)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f(b)
}

// stage is a Supervisor in a bubble in which time passes at once.
type stage struct {
	*Supervisor
	t      *testing.T
	ear    ear
	broker broker
	log    diary
	answer chan error
}

// diary is a log that is read while it is written.
type diary struct {
	mu   sync.Mutex
	text strings.Builder
}

func (d *diary) Write(line []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.Write(line)
}

func (d *diary) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.text.String()
}

func play(t *testing.T, watchdog time.Duration, act func(*stage)) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &stage{t: t, answer: make(chan error, 1)}
		s.broker.stats = actors.Stats{Connections: 3, Channels: 2, Subscriptions: 5}
		s.Supervisor = start(Options{
			Contract: Contract{Socket: "/not/used", Watchdog: watchdog},
			Log:      zerolog.New(&s.log), Broker: &s.broker,
			Answer: func(ctx context.Context) error {
				select {
				case err := <-s.answer:
					return err
				case <-ctx.Done():
					return ctx.Err()
				}
			},
		}, &s.ear)
		defer s.Close()
		act(s)
	})
}

// ready has the doors answer.
func (s *stage) ready() {
	s.answer <- nil
	synctest.Wait()
	s.says("READY")
}

// pass lets time go by, up to just before something that is due then.
func pass(d time.Duration) {
	<-time.After(d - time.Microsecond)
	synctest.Wait()
}

// says compares the variables that were said, without STATUS.
func (s *stage) says(want ...string) (said []string) {
	s.t.Helper()
	said = s.ear.take()
	if got := variables(said); !slices.Equal(got, want) {
		s.t.Errorf("it says %q, want %q", got, want)
	}
	return said
}

// status compares the last STATUS.
func (s *stage) status(said []string, want string) {
	s.t.Helper()
	got := ""
	for line := range strings.Lines(strings.Join(said, "\n")) {
		if text, is := strings.CutPrefix(line, "STATUS="); is {
			got = strings.TrimSuffix(text, "\n")
		}
	}
	if got != want {
		s.t.Errorf("status %q, want %q", got, want)
	}
}

func TestReadyWhenTheDoorsAnswer(t *testing.T) {
	play(t, 0, func(s *stage) {
		pass(answerTime)
		s.says()
		s.answer <- nil
		synctest.Wait()
		s.status(s.says("READY"), "connections: 3, channels: 2, subscriptions: 5")
	})
}

// A door that is slow to answer ends nothing. It is told, until it has answered.
func TestDoorsThatAreSlowToAnswer(t *testing.T) {
	play(t, 0, func(s *stage) {
		<-time.After(answerTime)
		synctest.Wait()
		s.status(s.says("READY"), "no answer yet from the context deadline exceeded; connections: 3, channels: 2, subscriptions: 5")
		if log := s.log.String(); !strings.Contains(log, "has not answered anybody yet") || !strings.Contains(log, `"level":"warn"`) {
			t.Errorf("the log says %s", log)
		}
		pass(time.Hour)
		s.says()
		s.answer <- nil
		synctest.Wait()
		s.status(s.says(), "connections: 3, channels: 2, subscriptions: 5")
		select {
		case err := <-s.Failed():
			t.Errorf("failed with %v", err)
		default:
		}
	})
}

func TestDoorsThatAreBroken(t *testing.T) {
	play(t, 20*time.Second, func(s *stage) {
		broken := errors.New("broken")
		s.answer <- broken
		err := <-s.Failed()
		if !errors.Is(err, broken) || !strings.Contains(err.Error(), "does not answer") {
			t.Errorf("failed with %v", err)
		}
		s.Stopping(2 * time.Second)
		pass(time.Minute)
		said := s.says("STOPPING", "EXTEND_TIMEOUT_USEC", "WATCHDOG", "EXTEND_TIMEOUT_USEC")
		if len(said) == 0 || !strings.HasPrefix(said[0], "STATUS=") {
			t.Errorf("it says %q", said)
		}
	})
}

func TestStatusChangesWithTheNumbers(t *testing.T) {
	play(t, 0, func(s *stage) {
		s.ready()
		pass(time.Hour)
		if said := s.ear.take(); len(said) != 0 {
			t.Errorf("it repeats itself: %q", said)
		}
		s.broker.change(func(b *broker) { b.stats.Connections = 4 })
		pass(statusEvery + time.Second)
		s.status(s.says(), "connections: 4, channels: 2, subscriptions: 5")
	})
}

func TestReload(t *testing.T) {
	play(t, 0, func(s *stage) {
		// A signal that comes early must not make the server ready.
		s.Reloading()
		s.Reloaded("the first")
		pass(time.Second)
		s.says()
		s.ready()
		before := time.Now().UTC().Format(time.RFC3339)
		for range 3 {
			s.Reloading()
			said := s.says("RELOADING", "MONOTONIC_USEC")
			s.status(said, "reloading")
			_, after, _ := strings.Cut(said[0], "MONOTONIC_USEC=")
			stamp, _, _ := strings.Cut(after, "\n")
			if usec, err := strconv.ParseInt(stamp, 10, 64); err != nil || usec <= 0 {
				t.Errorf("time stamp %q", stamp)
			}
			s.Reloaded("bad\nfile\x00" + string([]byte{0xff}))
			s.status(s.says("READY"), "connections: 3, channels: 2, subscriptions: 5; reload at "+before+": bad file ?")
		}
		s.Stopping(time.Second)
		s.says("STOPPING", "EXTEND_TIMEOUT_USEC")
		s.Reloading()
		s.Reloaded("too late")
		s.says()
	})
}

func TestDrainingAsksForTimeButNotForEver(t *testing.T) {
	play(t, 20*time.Second, func(s *stage) {
		s.ready()
		began := time.Now()
		s.Stopping(10 * time.Second)
		s.Stopping(time.Hour) // the first one counts
		s.status(s.says("STOPPING", "EXTEND_TIMEOUT_USEC"), "draining: 3 of 3 connections left, for 10s at most")
		s.broker.change(func(b *broker) { b.stats.Connections = 1 })
		var end time.Time
		for range 30 {
			pass(time.Second)
			for _, text := range s.ear.take() {
				if text == "" {
					continue
				}
				if !strings.HasPrefix(text, "WATCHDOG=1\nEXTEND_TIMEOUT_USEC=") || !strings.Contains(text, "STATUS=draining: 1 of 3 connections left") {
					t.Errorf("it says %q", text)
				}
				_, after, _ := strings.Cut(text, "EXTEND_TIMEOUT_USEC=")
				usec, _, _ := strings.Cut(after, "\n")
				n, err := strconv.ParseInt(usec, 10, 64)
				if err != nil || n <= 0 {
					t.Errorf("it asks for %q", usec)
				}
				end = time.Now().Add(time.Duration(n) * time.Microsecond)
			}
		}
		if asked := end.Sub(began); asked < 10*time.Second || asked > 10*time.Second+grace+time.Second { // it is looked at once a second
			t.Errorf("it asked for %v in all", asked)
		}
	})
}

func TestStopBeforeReady(t *testing.T) {
	play(t, 0, func(s *stage) {
		s.Stopping(2 * time.Second)
		s.answer <- nil
		pass(time.Minute)
		s.says("STOPPING", "EXTEND_TIMEOUT_USEC", "EXTEND_TIMEOUT_USEC")
		select {
		case err := <-s.Failed():
			t.Errorf("failed with %v", err)
		default:
		}
	})
}

func TestWatchdogIsFedWhileTheActorsAnswer(t *testing.T) {
	play(t, 20*time.Second, func(s *stage) {
		s.ready()
		for range 10 {
			pass(10*time.Second + 2*time.Microsecond)
			s.says("WATCHDOG")
		}
	})
}

func TestNoWatchdogUnlessAskedFor(t *testing.T) {
	play(t, 0, func(s *stage) {
		s.ready()
		pass(time.Hour)
		s.says()
	})
}

func TestWatchdogStopsWhenAnActorHangs(t *testing.T) {
	play(t, 20*time.Second, func(s *stage) {
		s.ready()
		s.broker.change(func(b *broker) { b.hang = errors.New("no answer from a channel on loop 7") })
		pass(time.Minute)
		s.status(s.says(), "hangs: no answer from a channel on loop 7; connections: 3, channels: 2, subscriptions: 5")
		if !strings.Contains(s.log.String(), `"level":"error","error":"no answer from a channel on loop 7"`) {
			t.Errorf("the log does not say what hangs:\n%s", s.log.String())
		}
		s.broker.change(func(b *broker) { b.hang = nil })
		pass(20 * time.Second)
		said := s.ear.take()
		if !slices.Contains(variables(said), "WATCHDOG") || !strings.Contains(s.log.String(), "answer again") {
			t.Errorf("it says %q; the log:\n%s", said, s.log.String())
		}
		s.status(said, "connections: 3, channels: 2, subscriptions: 5")
	})
}

// The word that an actor hangs has to come before systemd ends the process, even if the probe hangs as well.
func TestWatchdogSpeaksInTime(t *testing.T) {
	for name, hang := range map[string]func(*broker){
		"an actor":  func(b *broker) { b.hang = errors.New("no answer") },
		"the probe": func(b *broker) { b.deaf = make(chan struct{}) },
	} {
		t.Run(name, func(t *testing.T) {
			play(t, 20*time.Second, func(s *stage) {
				s.broker.change(hang)
				s.ready()
				pass(20 * time.Second)
				if !strings.Contains(s.log.String(), `"level":"error"`) {
					t.Error("nothing is logged")
				}
				if name == "the probe" {
					pass(time.Minute)
					if n := strings.Count(s.log.String(), pulse.ErrHangs.Error()); n < 3 {
						t.Errorf("%d lines", n)
					}
					close(s.broker.deaf)
				}
				s.says()
			})
		})
	}
}

func TestEndWithAProbeThatHangs(t *testing.T) {
	play(t, 20*time.Second, func(s *stage) {
		deaf := make(chan struct{})
		s.broker.change(func(b *broker) { b.deaf = deaf })
		s.ready()
		pass(12 * time.Second)
		began := time.Now()
		s.Close()
		if took := time.Since(began); took > time.Second {
			t.Errorf("Close took %v", took)
		}
		close(deaf)
	})
}

func TestTinyWatchdog(t *testing.T) {
	play(t, time.Microsecond, func(s *stage) {
		s.ready()
		pass(time.Second)
		if n := len(s.ear.take()); n < 50 || n > 100 {
			t.Errorf("%d messages in a second", n)
		}
	})
}

func TestNobodyListens(t *testing.T) {
	t.Parallel()
	s := Start(Options{Contract: Contract{Watchdog: time.Second}})
	if s != nil {
		t.Error("it speaks to nobody")
	}
	s.Reloading()
	s.Reloaded("done")
	s.Stopping(time.Second)
	if s.Failed() != nil {
		t.Error("a door is being asked")
	}
	s.Close()
	Contract{}.Explain(errors.New("no reason"))
}

func TestNotes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                            "",
		" a\r\nb\x1b[2Jc\t":           "a  b [2Jc",
		"\xff\xfe":                    "?",
		"READY=1\nSTATUS=x":           "READY=1 STATUS=x",
		strings.Repeat("\u00e4", 200): strings.Repeat("\u00e4", 150) + "...",
	} {
		if got := note(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	if got := note("x" + strings.Repeat("\u00e4", 200)); got != "x"+strings.Repeat("\u00e4", 149)+"..." {
		t.Errorf("got %q", got)
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/snorky-go/snorky/cmd/snorky/internal/bench/peers/report"
)

// world is everybody who has to do with the server.
type world struct {
	settings
	server *server
	began  time.Time

	streams   atomic.Int64 // numbers of streams that are taken
	channels  []*stream
	bulk      *stream // large messages, which slow readers do not take
	owners    []*stream
	rooms     int
	key       atomic.Pointer[string] // that publishers use
	delivered atomic.Int64
	published atomic.Int64
	latencies histogram

	connections atomic.Int64 // that are open, as far as this end knows
	lives       atomic.Int64 // that have ended
	ready       sync.WaitGroup
	crowd       crowd
	lingering   sync.WaitGroup // those who hold a connection without living: the silent, the slow, the unfinished

	mu     sync.Mutex
	faults map[string]int
	events string // since the last sample
}

func newWorld(s settings, v *server) *world {
	w := &world{settings: s, server: v, began: time.Now(), faults: make(map[string]int)}
	for range s.work.Channels {
		w.channels = append(w.channels, w.newStream())
	}
	w.bulk = w.newStream()
	w.rooms = max(1, s.work.Clients*3/100/8) // about eight of each kind in a room
	for range w.rooms {
		w.owners = append(w.owners, w.newStream())
	}
	w.key.Store(&v.key)
	w.crowd.members = make(map[*conn]struct{})
	return w
}

func (w *world) newStream() *stream { return &stream{id: w.streams.Add(1)} }

// fault books what must not happen. The first ones of each kind are told at once.
func (w *world) fault(kind, format string, args ...any) {
	w.mu.Lock()
	w.faults[kind]++
	n := w.faults[kind]
	w.mu.Unlock()
	if n <= 5 {
		w.say("FAULT %s: %s", kind, fmt.Sprintf(format, args...))
	}
}

func (w *world) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%8s  %s\n", time.Since(w.began).Round(time.Second), fmt.Sprintf(format, args...))
}

// event marks the next sample.
func (w *world) event(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.events != "" {
		w.events += ","
	}
	w.events += name
}

// soak is the run. Its error is that of a run that could not be completed; faults are part of the report.
func (w *world) soak(ctx context.Context, out *report.SoakWriter) error {
	empty := w.server.look(ctx)
	if err := out.Begin(w.about(empty)); err != nil {
		return err
	}
	living, end := context.WithCancel(ctx)
	defer end()
	publishing, stop := context.WithCancel(ctx)
	defer stop()
	var publishers, everybody, chores sync.WaitGroup
	w.publish(publishing, &publishers)
	w.populate(living, &everybody)
	connected := make(chan struct{})
	go func() {
		defer close(connected)
		w.ready.Wait()
	}()
	w.say("%d clients connect", w.work.Clients)
	select {
	case <-connected:
	case <-ctx.Done():
		return errors.New("interrupted")
	case <-w.server.ended:
		return errors.New("the server ended")
	}
	w.say("all are there")
	w.chores(living, &chores)
	err := w.watch(ctx, out)
	end()
	chores.Wait()
	everybody.Wait()
	stop()
	publishers.Wait()
	if err != nil {
		return err
	}
	return w.finish(ctx, out, empty)
}

// watch takes samples until the time is over.
func (w *world) watch(ctx context.Context, out *report.SoakWriter) error {
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	start := time.Now()
	for time.Since(start) < w.duration {
		select {
		case <-tick.C:
			if err := out.Sample(w.sample(ctx, start)); err != nil {
				return err
			}
		case <-w.server.ended:
			return errors.New("the server ended: " + w.server.command.ProcessState.String())
		case <-ctx.Done():
			return errors.New("interrupted")
		}
	}
	return nil
}

func (w *world) sample(ctx context.Context, start time.Time) report.SoakSample {
	s := w.server.look(ctx)
	s.Seconds = time.Since(start).Seconds()
	s.Connections = int(w.connections.Load())
	s.Delivered, s.Published, s.Lives = w.delivered.Load(), w.published.Load(), w.lives.Load()
	p := w.latencies.take(50, 99, 100)
	s.P50, s.P99, s.Max = p[0], p[1], p[2]
	w.mu.Lock()
	defer w.mu.Unlock()
	s.Event, w.events = w.events, ""
	return s
}

// finish waits until nobody is there any more, looks at what is left, and ends the server.
func (w *world) finish(ctx context.Context, out *report.SoakWriter, empty report.SoakSample) error {
	w.say("everybody goes")
	w.lingering.Wait()
	var left report.SoakSample
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for range 90 { // idle connections of HTTP are kept for a minute
		left = w.server.look(ctx)
		if left.Descriptors <= empty.Descriptors+1 && left.Goroutines <= empty.Goroutines+1 {
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.New("interrupted")
		}
	}
	if err := w.server.terminate(30 * time.Second); err != nil {
		w.fault("the end of the server", "%v", err)
	}
	for _, line := range w.server.complaints() {
		w.fault("an error in the server's log", "%s", line)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return out.End(report.SoakEnd{Left: left, Faults: w.faults})
}

// populate starts the clients, a few hundred a second.
func (w *world) populate(ctx context.Context, everybody *sync.WaitGroup) {
	const perSecond = 250
	w.ready.Add(w.work.Clients)
	for i := range w.work.Clients {
		everybody.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 1))
			if !rest(ctx, time.Duration(i)*time.Second/perSecond) {
				w.ready.Done()
				return
			}
			first := sync.OnceFunc(w.ready.Done)
			for ctx.Err() == nil {
				w.live(ctx, r, i, first)
				w.lives.Add(1)
				first()
			}
		})
	}
}

// rest waits, and tells whether it was for so long.
func rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// crowd is who may be hit by a storm.
type crowd struct {
	mu      sync.Mutex
	members map[*conn]struct{}
}

func (c *crowd) add(m *conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.members[m] = struct{}{}
}

// remove tells whether a storm has had it.
func (c *crowd) remove(m *conn) (struck bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, there := c.members[m]
	delete(c.members, m)
	return !there
}

// strike resets so many of them at once.
func (c *crowd) strike(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for m := range c.members {
		if n--; n < 0 {
			return
		}
		m.reset()
		delete(c.members, m)
	}
}

// about is what the whole run has in common.
func (w *world) about(empty report.SoakSample) report.SoakWork {
	work := w.work
	work.Empty, work.CPUs, work.Go = empty, runtime.NumCPU(), runtime.Version()
	if text, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		release, _, _ := strings.Cut(strings.TrimSpace(string(text)), "-")
		work.System = "Linux " + release
	}
	return work
}

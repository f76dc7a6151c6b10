package bench

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// flow is a set of channels with its subscribers and its publishers. A run has one, and Latency may have a busy one
// beside it.
type flow struct {
	*ledger
	run         *run
	peer        Peer
	config      Config
	names       []string
	tags        []tag
	subscribers []*subscriber
	publishers  []*publisher
	reader      reader // nil: nothing is read
	watcher     watcher

	messages  atomic.Int64 // published and acknowledged
	timing    atomic.Bool  // latencies are recorded
	latencies *recorder
	lags      *recorder
}

// publisher is one connection with its own running number for each channel.
type publisher struct {
	id       int
	conn     Publisher
	sent     []uint32 // by channel: acknowledged
	payloads [][]byte
	retired  bool // a publication failed, and numbers may have been used up by it
}

// newFlow opens everything. first is the number of its first channel among those of the run.
func newFlow(ctx context.Context, r *run, config Config, first int) (*flow, error) {
	f := &flow{
		ledger: newLedger(config.Channels), run: r, peer: r.peer, config: config,
		latencies: newRecorder(), lags: newRecorder(),
	}
	for i := range config.Channels {
		f.names = append(f.names, fmt.Sprintf("%s%d", config.Prefix, first+i))
		f.tags = append(f.tags, tagOf(first+i))
	}
	r.add(f) // from here on r closes it
	if err := f.openSubscribers(ctx); err != nil {
		return nil, err
	}
	for i := range config.Publishers {
		conn, err := f.peer.NewPublisher(ctx)
		if err != nil {
			return nil, &SetupError{Publisher: true, Err: err}
		}
		p := &publisher{id: i, conn: conn, sent: make([]uint32, config.Channels)}
		for range config.Batch {
			p.payloads = append(p.payloads, newPayload(config.Size))
		}
		f.publishers = append(f.publishers, p)
	}
	return f, f.startReaders()
}

// redial gives each publisher a new connection: servers close those on which no request comes for long.
func (f *flow) redial(ctx context.Context) error {
	for _, p := range f.publishers {
		conn, err := f.peer.NewPublisher(ctx)
		if err != nil {
			return &SetupError{Publisher: true, Err: err}
		}
		_ = p.conn.Close()
		p.conn = conn
	}
	return nil
}

// SetupError is a connection that could not be opened, so that there was nothing to measure.
type SetupError struct {
	Publisher bool // it was to publish; else to subscribe
	Err       error
}

func (e *SetupError) Error() string {
	if e.Publisher {
		return "a publisher cannot connect: " + e.Err.Error()
	}
	return "a subscriber cannot connect: " + e.Err.Error()
}

// Unwrap returns the reason.
func (e *SetupError) Unwrap() error { return e.Err }

func (f *flow) startReaders() error {
	for _, s := range f.subscribers {
		f.joined(s.channel)
	}
	var err error
	if f.reader, err = newReader(f); err != nil {
		return err
	}
	return f.reader.start()
}

// send publishes messages that were due at a time, and tells whether the publisher can go on.
func (f *flow) send(p *publisher, channel, count int, due int64) bool {
	n := p.sent[channel]
	if int64(n)+int64(count) > seqSpan {
		return false
	}
	for i := range count {
		setPayload(p.payloads[i], f.tags[channel], p.id, n+uint32(i), due)
	}
	f.book(channel, count)
	if err := p.conn.Publish(f.run.hard, f.names[channel], p.payloads[:count]); err != nil {
		if definite(err) {
			f.cancel(channel, count)
		}
		p.retired = true
		f.run.refused(fmt.Errorf("a publication failed: %w", err))
		return false
	}
	p.sent[channel] += uint32(count)
	f.messages.Add(int64(count))
	return true
}

// drive has all publishers work until they are done, and waits for the last delivery.
func (f *flow) drive(work func(p *publisher)) {
	var wg sync.WaitGroup
	for _, p := range f.publishers {
		if !p.retired {
			wg.Go(func() { work(p) })
		}
	}
	wg.Wait()
	f.awaitAll()
}

// flatOut publishes as fast as the window allows, until ctx ends or there were so many messages; 0 is no limit.
func (f *flow) flatOut(ctx context.Context, most int) func(p *publisher) {
	var taken atomic.Int64
	return func(p *publisher) {
		channel := p.id % f.config.Channels
		for ctx.Err() == nil {
			count := f.config.Batch
			if most > 0 {
				count = min(count, most-int(taken.Add(int64(count)))+count)
			}
			if count <= 0 || !f.awaitRoom(channel, f.config.Window, count) || ctx.Err() != nil {
				return
			}
			if !f.send(p, channel, count, f.run.clock.now()) {
				return
			}
			channel = (channel + 1) % f.config.Channels
		}
	}
}

// onSchedule publishes rate messages a second, whether or not the server keeps up.
func (f *flow) onSchedule(ctx context.Context, rate float64, length time.Duration) func(p *publisher) {
	start := time.Now()
	total := int64(length.Seconds() * rate)
	var turn atomic.Int64
	return func(p *publisher) {
		timer := time.NewTimer(0)
		<-timer.C
		defer timer.Stop()
		for {
			i := turn.Add(1) - 1
			if i >= total {
				return
			}
			due := start.Add(time.Duration(float64(i) / rate * float64(time.Second)))
			if !pause(ctx, timer, due) {
				return
			}
			if f.timing.Load() {
				f.lags.recordShared(time.Since(due).Microseconds())
			}
			if !f.send(p, int(i)%f.config.Channels, 1, f.run.clock.at(due)) {
				return
			}
		}
	}
}

// slowDown has the slow subscribers stop reading. Nothing may be outstanding.
func (f *flow) slowDown() {
	if f.reader != nil && f.config.Slow > 0 {
		f.reader.slowDown()
	}
}

// stop ends the reading. What was counted belongs to the caller from then on.
func (f *flow) stop() {
	if f.reader != nil {
		f.reader.stop()
		f.reader = nil
	}
}

// close ends all connections, the subscribers' with what their peer says for farewell.
func (f *flow) close() {
	f.stop()
	farewell := f.peer.Close()
	for _, s := range f.subscribers {
		if s != nil {
			s.hangUp(farewell)
		}
	}
	for _, p := range f.publishers {
		_ = p.conn.Close()
	}
}

// audit adds up what went wrong, after stop.
func (f *flow) audit(faults *Faults, slow *Slow) {
	sent := make([][]uint32, f.config.Channels)
	for c := range sent {
		for _, p := range f.publishers {
			sent[c] = append(sent[c], p.sent[c])
		}
	}
	for _, s := range f.subscribers {
		faults.Duplicated += s.duplicated
		faults.OutOfOrder += s.outOfOrder
		faults.Misrouted += s.misrouted
		faults.Damaged += s.broken
		if s.slow {
			slow.add(s)
			continue
		}
		faults.Missing += s.missing(sent[s.channel])
		if s.gone {
			faults.Disconnected++
		}
	}
}

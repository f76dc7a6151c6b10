package bench

import (
	"context"
	"time"
)

// Fanout publishes as fast as the server takes it, with no more than Window messages ahead of the subscribers, for
// Duration or until there were Messages.
func Fanout(ctx context.Context, peer Peer, config Config, report Report) (*Result, error) {
	r, err := newRun(ctx, peer, config, report)
	if err != nil {
		return nil, err
	}
	defer r.close()
	f, err := newFlow(ctx, r, r.config, 0)
	if err != nil {
		return nil, err
	}
	r.warmUp(ctx, func(ctx context.Context) { f.drive(f.flatOut(ctx, 0)) })
	f.slowDown()
	result := r.result("fanout")
	r.measure(result, f, func() {
		ctx, cancel := within(ctx, r.config.Duration)
		defer cancel()
		f.drive(f.flatOut(ctx, r.config.Messages))
	})
	r.finish(result)
	return result, nil
}

// Latency publishes Rate messages a second on a fixed schedule, whether or not the server keeps up. A message counts
// from when it was due, so that nothing is made up for by publishing later.
func Latency(ctx context.Context, peer Peer, config Config, report Report) (*Result, error) {
	r, err := newRun(ctx, peer, config, report)
	if err != nil {
		return nil, err
	}
	defer r.close()
	quiet := r.config
	quiet.Batch, quiet.Sweep = 1, 0
	f, err := newFlow(ctx, r, quiet, 0)
	if err != nil {
		return nil, err
	}
	stop := func() {}
	var busy *flow
	if r.config.Beside > 0 {
		loud := r.config
		loud.Subscribers, loud.Channels, loud.Slow = r.config.Beside, 1, 0
		if busy, err = newFlow(ctx, r, loud, r.config.Channels); err != nil {
			return nil, err
		}
		stop = busy.keepBusy(ctx)
	}
	defer func() { stop() }()
	r.warmUp(ctx, func(ctx context.Context) { f.drive(f.onSchedule(ctx, r.config.Rate, r.config.Warmup)) })
	f.slowDown()
	f.timing.Store(true)
	result := r.result("latency")
	beside := busy.observe()
	r.measure(result, f, func() { f.drive(f.onSchedule(ctx, r.config.Rate, r.config.Duration)) })
	result.Beside = beside()
	stop()
	r.finish(result)
	result.Latency, result.Lag = f.latencies.percentiles(), f.lags.percentiles()
	return result, nil
}

// keepBusy publishes flat out until what it returns is called, which waits for the last delivery.
func (f *flow) keepBusy(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.drive(f.flatOut(ctx, 0))
	}()
	return func() {
		cancel()
		<-done
	}
}

// observe takes the time of a busy flow; what it returns tells what the flow has done since. Both are nil for no flow.
func (f *flow) observe() func() *Beside {
	if f == nil {
		return func() *Beside { return nil }
	}
	start, messages, read := time.Now(), f.messages.Load(), f.read.Load()
	return func() *Beside {
		b := &Beside{Subscribers: len(f.subscribers), Messages: f.messages.Load() - messages, Deliveries: f.read.Load() - read}
		b.DeliveriesPerSecond = float64(b.Deliveries) / time.Since(start).Seconds()
		return b
	}
}

// within is a context with an end; 0 is none. It has no deadline, since net would take that for one of its own, and what
// it interrupts would seem to have failed.
func within(ctx context.Context, length time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	if length <= 0 {
		return ctx, cancel
	}
	timer := time.AfterFunc(length, cancel)
	return ctx, func() {
		timer.Stop()
		cancel()
	}
}

func (r *run) warmUp(ctx context.Context, work func(ctx context.Context)) {
	if r.config.Warmup <= 0 {
		return
	}
	r.enter(PhaseWarmup)
	ctx, cancel := within(ctx, r.config.Warmup)
	defer cancel()
	work(ctx)
}

// measure has work done and writes down what it took.
func (r *run) measure(result *Result, f *flow, work func()) {
	messages, read := f.messages.Load(), f.read.Load()
	r.meter.resetPeak()
	r.enter(PhaseMeasuring)
	before, start := r.meter.usage(), r.clock.now()
	work()
	after := r.meter.usage()
	result.Memory.ServerPeak = r.meter.highest()
	result.Messages = f.messages.Load() - messages
	result.Deliveries = f.read.Load() - read
	result.CPU.charge(before, after, result.Deliveries)
	if result.Seconds = float64(f.lastRead.Load()-start) / 1e6; result.Seconds > 0 {
		result.DeliveriesPerSecond = float64(result.Deliveries) / result.Seconds
		result.PublishesPerSecond = float64(result.Messages) / result.Seconds
	}
	result.Seconds = max(0, result.Seconds)
	result.ConnectsPerSecond = r.connectRate
}

package bench

import (
	"bufio"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Churn has Subscribers loops connect, subscribe and leave. A cycle ends when the subscriber has hung up; it does not
// wait for what the server says to that.
func Churn(ctx context.Context, peer Peer, config Config, report Report) (*Result, error) {
	r, err := newRun(ctx, peer, config, report)
	if err != nil {
		return nil, err
	}
	defer r.close()
	d, err := r.newDialer(ctx)
	if err != nil {
		return nil, err
	}
	c := &churn{run: r, dialer: d, farewell: peer.Close()}
	if err := c.try(ctx); err != nil {
		return nil, &SetupError{Err: err}
	}
	r.warmUp(ctx, func(ctx context.Context) { c.loops(ctx, newRecorder()) })

	result := r.result("churn")
	before := r.cycles.Load()
	r.meter.resetPeak()
	r.enter(PhaseMeasuring)
	used, start, took := r.meter.usage(), time.Now(), newRecorder()
	working, cancel := within(ctx, r.config.Duration)
	defer cancel()
	c.loops(working, took)
	result.Seconds = time.Since(start).Seconds()
	result.CPU.charge(used, r.meter.usage(), 0)
	result.Memory.ServerPeak = r.meter.highest()
	result.Cycles = r.cycles.Load() - before
	result.CyclesPerSecond = float64(result.Cycles) / result.Seconds
	if result.CPU.Server > 0 {
		result.CyclesPerServerCPUSecond = float64(result.Cycles) / result.CPU.Server
	}
	result.Cycle = took.percentiles()
	r.finish(result)
	result.Connect = nil
	return result, nil
}

// churn is what the loops share.
type churn struct {
	*run
	dialer   *dialer
	farewell []byte
}

// try makes one cycle, to see whether there is anything to measure.
func (c *churn) try(ctx context.Context) error {
	return c.cycle(ctx, bufio.NewReaderSize(nil, 8<<10), c.config.Prefix+"0")
}

// loops works until ctx ends, or until nothing but failures has come for long.
func (c *churn) loops(ctx context.Context, took *recorder) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	lastGood := &atomic.Int64{}
	lastGood.Store(c.clock.now())
	var wg sync.WaitGroup
	for i := range c.config.Subscribers {
		wg.Go(func() {
			br := bufio.NewReaderSize(nil, 8<<10)
			timer := time.NewTimer(0)
			<-timer.C
			defer timer.Stop()
			channel := fmt.Sprintf("%s%d", c.config.Prefix, i%c.config.Channels)
			for ctx.Err() == nil {
				start := time.Now()
				err := c.cycle(ctx, br, channel)
				switch {
				case err == nil:
					took.recordShared(time.Since(start).Microseconds())
					c.cycles.Add(1)
					lastGood.Store(c.clock.now())
				case ctx.Err() == nil:
					c.refused(fmt.Errorf("a cycle failed: %w", err))
					if c.clock.now()-lastGood.Load() > c.config.Stall.Microseconds() {
						cancel()
					}
					pause(ctx, timer, time.Now().Add(backOff))
				}
			}
		})
	}
	wg.Wait()
}

// backOff is between a cycle that failed and the next, so that a server that is away is not called all the time.
const backOff = 10 * time.Millisecond

// cycle is one subscriber's short life.
func (c *churn) cycle(ctx context.Context, br *bufio.Reader, channel string) error {
	conn, err := c.dialer.open(ctx, br, channel)
	if err != nil {
		return err
	}
	_, err = conn.Write(c.farewell)
	_ = conn.Close()
	return err
}

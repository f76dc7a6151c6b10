package bench

import (
	"context"
	"time"
)

// Idle opens Subscribers connections, waits until the memory of the server comes to rest, and has one message prove that
// all of them are subscribed.
func Idle(ctx context.Context, peer Peer, config Config, report Report) (*Result, error) {
	r, err := newRun(ctx, peer, config, report)
	if err != nil {
		return nil, err
	}
	defer r.close()
	result := r.result("idle")
	m := &result.Memory
	r.meter.resetPeak()
	m.ServerBefore, _ = r.meter.memory()
	buffers, structures := kernelMemory()
	before, start := r.meter.usage(), time.Now()
	quiet := r.config
	quiet.Batch, quiet.Slow = 1, 0
	f, err := newFlow(ctx, r, quiet, 0)
	if err != nil {
		return nil, err
	}
	result.Seconds = time.Since(start).Seconds()
	result.CPU.charge(before, r.meter.usage(), 0)

	r.enter(PhaseSettling)
	m.ServerAfter = r.restingMemory()
	m.ServerPeak = r.meter.highest()
	buffersAfter, structuresAfter := kernelMemory()
	each := func(bytes float64) float64 { return bytes / float64(r.config.Subscribers) }
	m.KernelBuffersPerConnection = each(buffersAfter - buffers)
	m.KernelStructuresPerConnection = each(structuresAfter - structures)
	if len(r.meter.pids) > 0 {
		m.PerConnection = each(m.ServerAfter - m.ServerBefore)
		m.PeakPerConnection = each(m.ServerPeak - m.ServerBefore)
		result.CPU.ServerIdlePercent = r.idleCPU()
	}
	r.enter(PhaseDraining)
	if ctx.Err() == nil {
		if err := f.redial(ctx); err != nil {
			return nil, err
		}
		f.drive(f.once)
	}
	result.Messages, result.Deliveries = f.messages.Load(), f.read.Load()
	result.ConnectsPerSecond = r.connectRate
	r.finish(result)
	return result, nil
}

// once publishes one message to each channel; the publishers share the channels.
func (f *flow) once(p *publisher) {
	for channel := p.id; channel < f.config.Channels; channel += f.config.Publishers {
		if f.run.soft.Err() != nil || !f.send(p, channel, 1, f.run.clock.now()) {
			return
		}
	}
}

// restingMemory waits until the memory of the server has stayed within half a percent for three seconds, and no longer
// than Settle.
func (r *run) restingMemory() float64 {
	const look, rest, within = 250 * time.Millisecond, 3 * time.Second, 0.005
	now, _ := r.meter.memory()
	if len(r.meter.pids) == 0 {
		return now
	}
	base, since, end := now, time.Now(), time.Now().Add(r.config.Settle)
	timer := time.NewTimer(0)
	<-timer.C
	defer timer.Stop()
	for time.Since(since) < rest && time.Now().Before(end) && pause(r.soft, timer, time.Now().Add(look)) {
		if now, _ = r.meter.memory(); now > base*(1+within) || now < base*(1-within) {
			base, since = now, time.Now()
		}
	}
	return now
}

// idleCPU watches the server for Hold, and returns percents of one processor.
func (r *run) idleCPU() float64 {
	before, start := r.meter.usage(), time.Now()
	timer := time.NewTimer(0)
	<-timer.C
	defer timer.Stop()
	if !pause(r.soft, timer, start.Add(r.config.Hold)) || r.config.Hold <= 0 {
		return 0
	}
	return 100 * (r.meter.usage().server - before.server) / time.Since(start).Seconds()
}

package main

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/snorky-go/snorky/cmd/snorky/internal/bench/peers/report"
)

const (
	publishEvery  = 200 * time.Millisecond
	newcomerEvery = 40 * time.Millisecond
	settleTime    = 11 * time.Second // a client counts its connection as stable after 10
)

// restart restarts a server with all its clients.
func restart(ctx context.Context, s settings, binary, folder string) (report.Restart, error) {
	r := report.Restart{Clients: s.clients, Drain: s.drain, Spread: s.spread, CPUs: runtime.NumCPU()}
	h, err := build(ctx, s, binary, folder)
	if err != nil {
		return r, err
	}
	defer h.close()
	old, err := h.start(ctx)
	if err != nil {
		return r, err
	}
	defer old.kill()
	fmt.Println("connecting", s.clients, "clients")
	c, err := openCrowd(ctx, h.front, s.clients)
	defer c.close()
	if err != nil {
		return r, fmt.Errorf("connecting: %w", err)
	}
	p, err := newPublisher(h.back)
	if err != nil {
		return r, err
	}
	var others sync.WaitGroup
	defer others.Wait()
	living, end := context.WithCancel(ctx)
	defer end()
	var n newcomers
	others.Go(func() { p.run(living, publishEvery) })
	others.Go(func() { n.run(living, h.front, newcomerEvery) })
	if err := pause(ctx, settleTime); err != nil {
		return r, err
	}

	fmt.Println("SIGTERM")
	before := p.acked.Load()
	began := time.Now()
	if err := old.terminate(ctx); err != nil {
		return r, err
	}
	r.Ended = time.Since(began)
	fresh, err := h.start(ctx)
	if err != nil {
		return r, err
	}
	defer fresh.kill()
	r.Ready = time.Since(began)
	if err := until(ctx, func() bool { return int(c.returns.Load()) == s.clients }); err != nil {
		return r, fmt.Errorf("%d of %d clients are back: %w", c.returns.Load(), s.clients, err)
	}
	last := int(p.acked.Load()) + 3
	if err := until(ctx, func() bool { return c.heard(last) == s.clients }); err != nil {
		return r, fmt.Errorf("%d of %d clients hear again: %w", c.heard(last), s.clients, err)
	}
	end()
	others.Wait()
	r.Newcomers, r.SlowestNewcomer = n.came, n.slowest
	r.Refused = append(r.Refused, n.refused...)
	r.Published, r.PublishesFailed, r.SlowestPublish = int(p.acked.Load()), int(p.failed.Load()), time.Duration(p.slowest.Load())
	c.tell(&r, began, int(before))
	return r, nil
}

// tell puts what the members have seen into the figures.
func (c *crowd) tell(r *report.Restart, began time.Time, before int) {
	for _, m := range c.members {
		m.mu.Lock()
		closed, back := m.closed.Sub(began), m.back.Sub(began)
		r.Closings = append(r.Closings, closed)
		r.Returns = append(r.Returns, back)
		r.Late = max(r.Late, back-closed-m.asked)
		r.Gaps += m.gaps
		if m.lastThen < before {
			r.Undelivered++
		}
		r.Refused = append(r.Refused, m.failed...)
		m.mu.Unlock()
	}
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func until(ctx context.Context, condition func() bool) error {
	for !condition() {
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

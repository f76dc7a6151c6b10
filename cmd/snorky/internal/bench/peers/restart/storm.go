package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

const (
	residents    = 200
	publishStorm = 10 * time.Millisecond
	quietTime    = 3 * time.Second
)

// storm is what many clients who come at once make of a server that has just begun, and of those who are there already.
type storm struct {
	Server string  `json:"server"`
	Crowd  arrival `json:"crowd"`

	Residents int     `json:"residents"` // who were there before and listen
	Quiet     latency `json:"quiet"`     // of what is published to them before the crowd comes
	During    latency `json:"during"`    // and until all of the crowd are in
	Published int     `json:"published"` // meanwhile
	Failed    int     `json:"failed"`
	Gaps      int     `json:"gaps"`
}

// latency is of many times in order.
type latency struct {
	P50     time.Duration `json:"p50"`
	P99     time.Duration `json:"p99"`
	Slowest time.Duration `json:"slowest"`
}

func latencyOf(took []time.Duration) (l latency) {
	if slices.Sort(took); len(took) > 0 {
		l = latency{took[len(took)/2], took[len(took)*99/100], took[len(took)-1]}
	}
	return l
}

func (l latency) String() string {
	return fmt.Sprintf("p50 %v, p99 %v, slowest %v", round(l.P50), round(l.P99), round(l.Slowest))
}

func round(d time.Duration) time.Duration {
	if d < 10*time.Millisecond {
		return d.Round(100 * time.Microsecond)
	}
	return d.Round(time.Millisecond)
}

func (s storm) summary() string {
	return fmt.Sprintf("storm on %s: %d clients within %v, %d refused; connected after %v\n"+
		"  %d residents got %d publications (%d failed, %d gaps) after %v; before: %v",
		s.Server, s.Crowd.Clients, round(s.Crowd.Came), len(s.Crowd.Refused), s.Crowd.Took,
		s.Residents, s.Published, s.Failed, s.Gaps, s.During, s.Quiet)
}

// measureStorm publishes to some, and has a crowd come meanwhile.
func measureStorm(ctx context.Context, s settings, binary, folder string) (storm, error) {
	result := storm{Residents: residents}
	h, err := rent(ctx, binary, folder)
	if err != nil {
		return result, err
	}
	up, err := h.start(ctx)
	if err != nil {
		return result, err
	}
	defer up.kill()
	c, err := openCrowd(ctx, h.front, residents)
	defer c.close()
	if err != nil {
		return result, err
	}
	p, err := newPublisher(h.back)
	if err != nil {
		return result, err
	}
	var publishing sync.WaitGroup
	defer publishing.Wait()
	living, end := context.WithCancel(ctx)
	defer end()
	publishing.Go(func() { p.run(living, publishStorm) })
	if err := pause(ctx, quietTime); err != nil {
		return result, err
	}
	from := int(p.acked.Load()) + 1
	guests, err := invite(ctx, h.front, s.storm)
	if err != nil {
		return result, err
	}
	defer guests.leave()
	if result.Crowd, err = guests.arrive(); err != nil {
		return result, err
	}
	to := int(p.acked.Load())
	if err := until(ctx, func() bool { return c.heard(to+3) == residents }); err != nil {
		return result, fmt.Errorf("%d of %d residents hear: %w", c.heard(to+3), residents, err)
	}
	end()
	publishing.Wait()
	result.Published, result.Failed = to-from+1, int(p.failed.Load())
	c.compare(&result, from, to)
	return result, nil
}

// compare takes the times of messages from and to apart from those before. The first second was for warming up.
func (c *crowd) compare(s *storm, from, to int) {
	var quiet, during []time.Duration
	for _, m := range c.members {
		m.mu.Lock()
		for _, d := range m.took {
			switch {
			case d.n > to || d.n < from/3:
			case d.n >= from:
				during = append(during, d.took)
			default:
				quiet = append(quiet, d.took)
			}
		}
		s.Gaps += m.gaps + len(m.failed)
		m.mu.Unlock()
	}
	s.Quiet, s.During = latencyOf(quiet), latencyOf(during)
}

package main

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/snorky-go/snorky/backendapi/client"
)

// note is a message: its number, and when this process began to publish it.
type note struct {
	N  int           `json:"n"`
	At time.Duration `json:"at"`
}

var start = time.Now()

func sinceStart() time.Duration { return time.Since(start) }

// publisher publishes numbers from 1 on, one after the other.
type publisher struct {
	client  *client.Client
	acked   atomic.Int64 // the last number that was acknowledged
	failed  atomic.Int64
	slowest atomic.Int64 // call, in nanoseconds
}

func newPublisher(address string) (*publisher, error) {
	c, err := client.New("http://"+address+"/backend", key, client.WithTimeout(20*time.Second))
	return &publisher{client: c}, err
}

// run publishes until ctx ends. A number that was not acknowledged is published again, as an application would.
func (p *publisher) run(ctx context.Context, every time.Duration) {
	defer p.client.Close()
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for n := 1; ; {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		began := time.Now()
		if err := p.client.Publish(ctx, backService, channel, note{n, sinceStart()}); err != nil {
			if ctx.Err() == nil {
				p.failed.Add(1)
				fmt.Fprintln(os.Stderr, "publishing", n, "failed:", err)
			}
			continue
		}
		p.acked.Store(int64(n))
		n++
		if took := int64(time.Since(began)); took > p.slowest.Load() {
			p.slowest.Store(took)
		}
	}
}

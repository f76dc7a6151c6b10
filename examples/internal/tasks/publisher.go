package tasks

import (
	"context"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/backendapi/client"
)

const (
	// batch is how many changes one request publishes. With the longest titles they are a quarter of what a Snorky
	// accepts in a request by default.
	batch = 100
	// look is how often the outbox is looked at without a sign that something is in it: what another process left there
	// has to get out.
	look = 2 * time.Second
	// The first and the longest wait for a Snorky that takes nothing.
	firstRetry, lastRetry = 100 * time.Millisecond, 5 * time.Second
)

// Publisher sends what is in an outbox to Snorky. While that is down the changes wait, and go out in their order when it
// is back.
type Publisher struct {
	outbox Outbox
	snorky func() (*client.Client, error)
	log    zerolog.Logger
	woken  chan struct{}
}

// NewPublisher returns a Publisher that sends by way of the client that snorky returns.
func NewPublisher(outbox Outbox, snorky func() (*client.Client, error), log zerolog.Logger) *Publisher {
	return &Publisher{outbox: outbox, snorky: snorky, log: log, woken: make(chan struct{}, 1)}
}

// Wake says that something is in the outbox. It does not block.
func (p *Publisher) Wake() {
	select {
	case p.woken <- struct{}{}:
	default: // it is awake
	}
}

// Run publishes until ctx ends.
func (p *Publisher) Run(ctx context.Context) {
	retry, trouble := firstRetry, ""
	for ctx.Err() == nil {
		sent, err := p.outbox.Relay(ctx, batch, p.publish)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			if said := err.Error(); said != trouble { // each trouble once
				trouble = said
				p.log.Error().Err(err).Msg("changes wait to be published")
			}
			pause(ctx, retry, nil) // being woken helps nobody
			retry = min(2*retry, lastRetry)
			continue
		case trouble != "" && sent > 0:
			p.log.Info().Msg("changes are published again")
			trouble = ""
		}
		retry = firstRetry
		if sent < batch {
			pause(ctx, look, p.woken)
		}
	}
}

// publish makes a request of some changes. Snorky delivers all of it or nothing.
func (p *Publisher) publish(ctx context.Context, changes []Change) error {
	snorky, err := p.snorky()
	if err != nil {
		return err
	}
	deltas := make([]client.Delta, len(changes))
	for i, c := range changes {
		deltas[i] = c.Delta()
	}
	return snorky.PublishDeltas(ctx, Service, deltas...)
}

func pause(ctx context.Context, d time.Duration, woken <-chan struct{}) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-woken:
	case <-timer.C:
	}
}

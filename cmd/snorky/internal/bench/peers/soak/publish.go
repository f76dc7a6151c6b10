package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/snorky-go/snorky/cmd/snorky/internal/bench"
)

// publisher is a backend: one connection that publishes to streams of its own.
type publisher struct {
	w      *world
	key    *string
	poster *bench.Poster
	body   []byte
}

// publish starts the publishers: four for the channels, one for large messages, one for the owners' tasks.
func (w *world) publish(ctx context.Context, all *sync.WaitGroup) {
	const publishers = 4
	for i := range publishers {
		var mine []*stream
		for turn := i; turn < len(w.channels); turn += publishers {
			mine = append(mine, w.channels[turn])
		}
		if len(mine) == 0 {
			break
		}
		p, turn := &publisher{w: w}, 0
		all.Go(func() {
			p.run(ctx, w.work.Rate*float64(len(mine))/float64(len(w.channels)), func() error {
				turn++
				return p.channel(ctx, mine[turn%len(mine)], 100)
			})
		})
	}
	large := &publisher{w: w}
	all.Go(func() {
		large.run(ctx, 4, func() error { return large.channel(ctx, w.bulk, bulkSize) })
	})
	tasks := &publisher{w: w}
	all.Go(func() {
		turn := 0
		tasks.run(ctx, float64(len(w.owners)), func() error {
			turn++
			return tasks.task(ctx, w.owners[turn%len(w.owners)])
		})
	})
}

// run publishes so often a second. What could not be sent in time is left out.
func (p *publisher) run(ctx context.Context, rate float64, publish func() error) {
	every := time.Duration(float64(time.Second) / rate)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for ctx.Err() == nil {
		if err := publish(); err != nil && ctx.Err() == nil {
			p.w.fault("a publication failed", "%v", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	if p.poster != nil {
		_ = p.poster.Close()
	}
}

func channelName(s *stream) string { return "c" + strconv.FormatInt(s.id, 10) }

func (p *publisher) channel(ctx context.Context, s *stream, pad int) error {
	p.body = append(p.body[:0], `{"service":"pubsub_backend","message":{"command":"publish","callId":1,"params":{"channel":"`...)
	p.body = append(append(p.body, channelName(s)...), `","message":`...)
	p.body = append(p.w.message(p.body, s, pad), `}}}`...)
	return p.post(ctx, s)
}

func ownerName(s *stream) string { return "o" + strconv.FormatInt(s.id, 10) }

func (p *publisher) task(ctx context.Context, s *stream) error {
	p.body = append(p.body[:0], `{"service":"datasync_backend","message":{"command":"publishDeltas","callId":1,"params":{"deltas":[`...)
	p.body = append(append(p.body, `{"type":"insert","model":"Task","data":{"owner":"`...), ownerName(s)...)
	p.body = append(p.w.message(append(p.body, `","is":`...), s, 50), `}}]}}}`...)
	return p.post(ctx, s)
}

var published = []byte(`"type":"response"`)

// post sends the body, which holds the latest message of a stream.
func (p *publisher) post(ctx context.Context, s *stream) error {
	if key := p.w.key.Load(); p.key != key { // a rotation
		if p.poster != nil {
			_ = p.poster.Close()
		}
		p.key, p.poster = key, nil
	}
	if p.poster == nil {
		endpoint := bench.Endpoint{
			URL:    p.w.server.backend(),
			Header: http.Header{"Content-Type": {"application/json"}, "X-Backend-Key": {*p.key}},
			Wait:   answerWithin,
		}
		var err error
		if p.poster, err = endpoint.Open(context.WithoutCancel(ctx)); err != nil {
			return err
		}
	}
	// What is under way when the run ends is completed.
	status, answer, err := p.poster.Post(context.WithoutCancel(ctx), p.body)
	switch {
	case err != nil:
		p.poster = nil // it is of no more use
		return err
	case status != http.StatusOK || !bytes.Contains(answer, published):
		return fmt.Errorf("status %d: %.200s", status, answer)
	}
	s.acked.Store(s.started.Load())
	p.w.published.Add(1)
	return nil
}

func (v *server) backend() *url.URL {
	return &url.URL{Scheme: "http", Host: v.back, Path: "/backend"}
}

// try does a request that changes nothing with a key, and returns the status.
func (v *server) try(ctx context.Context, key string) (int, error) {
	status, _, err := v.ask(ctx, key, `{"service":"pubsub_backend","message":{"command":"publish","params":{"channel":"nobody","message":0}}}`)
	return status, err
}

// ask does one request of the backend on a connection of its own.
func (v *server) ask(ctx context.Context, key, body string) (int, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, v.backend().String(), bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("X-Backend-Key", key)
	request.Header.Set("Content-Type", "application/json")
	request.Close = true
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	return answer.StatusCode, text, err
}

// authorize has the application allow a subscription, and returns its token.
func (w *world) authorize(ctx context.Context, s *stream) (string, error) {
	status, text, err := w.server.ask(ctx, *w.key.Load(), fmt.Sprintf(`{"service":"datasync_backend","message":`+
		`{"command":"authorizeSubscription","callId":1,"params":{"items":[{"dealer":"TasksByOwner","query":%q}]}}}`, ownerName(s)))
	if err != nil {
		return "", err
	}
	var packet struct {
		Message struct{ Data string }
	}
	if err := json.Unmarshal(text, &packet); err != nil || packet.Message.Data == "" {
		return "", fmt.Errorf("status %d: %.200s (%w)", status, text, err)
	}
	return packet.Message.Data, nil
}

package peer

import (
	"context"
	"errors"
	"net"
	"net/url"
	"sync"
	"time"

	"github.com/snorky-go/snorky/cmd/snorky/internal/bench"
)

// answerWithin is how long a publication may take.
const answerWithin = 30 * time.Second

// posters publishes by a POST of each payload to the URL of its channel. It has a connection for each channel.
type posters struct {
	endpoint func(channel string) bench.Endpoint

	mu     sync.Mutex
	open   map[string]*bench.Poster
	closed bool
}

func newPosters(endpoint func(channel string) bench.Endpoint) *posters {
	return &posters{endpoint: endpoint, open: make(map[string]*bench.Poster)}
}

// Publish posts one payload after the other.
func (p *posters) Publish(ctx context.Context, channel string, payloads [][]byte) error {
	poster, err := p.of(ctx, channel)
	if err != nil {
		return err
	}
	for i, payload := range payloads {
		status, answer, err := poster.Post(ctx, payload)
		if err == nil {
			err = accepted(status, answer)
		}
		var refused *bench.RefusedError
		if i > 0 && errors.As(err, &refused) {
			return errors.New(refused.Error()) // those before it went through
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *posters) of(ctx context.Context, channel string) (*bench.Poster, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, net.ErrClosed
	}
	if poster := p.open[channel]; poster != nil {
		return poster, nil
	}
	poster, err := p.endpoint(channel).Open(ctx)
	if err != nil {
		return nil, err
	}
	p.open[channel] = poster
	return poster, nil
}

// Close ends all connections.
func (p *posters) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	var err error
	for _, poster := range p.open {
		err = errors.Join(err, poster.Close())
	}
	return err
}

// accepted is nil for a status that means success.
func accepted(status int, answer []byte) error {
	if status < 200 || status > 299 {
		return &bench.RefusedError{Status: status, Text: string(answer)}
	}
	return nil
}

// httpURL and webSocketURL are for servers on a loopback address.
func httpURL(address, path string) *url.URL {
	return &url.URL{Scheme: "http", Host: address, Path: path}
}

func webSocketURL(address, path string) *url.URL {
	return &url.URL{Scheme: "ws", Host: address, Path: path}
}

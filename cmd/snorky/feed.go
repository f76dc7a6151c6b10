package main

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"time"

	front "github.com/snorky-go/snorky/gateway/client"
)

// feed is a connection that subscribes. What happens there comes one by one from events; whoever opens a feed takes them
// until close.
type feed struct {
	frontend
	settings *subscribe
	channels []json.RawMessage
	events   chan event
	closing  <-chan struct{}
	cancel   context.CancelFunc // closes closing
	client   *front.Client
	asked    chan struct{} // closed when the goroutine that subscribes has ended
}

// event is a message, the end of subscribing, or a state of the connection. An err with neither ends the feed.
type event struct {
	message    *messageLine
	subscribed bool
	state      *front.State
	err        error
}

// openFeed connects and begins to subscribe. While it waits for a server, it calls waiting with each failure.
func openFeed(ctx context.Context, s *subscribe, channels []json.RawMessage, waiting func(*failure)) (*feed, error) {
	address, err := s.frontAddress()
	if err != nil {
		return nil, err
	}
	f := &feed{
		frontend: frontend{shown(address), s.timeout},
		settings: s,
		channels: channels,
		events:   make(chan event),
		asked:    make(chan struct{}),
	}
	ctx, f.cancel = context.WithCancel(ctx)
	f.closing = ctx.Done()
	if err := f.connect(ctx, address, waiting); err != nil {
		f.cancel()
		return nil, err
	}
	go f.subscribe(ctx)
	return f, nil
}

// connect makes the first connection; later ones are up to the client.
func (f *feed) connect(ctx context.Context, address string, waiting func(*failure)) error {
	options := front.Options{ConnectTimeout: f.timeout, OnState: f.changed, OnRefused: f.refused, Token: f.settings.token()}
	for attempt := 0; ; attempt++ {
		client, err := front.Dial(ctx, address, options)
		if err == nil {
			f.client = client
			return nil
		}
		why := f.explainDial(err)
		if why.kind != exitUnreachable || !f.settings.reconnect {
			return why
		}
		waiting(why)
		select {
		case <-time.After(askedFor(err) + backoff(attempt, rand.Float64())):
		case <-ctx.Done():
			return stopped()
		}
	}
}

// mostAskedFor bounds what a server, or a proxy before it, can make a program wait.
const mostAskedFor = 5 * time.Minute

// askedFor is how long the server that refuses asks to stay away.
func askedFor(err error) time.Duration {
	refused, ok := errors.AsType[*front.HandshakeError](err)
	if !ok {
		return 0
	}
	return min(refused.RetryAfter, mostAskedFor)
}

// backoff is how long to wait after a number of failures, spread evenly between nothing and a limit that doubles, so that
// not everybody knocks at once at a server that comes back.
func backoff(attempt int, random float64) time.Duration {
	const first, most = 500 * time.Millisecond, 30 * time.Second
	limit := most
	if attempt < 6 { // 2^6 times first is beyond most
		limit = first << attempt
	}
	return time.Duration(random * float64(limit))
}

// close ends the connection and waits for everything that the feed has started.
func (f *feed) close() {
	f.cancel()
	<-f.asked
	_ = f.client.Close()
}

func (f *feed) happened(e event) {
	select {
	case f.events <- e:
	case <-f.closing:
	}
}

// subscribe asks for the channels in their order. It is a goroutine of its own since messages of the first may come
// faster than the answer for the second.
func (f *feed) subscribe(ctx context.Context) {
	defer close(f.asked)
	for _, channel := range f.channels {
		if err := f.subscribeTo(ctx, channel); err != nil {
			f.refused(f.settings.service, channel, err)
			return
		}
	}
	f.happened(event{subscribed: true})
}

func (f *feed) subscribeTo(ctx context.Context, channel json.RawMessage) error {
	ctx, cancel := context.WithTimeout(ctx, f.timeout)
	defer cancel()
	return f.client.Subscribe(ctx, f.settings.service, channel, func(m front.Message) {
		f.happened(event{message: &messageLine{m.Channel, m.Content}})
	})
}

// refused is told of subscriptions that there are not, be it at first or on a new connection.
func (f *feed) refused(service string, channel json.RawMessage, err error) {
	f.happened(event{err: f.explainCall(err, service, "the subscription to "+string(channel))})
}

// changed is told how the connection does, in order with the messages.
func (f *feed) changed(state front.State, err error) {
	e := event{state: &state}
	if err != nil {
		e.err = f.explainLoss(err)
	}
	f.happened(e)
}

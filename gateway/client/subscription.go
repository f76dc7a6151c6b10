package client

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/snorky-go/snorky/actors/wire"
)

// Message is what was published to a channel (PROTOCOL.md section 6.4). It belongs to the handler that gets it.
type Message struct {
	// Service is the name of the service.
	Service string
	// Channel is the channel as the publisher wrote it, and Content what was published; both are JSON.
	Channel, Content json.RawMessage
}

// subscriptionKey names a channel, which is the same whatever way its JSON is written.
type subscriptionKey struct {
	service string
	channel wire.Key
}

// subscription is renewed on each connection, from Subscribe to Unsubscribe. Its fields are guarded by Client.mu.
type subscription struct {
	key     subscriptionKey
	channel json.RawMessage
	handler func(Message)
	order   uint64
	settled chan struct{} // closed when the server has answered for the first time
	err     error         // what it answered
}

func (s *subscription) isSettled() bool {
	select {
	case <-s.settled:
		return true
	default:
		return false
	}
}

func (s *subscription) settle(err error) {
	if !s.isSettled() {
		s.err = err
		close(s.settled)
	}
}

// Subscribe has handler called with what is published to a channel of a service, until Unsubscribe, also after
// reconnects; what is published while there is no connection is missed. The channel is any value with a JSON form. It
// returns when the server has agreed; its refusal is an *Error. If ctx ends before, there is no subscription.
func (c *Client) Subscribe(ctx context.Context, service string, channel any, handler func(Message)) error {
	raw, key, err := channelKey(service, channel)
	if err != nil {
		return err
	}
	s := &subscription{key: key, channel: raw, handler: handler, settled: make(chan struct{})}
	k := c.subscribeCall(s)
	if err := c.lockWithRoom(ctx, len(k.packet)); err != nil {
		return err
	}
	if c.subs[key] != nil {
		c.mu.Unlock()
		return &Error{wire.ErrAlreadySubscribed.Text}
	}
	s.order = k.id
	c.subs[key] = s
	if c.session != nil { // otherwise the next session will begin with it
		c.enqueue(k)
	}
	c.mu.Unlock()
	c.wakeWriter()
	select {
	case <-s.settled:
		return s.err
	case <-ctx.Done():
		c.abandon(s)
		return ctx.Err()
	}
}

// subscribeCall is the request for a subscription.
func (c *Client) subscribeCall(s *subscription) *call {
	k, _ := c.newCall(s.key.service, "subscribe", channelParams(s.channel))
	k.bound = true
	k.finish = func(_ json.RawMessage, err error) { c.subscribed(s, err) }
	return k
}

// subscribed takes the server's answer to a request for a subscription.
func (c *Client) subscribed(s *subscription, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.subs[s.key] != s || errors.Is(err, ErrConnectionLost) {
		return // nobody wants it any more, or it will be asked for again
	}
	if err != nil {
		delete(c.subs, s.key)
		if f := c.options.OnRefused; f != nil && s.isSettled() {
			c.inbox.add(func() { f(s.key.service, s.channel, err) })
		}
	}
	s.settle(err)
}

// renew asks for all subscriptions on a new connection, in their order, before what waits. c.mu is locked.
func (c *Client) renew() {
	waiting := c.queue
	c.queue = nil
	for _, s := range slices.SortedFunc(maps.Values(c.subs), func(a, b *subscription) int { return cmp.Compare(a.order, b.order) }) {
		c.enqueue(c.subscribeCall(s))
	}
	c.queue = append(c.queue, waiting...)
}

// abandon ends a subscription that the server may have agreed to by now.
func (c *Client) abandon(s *subscription) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.subs[s.key] == s {
		c.drop(s)
	}
}

// drop takes a subscription out and tells the server, if there is one. c.mu is locked.
func (c *Client) drop(s *subscription) <-chan result {
	k, results := c.newCall(s.key.service, "unsubscribe", channelParams(s.channel))
	k.bound = true
	delete(c.subs, s.key)
	s.settle(ErrUnsubscribed)
	if c.session == nil {
		k.finish(nil, nil)
	} else {
		c.enqueue(k)
		c.wakeWriter()
	}
	return results
}

// Unsubscribe ends a subscription. From now on its handler is not called any more, unless it is running right now. It
// returns when the server has agreed, or at once if there is no connection.
func (c *Client) Unsubscribe(ctx context.Context, service string, channel any) error {
	_, key, err := channelKey(service, channel)
	if err != nil {
		return err
	}
	c.mu.Lock()
	s := c.subs[key]
	if s == nil {
		c.mu.Unlock()
		return &Error{wire.ErrNotSubscribed.Text}
	}
	results := c.drop(s)
	c.mu.Unlock()
	select {
	case r := <-results:
		if errors.Is(r.err, ErrConnectionLost) {
			return nil // the subscription ended with the connection
		}
		return r.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Publish publishes to a channel of a service. Channel and message are any values with a JSON form.
func (c *Client) Publish(ctx context.Context, service string, channel, message any) error {
	rawChannel, err := encode(channel)
	if err != nil {
		return err
	}
	rawMessage, err := encode(message)
	if err != nil {
		return err
	}
	params := append(append([]byte(`{"channel":`), rawChannel...), `,"message":`...)
	_, err = c.Call(ctx, service, "publish", json.RawMessage(append(append(params, rawMessage...), '}')))
	return err
}

func channelParams(channel json.RawMessage) []byte {
	return append(append([]byte(`{"channel":`), channel...), '}')
}

func channelKey(service string, channel any) (raw json.RawMessage, key subscriptionKey, err error) {
	if raw, err = encode(channel); err != nil {
		return nil, key, err
	}
	k, err := wire.CanonicalKey(raw)
	if err != nil {
		return nil, key, fmt.Errorf("snorky: bad channel: %w", err)
	}
	return raw, subscriptionKey{service, k}, nil
}

package bench

import (
	"context"
	"errors"
)

// Fanout publishes as fast as the server takes it, with no more than Window messages ahead of the subscribers, for
// Duration or until there were Messages.
func Fanout(ctx context.Context, peer Peer, config Config, report Report) (*Result, error) {
	return nil, errors.ErrUnsupported
}

// Latency publishes Rate messages a second on a fixed schedule, whether or not the server keeps up. A message counts
// from when it was due, so that nothing is made up for by publishing later.
func Latency(ctx context.Context, peer Peer, config Config, report Report) (*Result, error) {
	return nil, errors.ErrUnsupported
}

// Idle opens Subscribers connections, waits until the memory of the server comes to rest, and has one message prove that
// all of them are subscribed.
func Idle(ctx context.Context, peer Peer, config Config, report Report) (*Result, error) {
	return nil, errors.ErrUnsupported
}

// Churn has Subscribers loops connect, subscribe and leave.
func Churn(ctx context.Context, peer Peer, config Config, report Report) (*Result, error) {
	return nil, errors.ErrUnsupported
}

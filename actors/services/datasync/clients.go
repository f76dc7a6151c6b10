package datasync

import (
	"encoding/json"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

type tokenParams struct {
	Token json.RawMessage `json:"token"`
}

// Commands are those of PROTOCOL.md section 6.8.
func (s *DataSync) Commands() actors.Commands {
	return actors.Commands{
		"acquireSubscription": actors.Command(s.acquire),
		"cancelSubscription":  actors.Command(s.cancel),
	}
}

// find returns the subscription of a token.
func (s *DataSync) find(token json.RawMessage) (*subscription, error) {
	text, ok := wire.Unquote(token)
	if !ok {
		return nil, wire.ErrTokenNotString
	}
	if found := s.subscriptions[text]; found != nil {
		return found, nil
	}
	return nil, wire.ErrNoSuchSubscription
}

// acquire answers later, when the command has returned: then the answer leaves at once, in its place between the deltas.
func (s *DataSync) acquire(call *actors.Call, p tokenParams) (any, error) {
	one, err := s.find(p.Token)
	switch {
	case err != nil:
		return nil, err
	case one.hasOverflowed():
		return nil, wire.ErrSubscriptionOverflowed
	case one.claimed:
		return nil, wire.ErrAlreadyAcquired
	}
	one.stopClock()
	one.claimed = true
	one.owner, _ = call.Peer()
	if s.acquired[one.owner] == nil {
		s.acquired[one.owner] = map[*subscription]struct{}{}
	}
	s.acquired[one.owner][one] = struct{}{}
	answer := call.Later()
	s.context.DoFor(answer, func() {
		if !one.handOver(func() { answer.Respond(nil) }) {
			answer.Fail(wire.ErrSubscriptionOverflowed)
		}
	})
	return nil, nil
}

func (s *DataSync) cancel(call *actors.Call, p tokenParams) (any, error) {
	one, err := s.find(p.Token)
	if err != nil {
		return nil, err
	}
	if peer, _ := call.Peer(); !one.claimed || one.owner != peer {
		return nil, wire.ErrNoSuchSubscription
	}
	s.end(one)
	return nil, nil
}

// Disconnected ends the subscriptions of a connection that has ended.
func (s *DataSync) Disconnected(peer actors.Peer) {
	for one := range s.acquired[peer] {
		s.end(one)
	}
}

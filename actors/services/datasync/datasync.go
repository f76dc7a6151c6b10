// Package datasync keeps collections of data in clients up to date (PROTOCOL.md sections 6.8, 8.2 and 9): a backend
// authorizes a client for queries, and publishes what changes; the client gets the changes that match its queries.
package datasync

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// Options are the settings of a DataSync. The zero value of each field stands for its default.
type Options struct {
	// TokenTimeout is how long a subscription waits for its client; by default 120 s.
	TokenTimeout time.Duration
	// MaxBufferedBytes bounds what waits in one subscription for its client; by default 1 MiB. A subscription for which
	// more waits ends, and its token is unknown.
	MaxBufferedBytes int
}

// DataSync is the side of the clients.
type DataSync struct {
	options       Options
	context       *actors.ServiceContext
	dealers       map[string]*dealer
	models        map[string][]*dealer // in the order in which they were given
	subscriptions map[string]*subscription
	acquired      map[actors.Peer][]*subscription
}

// New returns a DataSync with these dealers. The names of dealers have to differ; of two with one name the last counts.
func New(options Options, dealers ...Dealer) *DataSync {
	if options.TokenTimeout == 0 {
		options.TokenTimeout = 120 * time.Second
	}
	if options.MaxBufferedBytes == 0 {
		options.MaxBufferedBytes = 1 << 20
	}
	s := &DataSync{
		options:       options,
		dealers:       map[string]*dealer{},
		models:        map[string][]*dealer{},
		subscriptions: map[string]*subscription{},
		acquired:      map[actors.Peer][]*subscription{},
	}
	for _, d := range dealers {
		one := &dealer{Dealer: d}
		if old := s.dealers[d.Name]; old != nil {
			s.models[old.Model] = slices.DeleteFunc(s.models[old.Model], func(x *dealer) bool { return x == old })
		}
		s.dealers[d.Name] = one
		s.models[d.Model] = append(s.models[d.Model], one)
	}
	return s
}

// Start is called by the registry.
func (s *DataSync) Start(context *actors.ServiceContext) error {
	s.context = context
	return nil
}

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
	if len(token) == 0 || token[0] != '"' {
		return nil, wire.ErrTokenNotString
	}
	var text string
	if err := json.Unmarshal(token, &text); err != nil {
		return nil, wire.ErrTokenNotString
	}
	if found := s.subscriptions[text]; found != nil {
		return found, nil
	}
	return nil, wire.ErrNoSuchSubscription
}

func (s *DataSync) acquire(call *actors.Call, p tokenParams) (any, error) {
	one, err := s.find(p.Token)
	switch {
	case err != nil:
		return nil, err
	case one.acquired:
		return nil, wire.ErrAlreadyAcquired
	}
	one.owner, _ = call.Peer()
	one.acquired = true
	one.stopClock()
	s.acquired[one.owner] = append(s.acquired[one.owner], one)
	for _, n := range one.buffer {
		one.owner.Send(n)
	}
	one.buffer, one.buffered = nil, 0
	return nil, nil
}

func (s *DataSync) cancel(call *actors.Call, p tokenParams) (any, error) {
	one, err := s.find(p.Token)
	if err != nil {
		return nil, err
	}
	peer, _ := call.Peer()
	if !one.acquired || one.owner != peer {
		return nil, wire.ErrNoSuchSubscription
	}
	s.acquired[peer] = slices.DeleteFunc(s.acquired[peer], func(x *subscription) bool { return x == one })
	if len(s.acquired[peer]) == 0 {
		delete(s.acquired, peer)
	}
	s.end(one)
	return nil, nil
}

// Disconnected ends the subscriptions of a connection that has ended.
func (s *DataSync) Disconnected(peer actors.Peer) {
	for _, one := range s.acquired[peer] {
		s.end(one)
	}
	delete(s.acquired, peer)
}

// end forgets a subscription. It is not, or not any more, in s.acquired.
func (s *DataSync) end(one *subscription) {
	one.stopClock()
	delete(s.subscriptions, one.token)
	for _, i := range one.items {
		i.dealer.remove(i)
	}
}

// Package datasync keeps collections of data in clients up to date (PROTOCOL.md sections 6.8, 8.2 and 9): a backend
// authorizes a client for queries, and publishes what changes; the client gets the changes that match its queries.
//
// A DataSync is spread over several actors, so that nothing busy holds up the rest:
//
//   - its own knows the subscriptions and their tokens;
//   - the Backend's checks what is published, and a part of it has dealers accept queries;
//   - a part for each dealer finds the items that match;
//   - a part for each model puts its deltas in order and delivers them.
//
// A subscription is added to its dealers before its token is told, and deltas come to the dealers by way of their model
// after their call has come to the Backend; so items match whatever is published after authorizeSubscription has
// answered.
package datasync

import (
	"errors"
	"slices"
	"time"

	"github.com/snorky-go/snorky/actors"
)

// Options are the settings of a DataSync. The zero value of each field stands for its default.
type Options struct {
	// TokenTimeout is how long a subscription waits for its client; by default 120 s.
	TokenTimeout time.Duration
	// MaxBufferedBytes bounds what waits in one subscription for its client; by default 1 MiB. MaxBufferedTotal bounds what
	// waits in all of them together, where what several have in common counts for each; by default 64 MiB. A subscription
	// for which more would have to wait ends, and whoever wants to acquire it is told wire.ErrSubscriptionOverflowed.
	MaxBufferedBytes int
	MaxBufferedTotal int
}

// DataSync is the side of the clients.
type DataSync struct {
	timeout time.Duration
	room    room
	dealers map[string]*dealing // by their names
	models  map[string]*model
	context *actors.ServiceContext

	// Owned by the actor of the service.
	subscriptions map[string]*subscription // by their tokens, also those that have overflowed
	acquired      map[actors.Peer]map[*subscription]struct{}
	graves        graves
}

// New returns a DataSync with these dealers. The names of dealers have to differ; of two with one name the last counts.
func New(options Options, dealers ...Dealer) *DataSync {
	if options.TokenTimeout == 0 {
		options.TokenTimeout = 120 * time.Second
	}
	if options.MaxBufferedBytes == 0 {
		options.MaxBufferedBytes = 1 << 20
	}
	if options.MaxBufferedTotal == 0 {
		options.MaxBufferedTotal = 64 << 20
	}
	s := &DataSync{
		timeout:       options.TokenTimeout,
		room:          room{each: int64(options.MaxBufferedBytes), all: int64(options.MaxBufferedTotal)},
		dealers:       map[string]*dealing{},
		models:        map[string]*model{},
		subscriptions: map[string]*subscription{},
		acquired:      map[actors.Peer]map[*subscription]struct{}{},
	}
	var names []string // those that count, in their order
	for _, d := range dealers {
		name := d.Name()
		names = append(slices.DeleteFunc(names, func(other string) bool { return other == name }), name)
		s.dealers[name] = &dealing{Dealer: d, index: newIndex(d)}
	}
	for _, name := range names {
		d := s.dealers[name]
		at := s.models[d.Model()]
		if at == nil {
			at = &model{}
			s.models[d.Model()] = at
		}
		at.dealers = append(at.dealers, d)
	}
	return s
}

// Start is called by the registry.
func (s *DataSync) Start(context *actors.ServiceContext) error {
	if s.context != nil {
		return errors.New("datasync: a DataSync can be registered once")
	}
	s.context = context
	for _, m := range s.models {
		m.start(context)
	}
	return nil
}

// Package lookup asks something outside, such as a name server or a database, and is the model of a service whose answers
// take time. There are two ways. The command lookUp is answered when the outcome is there; what else its client has asked
// for waits until then. The command search is answered at once, and a notification brings the outcome; meanwhile the
// client can do other things, and cancel the search.
package lookup

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// Limits of a Lookup.
const (
	// Limit is how long a lookup may take.
	Limit = 5 * time.Second
	// MaxSearches is how many searches a client may have under way.
	MaxSearches = 8
)

// Errors of a Lookup.
var (
	ErrNotFound        = wire.NewError("not_found", "Not found")
	ErrTooSlow         = wire.NewError("too_slow", "No answer in time")
	ErrNoSearch        = wire.NewError("no_search", "No such search")
	ErrTooManySearches = wire.NewError("too_many_searches", "Too many searches")
)

// Find asks what is outside. It is called in many goroutines at a time, and returns when ctx ends.
type Find func(ctx context.Context, name string) ([]string, error)

// Lookup is a service of the frontend.
type Lookup struct {
	find    Find
	context *actors.ServiceContext

	outside context.Context // that of all lookups, which ends with the service
	end     context.CancelFunc
	running sync.WaitGroup

	// Searches under way, each with what cancels it. Touched in the actor of the service only.
	searches map[actors.Peer]map[int]context.CancelFunc
	last     int
}

// New returns a Lookup that asks find.
func New(find Find) *Lookup {
	return &Lookup{find: find, searches: map[actors.Peer]map[int]context.CancelFunc{}}
}

// Start is called by the registry.
func (l *Lookup) Start(c *actors.ServiceContext) error {
	l.context = c
	l.outside, l.end = context.WithCancel(context.Background())
	return nil
}

// Stop ends what is under way and waits for it.
func (l *Lookup) Stop() {
	l.end()
	l.running.Wait()
}

// Commands are lookUp, search and cancel.
func (l *Lookup) Commands() actors.Commands {
	return actors.Commands{
		"lookUp": actors.Command(l.lookUp),
		"search": actors.Command(l.search),
		"cancel": actors.Command(l.cancel),
	}
}

type nameParams struct {
	Name string `json:"name"`
}

func (l *Lookup) lookUp(call *actors.Call, p nameParams) (any, error) {
	answer := call.Later()
	l.ask(l.outside, p.Name, func(found []string, err error) {
		if err != nil {
			answer.Fail(err)
			return
		}
		answer.Respond(found)
	})
	return nil, nil // nobody gets this: the answer comes later
}

// ask runs find in a goroutine, and done after it, there.
func (l *Lookup) ask(ctx context.Context, name string, done func([]string, error)) {
	l.running.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, Limit)
		defer cancel()
		found, err := l.find(ctx, name)
		switch {
		case errors.Is(ctx.Err(), context.DeadlineExceeded):
			err = ErrTooSlow
		case err != nil:
			err = ErrNotFound
		}
		done(found, err)
	})
}

func (l *Lookup) search(call *actors.Call, p nameParams) (int, error) {
	peer, ok := call.Peer()
	switch {
	case !ok:
		return 0, errors.New("a backend cannot be notified")
	case len(l.searches[peer]) >= MaxSearches:
		return 0, ErrTooManySearches
	case l.searches[peer] == nil:
		l.searches[peer] = map[int]context.CancelFunc{}
	}
	l.last++
	id := l.last
	ctx, cancel := context.WithCancel(l.outside)
	l.searches[peer][id] = cancel
	l.ask(ctx, p.Name, func(found []string, err error) {
		l.context.Do(func() { l.finish(peer, id, found, err) })
	})
	return id, nil
}

type outcome struct {
	Type   string   `json:"type"` // "found" or "failed"
	Search int      `json:"search"`
	Found  []string `json:"found,omitempty"`
	Reason string   `json:"reason,omitempty"`
}

// finish tells the client the outcome, unless the search was cancelled.
func (l *Lookup) finish(peer actors.Peer, id int, found []string, err error) {
	if !l.forget(peer, id) {
		return
	}
	o := outcome{Type: "found", Search: id, Found: found}
	if err != nil {
		o = outcome{Type: "failed", Search: id, Reason: err.Error()}
	}
	_ = peer.Notify(o) // it can be marshalled
}

type searchParams struct {
	Search int `json:"search"`
}

func (l *Lookup) cancel(call *actors.Call, p searchParams) (any, error) {
	if peer, _ := call.Peer(); !l.forget(peer, p.Search) {
		return nil, ErrNoSearch
	}
	return nil, nil
}

// Disconnected cancels the searches of a client that has gone.
func (l *Lookup) Disconnected(peer actors.Peer) {
	for id := range l.searches[peer] {
		l.forget(peer, id)
	}
}

// forget ends a search. It tells whether there was one.
func (l *Lookup) forget(peer actors.Peer, id int) bool {
	cancel, ok := l.searches[peer][id]
	if !ok {
		return false
	}
	cancel()
	delete(l.searches[peer], id)
	if len(l.searches[peer]) == 0 {
		delete(l.searches, peer)
	}
	return true
}

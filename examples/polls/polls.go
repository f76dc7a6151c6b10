// Package polls is the model of a service that spreads over several actors: each poll has one of its own, so a poll whose
// votes take long to save holds up no other.
package polls

import (
	"encoding/json"
	"maps"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// Limits of Polls.
const (
	// MaxPolls is how many polls there may be at a time.
	MaxPolls = 1000
	// MaxChoices is how many choices a poll may have. The first vote for a choice makes it one.
	MaxChoices = 20
)

// Errors of Polls.
var (
	ErrNoPoll       = wire.NewError("no_poll", "No such poll")
	ErrTooManyPolls = wire.NewError("too_many_polls", "Too many polls")
	ErrNoChoice     = wire.NewError("no_choice", "No such choice")
)

// Tally is the number of votes for each choice.
type Tally map[string]int

// Save keeps a tally, in a database for instance. It is called in the actor of the poll and may block.
type Save func(poll string, t Tally) error

// Polls is a service of the frontend. Its own actor knows which polls there are, and nothing of what is in them.
type Polls struct {
	save    Save
	context *actors.ServiceContext
	polls   map[string]*poll
}

// New returns a service that calls save after each vote.
func New(save Save) *Polls { return &Polls{save: save, polls: map[string]*poll{}} }

// Start is called by the registry.
func (s *Polls) Start(c *actors.ServiceContext) error {
	s.context = c
	return nil
}

// Commands are watch, vote and close.
func (s *Polls) Commands() actors.Commands {
	return actors.Commands{
		"watch": actors.Command(s.watch),
		"vote":  actors.Command(s.vote).Publishing(),
		"close": actors.Command(s.close),
	}
}

// poll is one poll. Its votes are touched in its part only.
type poll struct {
	service *Polls
	part    *actors.Part
	name    string
	votes   Tally
}

// poll returns the poll of a name, which it makes if need be.
func (s *Polls) poll(name string) (*poll, error) {
	if p := s.polls[name]; p != nil {
		return p, nil
	}
	if len(s.polls) >= MaxPolls {
		return nil, ErrTooManyPolls
	}
	if _, err := s.context.Channels().Key(channel(name)); err != nil {
		return nil, err // the name is too long
	}
	p := &poll{service: s, part: s.context.NewPart(), name: name, votes: Tally{}}
	s.polls[name] = p
	return p, nil
}

type pollParams struct {
	Poll string `json:"poll"`
}

type voteParams struct {
	Poll   string `json:"poll"`
	Choice string `json:"choice"`
}

func (s *Polls) vote(call *actors.Call, p voteParams) (any, error) {
	at, err := s.poll(p.Poll)
	if err != nil {
		return nil, err
	}
	return actors.Continue(call, at.part, func() (any, error) { return nil, at.vote(call, p.Choice) })
}

// vote counts a vote. It runs in the part.
func (p *poll) vote(call *actors.Call, choice string) error {
	votes := maps.Clone(p.votes)
	if votes[choice]++; len(votes) > MaxChoices {
		return ErrNoChoice
	}
	if err := p.service.save(p.name, votes); err != nil {
		return err
	}
	p.votes = votes
	return p.publish(call, "tally")
}

// watch subscribes the caller to what becomes of the poll, and answers how it stands. Both happen in the part, so there
// is neither a gap nor an overlap.
func (s *Polls) watch(call *actors.Call, p pollParams) (Tally, error) {
	at, err := s.poll(p.Poll)
	if err != nil {
		return nil, err
	}
	return actors.Continue(call, at.part, func() (Tally, error) {
		return at.votes, s.context.Channels().Subscribe(call, channel(at.name))
	})
}

// close ends the poll. The part ends after what it has still to do.
func (s *Polls) close(call *actors.Call, p pollParams) (Tally, error) {
	at := s.polls[p.Poll]
	if at == nil {
		return nil, ErrNoPoll
	}
	delete(s.polls, p.Poll)
	return actors.Continue(call, at.part, func() (Tally, error) {
		at.part.Stop()
		return at.votes, at.publish(call, "closed")
	})
}

type notification struct {
	Type  string `json:"type"` // "tally" or "closed"
	Poll  string `json:"poll"`
	Votes Tally  `json:"votes"`
}

func (p *poll) publish(call *actors.Call, what string) error {
	content, err := json.Marshal(notification{Type: what, Poll: p.name, Votes: p.votes})
	if err != nil {
		return err
	}
	return p.service.context.Channels().Publish(call, channel(p.name), content)
}

// channel is the name of a poll as a JSON value.
func channel(poll string) json.RawMessage { return wire.AppendString(nil, poll) }

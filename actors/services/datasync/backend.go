package datasync

import (
	"encoding/json"
	"errors"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// Backend is the side of the backend, PROTOCOL.md section 8.2. Its DataSync has to be registered before it.
type Backend struct {
	datasync  *DataSync
	context   *actors.ServiceContext
	accepting *actors.Part // calls the dealers, which may take their time
}

// NewBackend returns the backend's side of s.
func NewBackend(s *DataSync) *Backend { return &Backend{datasync: s} }

// Start is called by the registry.
func (b *Backend) Start(context *actors.ServiceContext) error {
	if b.datasync.context == nil {
		return errors.New("datasync: the DataSync has to be registered before its Backend")
	}
	b.context, b.accepting = context, context.NewPart()
	return nil
}

type itemsParams struct {
	Items json.RawMessage `json:"items"`
}

type deltasParams struct {
	Deltas json.RawMessage `json:"deltas"`
}

// Commands are those of PROTOCOL.md section 8.2.
func (b *Backend) Commands() actors.Commands {
	return actors.Commands{
		"authorizeSubscription": actors.Command(b.authorize),
		"publishDeltas":         actors.Command(b.publish),
	}
}

// authorize opens a subscription when all of its items are right. What a dealer thinks of a query comes after everything
// else.
func (b *Backend) authorize(call *actors.Call, p itemsParams) (string, error) {
	parts, ok := wire.Elements(p.Items)
	if !ok {
		return "", wire.ErrInvalidParams
	}
	requests := make([]request, len(parts))
	for i, part := range parts {
		var err error
		if requests[i], err = b.datasync.request(part); err != nil {
			return "", err
		}
	}
	return actors.Continue(call, b.accepting, func() (string, error) {
		shares, err := b.acceptAll(requests)
		if err != nil {
			return "", err
		}
		answer := call.Later()
		b.datasync.context.DoFor(answer, func() { answer.Respond(b.datasync.open(shares)) })
		return "", nil
	})
}

// request is an item that a backend asks for.
type request struct {
	dealer *dealing
	query  json.RawMessage
}

func (s *DataSync) request(part json.RawMessage) (request, error) {
	var dealer, query json.RawMessage
	err := wire.Members(part, func(name string, value []byte) bool {
		switch name {
		case "dealer":
			dealer = value
		case "query":
			query = value
		}
		return true // of repeated members the last counts
	})
	if err != nil {
		return request{}, wire.ErrInvalidParams
	}
	if dealer == nil {
		return request{}, wire.MissingField("dealer")
	}
	name, ok := wire.Unquote(dealer)
	if !ok {
		return request{}, wire.ErrDealerNotName
	}
	known := s.dealers[name]
	switch {
	case known == nil:
		return request{}, wire.ErrNoSuchDealer
	case query == nil:
		return request{}, wire.MissingField("query")
	}
	return request{known, query}, nil
}

// acceptAll makes the items, put together by their dealers.
func (b *Backend) acceptAll(requests []request) ([]share, error) {
	var shares []share
	places := map[*dealing]int{}
	for _, r := range requests {
		// A copy, so that an item does not hold on to all the others.
		i, err := accept(r.dealer.Dealer, json.RawMessage(append([]byte(nil), r.query...)))
		if err != nil {
			return nil, b.refusal(err)
		}
		at, known := places[r.dealer]
		if !known {
			at = len(shares)
			places[r.dealer] = at
			shares = append(shares, share{dealer: r.dealer})
		}
		shares[at].items = append(shares[at].items, i)
	}
	return shares, nil
}

// refusal is what the backend is told of what a dealer says.
func (b *Backend) refusal(err error) error {
	if known, is := errors.AsType[*wire.Error](err); is {
		return known
	}
	b.context.Logger().Info().Err(err).Msg("a dealer does not accept a query")
	return wire.ErrBadQuery
}

// publish delivers deltas when all of them are right. Whether anybody deals their models comes after everything else.
func (b *Backend) publish(call *actors.Call, p deltasParams) (any, error) {
	parts, ok := wire.Elements(p.Deltas)
	if !ok {
		return nil, wire.ErrInvalidParams
	}
	deltas := make([]delta, len(parts))
	for i, part := range parts {
		var err error
		if deltas[i], err = parseDelta(part); err != nil {
			return nil, err
		}
	}
	for i := range deltas {
		name, _ := wire.Unquote(deltas[i].name)
		if deltas[i].model = b.datasync.models[name]; deltas[i].model == nil {
			return nil, wire.ErrNoSuchModel
		}
	}
	return deal(call, deltas)
}

// deal has the models deliver deltas in the order of the call, each of them as many as follow one another.
func deal(call *actors.Call, deltas []delta) (any, error) {
	if len(deltas) == 0 {
		return nil, nil
	}
	at := deltas[0].model
	n := 1
	for n < len(deltas) && deltas[n].model == at {
		n++
	}
	return actors.Continue(call, at.part, func() (any, error) {
		if err := at.deal(deltas[:n]); err != nil {
			return nil, err
		}
		return deal(call, deltas[n:])
	})
}

package client

import (
	"context"
	"encoding/json"
	"fmt"
)

// Item is one query of a subscription (PROTOCOL.md section 8.2).
type Item struct {
	// Dealer is the name of a dealer of the service.
	Dealer string `json:"dealer"`
	// Query is any value that becomes JSON and that the dealer accepts: the key for a key dealer, the filter for a filter
	// dealer, such as []any{"==", "owner", "ann"}; broadcast dealers ignore it.
	Query any `json:"query"`
}

// AuthorizeSubscription allows a client what the items ask for, by way of a service like "datasync_backend", and returns
// the token with which the client acquires the subscription. What the items match from now on waits for it, so look up
// the data that the client starts with after this call and nothing is missed in between.
//
// Whoever knows the token can use it, once; it is for the client alone. Errors are those of Call; if there is one, there is
// no subscription, unless the fate of the call is unknown. Then it ends by itself when nobody acquires it.
func (c *Client) AuthorizeSubscription(ctx context.Context, service string, items ...Item) (token string, err error) {
	if items == nil {
		items = []Item{}
	}
	data, err := c.Call(ctx, service, "authorizeSubscription", struct {
		Items []Item `json:"items"`
	}{items})
	if err != nil {
		return "", err
	}
	var text *string
	if json.Unmarshal(data, &text) != nil || text == nil {
		return "", fmt.Errorf("%w: the token is no text", ErrBadAnswer)
	}
	return *text, nil
}

// Delta is a change of data (PROTOCOL.md section 9.1), made by Insert, Update or Delete.
type Delta interface{ isDelta() }

type insertOrDelete struct {
	Type  string `json:"type"`
	Model string `json:"model"`
	Data  any    `json:"data"`
}

type update struct {
	Type    string `json:"type"`
	Model   string `json:"model"`
	NewData any    `json:"newData"`
	OldData any    `json:"oldData"`
}

func (insertOrDelete) isDelta() {}
func (update) isDelta()         {}

// Insert is the delta of data that are new.
func Insert(model string, data any) Delta { return insertOrDelete{"insert", model, data} }

// Update is the delta of data that have changed. Of the old ones, what queries ask for and what identifies them is enough.
func Update(model string, oldData, newData any) Delta {
	return update{"update", model, newData, oldData}
}

// Delete is the delta of data that are gone. What queries ask for and what identifies them is enough.
func Delete(model string, data any) Delta { return insertOrDelete{"delete", model, data} }

// PublishDeltas sends changes to the clients whose subscriptions match them, in one call; those of one model arrive in
// their order. It returns when the server has dealt with all of them.
//
// Errors are those of Call. If a delta is refused, no delta of the call was delivered.
func (c *Client) PublishDeltas(ctx context.Context, service string, deltas ...Delta) error {
	if deltas == nil {
		deltas = []Delta{}
	}
	_, err := c.Call(ctx, service, "publishDeltas", struct {
		Deltas []Delta `json:"deltas"`
	}{deltas})
	return err
}

package client

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
)

// BatchError says which items of a batch the service refused. All others were published. errors.As finds the first
// refusal in it as an *Error.
type BatchError struct {
	// Items is how many the batch had.
	Items int
	// Refused are those that were not published, in the order of the batch; there is at least one.
	Refused []Refusal
}

// Refusal is what a service said to one item of a batch.
type Refusal struct {
	// Index is the position of the item in the batch, from 0.
	Index int
	// Text is what the service would have answered had the item been published alone.
	Text string
}

// Error implements error with the first refusal.
func (e *BatchError) Error() string {
	first := e.Refused[0]
	return "snorky: " + strconv.Itoa(len(e.Refused)) + " of " + strconv.Itoa(e.Items) + " refused; number " +
		strconv.Itoa(first.Index) + ": " + first.Text
}

// Unwrap returns the first refusal as the *Error that Publish would have returned.
func (e *BatchError) Unwrap() error { return &Error{e.Refused[0].Text} }

// PublishMany sends messages to all subscribers of channel, in their order, in one call. It returns when the server has
// dealt with all of them; one that is refused does not stop the others.
//
// A *BatchError tells what was not published. Other errors are those of Call, and then the fate of all is the same: a
// batch that is longer than the server takes is a *StatusError with 413, and is not split. Servers that do not know the
// command answer with the *Error "Unknown command".
func (c *Client) PublishMany(ctx context.Context, service string, channel any, messages ...any) error {
	return c.batch(ctx, service, "publishMany", publications{channel, items(messages)}, len(messages))
}

// Broadcast sends message to all subscribers of each of the channels, in one call. Who is subscribed to several of them
// gets it several times, in no certain order. Errors are those of PublishMany.
func (c *Client) Broadcast(ctx context.Context, service string, channels []any, message any) error {
	return c.batch(ctx, service, "broadcast", broadcast{items(channels), message}, len(channels))
}

type publications struct {
	Channel  any   `json:"channel"`
	Messages []any `json:"messages"`
}

type broadcast struct {
	Channels []any `json:"channels"`
	Message  any   `json:"message"`
}

// items is a list that is not null, even if there are none.
func items(all []any) []any {
	if all == nil {
		return []any{}
	}
	return all
}

// resultSize is what the result of an item takes in an answer, in bytes, if it is not refused at length.
const resultSize = 64

func (c *Client) batch(ctx context.Context, service, command string, params any, items int) error {
	data, err := c.call(ctx, service, command, params, c.maxResponse+int64(items)*resultSize)
	if err != nil {
		return err
	}
	return decodeResults(data, items)
}

// decodeResults understands the answer to a batch.
func decodeResults(data json.RawMessage, items int) error {
	var answer struct {
		Results []struct {
			Status string  `json:"status"`
			Error  *string `json:"error"`
		} `json:"results"`
	}
	if err := json.Unmarshal(data, &answer); err != nil {
		return fmt.Errorf("%w: %w", ErrBadAnswer, err)
	}
	if answer.Results == nil || len(answer.Results) != items {
		return fmt.Errorf("%w: %d results for %d items", ErrBadAnswer, len(answer.Results), items)
	}
	failed := &BatchError{Items: items}
	for i, r := range answer.Results {
		switch {
		case r.Status == "published":
		case r.Status == "refused" && r.Error != nil:
			failed.Refused = append(failed.Refused, Refusal{i, *r.Error})
		default:
			return fmt.Errorf("%w: the result of number %d is neither published nor refused", ErrBadAnswer, i)
		}
	}
	if failed.Refused != nil {
		return failed
	}
	return nil
}

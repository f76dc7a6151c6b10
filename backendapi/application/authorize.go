package application

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/snorky-go/snorky/actors/wire"
)

// Question is whether a client may subscribe to a channel, or publish there. All its values are JSON that has been
// checked.
type Question struct {
	Publish  bool // else subscribe
	Service  string
	Channel  json.RawMessage
	Identity json.RawMessage // nil: nobody
	Claims   json.RawMessage // nil: none
	Message  json.RawMessage // of a publication
}

func (q *Question) event() string {
	if q.Publish {
		return "publish"
	}
	return "subscribe"
}

// Authorize asks whether a client may do something. It blocks until there is an answer, Options.Timeout is over or ctx
// ends. The error is ErrNoAnswer.
func (c *Client) Authorize(ctx context.Context, q Question) (allow bool, err error) {
	if len(q.Message) > c.options.MaxMessage {
		return false, nil
	}
	if c.granted.has(&q) {
		return true, nil
	}
	answer, err := c.ask(ctx, q.event(), func() []byte { return q.append(nil) })
	if errors.Is(err, wire.ErrNotAuthenticated) || errors.Is(err, wire.ErrForbidden) {
		return false, nil
	}
	if answer.allow && answer.cacheFor.Duration > 0 {
		c.granted.add(&q, answer.cacheFor.Duration)
	}
	return answer.allow, err
}

// append appends the question as JSON.
func (q *Question) append(dst []byte) []byte {
	dst = wire.AppendString(append(dst, `{"event":`...), q.event())
	dst = wire.AppendString(append(dst, `,"service":`...), q.Service)
	dst = append(append(dst, `,"channel":`...), q.Channel...)
	dst = appendValue(append(dst, `,"identity":`...), q.Identity)
	dst = appendValue(append(dst, `,"claims":`...), q.Claims)
	if q.Publish {
		dst = appendValue(append(dst, `,"message":`...), q.Message)
	}
	return append(dst, '}')
}

func appendValue(dst []byte, value json.RawMessage) []byte {
	if value == nil {
		return append(dst, "null"...)
	}
	return append(dst, value...)
}

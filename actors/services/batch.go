package services

import (
	"encoding/json"
	"errors"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

type publishManyParams struct {
	Channel  json.RawMessage   `json:"channel"`
	Messages []json.RawMessage `json:"messages"`
}

type broadcastParams struct {
	Channels []json.RawMessage `json:"channels"`
	Message  json.RawMessage   `json:"message"`
}

// publishMany publishes messages to one channel, in their order.
func (b *PubSubBackend) publishMany(call *actors.Call, params publishManyParams) (json.RawMessage, error) {
	batch := b.newBatch(call, params.Messages, len(params.Channel))
	start := appendNotice(batch.content, params.Channel)
	for _, message := range params.Messages {
		batch.publish(params.Channel, append(append(start, message...), '}'))
	}
	return batch.answer(), nil
}

// broadcast publishes a message to channels, between which there is no order, as there is none between calls of publish.
// Its notifications begin with the message, so that the many channels to which nobody listens cost no copy of it.
func (b *PubSubBackend) broadcast(call *actors.Call, params broadcastParams) (json.RawMessage, error) {
	batch := b.newBatch(call, params.Channels, len(params.Message))
	start := append(batch.content, `{"type":"message","message":`...)
	start = append(append(start, params.Message...), `,"channel":`...)
	for _, channel := range params.Channels {
		batch.publish(channel, append(append(start, channel...), '}'))
	}
	return batch.answer(), nil
}

// batch is a call that publishes several times. A publication that is refused does not stop the others.
type batch struct {
	call     *actors.Call
	channels *actors.Channels
	fault    error  // why there are no channels
	content  []byte // empty, with room for each notification: publishing copies it, so one buffer serves all
	results  []byte
}

const (
	published  = `{"status":"published"}`
	resultsKey = `{"results":[`
)

// newBatch makes room for the answer that is to be expected, and for notifications with one of items and so many bytes
// more.
func (b *PubSubBackend) newBatch(call *actors.Call, items []json.RawMessage, more int) *batch {
	longest := 0
	for _, item := range items {
		longest = max(longest, len(item))
	}
	channels, err := b.pubsub.channels.get()
	return &batch{
		call: call, channels: channels, fault: err,
		content: make([]byte, 0, noticeSize+longest+more),
		results: append(make([]byte, 0, len(resultsKey)+len(items)*len(published+",")+len("]}")), resultsKey...),
	}
}

// publish publishes one item and notes what became of it, in the words of publish.
func (b *batch) publish(channel json.RawMessage, content []byte) {
	err := b.fault
	if err == nil {
		err = b.channels.Publish(b.call, channel, content)
		b.call.Settle()
	}
	if len(b.results) > len(resultsKey) {
		b.results = append(b.results, ',')
	}
	if err == nil {
		b.results = append(b.results, published...)
		return
	}
	b.results = append(b.results, `{"status":"refused","error":`...)
	b.results = append(wire.AppendString(b.results, textOf(err)), '}')
}

func (b *batch) answer() json.RawMessage { return append(b.results, `]}`...) }

// textOf is what publish would answer.
func textOf(err error) string {
	if known, is := errors.AsType[*wire.Error](err); is {
		return known.Text
	}
	return wire.ErrInternal.Text
}

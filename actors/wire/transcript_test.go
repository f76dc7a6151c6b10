package wire_test

import (
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/snorky-go/snorky/actors/wire"
	"github.com/snorky-go/snorky/actors/wire/transcript"
)

// model is a broker of two PubSub services without anything around it: just what package wire says about messages.
type model struct {
	subscribers map[string]map[wire.Key][]*modelConn // by service
	mayPublish  map[string]bool                      // by service
}

func newModel() *model {
	return &model{
		subscribers: map[string]map[wire.Key][]*modelConn{"pubsub": {}, "announcements": {}},
		mayPublish:  map[string]bool{"pubsub": true},
	}
}

type modelConn struct {
	model *model
	inbox [][]byte
}

func (c *modelConn) Receive() ([]byte, error) {
	if len(c.inbox) == 0 {
		return nil, errors.New("nothing there")
	}
	message := c.inbox[0]
	c.inbox = c.inbox[1:]
	return message, nil
}

func (c *modelConn) Send(text []byte) error {
	p, err := wire.DecodePacket(text)
	service, known := c.model.subscribers[p.Service]
	if r, bad := wire.DecodeRequest(p.Message); err == nil && bad == nil && known {
		c.inbox = append(c.inbox, wire.AppendPacket(nil, p.Service, c.answer(p.Service, service, r)))
	}
	return nil
}

func (c *modelConn) answer(name string, subscribers map[wire.Key][]*modelConn, r wire.Request) []byte {
	if err := c.call(name, subscribers, r); err != nil {
		return wire.AppendError(nil, r.CallID, err.Error())
	}
	return wire.AppendResponse(nil, r.CallID, nil)
}

func (c *modelConn) call(name string, subscribers map[wire.Key][]*modelConn, r wire.Request) error {
	var channel struct {
		Channel json.RawMessage `json:"channel"`
	}
	var publication struct {
		Channel json.RawMessage `json:"channel"`
		Message json.RawMessage `json:"message"`
	}
	var err error
	switch {
	case !r.IsString:
		return wire.ErrUnknownCommand
	case r.Command == "subscribe", r.Command == "unsubscribe":
		err = wire.DecodeParams(r.Params, &channel)
	case r.Command == "publish":
		err = wire.DecodeParams(r.Params, &publication)
		channel.Channel = publication.Channel
	default:
		return wire.ErrUnknownCommand
	}
	if err != nil {
		return errors.Unwrap(err)
	}
	key, err := wire.CanonicalKey(channel.Channel)
	if err != nil {
		return err
	}
	at := slices.Index(subscribers[key], c)
	switch {
	case r.Command == "publish" && !c.model.mayPublish[name]:
		return wire.ErrNotAuthorized
	case r.Command == "publish":
		content := append([]byte(`{"type":"message","channel":`), channel.Channel...)
		content = append(append(content, `,"message":`...), publication.Message...)
		notification := wire.AppendPacket(nil, name, append(content, '}'))
		for _, s := range subscribers[key] {
			s.inbox = append(s.inbox, notification)
		}
	case r.Command == "subscribe" && at >= 0:
		return wire.ErrAlreadySubscribed
	case r.Command == "subscribe":
		subscribers[key] = append(subscribers[key], c)
	case at < 0:
		return wire.ErrNotSubscribed
	default:
		subscribers[key] = slices.Delete(subscribers[key], at, at+1)
	}
	return nil
}

func canonical(message []byte) (string, error) {
	if err := wire.Valid(message); err != nil {
		return "", err
	}
	key, err := wire.CanonicalKey(message)
	return string(key), err
}

func TestTranscripts(t *testing.T) {
	transcripts, err := transcript.Load("testdata/transcripts")
	if err != nil {
		t.Fatal(err)
	}
	for _, tr := range transcripts {
		t.Run(tr.Name, func(t *testing.T) {
			m := newModel()
			dial := func(string) (transcript.Conn, error) { return &modelConn{model: m}, nil }
			if err := tr.Replay(dial, canonical); err != nil {
				t.Error(err)
			}
		})
	}
}

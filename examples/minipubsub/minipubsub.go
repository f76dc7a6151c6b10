// Package minipubsub is a whole PubSub: clients subscribe to channels, and get what is published there. It is the model of
// a service with channels.
package minipubsub

import (
	"encoding/json"

	"github.com/snorky-go/snorky/actors"
)

// PubSub is a service in which everybody may subscribe and publish to any channel.
type PubSub struct{ channels *actors.Channels }

// Start takes the channels of the service.
func (s *PubSub) Start(c *actors.ServiceContext) error {
	s.channels = c.Channels()
	return nil
}

// Commands are subscribe, unsubscribe and publish.
func (s *PubSub) Commands() actors.Commands {
	return actors.Commands{
		"subscribe":   actors.Command(s.subscribe),
		"unsubscribe": actors.Command(s.unsubscribe),
		"publish":     actors.Command(s.publish).Publishing(),
	}
}

type channelParams struct {
	Channel json.RawMessage `json:"channel"`
}

type publishParams struct {
	Channel json.RawMessage `json:"channel"`
	Message json.RawMessage `json:"message"`
}

type publication struct {
	Type    string          `json:"type"`
	Channel json.RawMessage `json:"channel"`
	Message json.RawMessage `json:"message"`
}

func (s *PubSub) subscribe(call *actors.Call, p channelParams) (any, error) {
	return nil, s.channels.Subscribe(call, p.Channel)
}

func (s *PubSub) unsubscribe(call *actors.Call, p channelParams) (any, error) {
	return nil, s.channels.Unsubscribe(call, p.Channel)
}

func (s *PubSub) publish(call *actors.Call, p publishParams) (any, error) {
	content, err := json.Marshal(publication{Type: "message", Channel: p.Channel, Message: p.Message})
	if err != nil {
		return nil, err
	}
	return nil, s.channels.Publish(call, p.Channel, content)
}

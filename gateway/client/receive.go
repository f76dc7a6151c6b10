package client

import (
	"encoding/json"

	"github.com/snorky-go/snorky/actors/wire"
)

// content is what a service sent (PROTOCOL.md section 4): an answer, or a notification.
type content struct {
	kind    string // member "type"
	callID  uint64
	data    []byte // of a response
	message []byte // of an error or a publication
	channel []byte // of a publication
}

// parseContent takes what it knows of a message and leaves the rest.
func parseContent(raw []byte) content {
	var c content
	_ = wire.Members(raw, func(key string, value []byte) bool {
		switch key {
		case "type":
			c.kind = text(value)
		case "callId":
			_ = json.Unmarshal(value, &c.callID) // ids that are not ours stay 0, which nobody has
		case "data":
			c.data = value
		case "message":
			c.message = value
		case "channel":
			c.channel = value
		}
		return true
	})
	return c
}

func text(value []byte) (s string) {
	_ = json.Unmarshal(value, &s)
	return s
}

// received takes a packet from the server. Packets that make no sense are dropped.
func (s *session) received(data []byte) error {
	c := s.client
	p, err := wire.DecodePacket(data)
	if err != nil {
		return nil //nolint:nilerr // as a server does with such packets
	}
	switch m := parseContent(p.Message); m.kind {
	case "response":
		c.answered(p.Service, m.callID, m.data, nil)
	case "error":
		c.answered(p.Service, m.callID, nil, &Error{text(m.message)})
	default:
		if p.Service == sessionService && m.kind == "expiring" {
			s.renewToken()
		}
		notify := item{call: func() { c.notify(p.Service, p.Message, m) }, size: len(data)}
		if !c.inbox.put(notify, c.options.SilenceTimeout, c.ctx.Done()) {
			return ErrSlowHandler
		}
	}
	return nil
}

// answered gives an answer to who waits for it.
func (c *Client) answered(service string, id uint64, data []byte, err error) {
	c.mu.Lock()
	k := c.sent[id]
	if k == nil || k.service != service {
		c.mu.Unlock()
		return // whoever waited has gone
	}
	delete(c.sent, id)
	c.mu.Unlock()
	k.finish(data, err)
}

// notify calls the handler of a subscription, or else that of the service. Who that is gets decided only now, so that
// nothing comes after Unsubscribe.
func (c *Client) notify(service string, raw []byte, m content) {
	var key subscriptionKey
	isMessage := false
	if m.kind == "message" && m.channel != nil && m.message != nil {
		name, err := wire.CanonicalKey(m.channel)
		key, isMessage = subscriptionKey{service, name}, err == nil
	}
	c.mu.Lock()
	s, handler := c.subs[key], c.handlers[service]
	c.mu.Unlock()
	switch {
	case isMessage && s != nil:
		s.handler(Message{Service: service, Channel: m.channel, Content: m.message})
	case handler != nil:
		handler(raw)
	}
}

// dispatch is the goroutine that calls the application.
func (c *Client) dispatch() {
	for f := c.inbox.take(); f != nil; f = c.inbox.take() {
		f()
	}
}

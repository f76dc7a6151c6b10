// Package services holds the services that come with the broker. They use nothing that a service of a user's own could
// not use, too.
package services

import (
	"encoding/json"
	"sync"
	"sync/atomic"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// Policy says which clients may publish to a PubSub. The backend may always.
type Policy int

// The policies. The zero value is the safe one.
const (
	Nobody Policy = iota
	Authenticated
	Everybody
)

// PubSub is the service of PROTOCOL.md section 6.4: clients subscribe to channels and get what is published there.
//
// Its commands touch nothing but the caller's connection and the channels, so they run where the call comes in, except
// those for which somebody has to be asked.
type PubSub struct {
	policy    Policy
	allows    func(*actors.Call, json.RawMessage) bool
	rules     atomic.Pointer[ruling] // nil: policy and allows say who may publish, and everybody may subscribe
	questions questions
	channels  channelsOnce
}

// ruling is who decides by which rules. Commands are bound to one, so a call has to do with no other.
type ruling struct {
	access      *Access
	application Authorizer // nil: nobody is asked
}

func newRuling(a *Access, application Authorizer) *ruling {
	if a == nil {
		return nil
	}
	return &ruling{access: a, application: application}
}

func (r *ruling) asks(action Action) bool { return r != nil && r.access.Asks(action) }

// check finds rules that would ask nobody.
func (r *ruling) check() error {
	if r != nil && r.application == nil && (r.asks(Subscribe) || r.asks(Publish)) {
		return errNoAuthorizer
	}
	return nil
}

// channelsOnce holds the channels of a service. The backend's side may ask for them before the service has started.
type channelsOnce struct {
	mu       sync.RWMutex
	channels *actors.Channels
}

func (o *channelsOnce) set(c *actors.Channels) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.channels = c
}

func (o *channelsOnce) get() (*actors.Channels, error) {
	o.mu.RLock()
	defer o.mu.RUnlock()
	if o.channels == nil {
		return nil, wire.ErrInternal
	}
	return o.channels, nil
}

// NewPubSub returns a PubSub with a fixed policy.
func NewPubSub(policy Policy) *PubSub { return &PubSub{policy: policy} }

// NewPubSubFunc returns a PubSub that asks whether the maker of a call may publish to a channel, given as the raw JSON
// value. allows is called in the actor of the service, one call at a time, and may block; a panic in it refuses.
func NewPubSubFunc(allows func(call *actors.Call, channel json.RawMessage) bool) *PubSub {
	return &PubSub{allows: allows}
}

// NewPubSubWithAccess returns a PubSub in which rules say who may subscribe and publish. Where they say application, the
// Authorizer is asked; it may be nil if they do not. That subscribing may be refused, with wire.ErrNotAuthorized, goes
// beyond PROTOCOL.md section 6.4. Rules are applied when somebody subscribes or publishes: who is subscribed stays so.
func NewPubSubWithAccess(a *Access, application Authorizer) *PubSub {
	p := &PubSub{}
	p.rules.Store(newRuling(a, application))
	return p
}

// SetAccess has other rules, and another Authorizer, decide. They are in force from the next actors.Registry.Renew of the
// service on, which can do that for several services at one moment. A call has to do with the rules of before or with
// those of after, never with some of both; who is subscribed stays so. The error says that there are rules to ask the
// application, and no Authorizer; then nothing changes.
func (p *PubSub) SetAccess(a *Access, application Authorizer) error {
	next := newRuling(a, application)
	if err := next.check(); err != nil {
		return err
	}
	p.rules.Store(next)
	return nil
}

// Start takes the channels. It is called by the registry.
func (p *PubSub) Start(c *actors.ServiceContext) error {
	if err := p.rules.Load().check(); err != nil {
		return err
	}
	p.questions.start(c)
	p.channels.set(c.Channels())
	return nil
}

// Stop ends the questions to the application. It is called by the registry.
func (p *PubSub) Stop() { p.questions.stop() }

type channelParams struct {
	Channel json.RawMessage `json:"channel"`
}

type publishParams struct {
	Channel json.RawMessage `json:"channel"`
	Message json.RawMessage `json:"message"`
}

// Commands are those of PROTOCOL.md section 6.4, by the rules of this moment.
func (p *PubSub) Commands() actors.Commands {
	by := &ruled{PubSub: p, ruling: p.rules.Load()}
	subscribe, publish := actors.Direct(by.subscribe), actors.Direct(by.publish)
	if by.ruling.asks(Subscribe) {
		subscribe = actors.Command(by.subscribe) // Direct ones cannot go on elsewhere
	}
	if by.ruling.asks(Publish) || p.allows != nil {
		publish = actors.Command(by.publish) // somebody else's code may block
	}
	return actors.Commands{
		"subscribe":   subscribe,
		"unsubscribe": actors.Direct(p.unsubscribe),
		"publish":     publish.Publishing(),
	}
}

// ruled is a PubSub with the rules that its commands go by.
type ruled struct {
	*PubSub
	ruling *ruling
}

func (p *ruled) subscribe(call *actors.Call, params channelParams) (any, error) {
	switch p.mayDo(Subscribe, call, params.Channel) {
	case Allow:
		return nil, p.join(call, params)
	case AskApplication:
		p.ask(call, Question{Action: Subscribe, Channel: params.Channel}, func() error { return p.join(call, params) })
		return nil, nil
	case Refuse:
	}
	return nil, wire.ErrNotAuthorized
}

func (p *PubSub) join(call *actors.Call, params channelParams) error {
	channels, err := p.channels.get()
	if err != nil {
		return err
	}
	return channels.Subscribe(call, params.Channel)
}

func (p *PubSub) unsubscribe(call *actors.Call, params channelParams) (any, error) {
	channels, err := p.channels.get()
	if err != nil {
		return nil, err
	}
	return nil, channels.Unsubscribe(call, params.Channel)
}

func (p *ruled) publish(call *actors.Call, params publishParams) (any, error) {
	switch p.mayDo(Publish, call, params.Channel) {
	case Allow:
		return nil, p.send(call, params)
	case AskApplication:
		about := Question{Action: Publish, Channel: params.Channel, Message: params.Message}
		p.ask(call, about, func() error { return p.send(call, params) })
		return nil, nil
	case Refuse:
	}
	return nil, wire.ErrNotAuthorized
}

func (p *ruled) ask(call *actors.Call, about Question, granted func() error) {
	p.questions.ask(p.ruling.application, call, about, granted)
}

func (p *ruled) mayDo(action Action, call *actors.Call, channel json.RawMessage) Decision {
	switch {
	case p.ruling != nil:
		return p.ruling.access.Decide(action, call.Principal(), channel)
	case action == Subscribe:
		return Allow
	case p.allows != nil:
		return when(p.allows(call, channel))
	}
	switch p.policy {
	case Everybody:
		return Allow
	case Authenticated:
		return when(call.Identity() != nil)
	case Nobody:
	}
	return Refuse
}

// send publishes for clients and backends alike.
func (p *PubSub) send(call *actors.Call, params publishParams) error {
	channels, err := p.channels.get()
	if err != nil {
		return err
	}
	content := contents.Get().(*[]byte)
	*content = append(appendNotice((*content)[:0], params.Channel), params.Message...)
	*content = append(*content, '}')
	err = channels.Publish(call, params.Channel, *content) // which copies it
	if cap(*content) <= maxKeptContent {
		contents.Put(content)
	}
	return err
}

// contents are buffers for notifications. Those of more than maxKeptContent bytes are not kept.
var contents = sync.Pool{New: func() any { return new([]byte) }}

const maxKeptContent = 16 << 10

const noticeSize = len(`{"type":"message","channel":,"message":}`)

// appendNotice appends the notification of PROTOCOL.md section 6.4 up to the message.
func appendNotice(dst []byte, channel json.RawMessage) []byte {
	dst = append(dst, `{"type":"message","channel":`...)
	dst = append(dst, channel...)
	return append(dst, `,"message":`...)
}

// PubSubBackend is the backend's side of a PubSub, PROTOCOL.md section 8.1: it publishes whatever the policy for clients
// says.
type PubSubBackend struct {
	pubsub *PubSub
}

// NewPubSubBackend returns the backend's side of p.
func NewPubSubBackend(p *PubSub) *PubSubBackend { return &PubSubBackend{pubsub: p} }

// Commands are publish, as in PROTOCOL.md section 8.1; publishMany and broadcast, which do the same for several messages
// and several channels in one call and answer what became of each; and subscribers, which answers how many connections
// are subscribed to a channel.
func (b *PubSubBackend) Commands() actors.Commands {
	return actors.Commands{
		"publish":     actors.Direct(b.publish),
		"publishMany": actors.Direct(b.publishMany),
		"broadcast":   actors.Direct(b.broadcast),
		"subscribers": actors.Direct(b.subscribers),
	}
}

func (b *PubSubBackend) publish(call *actors.Call, params publishParams) (any, error) {
	return nil, b.pubsub.send(call, params)
}

func (b *PubSubBackend) subscribers(_ *actors.Call, params channelParams) (int, error) {
	channels, err := b.pubsub.channels.get()
	if err != nil {
		return 0, err
	}
	return channels.Subscribers(params.Channel), nil
}

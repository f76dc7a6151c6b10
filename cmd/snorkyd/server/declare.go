package server

import (
	"fmt"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/services"
	"github.com/snorky-go/snorky/actors/services/datasync"
	"github.com/snorky-go/snorky/cmd/snorkyd/config"
)

// declaration registers the services of a configuration. After the first error it does nothing more.
type declaration struct {
	broker *actors.Broker
	pubsub map[string]*services.PubSub // by name
	err    error
}

// declare registers all services of a configuration, some with a twin for the backend. It returns those whose rules may
// change.
func declare(b *actors.Broker, c config.Config, application services.Authorizer) (map[string]*services.PubSub, error) {
	d := &declaration{broker: b, pubsub: map[string]*services.PubSub{}}
	for _, p := range c.PubSub {
		access, err := p.Access()
		if err != nil {
			return nil, config.Errorf("service %q: %w", p.Name, err)
		}
		service := services.NewPubSubWithAccess(access, application)
		d.pubsub[p.Name] = service
		d.frontend(p.Name, service)
		d.backend(p.Backend, services.NewPubSubBackend(service))
	}
	for _, m := range c.Messaging {
		d.frontend(m.Name, services.NewMessaging())
	}
	for _, m := range c.Chat {
		d.frontend(m.Name, services.NewChat())
	}
	for _, m := range c.Cursors {
		d.frontend(m.Name, services.NewCursors())
	}
	for _, m := range c.DataSync {
		service := dataSync(m)
		d.frontend(m.Name, service)
		d.backend(m.Backend, datasync.NewBackend(service))
	}
	return d.pubsub, d.err
}

func (d *declaration) frontend(name string, s actors.Service) {
	d.register(d.broker.Frontend(), name, s)
}

func (d *declaration) backend(name string, s actors.Service) { d.register(d.broker.Backend(), name, s) }

func (d *declaration) register(r *actors.Registry, name string, s actors.Service) {
	if d.err != nil {
		return
	}
	if err := r.Register(name, s); err != nil {
		d.err = fmt.Errorf("service %q: %w", name, err)
	}
}

func dataSync(c config.DataSync) *datasync.DataSync {
	dealers := make([]datasync.Dealer, len(c.Dealers))
	for i, d := range c.Dealers {
		switch d.Kind {
		case config.ByKey:
			dealers[i] = datasync.KeyField(d.Name, d.Model, d.Field)
		case config.ByFilter:
			dealers[i] = datasync.Filter(d.Name, d.Model)
		default:
			dealers[i] = datasync.Broadcast(d.Name, d.Model)
		}
	}
	return datasync.New(datasync.Options{
		TokenTimeout: c.TokenTimeout, MaxBufferedBytes: c.MaxBuffered, MaxBufferedTotal: c.MaxBufferedTotal,
	}, dealers...)
}

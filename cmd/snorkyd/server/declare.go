package server

import (
	"fmt"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/services"
	"github.com/snorky-go/snorky/cmd/snorkyd/config"
)

// declare registers the services of a configuration, each behind both doors.
func declare(b *actors.Broker, pubsubs []config.PubSub) error {
	for _, p := range pubsubs {
		service := services.NewPubSub(policy(p.Publish))
		if err := b.Frontend().Register(p.Name, service); err != nil {
			return fmt.Errorf("service %q: %w", p.Name, err)
		}
		if err := b.Backend().Register(p.Backend, services.NewPubSubBackend(service)); err != nil {
			return fmt.Errorf("service %q: %w", p.Backend, err)
		}
	}
	return nil
}

func policy(p config.Policy) services.Policy {
	switch p {
	case config.Everybody:
		return services.Everybody
	case config.Authenticated:
		return services.Authenticated
	default:
		return services.Nobody
	}
}

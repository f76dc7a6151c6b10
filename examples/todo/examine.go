package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/rs/zerolog"
	"github.com/snorky-go/snorky/backendapi/client"
	"github.com/snorky-go/snorky/examples/internal/tasks"
)

// examine finds out at the start whether Snorky is set up for this program, and says what to do if not. It asks for a
// subscription with every dealer, which nobody acquires.
func examine(ctx context.Context, snorky *client.Client, address string, log zerolog.Logger) {
	_, err := snorky.AuthorizeSubscription(ctx, tasks.Service,
		tasks.View{}.Item(), tasks.View{Open: true}.Item(), tasks.View{Owner: "somebody"}.Item())
	switch {
	case err == nil:
		log.Info().Str("backend", address).Msg("Snorky is there")
	case ctx.Err() == nil:
		log.Warn().Err(err).Str("backend", address).Msg(advice(err))
	}
}

func advice(err error) string {
	if status, ok := errors.AsType[*client.StatusError](err); ok {
		switch status.Status {
		case http.StatusUnauthorized, http.StatusForbidden:
			return "Snorky does not accept the key: it has to be the one in snorkyd's key-file"
		case http.StatusNotFound:
			return "Snorky has no service " + tasks.Service + ": start snorkyd with -config snorkyd.toml of this example"
		}
	}
	if _, ok := errors.AsType[*client.Error](err); ok {
		return "Snorky lacks a dealer: start snorkyd with -config snorkyd.toml of this example"
	}
	return "Snorky cannot be reached; until it can, changes wait for it and pages do not follow them"
}

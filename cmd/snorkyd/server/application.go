package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/services"
	"github.com/snorky-go/snorky/actors/wire"
	"github.com/snorky-go/snorky/backendapi/application"
	"github.com/snorky-go/snorky/cmd/snorkyd/config"
	"github.com/snorky-go/snorky/gateway"
)

func applicationOptions(c config.Config, key string, log zerolog.Logger) application.Options {
	return application.Options{
		URL:        c.ApplicationURL,
		Key:        key,
		Timeout:    c.ApplicationTimeout,
		MaxCalls:   c.ApplicationMaxCalls,
		MaxMessage: c.ReadLimit, // so that all are shown
		Headers:    c.ApplicationHeaders,
		Logger:     log,
	}
}

// openApplication makes the client of the application, if that is to be asked.
func (s *Server) openApplication() (err error) {
	if s.config.ApplicationURL == "" {
		return nil
	}
	if s.application, err = application.New(applicationOptions(s.config, s.Key(), s.log)); err != nil {
		return config.Errorf("%w", err)
	}
	return nil
}

func (s *Server) closeApplication() {
	if s.application != nil {
		s.application.Close()
	}
}

// showKey has the application see another key from now on.
func (s *Server) showKey(key string) {
	if s.application != nil {
		s.application.SetKey(key)
	}
}

// authorizer is nil if there is no application.
func (s *Server) authorizer() services.Authorizer {
	if s.application == nil {
		return nil
	}
	return authorizer{s.application}
}

// authorizer introduces the application to services.
type authorizer struct{ application *application.Client }

// Authorize implements services.Authorizer.
func (a authorizer) Authorize(ctx context.Context, q services.Question) (bool, error) {
	return a.application.Authorize(ctx, application.Question{
		Publish: q.Action == services.Publish, Service: q.Service, Channel: q.Channel, Message: q.Message,
		Identity: q.Client.Identity, Claims: q.Client.Claims,
	})
}

// doorkeeper is who judges handshakes: a token where there is one, else the application; nil if neither does.
func (s *Server) doorkeeper() gateway.Authenticator {
	tokens := s.authenticator()
	if !s.config.ApplicationConnect {
		return tokens
	}
	c := &s.config
	return &doorkeeper{
		tokens: tokens, application: s.application,
		required: c.RequireIdentity && !(c.HasTokens() && c.TakesTokensFrom(config.SourceSession)),
	}
}

type doorkeeper struct {
	tokens      gateway.Authenticator // nil: handshakes have none
	application *application.Client
	required    bool // nobody in particular is refused
}

var errNobody = fmt.Errorf("%w: neither a token nor the application names anybody", wire.ErrNotAuthenticated)

// Authenticate implements gateway.Authenticator.
func (d *doorkeeper) Authenticate(r *http.Request) (actors.Principal, error) {
	p, err := d.judge(r)
	if err == nil && d.required && (len(p.Identity) == 0 || string(p.Identity) == "null") {
		err = errNobody
	}
	return p, err
}

func (d *doorkeeper) judge(r *http.Request) (actors.Principal, error) {
	if d.tokens != nil {
		p, err := d.tokens.Authenticate(r)
		if err != nil || p.Identity != nil || p.Claims != nil {
			return p, err
		}
	}
	admitted, err := d.application.Connect(r)
	if err != nil && !isRefusal(err) {
		err = fmt.Errorf("%w: %w", wire.ErrUnavailable, err)
	}
	return actors.Principal{Identity: admitted.Identity, Claims: admitted.Claims, Expires: admitted.Expires}, err
}

func isRefusal(err error) bool {
	_, is := errors.AsType[*wire.Error](err)
	return is
}

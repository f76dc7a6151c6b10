package server

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/services"
	"github.com/snorky-go/snorky/actors/token"
	"github.com/snorky-go/snorky/actors/wire"
	"github.com/snorky-go/snorky/cmd/snorkyd/config"
	"github.com/snorky-go/snorky/gateway"
)

func tokenOptions(c config.Config, keys token.Keys, log zerolog.Logger) token.Options {
	return token.Options{
		Keys:          keys,
		URL:           c.TokenJWKSURL,
		Refresh:       c.TokenJWKSRefresh,
		Algorithms:    c.TokenAlgorithms,
		Audience:      c.TokenAudience,
		Issuer:        c.TokenIssuer,
		Leeway:        zeroIsNone(c.TokenLeeway),
		IdentityClaim: c.TokenIdentityClaim,
		Unlimited:     c.TokenUnlimited,
		Logger:        log,
	}
}

// tokens are the Verifier of this moment, if there are tokens. The zero value has none.
type tokens struct {
	current atomic.Pointer[token.Verifier]

	mu      sync.Mutex
	closed  bool
	session *services.Session // nil: not registered
}

// Verify is that of the current Verifier. Without one nobody can be judged.
func (t *tokens) Verify(ctx context.Context, text string) (actors.Principal, error) {
	for {
		v := t.current.Load()
		if v == nil {
			return actors.Principal{}, wire.ErrUnavailable
		}
		p, err := v.Verify(ctx, text)
		if errors.Is(err, wire.ErrUnavailable) && t.current.Load() != v && ctx.Err() == nil {
			continue // v has ended meanwhile, which says nothing about the token
		}
		return p, err
	}
}

// replace makes v, which may be nil, the current Verifier and closes the one before.
func (t *tokens) replace(v *token.Verifier) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		closeVerifier(v)
		return
	}
	closeVerifier(t.current.Swap(v))
}

func (t *tokens) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	closeVerifier(t.current.Load())
}

func closeVerifier(v *token.Verifier) {
	if v != nil {
		v.Close()
	}
}

// renewOnly tells whether session.authenticate is for those who have an identity already.
func renewOnly(c config.Config) bool { return !c.TakesTokensFrom(config.SourceSession) }

// openSession registers the service by which clients authenticate, and renew what they have brought with them.
func (s *Server) openSession(c config.Config) error {
	session := services.NewSession(services.SessionOptions{Verify: s.tokens.Verify, RenewOnly: renewOnly(c)})
	if err := s.broker.Frontend().Register(config.SessionService, session); err != nil {
		return config.Errorf("service %q: %w", config.SessionService, err)
	}
	s.tokens.session = session
	return nil
}

func (s *Server) closeSession() {
	if s.tokens.session != nil {
		_ = s.broker.Frontend().Unregister(config.SessionService) // or somebody has done so
		s.tokens.session = nil
	}
}

// authenticator is nil if handshakes have no tokens.
func (s *Server) authenticator(c config.Config) gateway.Authenticator {
	if !c.HasTokens() {
		return nil
	}
	a := &gateway.TokenAuthenticator{
		Verify: s.tokens.Verify, Header: c.TakesTokensFrom(config.SourceHeader),
		Required: c.RequireIdentity && !c.TakesTokensFrom(config.SourceSession) && !c.ApplicationConnect,
	}
	if c.TakesTokensFrom(config.SourceQuery) {
		a.Query = config.QueryParameter
	}
	if c.TakesTokensFrom(config.SourceCookie) {
		a.Cookie = c.TokenCookie
	}
	if a.Query == "" && a.Cookie == "" && !a.Header {
		return nil
	}
	return a
}

// refreshTokenKeys has token-jwks-url read, without waiting for it. It returns false if there is none, or if it was read a
// moment ago. What fails is logged.
func (s *Server) refreshTokenKeys() bool {
	v := s.tokens.current.Load()
	return v != nil && v.Refresh()
}

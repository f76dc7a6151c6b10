package server

import (
	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors/services"
	"github.com/snorky-go/snorky/actors/token"
	"github.com/snorky-go/snorky/cmd/snorkyd/config"
	"github.com/snorky-go/snorky/gateway"
)

// CheckFiles reads the files that a configuration names, as New does, and tells what is wrong with them. Its error is one
// that config.IsError knows.
func CheckFiles(c config.Config) error {
	if c.KeyFile != "" {
		if _, err := config.ReadKeyFile(c.KeyFile); err != nil {
			return err
		}
	}
	for _, files := range []config.TLSFiles{c.FrontendTLS(), c.BackendTLS()} {
		if files.Cert != "" {
			if _, err := files.Read(); err != nil {
				return err
			}
		}
	}
	if !c.HasTokens() {
		return nil
	}
	o, err := tokenOptions(c, zerolog.Nop())
	if err == nil {
		err = o.Check()
	}
	return c.TokenFault(err)
}

func tokenOptions(c config.Config, log zerolog.Logger) (token.Options, error) {
	keys, err := c.ReadTokenKeys()
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
	}, err
}

// openTokens makes the verifier, if there are tokens.
func (s *Server) openTokens() error {
	if !s.config.HasTokens() {
		return nil
	}
	o, err := tokenOptions(s.config, s.log)
	if err == nil {
		s.tokens, err = token.New(o)
	}
	return s.config.TokenFault(err)
}

func (s *Server) closeTokens() {
	if s.tokens != nil {
		s.tokens.Close()
	}
}

// declareSession registers the service by which clients authenticate, and renew what they have brought with them.
func (s *Server) declareSession() error {
	if s.tokens == nil {
		return nil
	}
	return s.broker.Frontend().Register(config.SessionService, services.NewSession(services.SessionOptions{
		Verify: s.tokens.Verify, RenewOnly: !s.config.TakesTokensFrom(config.SourceSession),
	}))
}

// authenticator is nil if handshakes have no tokens.
func (s *Server) authenticator() gateway.Authenticator {
	if s.tokens == nil {
		return nil
	}
	c := &s.config
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

// RefreshTokenKeys has token-jwks-url read, without waiting for it. It returns false if there is none, or if it was read a
// moment ago. What fails is logged.
func (s *Server) RefreshTokenKeys() bool { return s.tokens != nil && s.tokens.Refresh() }

// ReloadTokenKeys reads the files with the keys of tokens again. Tokens that were verified before are not touched. If a
// file cannot be used everything stays as it was. It returns false if there are no such files.
func (s *Server) ReloadTokenKeys() (bool, error) {
	c := &s.config
	if c.TokenSecretFile == "" && c.TokenKeyFile == "" && c.TokenJWKSFile == "" {
		return false, nil
	}
	keys, err := c.ReadTokenKeys()
	if err == nil {
		err = s.tokens.SetKeys(keys)
	}
	return true, c.TokenFault(err)
}

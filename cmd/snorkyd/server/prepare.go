package server

import (
	"reflect"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors/services"
	"github.com/snorky-go/snorky/actors/token"
	"github.com/snorky-go/snorky/backendapi/application"
	"github.com/snorky-go/snorky/cmd/snorkyd/config"
)

// prepared is what a configuration comes to when its files are read. Whatever can be wrong with it has been found.
type prepared struct {
	config config.Config
	keys   [][]byte
	access map[string]*services.Access // by the name of the service

	verifier    *token.Verifier // nil: there are no tokens, or the Verifier stays
	tokenKeys   func()          // gives the Verifier that stays its keys; nil: none stays
	application *application.Client

	newApplication bool // instead of the one there is

	certificates func() // has new connections get the certificates that were read
}

// discard ends what was begun in vain.
func (p *prepared) discard() {
	closeVerifier(p.verifier)
	if p.application != nil {
		p.application.Close()
	}
}

// prepare reads the files of c, of which Validate has nothing to say, and changes nothing. What is in force is nil at the
// start. An error is one that config.IsError knows.
func (s *Server) prepare(c config.Config, inForce *config.Config) (p *prepared, err error) {
	p = &prepared{config: c}
	if p.keys, err = s.keys.read(c.KeyFile); err != nil {
		return nil, err
	}
	if p.certificates, err = s.certificates.load(); err != nil {
		return nil, err
	}
	if p.access, err = compile(c); err != nil {
		return nil, err
	}
	if err := s.prepareTokens(p, inForce); err != nil {
		return nil, err
	}
	if err := s.prepareApplication(p, inForce); err != nil {
		p.discard()
		return nil, err
	}
	return p, nil
}

// compile makes the rules of all services ready for use.
func compile(c config.Config) (map[string]*services.Access, error) {
	all := map[string]*services.Access{}
	for _, p := range c.PubSub {
		access, err := p.Access()
		if err != nil {
			return nil, config.Errorf("service %q: %w", p.Name, err)
		}
		all[p.Name] = access
	}
	return all, nil
}

// prepareTokens makes a Verifier, or gives the one there is other keys if these are all that may be new.
func (s *Server) prepareTokens(p *prepared, inForce *config.Config) error {
	c := p.config
	if !c.HasTokens() {
		return nil
	}
	keys, err := c.ReadTokenKeys()
	if err != nil {
		return c.TokenFault(err)
	}
	current := s.tokens.current.Load()
	if current != nil && reflect.DeepEqual(tokenOptions(c, token.Keys{}, zerolog.Nop()), tokenOptions(*inForce, token.Keys{}, zerolog.Nop())) {
		p.tokenKeys, err = current.PrepareKeys(keys)
	} else {
		p.verifier, err = current.Successor(tokenOptions(c, keys, s.log))
	}
	return c.TokenFault(err)
}

func (s *Server) prepareApplication(p *prepared, inForce *config.Config) (err error) {
	same := func(c config.Config) application.Options { return applicationOptions(c, "", zerolog.Nop()) }
	if inForce != nil && reflect.DeepEqual(same(p.config), same(*inForce)) {
		return nil
	}
	p.newApplication = true
	p.application, err = newApplication(p.config, string(p.keys[0]), s.log)
	return err
}

// CheckFiles makes of a configuration what New would, without starting anything of it, and tells what is wrong. Its error
// is one that config.IsError knows.
func CheckFiles(c config.Config) error {
	if _, err := new(keys).read(c.KeyFile); err != nil {
		return err
	}
	for _, files := range []config.TLSFiles{c.FrontendTLS(), c.BackendTLS()} {
		if files.Cert != "" {
			if _, err := files.Read(); err != nil {
				return err
			}
		}
	}
	if _, err := compile(c); err != nil {
		return err
	}
	if c.HasTokens() {
		keys, err := c.ReadTokenKeys()
		if err == nil {
			err = tokenOptions(c, keys, zerolog.Nop()).Check()
		}
		if err != nil {
			return c.TokenFault(err)
		}
	}
	asked, err := newApplication(c, "", zerolog.Nop())
	if asked != nil {
		asked.Close()
	}
	return err
}

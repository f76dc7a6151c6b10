package server

import (
	"slices"

	"github.com/snorky-go/snorky/cmd/snorkyd/config"
)

// Reloaded says what a Reload has changed. There is nothing in it that is secret.
type Reloaded struct {
	Changed []string // settings and services
	Restart []string // what would have changed with a restart, each with what stays in force
	Keys    int      // how many keys of the backend a file has; 0: there is no file
}

// Config is what is in force at the moment: what the server was made of, and what Reload has changed since.
func (s *Server) Config() Config { return *s.inForce.Load() }

// Reload puts another configuration into force, as far as that is possible without a restart, and reads the files that it
// names, also if their names have not changed. First everything is checked; after an error, which is one that
// config.IsError knows unless the server does not run, nothing has changed. Then everything changes within a moment, and
// nothing can fail any more.
//
// Nobody is disconnected, and nobody loses a subscription: limits, rules and origins are for what is asked for from now
// on, and each request sees the one rules or the other. Where everybody needs an identity from now on, those who have none
// get Config.AuthTimeout for it.
func (s *Server) Reload(next Config) (Reloaded, error) {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	if !s.isRunning() {
		return Reloaded{}, ErrState
	}
	if err := next.Validate(); err != nil {
		return Reloaded{}, err
	}
	before := s.Config()
	change, err := before.ChangeTo(next)
	if err != nil {
		return Reloaded{}, err
	}
	p, err := s.prepare(change.InForce, &before)
	if err != nil {
		return Reloaded{}, err
	}
	apply, err := s.calls.PrepareOptions(backendOptions(p.config, p.keys, s.log))
	if err == nil {
		err = s.begin(p, before)
	}
	if err != nil {
		p.discard()
		return Reloaded{}, config.Errorf("%w", err)
	}
	apply()
	s.apply(p)
	s.reloads.wait(len(change.Restart))
	done := Reloaded{Changed: change.Live, Restart: change.Restart}
	if p.config.KeyFile != "" {
		done.Keys = len(p.keys)
	}
	return done, nil
}

func (s *Server) isRunning() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state == running
}

// begin makes the changes that could still fail, since a program may have services of its own, and takes them back if
// they do: it offers the service for tokens if there are to be any, and changes the rules of all services at one moment.
func (s *Server) begin(p *prepared, before config.Config) error {
	opened := p.config.HasTokens() && s.tokens.session == nil
	if opened {
		if err := s.openSession(p.config); err != nil {
			return err
		}
	}
	if p.application != nil && before.ApplicationURL == "" {
		s.applications.replace(p.application) // there may be rules to ask it in a moment
	}
	if err := s.changeRules(p); err != nil {
		if opened {
			s.closeSession()
		}
		if p.application != nil && before.ApplicationURL == "" {
			s.applications.replace(nil)
		}
		return err
	}
	return nil
}

// changeRules leaves out services that the program has taken away, or put others in their place.
func (s *Server) changeRules(p *prepared) error {
	var names []string
	there := s.broker.Frontend().Names()
	for name, access := range p.access {
		if !slices.Contains(there, name) {
			continue
		}
		if err := s.pubsub[name].SetAccess(access, &s.applications); err != nil {
			return err
		}
		names = append(names, name)
	}
	return s.broker.Frontend().Renew(names...)
}

// apply puts the rest into force. Nothing in it can fail. Who adds a setting that may change adds a line here, or a field
// to what a package gets as its options.
//
// What is needed by others comes before them, and goes after them.
func (s *Server) apply(p *prepared) {
	c := p.config
	p.certificates()
	if p.tokenKeys != nil {
		p.tokenKeys()
	}
	if p.verifier != nil {
		s.tokens.replace(p.verifier)
	}
	if p.newApplication && p.application != nil {
		s.applications.replace(p.application)
	}
	s.keys.set(c.KeyFile, p.keys)
	s.applications.show(s.Key())
	s.back.SetWriteTimeout(backendServerOptions(c, s.log).WriteTimeout)
	s.broker.SetOptions(brokerOptions(c, s.log))
	s.ws.SetOptions(s.doorOptions(c))
	s.SetLimits(c)
	if session := s.tokens.session; session != nil {
		session.SetRenewOnly(renewOnly(c))
	}
	s.inForce.Store(&c)

	if p.application == nil && p.newApplication {
		s.applications.replace(nil)
	}
	if !c.HasTokens() {
		s.closeSession()
		s.tokens.replace(nil)
	}
	s.refreshTokenKeys()
	for _, f := range s.onReload {
		f(c)
	}
}

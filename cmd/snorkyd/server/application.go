package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

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

// newApplication makes the client of the application, or nil if that is not to be asked.
func newApplication(c config.Config, key string, log zerolog.Logger) (*application.Client, error) {
	if c.ApplicationURL == "" {
		return nil, nil
	}
	client, err := application.New(applicationOptions(c, key, log))
	if err != nil {
		return nil, config.Errorf("%w", err)
	}
	return client, nil
}

var errNoApplication = errors.New("there is no application to ask")

// applications are the client of this moment, if there is one, and those of before, as long as they have questions. The zero
// value has none.
type applications struct {
	mu      sync.Mutex
	closed  bool
	current *application.Client
	past    application.Stats                // of those that have ended
	old     map[*application.Client]struct{} // those before that have not, whose counts are not in past yet
	asking  map[*application.Client]int      // how many questions are under way
}

// ask gives f the client of this moment, which lives until f returns. The error is that of f, or errNoApplication.
func (a *applications) ask(f func(*application.Client) error) error {
	a.mu.Lock()
	c := a.current
	if c == nil {
		a.mu.Unlock()
		return errNoApplication
	}
	if a.asking == nil {
		a.asking = map[*application.Client]int{}
	}
	a.asking[c]++
	a.mu.Unlock()
	defer a.asked(c)
	return f(c)
}

func (a *applications) asked(c *application.Client) {
	a.mu.Lock()
	a.asking[c]--
	last := a.asking[c] == 0
	if last {
		delete(a.asking, c)
	}
	over := last && c != a.current
	a.mu.Unlock()
	if over {
		a.end(c)
	}
}

// replace makes c, which may be nil, the client from now on. Questions under way are still answered by the one before.
func (a *applications) replace(c *application.Client) {
	a.mu.Lock()
	before := a.current
	if before == c {
		a.mu.Unlock()
		return
	}
	if a.closed {
		before = c
	} else {
		a.current = c
	}
	if before != nil {
		if a.old == nil {
			a.old = map[*application.Client]struct{}{}
		}
		a.old[before] = struct{}{}
	}
	over := before != nil && a.asking[before] == 0
	a.mu.Unlock()
	if over {
		a.end(before)
	}
}

// end closes a client that has no questions any more.
func (a *applications) end(c *application.Client) {
	c.Close()
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.old, c)
	counted := c.Stats()
	a.past.Allowed += counted.Allowed
	a.past.Denied += counted.Denied
	a.past.Failed += counted.Failed
}

// stats are those of all clients. The counts never go back: each client is in the sum from its first question on.
func (a *applications) stats() application.Stats {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := a.past
	add := func(c *application.Client) {
		now := c.Stats()
		all.Allowed += now.Allowed
		all.Denied += now.Denied
		all.Failed += now.Failed
		all.UnderWay += now.UnderWay
		all.Waiting += now.Waiting
	}
	if a.current != nil {
		add(a.current)
	}
	for c := range a.old {
		add(c)
	}
	return all
}

// close ends the questions, too.
func (a *applications) close() {
	a.mu.Lock()
	a.closed = true
	all := []*application.Client{a.current}
	for c := range a.asking {
		all = append(all, c)
	}
	a.mu.Unlock()
	for _, c := range all {
		if c != nil {
			c.Close()
		}
	}
}

// show has the application see another key from now on.
func (a *applications) show(key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.current != nil {
		a.current.SetKey(key)
	}
}

// Authorize implements services.Authorizer: it introduces the application to services.
func (a *applications) Authorize(ctx context.Context, q services.Question) (allow bool, err error) {
	err = a.ask(func(c *application.Client) (err error) {
		allow, err = c.Authorize(ctx, application.Question{
			Publish: q.Action == services.Publish, Service: q.Service, Channel: q.Channel, Message: q.Message,
			Identity: q.Client.Identity, Claims: q.Client.Claims,
		})
		return err
	})
	return allow, err
}

// doorkeeper is who judges handshakes: a token where there is one, else the application; nil if neither does.
func (s *Server) doorkeeper(c config.Config) gateway.Authenticator {
	tokens := s.authenticator(c)
	if !c.ApplicationConnect {
		return tokens
	}
	return &doorkeeper{
		tokens: tokens, applications: &s.applications,
		required: c.RequireIdentity && !(c.HasTokens() && c.TakesTokensFrom(config.SourceSession)),
	}
}

type doorkeeper struct {
	tokens       gateway.Authenticator // nil: handshakes have none
	applications *applications
	required     bool // nobody in particular is refused
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
	var admitted application.Admission
	err := d.applications.ask(func(c *application.Client) (err error) {
		admitted, err = c.Connect(r)
		return err
	})
	if err != nil && !isRefusal(err) {
		err = fmt.Errorf("%w: %w", wire.ErrUnavailable, err)
	}
	return actors.Principal{Identity: admitted.Identity, Claims: admitted.Claims, Expires: admitted.Expires}, err
}

func isRefusal(err error) bool {
	_, is := errors.AsType[*wire.Error](err)
	return is
}

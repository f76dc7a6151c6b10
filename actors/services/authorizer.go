package services

import (
	"context"
	"encoding/json"
	"errors"
	"runtime/debug"
	"sync"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// Authorizer decides for the application where the rules say so. It is safe for concurrent use.
type Authorizer interface {
	// Authorize tells whether a client may do what it asks for. It may block until ctx ends, which is when the service
	// does; only the client waits for it. It should not take as long as actors.Options.CallTimeout.
	//
	// An error says that there is no answer. Then the client gets wire.ErrAuthorizationUnavailable, and why is for the
	// Authorizer to log.
	Authorize(ctx context.Context, q Question) (allow bool, err error)
}

// Question is what an Authorizer is asked. Its JSON values may be kept, but not changed.
type Question struct {
	Action  Action
	Service string          // the name of the service
	Channel json.RawMessage // a JSON value
	Message json.RawMessage // of a publication, a JSON value; else nil
	Client  actors.Principal
}

var errNoAuthorizer = errors.New("there are rules to ask the application, and no application")

// questions are those to Authorizers that are under way.
type questions struct {
	context  *actors.ServiceContext
	ctx      context.Context // ends with the service
	cancel   context.CancelFunc
	underWay sync.WaitGroup
}

func (q *questions) start(c *actors.ServiceContext) {
	q.context = c
	q.ctx, q.cancel = context.WithCancel(context.Background())
}

// stop ends the questions. It runs in the actor of the service, as ask does.
func (q *questions) stop() {
	q.cancel()
	q.underWay.Wait()
}

// ask has the call answered later: with what granted returns if the application allows it, which runs on a goroutine of
// the question.
func (q *questions) ask(application Authorizer, call *actors.Call, about Question, granted func() error) {
	about.Service, about.Client = q.context.Name(), call.Principal()
	answer := call.Later()
	q.underWay.Go(func() {
		err := q.verdict(application, about)
		if err == nil {
			err = granted()
		}
		if err != nil {
			answer.Fail(err)
			return
		}
		answer.Respond(nil)
	})
}

// verdict is nil if the application allows it.
func (q *questions) verdict(application Authorizer, about Question) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			q.context.Logger().Error().Interface("panic", reason).Bytes("stack", debug.Stack()).Msg("panic in Authorize")
			err = wire.ErrAuthorizationUnavailable
		}
	}()
	allow, err := application.Authorize(q.ctx, about)
	switch {
	case err != nil:
		return wire.ErrAuthorizationUnavailable
	case !allow:
		return wire.ErrNotAuthorized
	}
	return nil
}

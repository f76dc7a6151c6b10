package actors

import (
	"bytes"
	"encoding/json"

	"github.com/snorky-go/snorky/actors/wire"
)

// Service is what a registry offers under a name. A service has an actor to itself: its commands and the methods of the
// optional interfaces below run one at a time, so its fields need no mutex. They may take their time: other services
// and the callers' connections go on meanwhile.
//
// A panic in a command is wire.ErrInternal for its caller and a line in the log; the service goes on with the fields as
// they are.
type Service interface {
	// Commands returns what the service can do. It is called before Start, and again by each Registry.Renew. A service that
	// takes messages of its own form instead (see Receiver) returns nil.
	Commands() Commands
}

// Starter is a Service that wants to prepare. Start is called once, in the actor of the service, before anything
// else; an error makes Register fail.
type Starter interface {
	Start(*ServiceContext) error
}

// Stopper is a Service that wants to clean up. Stop is called once, in the actor of the service, after everything
// else.
type Stopper interface {
	Stop()
}

// ConnectListener is a Service of the frontend that wants to know who comes. Connected is called in the actor of the
// service, for each connection before its first request, and at Start for those that are there.
type ConnectListener interface {
	Connected(Peer)
}

// DisconnectListener is a Service of the frontend that wants to know who goes. Disconnected is called in the actor of
// the service, for each connection after its last request. What the service sends to that peer goes nowhere.
type DisconnectListener interface {
	Disconnected(Peer)
}

// Receiver is a Service of the frontend that is not called by RPC: it gets the content of each packet as it came
// (PROTOCOL.md section 2). Receive is called in the actor of the service.
type Receiver interface {
	Receive(from Peer, message json.RawMessage)
}

// Companion is a Service that works on the state of another one, such as the backend's side of a service for browsers.
// Its commands run in the actor of that other service, which has to be registered before.
type Companion interface {
	Service
	CompanionOf() Service
}

// Commands are the commands of a Service by their names, which are case-sensitive.
type Commands map[string]Handler

// Handler is one command: made by Command or Direct.
type Handler struct {
	direct    bool
	publishes bool
	run       func(*Call) (data []byte, err error)
	fault     error // what is wrong with the parameter type
}

// Publishing marks a command whose calls others get to see, as a rule: a message, a move of a cursor. Options.Limits has a
// limit of its own for clients that call such commands. What goes to the caller only, or changes nothing, is not marked.
func (h Handler) Publishing() Handler {
	h.publishes = true
	return h
}

// NoParams is the parameter type of commands without parameters.
type NoParams struct{}

// Command makes a command of a function. P is a struct; its fields with a tag `json:"name"` are the parameters, those
// with `json:"name,omitempty"` may be left out by the caller. Calls with missing, surplus or wrong parameters are
// answered with wire.ErrInvalidParams and never reach f. A pointer to P may have a method SetDefaults, which is called
// before the parameters are filled in.
//
// f runs in the actor of the service. Its result is marshalled to JSON; a json.RawMessage is passed on as it is. A
// *wire.Error is shown to the caller, any other error becomes wire.ErrInternal and a line in the log.
func Command[P, R any](f func(*Call, P) (R, error)) Handler {
	return Handler{
		run:   func(c *Call) ([]byte, error) { return runTyped(c, f) },
		fault: wire.CheckParams(new(P)),
	}
}

// Direct makes a command that does not use the state of its service: it runs at once where the call came in, many at a
// time. For clients that is an event loop, so f may not block, or all clients of that loop wait. In return a call costs
// no detour. Parameters of type json.RawMessage are valid until f returns.
func Direct[P, R any](f func(*Call, P) (R, error)) Handler {
	h := Command(f)
	h.direct = true
	return h
}

// Defaulter is implemented by pointers to parameter types that have defaults.
type Defaulter interface {
	SetDefaults()
}

func runTyped[P, R any](c *Call, f func(*Call, P) (R, error)) ([]byte, error) {
	var p P
	if d, ok := any(&p).(Defaulter); ok {
		d.SetDefaults()
	}
	if err := wire.DecodeParams(c.params, &p); err != nil {
		return nil, err
	}
	result, err := f(c, p)
	if err != nil {
		return nil, err
	}
	return encode(result)
}

// null is the answer of commands without a result.
var null = []byte("null")

// encode makes JSON of what a service answers or sends.
func encode(v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return null, nil
	case json.RawMessage:
		if len(v) == 0 {
			return null, nil
		}
		return v, nil
	}
	// Not json.Marshal, which makes six characters of each of <, > and & for the sake of HTML.
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

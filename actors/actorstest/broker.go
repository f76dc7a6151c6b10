package actorstest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// patience is how long an answer is waited for, in the time of the bubble. It is longer than any sensible
// actors.Options.CallTimeout.
const patience = 10 * time.Minute

// Broker is a broker in the bubble of a test. Its methods, and those of all that it gives, are for the goroutine that Run
// has called the test on. What they find wrong fails the test at the line of their caller.
type Broker struct {
	// Broker is the real one, for what has no shorthand here.
	*actors.Broker

	t       testing.TB
	clients []*Client
	scene   string // what failures begin with
	now     string // what was done last
}

// Run calls test in a bubble of testing/synctest, with a broker of the given options, and shuts the broker down after it.
// In the bubble time stands still, except in Broker.Advance and while something waits for an answer; there it jumps to
// whatever comes next.
//
// Some options have other defaults here: there are two event loops, sockets are always served the portable way, and
// warnings and errors are lines in the log of the test. What clients have not heard at the end is no failure, unless
// Broker.Quiet makes it one.
func Run(t *testing.T, options actors.Options, test func(*testing.T, *Broker)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		t.Helper()
		b := newBroker(t, options)
		defer b.end()
		test(t, b)
	})
}

func newBroker(t testing.TB, o actors.Options) *Broker {
	t.Helper()
	o.Portable = true
	if o.Loops == 0 {
		o.Loops = 2
	}
	if reflect.ValueOf(o.Logger).IsZero() {
		o.Logger = zerolog.New(logOf(t)).Level(zerolog.WarnLevel)
	}
	broker, err := actors.NewBroker(o)
	if err != nil {
		t.Fatalf("starting a broker: %v", err)
	}
	return &Broker{Broker: broker, t: t, now: "at the start"}
}

// logOf writes lines for people into the log of a test, with the stack of a panic as it is.
func logOf(t testing.TB) io.Writer {
	const stack = "stack"
	return zerolog.ConsoleWriter{
		Out: zerolog.NewTestWriter(t), NoColor: true,
		PartsExclude: []string{zerolog.TimestampFieldName}, FieldsExclude: []string{stack},
		FormatExtra: func(fields map[string]any, line *bytes.Buffer) error {
			if text, ok := fields[stack].(string); ok {
				line.WriteString("\n" + text)
			}
			return nil
		},
	}
}

// end lets all clients go and waits for all that the broker has started.
func (b *Broker) end() {
	b.t.Helper()
	for _, c := range b.clients {
		c.conn.hangUp()
	}
	b.Stop()
}

// Stop shuts the broker down while the test goes on, to see what comes of that: all clients are disconnected, then the
// services stop.
func (b *Broker) Stop() {
	b.t.Helper()
	b.doing("the broker stops")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := b.Shutdown(ctx, 0); err != nil && !errors.Is(err, actors.ErrStopped) {
		b.t.Errorf("the broker does not stop; a service may not return: %v", err)
	}
}

// Frontend registers a service for clients.
func (b *Broker) Frontend(name string, service actors.Service) {
	b.t.Helper()
	if err := b.Broker.Frontend().Register(name, service); err != nil {
		b.t.Fatalf("registering %s for clients: %v", name, err)
	}
}

// Backend registers a service for backends.
func (b *Broker) Backend(name string, service actors.Service) {
	b.t.Helper()
	if err := b.Broker.Backend().Register(name, service); err != nil {
		b.t.Fatalf("registering %s for backends: %v", name, err)
	}
}

// Call calls a service of the backend registry, as a backend does over HTTP, and waits for the answer and for whatever
// else comes of it. See Client.Call.
func (b *Broker) Call(service, command string, params any) Answer {
	b.t.Helper()
	return b.Start(service, command, params).Answer()
}

// Start begins a call of the backend and does not wait for the answer. Calls of a backend are not kept in order: they
// are like those of several.
func (b *Broker) Start(service, command string, params any) *Pending {
	b.t.Helper()
	p := b.pending("the backend", service, command, b.params(params))
	b.known(b.Broker.Backend(), service, p.what)
	go func() {
		content, err := b.Broker.Call(context.Background(), service, p.request)
		p.arrive(content, err)
	}()
	return p
}

// pending prepares a call.
func (b *Broker) pending(who, service, command string, params json.RawMessage) *Pending {
	b.t.Helper()
	request, err := json.Marshal(struct {
		Command string          `json:"command"`
		Params  json.RawMessage `json:"params"`
	}{command, params})
	if err != nil {
		b.t.Fatalf("%s calls %s.%s: %v", who, service, command, err)
	}
	b.doing(who + " calls " + service + "." + command + " " + clip(params))
	return &Pending{b: b, what: b.now, request: request, arrived: make(chan struct{})}
}

// doing notes what is done, for the failures that come of it.
func (b *Broker) doing(what string) { b.now = b.scene + what }

// known fails the test if there is no such service, since nobody would ever answer.
func (b *Broker) known(r *actors.Registry, service, what string) {
	b.t.Helper()
	if names := r.Names(); !slices.Contains(names, service) {
		b.t.Fatalf("%s\nbut there is no such service, only %q", what, names)
	}
}

// Wait returns when nothing goes on any more but what waits for time to pass. There is seldom a reason to call it:
// whatever asks what has come of something waits by itself.
func (b *Broker) Wait() { synctest.Wait() }

// Advance lets time pass, with all that comes of it.
func (b *Broker) Advance(d time.Duration) {
	b.doing(d.String() + " pass")
	<-time.After(d)
	b.Wait()
}

// Quiet fails the test if any client has something unheard.
func (b *Broker) Quiet() {
	b.t.Helper()
	for _, c := range b.clients {
		c.Quiet()
	}
}

// identityService is where Client.Identify goes to.
const identityService = "actorstest"

type identifier struct{}

func (identifier) Commands() actors.Commands {
	return actors.Commands{"identify": actors.Direct(func(c *actors.Call, p struct {
		Identity json.RawMessage `json:"identity"`
	},
	) (any, error) {
		if string(p.Identity) == "null" {
			p.Identity = nil
		}
		c.SetIdentity(p.Identity)
		return nil, nil
	})}
}

// params makes JSON of the parameters of a call, of which there are none by default.
func (b *Broker) params(v any) json.RawMessage {
	b.t.Helper()
	if v == nil {
		return json.RawMessage("{}")
	}
	return b.json(v)
}

// json makes JSON of what a test has given.
func (b *Broker) json(v any) json.RawMessage {
	b.t.Helper()
	text, err := encode(v)
	if err == nil {
		err = wire.Valid(text)
	}
	if err != nil {
		b.t.Fatalf("the test gives what is no JSON: %v: %s", err, clip(text))
	}
	return text
}

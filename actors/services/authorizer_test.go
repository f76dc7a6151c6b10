package services_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/actorstest"
	"github.com/snorky-go/snorky/actors/services"
)

// application is an Authorizer that says what is to be said about each channel. Asked about one that ends in "later" it
// waits until somebody lets it go on. It is made in the bubble in which it is asked.
type application struct {
	mu     sync.Mutex
	asked  []string
	goOn   chan struct{}
	ended  chan struct{} // closed when a question was ended by the service
	ending sync.Once
}

func newApplication() *application {
	return &application{goOn: make(chan struct{}), ended: make(chan struct{})}
}

func (a *application) Authorize(ctx context.Context, q services.Question) (bool, error) {
	a.mu.Lock()
	a.asked = append(a.asked, fmt.Sprintf("%s %s %s %s %s", q.Action, q.Service, q.Channel, q.Client.Identity, q.Message))
	a.mu.Unlock()
	channel := string(q.Channel)
	if strings.HasSuffix(channel, `later"`) {
		select {
		case <-a.goOn:
		case <-ctx.Done():
			a.ending.Do(func() { close(a.ended) })
			return true, context.Cause(ctx)
		}
	}
	switch {
	case strings.HasPrefix(channel, `"yes`):
		return true, nil
	case strings.HasPrefix(channel, `"no`):
		return false, nil
	case strings.HasPrefix(channel, `"panic`):
		panic("asked too much")
	}
	return true, errors.New("the line is dead")
}

func (a *application) heard(t *testing.T, want ...string) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	if got := strings.Join(a.asked, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("asked\n%s, not\n%s", got, strings.Join(want, "\n"))
	}
}

func asking(t *testing.T, app services.Authorizer) *services.PubSub {
	return services.NewPubSubWithAccess(access(t, services.AccessRules{
		Subscribe: "application", Publish: "application",
		Channels: []services.ChannelRules{{Pattern: "open", Subscribe: "everybody", Publish: "everybody"}, {Pattern: "shut", Subscribe: "nobody", Publish: "nobody"}},
	}), app)
}

const unavailable = "!Authorization unavailable"

func TestApplicationDecides(t *testing.T) {
	var app *application
	actorstest.Play(t, func(t *testing.T, b *actorstest.Broker) {
		app = newApplication()
		p := asking(t, app)
		b.Frontend("p", p)
		b.Backend("b", services.NewPubSubBackend(p))
	},
		step{Who: "a", Call: "p.subscribe", Params: `{"channel":"yes"}`, Want: "null"},
		step{Who: "a", Call: "p.subscribe", Params: `{"channel":"yes"}`, Want: "!Already subscribed"},
		step{Who: "a", Call: "p.subscribe", Params: `{"channel":"no"}`, Want: "!Not authorized"},
		step{Who: "a", Call: "p.subscribe", Params: `{"channel":"dead"}`, Want: unavailable},
		step{Who: "a", Call: "p.subscribe", Params: `{"channel":"panic"}`, Want: unavailable},
		step{Who: "a", Call: "p.subscribe", Params: `{"channel":{"n":1}}`, Want: unavailable},
		step{Who: "a", Call: "p.subscribe", Params: `{"channel":"open"}`, Want: "null"},
		step{Who: "a", Call: "p.subscribe", Params: `{"channel":"shut"}`, Want: "!Not authorized"},
		as("a", `"ann"`),
		step{
			Who: "a", Call: "p.publish", Params: `{"channel":"yes","message":{"n":1}}`, Want: "null",
			Hear: heard{"a": {news(`"yes"`, `{"n":1}`)}},
		},
		step{Who: "a", Call: "p.publish", Params: `{"channel":"no","message":1}`, Want: "!Not authorized"},
		step{Who: "a", Call: "p.publish", Params: `{"channel":"dead","message":1}`, Want: unavailable},
		step{Who: "a", Call: "p.publish", Params: `{"channel":"panic","message":1}`, Want: unavailable},
		step{Who: "a", Call: "p.publish", Params: `{"channel":"shut","message":1}`, Want: "!Not authorized"},
		step{Who: "a", Call: "p.publish", Params: `{"channel":"open","message":2}`, Want: "null", Hear: heard{"a": {news(`"open"`, "2")}}},
		step{Who: "backend", Call: "b.publish", Params: `{"channel":"yes","message":3}`, Want: "null", Hear: heard{"a": {news(`"yes"`, "3")}}},
		step{Who: "backend", Call: "b.subscribers", Params: `{"channel":"no"}`, Want: "0"},
		step{Who: "backend", Call: "b.subscribers", Params: `{"channel":"dead"}`, Want: "0"},
		step{Who: "a", Call: "p.unsubscribe", Params: `{"channel":"yes"}`, Want: "null"},
		step{Who: "a", Call: "p.publish", Params: `{"channel":"yes","message":4}`, Want: "null"},
	)
	app.heard(t,
		`subscribe p "yes"  `, `subscribe p "yes"  `, `subscribe p "no"  `, `subscribe p "dead"  `, `subscribe p "panic"  `,
		`subscribe p {"n":1}  `, `publish p "yes" "ann" {"n":1}`, `publish p "no" "ann" 1`, `publish p "dead" "ann" 1`,
		`publish p "panic" "ann" 1`, `publish p "yes" "ann" 4`)
}

// with runs a test with an application, a PubSub p that asks it, and its side b for the backend.
func with(t *testing.T, test func(*testing.T, *actorstest.Broker, *application)) {
	t.Helper()
	actorstest.Run(t, actors.Options{}, func(t *testing.T, b *actorstest.Broker) {
		app := newApplication()
		p := asking(t, app)
		b.Frontend("p", p)
		b.Backend("b", services.NewPubSubBackend(p))
		test(t, b, app)
		b.Quiet()
	})
}

func to(channel string) map[string]any { return map[string]any{"channel": channel} }

func publication(channel string, message any) map[string]any {
	return map[string]any{"channel": channel, "message": message}
}

// Only who asks waits for the application, and keeps the order of what it asks for.
func TestOthersGoOnWhileTheApplicationThinks(t *testing.T) {
	with(t, func(_ *testing.T, b *actorstest.Broker, app *application) {
		ann, bob, eve := b.Client("ann"), b.Client("bob"), b.Client("eve")
		joining := bob.Start("p", "subscribe", to("yes later"))
		b.Call("b", "subscribers", to("yes later")).Want(0)
		app.goOn <- struct{}{}
		joining.Answer().Want(nil)
		b.Call("b", "subscribers", to("yes later")).Want(1)
		bob.Call("p", "subscribe", to("yes")).Want(nil)

		slow := ann.Start("p", "publish", publication("yes later", 1))
		next := ann.Start("p", "publish", publication("yes", 2)) // waits for its turn
		bob.Call("p", "publish", publication("yes", 3)).Want(nil)
		bob.Next().Want("p", actorstest.JSON(news(`"yes"`, "3")))
		b.Call("b", "publish", publication("yes later", 4)).Want(nil)
		bob.Next().Want("p", actorstest.JSON(news(`"yes later"`, "4")))
		eve.Call("p", "subscribe", to("open")).Want(nil)
		bob.Quiet()

		app.goOn <- struct{}{}
		slow.Answer().Want(nil)
		next.Answer().Want(nil)
		ann.WantOrder(slow.Answer(), next.Answer())
		bob.Next().Want("p", actorstest.JSON(news(`"yes later"`, "1")))
		bob.Next().Want("p", actorstest.JSON(news(`"yes"`, "2")))
	})
}

// Who leaves while the application thinks is not subscribed afterwards.
func TestClientThatLeavesWhileTheApplicationThinks(t *testing.T) {
	with(t, func(t *testing.T, b *actorstest.Broker, app *application) {
		ann := b.Client("ann")
		ann.Start("p", "subscribe", to("yes later"))
		b.Wait()
		ann.Close()
		app.goOn <- struct{}{}
		b.Wait()
		b.Call("b", "subscribers", to("yes later")).Want(0)
		if n := b.Stats().Connections; n != 0 {
			t.Errorf("%d connections are left", n)
		}
	})
}

// The end of the service ends its questions, and waits for them.
func TestEndWithQuestionsUnderWay(t *testing.T) {
	with(t, func(t *testing.T, b *actorstest.Broker, app *application) {
		ann := b.Client("ann")
		asking := ann.Start("p", "publish", publication("yes later", 1))
		b.Wait()
		if err := b.Broker.Frontend().Unregister("p"); err != nil {
			t.Error(err)
		}
		select {
		case <-app.ended:
		default:
			t.Error("the service has ended, and its question has not")
		}
		asking.Answer().WantError("Authorization unavailable")
	})
}

// A service that would have to ask nobody does not start.
func TestRulesWithoutTheApplicationTheyName(t *testing.T) {
	actorstest.Run(t, actors.Options{}, func(t *testing.T, b *actorstest.Broker) {
		err := b.Broker.Frontend().Register("p", asking(t, nil))
		if err == nil || !strings.Contains(err.Error(), "no application") {
			t.Errorf("registered: %v", err)
		}
		b.Frontend("q", services.NewPubSubWithAccess(access(t, services.AccessRules{}), nil))
	})
}

package tasks

import (
	"context"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/backendapi/client"
	"github.com/snorky-go/snorky/examples/internal/quota"
	"github.com/snorky-go/snorky/examples/internal/site"
	"github.com/snorky-go/snorky/gateway/js"
)

const (
	// What one visitor may do in a period: changes, and subscriptions.
	mostTimes = 60
	period    = 10 * time.Second
	// authorizing is how long Snorky may take to authorize a subscription. A page waits for it.
	authorizing = 5 * time.Second
)

// Options are what an Application is made of.
type Options struct {
	Store Store
	// Snorky returns the client by which the application publishes and authorizes, with the key.
	Snorky func() (*client.Client, error)
	Log    zerolog.Logger
	// Site is what the page shows beside the list.
	Site site.Options
}

// Application is the web application: the page, the resources that it uses, and the Publisher.
type Application struct {
	Options
	publisher *Publisher
	visitors  *quota.Quota
}

// New returns an Application.
func New(o Options) *Application {
	return &Application{
		Options:   o,
		publisher: NewPublisher(o.Store, o.Snorky, o.Log),
		visitors:  quota.New(mostTimes, period),
	}
}

// Run publishes what changes, until ctx ends. While it does not run, changes wait in the outbox.
func (a *Application) Run(ctx context.Context) { a.publisher.Run(ctx) }

// Handler serves the application below a path that ends with a slash. Pages of other sites cannot use it.
func (a *Application) Handler(path string) http.Handler {
	routes := http.NewServeMux()
	routes.Handle("GET "+path+"{$}", site.Page(web, "web/todo.html", a.Site))
	for _, name := range []string{"todo.css", "todo.js", "rows.js"} {
		routes.Handle("GET "+path+name, site.File(web, "web/"+name))
	}
	routes.Handle("GET "+path+"base.css", site.Style())
	routes.Handle("GET "+path+"icon.svg", site.Icon())
	routes.Handle("GET "+path+"snorky.mjs", js.Handler())

	for pattern, handler := range map[string]handler{
		"GET " + path + "tasks":         a.list,
		"POST " + path + "tasks":        a.add,
		"DELETE " + path + "tasks":      a.clear,
		"PATCH " + path + "tasks/{id}":  a.update,
		"DELETE " + path + "tasks/{id}": a.remove,
		"GET " + path + "me":            a.whoAmI,
		"PUT " + path + "me":            a.callMe,
	} {
		routes.Handle(pattern, a.answering(handler))
	}
	return http.NewCrossOriginProtection().Handler(routes)
}

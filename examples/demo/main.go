// Command demo shows what Snorky is for: a page to which announcements come the moment they are made, by a form or by
// curl, a chat, a drawing board, and a to-do list that is the same on all screens. It is a whole server with the flags of
// snorkyd, the pages, and small backends such as applications have.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/backendapi/client"
	"github.com/snorky-go/snorky/cmd/snorkyd/server"
	"github.com/snorky-go/snorky/examples/internal/boot"
	"github.com/snorky-go/snorky/examples/internal/tasks"
)

func main() { boot.Main(program()) }

func program() boot.Program {
	var app *application
	var list *tasks.Application
	return boot.Program{
		Name:     "demo",
		About:    "demo shows announcements as they are made, a chat, a drawing board, and a to-do list that many share.",
		Defaults: defaults(),
		Prepare: func(s *server.Server, log zerolog.Logger) error {
			snorky := sync.OnceValues(func() (*client.Client, error) {
				url, secured := s.BackendURL()
				if secured == nil {
					return client.New(url, s.Key())
				}
				return client.New(url, s.Key(), client.WithTransport(&http.Transport{TLSClientConfig: secured}))
			})
			app = newApplication(log, snorky)
			servePages(s.Handle)
			s.Handle("POST /demo/announce", app.announcing())
			var err error
			list, err = addTasks(s, snorky, log)
			return errors.Join(err, addPeople(s))
		},
		Work: func(ctx context.Context, s *server.Server, stdout io.Writer) error {
			greet(stdout, s)
			ctx, cancel := context.WithCancel(ctx)
			var publishing sync.WaitGroup
			publishing.Go(func() { list.Run(ctx) })
			defer publishing.Wait()
			defer cancel()
			return app.count(ctx)
		},
	}
}

func defaults() server.Config {
	c := server.Default()
	c.Admin = ""          // nobody operates a demo
	c.Drain = time.Second // people who end a demo do not want to wait
	return c
}

// greet tells people where to look and what to type.
func greet(stdout io.Writer, s *server.Server) {
	scheme := "http"
	if secured, _ := s.TLS(); secured {
		scheme = "https"
	}
	fmt.Fprintf(stdout, "Open this page, on as many screens as you like:\n\n    %s://%s/\n", scheme, visible(s.Addr()))
	fmt.Fprintf(stdout, "\nThen paste this line into a second terminal:\n\n    %s\n\nCtrl-C ends the demo.\n", s.Curl())
}

// local is an address at which this program reaches a door of its own.
func local(address string) string {
	host, port, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return address
}

// visible is the address that people on this machine type.
func visible(address string) string {
	host, port, err := net.SplitHostPort(local(address))
	if ip := net.ParseIP(host); err == nil && ip != nil && ip.IsLoopback() {
		return net.JoinHostPort("localhost", port)
	}
	return address
}

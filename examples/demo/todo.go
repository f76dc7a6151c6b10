package main

import (
	"errors"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors/services/datasync"
	"github.com/snorky-go/snorky/backendapi/client"
	"github.com/snorky-go/snorky/cmd/snorkyd/server"
	"github.com/snorky-go/snorky/examples/internal/site"
	"github.com/snorky-go/snorky/examples/internal/tasks"
)

// addTasks adds the list, which is kept in memory, and the services by which it is followed. examples/todo has it in a
// database, and a server that gets its services from a file.
func addTasks(s *server.Server, snorky func() (*client.Client, error), log zerolog.Logger) (*tasks.Application, error) {
	const path = "/todo/"
	service := datasync.New(datasync.Options{},
		datasync.Broadcast(tasks.DealerAll, tasks.Model),
		datasync.KeyField(tasks.DealerOwner, tasks.Model, tasks.OwnerField),
		datasync.Filter(tasks.DealerFilter, tasks.Model),
	)
	list := tasks.New(tasks.Options{
		Store: tasks.NewMemory(tasks.Limits{}), Snorky: snorky, Log: log,
		Site: site.Options{Links: pages, Here: path},
	})
	s.Handle(path, list.Handler(path))
	return list, errors.Join(
		s.Broker().Frontend().Register("datasync", service),
		s.Broker().Backend().Register(tasks.Service, datasync.NewBackend(service)),
	)
}

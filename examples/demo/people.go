package main

import (
	"errors"

	"github.com/snorky-go/snorky/actors/services"
	"github.com/snorky-go/snorky/cmd/snorkyd/server"
)

// addPeople adds what the chat and the drawing are made of: services of Snorky, and two of the demo's own. The pages call
// them by themselves, without any backend.
func addPeople(s *server.Server) error {
	frontend := s.Broker().Frontend()
	return errors.Join(
		frontend.Register("visitor", visitor{}),
		frontend.Register("chat", services.NewChat()),
		frontend.Register("cursors", services.NewCursors()),
		frontend.Register("drawing", newDrawing()),
	)
}

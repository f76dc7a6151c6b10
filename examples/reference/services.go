package main

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/services"
	"github.com/snorky-go/snorky/actors/services/datasync"
	"github.com/snorky-go/snorky/examples/calculator"
	"github.com/snorky-go/snorky/examples/echo"
)

// register adds the services of section 12 that a configuration cannot declare.
func register(b *actors.Broker) error {
	sync := datasync.New(datasync.Options{TokenTimeout: 2 * time.Second},
		datasync.Broadcast("AllTasks", "Task"),
		datasync.KeyField("TasksByOwner", "Task", "owner"),
		datasync.Filter("FilteredTasks", "Task"),
		datasync.Broadcast("AllNotes", "Note"),
		datasync.KeyField("NotesByOwner", "Note", "owner"),
	)
	frontend := b.Frontend()
	return errors.Join(
		frontend.Register("echo", echo.Echo{}),
		frontend.Register("calculator", calculator.Calculator{}),
		frontend.Register("auth", auth{}),
		frontend.Register("messaging", services.NewMessagingFunc(nameAllowed)),
		frontend.Register("chat", services.NewChat()),
		frontend.Register("cursors", services.NewCursors()),
		frontend.Register("datasync", sync),
		b.Backend().Register("datasync_backend", datasync.NewBackend(sync)),
	)
}

// nameAllowed reserves names that start with an exclamation mark.
func nameAllowed(_ *actors.Call, name json.RawMessage) bool {
	var text string
	return json.Unmarshal(name, &text) != nil || !strings.HasPrefix(text, "!")
}

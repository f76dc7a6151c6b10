package main

import (
	"context"
	"encoding/json"
)

// door is a way into the server. Calls return a *failure.
type door interface {
	// Call makes one request (PROTOCOL.md section 4) and returns what the service answers, one JSON value. It blocks
	// until there is an answer, the time is over or ctx is done.
	Call(ctx context.Context, service, command string, params json.RawMessage) (json.RawMessage, error)
	Close()
}

// The values of --via.
const (
	viaFrontend = "frontend"
	viaBackend  = "backend"
)

// open opens the door that --via names.
func (c *connecting) open(ctx context.Context, via string) (door, error) {
	switch via {
	case viaBackend:
		return c.openBackend()
	case viaFrontend:
		return c.openFrontend(ctx)
	default:
		return nil, misused("--via "+excerpt(via)+" is no door", "There are two: "+viaFrontend+" and "+viaBackend+".")
	}
}

// refusal explains the error answer of a service.
func refusal(service, command, text string) *failure {
	return failed(exitRefused, service+" refused "+command+": "+text, refusalAdvice(text))
}

// Package echo is the smallest service there is: it sends back what it gets. It is the model of a service with messages
// of its own form; package calculator is that of a service with commands.
package echo

import (
	"encoding/json"

	"github.com/snorky-go/snorky/actors"
)

// Echo is the service of PROTOCOL.md section 6.1.
type Echo struct{}

// Commands returns none: clients do not call this service, they send to it.
func (Echo) Commands() actors.Commands { return nil }

// Receive sends the content of a packet back to where it came from.
func (Echo) Receive(from actors.Peer, message json.RawMessage) {
	_ = from.Notify(message) // what arrived as JSON goes out as such
}

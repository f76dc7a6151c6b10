package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/snorky-go/snorky/actors/wire"
	front "github.com/snorky-go/snorky/gateway/client"
)

// frontend is where the front door is, and knows how to explain what went wrong there.
type frontend struct {
	address string // as it may be shown
	timeout time.Duration
}

// frontDoor is the WebSocket that every client may open (PROTOCOL.md sections 1 to 6).
type frontDoor struct {
	frontend
	client *front.Client
}

// openFrontend opens a door for calls. It does not matter to them that the client would come back after a loss: what
// waits for an answer then fails.
func (c *connecting) openFrontend(ctx context.Context) (door, error) {
	address, err := c.frontAddress()
	if err != nil {
		return nil, err
	}
	place := frontend{shown(address), c.timeout}
	client, err := front.Dial(ctx, address, front.Options{ConnectTimeout: c.timeout, Token: c.token()})
	if err != nil {
		return nil, place.explainDial(err)
	}
	return &frontDoor{place, client}, nil
}

func (d *frontDoor) Call(ctx context.Context, service, command string, params json.RawMessage) (json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(ctx, d.timeout)
	defer cancel()
	data, err := d.client.Call(ctx, service, command, params)
	if err != nil {
		return nil, d.explainCall(err, service, command)
	}
	return data, nil
}

// Close ends the connection.
func (d *frontDoor) Close() { _ = d.client.Close() }

func (p frontend) explainCall(err error, service, command string) *failure {
	var said *front.Error
	switch {
	case errors.As(err, &said):
		return refusal(service, command, said.Text)
	case errors.Is(err, context.Canceled):
		return stopped()
	case errors.Is(err, context.DeadlineExceeded):
		return failed(exitOther, "no answer from "+p.address+" within "+p.timeout.String(),
			"Is there a service "+service+"? The server says nothing to those it does not have. Or wait longer with --timeout.")
	default:
		return p.explainLoss(err)
	}
}

// explainLoss explains the end of a connection, or that it did not come back.
func (p frontend) explainLoss(err error) *failure {
	var closed *wire.CloseError
	var refused *front.HandshakeError
	switch {
	case errors.As(err, &refused), isDial(err):
		return p.explainDial(err)
	case errors.Is(err, front.ErrSlowHandler):
		meaning, hint := meaningOf(wire.CloseSlowReader)
		return failed(exitUnreachable, "the connection to "+p.address+" was given up: "+meaning, hint)
	case !errors.As(err, &closed), closed.Code == wire.CloseAbnormal:
		return failed(exitUnreachable, "the connection to "+p.address+" was lost: "+reason(err), "")
	}
	kind := exitUnreachable
	if closed.Code.Reconnect() == wire.Never && closed.Code != wire.CloseNormal {
		kind = exitRefused
	}
	said := "code " + strconv.Itoa(int(closed.Code))
	if closed.Reason != "" {
		said += ", " + closed.Reason
	}
	meaning, hint := meaningOf(closed.Code)
	return failed(kind, "the server at "+p.address+" closed the connection: "+meaning+" ("+said+")", hint)
}

func (p frontend) explainDial(err error) *failure {
	var refused *front.HandshakeError
	var known *failure
	switch {
	case errors.Is(err, context.Canceled):
		return stopped()
	case errors.As(err, &known):
		return known
	case !errors.As(err, &refused):
		return cannotConnect(p.address, "url", envURL, err)
	}
	said := "the server at " + p.address + " answers the handshake with status " + strconv.Itoa(refused.Status)
	switch refused.Status {
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		return failed(exitUnreachable, said, "It has too many connections or shuts down. Try again later.")
	case http.StatusUnauthorized, http.StatusForbidden:
		return failed(exitRefused, said, "It, or a proxy before it, does not let this client in. Does it want a token (--token-file)?")
	default:
		return failed(exitOther, said, "Is this the address of snorkyd's frontend? Its default is "+defaultURL+".")
	}
}

// meaningOf says in words what a server wants to say by a close code, and what can be done about it.
func meaningOf(code wire.CloseCode) (meaning, hint string) {
	switch code {
	case wire.CloseGoingAway, wire.CloseServiceRestart:
		return "it shuts down or restarts", ""
	case wire.CloseTooBig:
		return "a message is longer than it takes", "Its limit is the setting read-limit."
	case wire.CloseSlowReader, wire.CloseWriteTimeout:
		return "messages came faster than they were read", "Does something hold up the reader of this output?"
	case wire.ClosePongTimeout:
		return "it heard nothing for too long", ""
	case wire.CloseOverloaded, wire.CloseTryAgainLater:
		return "it has too much to do", "Try again later."
	case wire.CloseTooManyConnections:
		return "it has too many connections", "Try again later."
	case wire.CloseTooManyRequests:
		return "it got too many requests", "Try again later."
	case wire.CloseExpired:
		return "the token has expired", "Put a fresh one into the token file."
	case wire.CloseUnauthenticated:
		return "it wants to know who this client is", "Name a file with a token by --token-file."
	case wire.CloseForbidden, wire.ClosePolicyViolation:
		return "it does not want this client", ""
	case wire.CloseReplaced:
		return "another connection took the place of this one", ""
	default:
		return "it gives no other reason", ""
	}
}

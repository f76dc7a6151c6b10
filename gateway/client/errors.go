package client

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

var (
	// ErrClosed says that the Client was closed.
	ErrClosed = errors.New("snorky: the client is closed")
	// ErrConnectionLost says that the connection ended after a call was sent and before its answer came: nobody knows
	// whether it was carried out.
	ErrConnectionLost = errors.New("snorky: the connection was lost before the answer came")
	// ErrTooMuchPending says that there is no connection and that Options.MaxPendingBytes wait for one already.
	ErrTooMuchPending = errors.New("snorky: too many requests wait for a connection")
	// ErrUnsubscribed is the result of a Subscribe that an Unsubscribe overtook.
	ErrUnsubscribed = errors.New("snorky: unsubscribed before the subscription began")
	// ErrSlowHandler says that a connection was given up because the handlers did not take what came.
	ErrSlowHandler = errors.New("snorky: the handlers do not take what comes")
)

// Error is an error of a service, such as "Invalid params" (PROTOCOL.md section 14).
type Error struct {
	// Text is what the service said.
	Text string
}

// Error implements error.
func (e *Error) Error() string { return "snorky: " + e.Text }

// HandshakeError is a server that answered a handshake with something else than a WebSocket.
type HandshakeError struct {
	// Status is the HTTP status, such as 403 for an Origin that may not connect or 503 for a server that is full.
	Status int
	// RetryAfter is how long the server asks to wait; 0 if it does not say.
	RetryAfter time.Duration
}

// Error implements error.
func (e *HandshakeError) Error() string {
	return fmt.Sprintf("snorky: the server answers the handshake with status %d %s", e.Status, http.StatusText(e.Status))
}

package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
)

// ErrBadAnswer says that the other end does not speak the protocol, or says more than is accepted.
var ErrBadAnswer = errors.New("snorky: bad answer")

// Error is an error of a service, such as "Invalid params" (PROTOCOL.md section 14).
type Error struct {
	// Text is what the service said.
	Text string
}

// Error implements error.
func (e *Error) Error() string { return "snorky: " + e.Text }

// StatusError is an answer with another status than 200 (PROTOCOL.md section 7): the call was not carried out, except
// perhaps with 500 and 503.
type StatusError struct {
	// Status is the HTTP status, such as 401 for a wrong key or 404 for an unknown service.
	Status int
	// Text is the beginning of what the server said about it.
	Text string
}

// Error implements error.
func (e *StatusError) Error() string {
	said := "snorky: HTTP status " + strconv.Itoa(e.Status)
	if name := http.StatusText(e.Status); name != "" {
		said += " " + name
	}
	if e.Text != "" {
		said += ": " + strconv.Quote(e.Text)
	}
	return said
}

// answer is a packet with the answer of a service (PROTOCOL.md section 4).
type answer struct {
	Message struct {
		Type    string          `json:"type"`
		Data    json.RawMessage `json:"data"`
		Message *string         `json:"message"`
	} `json:"message"`
}

func decode(body []byte) (json.RawMessage, error) {
	var a answer
	if err := json.Unmarshal(body, &a); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadAnswer, err)
	}
	switch {
	case a.Message.Type == "response" && a.Message.Data != nil:
		return a.Message.Data, nil
	case a.Message.Type == "error" && a.Message.Message != nil:
		return nil, &Error{*a.Message.Message}
	default:
		return nil, fmt.Errorf("%w: it is neither a response nor an error", ErrBadAnswer)
	}
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"

	backend "github.com/snorky-go/snorky/backendapi/client"
)

// backDoor is the HTTP gateway for those who have the key (PROTOCOL.md section 7).
type backDoor struct {
	*backend.Client
	address  string
	settings *connecting
}

func (c *connecting) openBackend() (door, error) {
	address, err := c.backAddress()
	if err != nil {
		return nil, err
	}
	key, err := c.key()
	if err != nil {
		return nil, err
	}
	client, err := backend.New(address, key, backend.WithTimeout(c.timeout))
	if err != nil {
		return nil, misused(err.Error(), "")
	}
	return &backDoor{Client: client, address: shown(address), settings: c}, nil
}

func (d *backDoor) Call(ctx context.Context, service, command string, params json.RawMessage) (json.RawMessage, error) {
	data, err := d.Client.Call(ctx, service, command, params)
	if err != nil {
		return nil, d.explain(err, service, command)
	}
	return data, nil
}

func (d *backDoor) explain(err error, service, command string) *failure {
	var said *backend.Error
	var status *backend.StatusError
	switch {
	case errors.Is(err, context.Canceled):
		return stopped()
	case errors.As(err, &said):
		return refusal(service, command, said.Text)
	case errors.As(err, &status):
		return d.explainStatus(status, service)
	case errors.Is(err, backend.ErrBadAnswer):
		return failed(exitOther, "what answers at "+d.address+" does not speak Snorky's protocol: "+reason(err), d.wrongPlace())
	case !isDial(err) && isTimeout(err):
		return failed(exitOther, "no answer from "+d.address+" within "+d.settings.timeout.String(),
			"The server may or may not have done it. Wait longer with --timeout.")
	case !isDial(err):
		return failed(exitUnreachable, "the connection to "+d.address+" broke: "+reason(err),
			"The server may or may not have done it.")
	default:
		return cannotConnect(d.address, "backend", envBackend, err)
	}
}

func (d *backDoor) explainStatus(status *backend.StatusError, service string) *failure {
	said := strconv.Itoa(status.Status)
	if status.Text != "" {
		said += ", " + status.Text
	}
	switch status.Status {
	case http.StatusUnauthorized:
		return failed(exitKey, "the server at "+d.address+" does not accept the key", keyAdvice)
	case http.StatusNotFound:
		return failed(exitRefused, "there is no service "+service+" at "+d.address+" ("+said+")",
			"The backend has services of its own, such as announcements_backend. "+d.wrongPlace())
	case http.StatusRequestEntityTooLarge:
		return failed(exitRefused, "the message is longer than the server takes ("+said+")", "Its limit is the setting backend-max-body.")
	case http.StatusServiceUnavailable:
		return failed(exitUnreachable, "the server at "+d.address+" takes no calls now ("+said+")", "Try again later.")
	default:
		return failed(exitOther, "the server at "+d.address+" did not carry it out (HTTP status "+said+")", d.wrongPlace())
	}
}

func (d *backDoor) wrongPlace() string {
	return "Is this the address of snorkyd's backend? Its default is " + defaultBackend + "."
}

package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"strings"
	"syscall"

	"github.com/snorky-go/snorky/actors/wire"
)

// cannotConnect explains why there is no connection to a door, which a flag and a variable name.
func cannotConnect(address, flag, variable string, err error) *failure {
	hint := "Is snorkyd running there? Another address is given by --" + flag + " or " + variable + "."
	return failed(exitUnreachable, "cannot connect to "+address+": "+reason(err), hint)
}

// refusalAdvice knows what to try after the error texts that a newcomer meets.
func refusalAdvice(text string) string {
	switch text {
	case "Not authorized":
		return "Clients may not do this here. Who has the key of the backend may: see --via backend."
	case "Unknown command":
		return "Names of commands are compared exactly, capitals and small letters too."
	case "Invalid params":
		return "A parameter is missing, is not known to the service, or has the wrong type."
	case "Internal error":
		return "The server's log says more."
	}
	return ""
}

// reason is the core of an error, without the addresses and the names of Go's packages around it.
func reason(err error) string {
	var lookup *net.DNSError
	var number syscall.Errno
	var at *url.Error
	var operation *net.OpError
	var closed *wire.CloseError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &closed) && closed.Code == wire.CloseAbnormal:
		return "the other end hung up"
	case errors.As(err, &lookup):
		return lookup.Err + " (" + lookup.Name + ")"
	case errors.As(err, &number):
		return number.Error()
	case isTimeout(err):
		return "it took too long"
	case errors.As(err, &at):
		return reason(at.Err)
	case errors.As(err, &operation):
		return reason(operation.Err)
	}
	return strings.TrimPrefix(err.Error(), "snorky: ")
}

// isDial tells that there never was a connection, so that nothing can have happened at the other end.
func isDial(err error) bool {
	var operation *net.OpError
	return errors.As(err, &operation) && operation.Op == "dial"
}

func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timeout) && timeout.Timeout()
}

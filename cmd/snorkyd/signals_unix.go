//go:build unix

package main

import (
	"os/signal"
	"syscall"
)

// surviveWrites makes writes fail that would end the process otherwise: to a pipe that nobody reads any more, and to a
// file that may not grow. A server does not end because its log cannot be written.
func surviveWrites() { signal.Ignore(syscall.SIGPIPE, syscall.SIGXFSZ) }

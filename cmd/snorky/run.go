package main

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"syscall"
)

// app is one run of the program.
type app struct {
	stdin  io.Reader
	stdout io.Writer
	report reporter
}

// run executes a command line, without the program's name, and returns the exit status. When ctx ends, its cause says
// why; an interruption becomes the status that shells expect after its signal.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	a := &app{stdin: stdin, stdout: stdout, report: reporter{w: stderr}}
	root := a.rootCommand(ctx)
	root.SetArgs(append([]string{}, args...)) // cobra takes nil for the arguments of the process
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.Execute()
	if err == nil || readerIsGone(err) {
		return int(exitOK)
	}
	f := asFailure(err)
	status := int(f.kind)
	if signalled, is := errors.AsType[interruption](context.Cause(ctx)); is {
		f.kind, f.hint = exitInterrupted, ""
		status = signalled.status()
	}
	a.report.json = a.report.json || wantsJSON(args)
	a.report.failure(f, status)
	return status
}

// wantsJSON finds --json where flags could not be parsed.
func wantsJSON(args []string) bool {
	if end := slices.Index(args, "--"); end >= 0 {
		args = args[:end]
	}
	return slices.Contains(args, "--json")
}

// readerIsGone tells that a pipe's reader, such as head, has had enough. That is no failure of ours.
func readerIsGone(err error) bool {
	var broken *outputError
	return errors.As(err, &broken) && (errors.Is(err, syscall.EPIPE) || errors.Is(err, io.ErrClosedPipe))
}

// interruption is the cause of a context that a signal has ended.
type interruption struct{ signal os.Signal }

func (i interruption) Error() string { return "interrupted" }

// Is makes it a cancellation for those who look for one: net/http returns the cause in its place.
func (i interruption) Is(target error) bool { return target == context.Canceled }

func (i interruption) status() int {
	if number, ok := i.signal.(syscall.Signal); ok {
		return 128 + int(number)
	}
	return int(exitInterrupted)
}

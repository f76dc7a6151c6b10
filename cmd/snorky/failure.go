package main

import "errors"

// exitKind is the exit status of a failure; help.go explains them to users, and scripts rely on them.
type exitKind int

const (
	exitOK          exitKind = 0
	exitOther       exitKind = 1
	exitUsage       exitKind = 2
	exitUnreachable exitKind = 3
	exitRefused     exitKind = 4
	exitKey         exitKind = 5
	exitFaults      exitKind = 6
	exitInterrupted exitKind = 130
)

// name is what --json shows; like the numbers, the names never change.
func (k exitKind) name() string {
	switch k {
	case exitOK:
		return "ok"
	case exitUsage:
		return "usage"
	case exitUnreachable:
		return "cannot_connect"
	case exitRefused:
		return "refused"
	case exitKey:
		return "bad_key"
	case exitFaults:
		return "faults"
	case exitInterrupted:
		return "interrupted"
	case exitOther:
	}
	return "failed"
}

// failure is an error made for the person at the terminal. Nothing in it may hold a key. It may hold what strangers said,
// so it is shown by way of the reporter only.
type failure struct {
	kind exitKind
	what string // what failed
	hint string // what to try; may be empty

	// Of several messages from standard input:
	line      int // the line that failed, from 1; 0: none
	published int // how many were published before; -1: that is not the question
}

func (f *failure) Error() string { return f.what }

func failed(kind exitKind, what, hint string) *failure {
	return &failure{kind: kind, what: what, hint: hint, published: -1}
}

func misused(what, hint string) *failure { return failed(exitUsage, what, hint) }

// stopped is what becomes of work whose context has ended. A text is needed only where some of it was done.
func stopped() *failure { return failed(exitInterrupted, "", "") }

// asFailure takes errors that nobody has explained for mistakes on the command line: they are cobra's.
func asFailure(err error) *failure {
	if f, is := errors.AsType[*failure](err); is {
		return f
	}
	if broken, is := errors.AsType[*outputError](err); is {
		return failed(exitOther, "writing the output failed: "+reason(broken.err), "")
	}
	return misused(err.Error(), `See "snorky --help".`)
}

package main

import (
	"bytes"
	"encoding/json"
)

// outputError is a failed write to standard output.
type outputError struct{ err error }

func (e *outputError) Error() string { return e.err.Error() }
func (e *outputError) Unwrap() error { return e.err }

// line writes a line of results at once, so that a reader sees it when it happens.
func (a *app) line(text []byte) error {
	if _, err := a.stdout.Write(append(text, '\n')); err != nil {
		return &outputError{err}
	}
	return nil
}

// value writes a JSON value as a line.
func (a *app) value(raw []byte) error { return a.line(appendOneLine(nil, raw)) }

// object writes what v becomes as JSON as a line. v may hold raw values that have been checked, and no others that JSON
// cannot express.
func (a *app) object(v any) error {
	raw, err := marshal(v)
	if err != nil {
		return failed(exitOther, "the result is no JSON: "+err.Error(), "")
	}
	return a.value(raw)
}

// marshal is json.Marshal without the escapes that only HTML needs.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return b.Bytes(), err
}

package main

import (
	"encoding/json"
	"io"
)

// reporter tells on standard error what is no result. It shows control characters of strangers escaped only.
type reporter struct {
	w     io.Writer
	json  bool
	quiet bool // no notes, only failures
}

type failureLine struct {
	Error     string `json:"error"`
	Exit      int    `json:"exit"`
	Message   string `json:"message,omitempty"`
	Hint      string `json:"hint,omitempty"`
	Line      int    `json:"line,omitempty"`
	Published *int   `json:"published,omitempty"`
}

// failure tells why the program ends with this status.
func (r *reporter) failure(f *failure, status int) {
	if r.json {
		line := failureLine{Error: f.kind.name(), Exit: status, Message: f.what, Hint: f.hint, Line: f.line}
		if f.published >= 0 {
			line.Published = &f.published
		}
		r.object(line)
		return
	}
	if f.what == "" {
		return
	}
	text := "snorky: " + printable(f.what) + "\n"
	if f.hint != "" {
		text += "  " + printable(f.hint) + "\n"
	}
	_, _ = io.WriteString(r.w, text) // there is nowhere else to say it
}

// note tells of an event that is neither a result nor a failure.
func (r *reporter) note(event noteLine) {
	switch {
	case r.quiet:
	case r.json:
		r.object(event)
	default:
		_, _ = io.WriteString(r.w, "snorky: "+printable(event.Text)+"\n")
	}
}

type noteLine struct {
	Event    string            `json:"event"`
	Text     string            `json:"message"`
	Channels []json.RawMessage `json:"channels,omitempty"`
}

func (r *reporter) object(v any) {
	raw, err := marshal(v)
	if err != nil {
		return // channels have been checked; nothing else can fail
	}
	_, _ = r.w.Write(append(appendOneLine(nil, raw), '\n'))
}

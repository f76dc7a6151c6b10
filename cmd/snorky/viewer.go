package main

import (
	"encoding/json"
	"strings"

	front "github.com/snorky-go/snorky/gateway/client"
)

// viewer prints what happens on a feed.
type viewer struct {
	app      *app
	settings *subscribe
	channels []json.RawMessage
	printed  uint64
	waiting  string // why there is no connection, as last told; empty if there is one
}

// take prints one event and tells whether it was the last.
func (v *viewer) take(e event) (done bool, err error) {
	switch {
	case e.message != nil:
		if err := v.print(*e.message); err != nil {
			return false, err
		}
		v.printed++
		return v.printed == v.settings.count, nil
	case e.subscribed:
		v.app.report.note(subscribedTo(v.channels))
		return false, nil
	case e.state != nil:
		return false, v.changed(*e.state, e.err)
	default:
		return false, e.err
	}
}

// changed tells of losses, and of the connection after one, but not again and again of the same.
func (v *viewer) changed(state front.State, err error) error {
	switch state {
	case front.Connected:
		if v.waiting != "" {
			v.waiting = ""
			v.app.report.note(noteLine{Event: "connected", Text: "connected again"})
		}
	case front.Waiting:
		if !v.settings.reconnect {
			return err
		}
		v.waits(asFailure(err))
	case front.Closed:
		return err
	default:
	}
	return nil
}

// waits tells why there is no connection.
func (v *viewer) waits(why *failure) {
	if v.waiting != why.what {
		v.waiting = why.what
		v.app.report.note(noteLine{Event: "disconnected", Text: why.what + "; trying again"})
	}
}

func subscribedTo(channels []json.RawMessage) noteLine {
	names := make([]string, len(channels))
	for i, c := range channels {
		names[i] = string(appendOneLine(nil, c))
	}
	return noteLine{
		Event:    "subscribed",
		Text:     "subscribed to " + strings.Join(names, ", ") + "; Ctrl-C ends",
		Channels: channels,
	}
}

type messageLine struct {
	Channel json.RawMessage `json:"channel"`
	Message json.RawMessage `json:"message"`
}

// print writes one message. Of several channels the reader has to be told which one it is.
func (v *viewer) print(m messageLine) error {
	switch {
	case v.app.report.json:
		return v.app.object(m)
	case len(v.channels) > 1:
		return v.app.line(appendOneLine(append(appendOneLine(nil, m.Channel), '\t'), m.Message))
	default:
		return v.app.value(m.Message)
	}
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/snorky-go/snorky/actors/wire"
	backend "github.com/snorky-go/snorky/backendapi/client"
)

// maxBatchLines is how many lines go together. More would be faster still, but a server disconnects subscribers that have
// no time to read what comes at once.
const maxBatchLines = 64

// lineByLine publishes what comes on standard input.
type lineByLine struct {
	*publish
	door      door
	batches   *backDoor // where several messages may go at once; nil: nowhere
	channel   json.RawMessage
	number    int // of the last line that was looked at, from 1
	published int
}

// publishLines publishes what comes on standard input and returns how many messages that were.
func (a *app) publishLines(ctx context.Context, p *publish, d door, channel json.RawMessage) (published int, err error) {
	if isTerminal(a.stdin) {
		a.report.note(noteLine{Event: "reading", Text: "publishing each line that you type; Ctrl-D ends"})
	}
	l := &lineByLine{publish: p, door: d, channel: channel}
	most := 1
	if back, is := d.(*backDoor); is {
		l.batches, most = back, maxBatchLines
	}
	for texts, err := range lines(ctx, a.stdin, most) {
		if err != nil {
			l.number++
			return l.published, l.atLine(err, l.number)
		}
		if err := l.take(ctx, texts); err != nil {
			return l.published, err
		}
	}
	return l.published, nil
}

// numbered is a message and the number of its line.
type numbered struct {
	line    int
	message json.RawMessage
}

// take publishes lines, up to one that is no message.
func (l *lineByLine) take(ctx context.Context, texts []string) (err error) {
	var messages []numbered
	for _, text := range texts {
		l.number++
		if !l.asString && strings.TrimSpace(text) == "" {
			continue
		}
		var message json.RawMessage
		if message, err = messageValue(text, l.asString); err != nil {
			break
		}
		messages = append(messages, numbered{l.number, message})
	}
	if failure := l.publishAll(ctx, messages); failure != nil {
		return failure
	}
	if err != nil {
		return l.atLine(err, l.number)
	}
	return nil
}

func (l *lineByLine) publishAll(ctx context.Context, messages []numbered) error {
	if l.batches != nil && len(messages) > 1 {
		known, err := l.publishMany(ctx, messages)
		if known {
			return err
		}
		l.batches = nil
	}
	for _, m := range messages {
		if err := l.send(ctx, l.door, l.channel, m.message); err != nil {
			return l.atLine(err, m.line)
		}
		l.published++
	}
	return nil
}

// publishMany publishes messages in one call. It reports false if nothing has happened because the server is of a version
// without batches, or takes none as long as this one.
func (l *lineByLine) publishMany(ctx context.Context, messages []numbered) (known bool, err error) {
	batch := make([]any, len(messages))
	for i, m := range messages {
		batch[i] = m.message
	}
	err = l.batches.PublishMany(ctx, l.target(), l.channel, batch...)
	var some *backend.BatchError
	var said *backend.Error
	var status *backend.StatusError
	switch {
	case err == nil:
		l.published += len(messages)
		return true, nil
	case errors.As(err, &some):
		return true, l.refused(messages, some)
	case errors.As(err, &said) && said.Text == wire.ErrUnknownCommand.Text,
		errors.As(err, &status) && status.Status == http.StatusRequestEntityTooLarge:
		return false, nil
	}
	first, last := messages[0].line, messages[len(messages)-1].line
	return true, l.at(l.batches.explain(err, l.target(), "publishMany"), first, "lines "+strconv.Itoa(first)+" to "+strconv.Itoa(last))
}

// refused tells of the first message of a batch that the service did not publish, which does not stop the others.
func (l *lineByLine) refused(messages []numbered, some *backend.BatchError) error {
	first := some.Refused[0]
	why := refusal(l.target(), "publish", first.Text)
	if later := some.Items - len(some.Refused) - first.Index; later > 0 {
		why.what += "; " + count(later, "message") + " behind it went through"
	}
	l.published += first.Index
	return l.atLine(why, messages[first.Index].line)
}

// atLine adds to a failure where in the input it was.
func (l *lineByLine) atLine(err error, number int) error {
	return l.at(err, number, "line "+strconv.Itoa(number))
}

func (l *lineByLine) at(err error, number int, where string) error {
	var f *failure
	if !errors.As(err, &f) {
		return err
	}
	f.line, f.published = number, l.published
	done := " (" + count(l.published, "message") + " published before)"
	if f.kind == exitInterrupted {
		f.what = "interrupted at line " + strconv.Itoa(number) + done
	} else {
		f.what = where + ": " + f.what + done
	}
	return f
}

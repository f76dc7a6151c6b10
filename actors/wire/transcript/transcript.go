// Package transcript replays golden transcripts: files that say what clients send and what they get for it. Their format
// is described beside them, in testdata/transcripts of package wire. It serves the tests of everything that speaks the
// wire protocol.
package transcript

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Transcript is the content of one file.
type Transcript struct {
	// Name is that of the file, without its extension.
	Name string `json:"-"`
	// Title says what it is about.
	Title string `json:"title"`
	// Section names the sections of PROTOCOL.md that say so.
	Section string `json:"section"`
	Steps   []Step `json:"steps"`
}

// Step sends one message and says what comes of it.
type Step struct {
	// Conn is the name of the connection that sends.
	Conn string `json:"conn"`
	// Send is the message, unless it is given as Text.
	Send json.RawMessage `json:"send"`
	// Text is a message that is no JSON or has to be sent exactly as it is.
	Text *string `json:"text"`
	// Receive holds, by the names of connections, the messages that come of it, in order.
	Receive map[string][]json.RawMessage `json:"receive"`
	// Why is the point of the step, for people.
	Why string `json:"why"`
}

// Conn is a connection to the server that is tested.
type Conn interface {
	// Send sends a text message.
	Send(text []byte) error
	// Receive waits for the next message, for as long as it sees fit.
	Receive() ([]byte, error)
}

// Load reads the transcripts of a folder, in the order of their names.
func Load(folder string) ([]Transcript, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no transcripts in %s", folder)
	}
	transcripts := make([]Transcript, 0, len(files))
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		t := Transcript{Name: strings.TrimSuffix(filepath.Base(file), ".json")}
		if err := json.Unmarshal(data, &t); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if err := t.check(); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		transcripts = append(transcripts, t)
	}
	return transcripts, nil
}

func (t Transcript) check() error {
	if len(t.Steps) == 0 {
		return errors.New("no steps")
	}
	for i, s := range t.Steps {
		if s.Conn == "" || (s.Send == nil) == (s.Text == nil) {
			return fmt.Errorf("step %d: needs a conn and either send or text", i+1)
		}
	}
	return nil
}

// Conns returns the names of all connections, sorted.
func (t Transcript) Conns() []string {
	var names []string
	for _, s := range t.Steps {
		names = append(names, s.Conn)
		for name := range s.Receive {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

const (
	probe       = `{"service":"pubsub","message":{"command":"","params":{},"callId":"end of transcript"}}`
	probeAnswer = `{"service":"pubsub","message":{"type":"error","callId":"end of transcript","message":"Unknown command"}}`
)

// Replay does the steps on connections that dial opens, one for each name, and compares what arrives by the key that
// canonical gives each message. The error says what differs first.
func (t Transcript) Replay(dial func(name string) (Conn, error), canonical func(message []byte) (key string, err error)) error {
	conns := map[string]Conn{}
	for _, name := range t.Conns() {
		c, err := dial(name)
		if err != nil {
			return fmt.Errorf("%s: connection %s: %w", t.Name, name, err)
		}
		conns[name] = c
	}
	for i, s := range t.Steps {
		if err := s.replay(conns, canonical); err != nil {
			return fmt.Errorf("%s, step %d (%.200s): %w", t.Name, i+1, s.message(), err)
		}
	}
	for _, name := range t.Conns() {
		end := Step{Conn: name, Send: []byte(probe), Receive: map[string][]json.RawMessage{name: {[]byte(probeAnswer)}}}
		if err := end.replay(conns, canonical); err != nil {
			return fmt.Errorf("%s, end: %w", t.Name, err)
		}
	}
	return nil
}

func (s Step) message() []byte {
	if s.Text != nil {
		return []byte(*s.Text)
	}
	return s.Send
}

func (s Step) replay(conns map[string]Conn, canonical func([]byte) (string, error)) error {
	if err := conns[s.Conn].Send(s.message()); err != nil {
		return fmt.Errorf("%s cannot send: %w", s.Conn, err)
	}
	for name, messages := range s.Receive {
		for _, want := range messages {
			got, err := conns[name].Receive()
			if err != nil {
				return fmt.Errorf("%s waits for %.200s: %w", name, want, err)
			}
			if err := compare(got, want, canonical); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	return nil
}

func compare(got, want []byte, canonical func([]byte) (string, error)) error {
	g, err := canonical(got)
	if err != nil {
		return fmt.Errorf("got %.200q: %w", got, err)
	}
	w, err := canonical(want)
	if err != nil {
		return fmt.Errorf("expects %.200q: %w", want, err)
	}
	if g != w {
		return fmt.Errorf("got %.500s, want %.500s", got, want)
	}
	return nil
}

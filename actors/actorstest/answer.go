package actorstest

import (
	"encoding/json"
	"testing/synctest"
	"time"
)

// Pending is a call whose answer has not been asked for.
type Pending struct {
	b       *Broker
	client  *Client // nil: the backend
	what    string
	request []byte

	arrived chan struct{} // closed when what is below is there
	content json.RawMessage
	err     error // instead of an answer
	at      int
}

// arrive is told the answer, once.
func (p *Pending) arrive(content []byte, err error) {
	p.content, p.err = content, err
	close(p.arrived)
}

// Done tells whether the answer is there when everything has come to rest. It does not let time pass.
func (p *Pending) Done() bool {
	synctest.Wait()
	select {
	case <-p.arrived:
		return true
	default:
		return false
	}
}

// Answer waits for the answer, for which it lets as much time pass as that needs, and for whatever else comes of it. It
// fails the test if there is none.
func (p *Pending) Answer() Answer {
	p.b.t.Helper()
	select {
	case <-p.arrived:
	case <-time.After(patience):
		p.b.t.Fatalf("%s\nand gets no answer in %v of the test's time", p.what, patience)
	}
	synctest.Wait()
	if p.err != nil {
		p.b.t.Fatalf("%s\nand gets no answer: %v", p.what, p.err)
	}
	a := Answer{pending: p}
	if err := json.Unmarshal(p.content, &a.answer); err != nil {
		p.b.t.Fatalf("%s\nanswer: %[3]s\nwhich is none: %[2]v", p.what, err, clip(p.content))
	}
	return a
}

// Answer is what a call was answered (PROTOCOL.md section 4).
type Answer struct {
	pending *Pending
	answer  struct {
		Type    string          `json:"type"`
		Data    json.RawMessage `json:"data"`
		Message string          `json:"message"`
	}
}

func (a Answer) refused() bool { return a.answer.Type == "error" }

// Data stores the result in what v points to, as json.Unmarshal does. It fails the test if the answer is an error.
func (a Answer) Data(v any) {
	t := a.pending.b.t
	t.Helper()
	if a.refused() {
		t.Fatalf("%s\nanswer: error %q\nwanted: a result", a.pending.what, a.answer.Message)
	}
	if err := json.Unmarshal(a.answer.Data, v); err != nil {
		t.Fatalf("%s\nanswer: %s\nwhich is no %T: %v", a.pending.what, clip(a.answer.Data), v, err)
	}
}

// Want fails the test unless the result is want, which is marshalled; a JSON is taken as it is. Both are compared as
// JSON values, exactly: members may come in any order, 1 equals 1.0, 2^53 does not equal 2^53+1, and true is not 1.
func (a Answer) Want(want any) {
	t := a.pending.b.t
	t.Helper()
	text := a.pending.b.json(want)
	switch {
	case a.refused():
		t.Fatalf("%s\nanswer: error %q\nwanted: %s", a.pending.what, a.answer.Message, clip(text))
	case !same(a.answer.Data, text):
		t.Fatalf("%s\nanswer: %s\nwanted: %s", a.pending.what, clip(a.answer.Data), clip(text))
	}
}

// WantError fails the test unless the answer is an error of this text, such as "Invalid params" or the Text of a
// wire.Error.
func (a Answer) WantError(text string) {
	t := a.pending.b.t
	t.Helper()
	switch {
	case !a.refused():
		t.Fatalf("%s\nanswer: %s\nwanted: error %q", a.pending.what, clip(a.answer.Data), text)
	case a.answer.Message != text:
		t.Fatalf("%s\nanswer: error %q\nwanted: error %q", a.pending.what, a.answer.Message, text)
	}
}

// ErrorText is the text of an error, and empty if the answer is none.
func (a Answer) ErrorText() string {
	if a.refused() {
		return a.answer.Message
	}
	return ""
}

// String is the answer as it came.
func (a Answer) String() string { return string(a.pending.content) }

func (a Answer) arrived() (*Client, int) { return a.pending.client, a.pending.at }

// Message is what a client hears that is no answer: a notification, or whatever a Receiver sends.
type Message struct {
	// Service is which the message is from.
	Service string
	// Content is the message.
	Content json.RawMessage

	client *Client
	at     int
}

// Want fails the test unless the message is from this service and its content is this one, compared as Answer.Want does.
func (m Message) Want(service string, content any) {
	b := m.client.b
	b.t.Helper()
	if want := b.json(content); m.Service != service || !same(m.Content, want) {
		b.t.Fatalf("%s\n%s hears: %s\nwanted: %s", b.now, m.client.name, m, Message{Service: service, Content: want})
	}
}

// Decode stores the content in what v points to, as json.Unmarshal does.
func (m Message) Decode(v any) {
	b := m.client.b
	b.t.Helper()
	if err := json.Unmarshal(m.Content, v); err != nil {
		b.t.Fatalf("%s\n%s hears: %s\nwhich is no %T: %v", b.now, m.client.name, m, v, err)
	}
}

// String is the message after the name of its service.
func (m Message) String() string { return m.Service + ": " + clip(m.Content) }

func (m Message) arrived() (*Client, int) { return m.client, m.at }

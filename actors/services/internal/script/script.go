// Package script plays scenes with services, their clients and their backend, for the tests of services. It runs them in
// a bubble of testing/synctest: in memory, with a clock that jumps to whatever is waited for.
package script

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// Step is one thing that happens, and all that comes of it.
type Step struct {
	// Who acts: a client, who connects with its first step, or "backend".
	Who string
	// Call is SERVICE.COMMAND; "go" ends the client's connection, "wait" lets time pass, see Scene.Wait.
	Call string
	// Params are those of the call.
	Params string
	// Want is the answer: the data as JSON, or an error text after "!". "~NAME" keeps the data under that name, and
	// "$NAME" in later steps stands for them.
	Want string
	// Hear are the notifications that clients get, as JSON, without their timestamps, in order; nobody gets others.
	Hear Heard
}

// Heard is what clients hear.
type Heard map[string][]string

// Scene is a broker with services.
type Scene struct {
	t       *testing.T
	broker  *actors.Broker
	clients map[string]*client
	kept    map[string]string
	// Wait is what a step "wait" does.
	Wait func()
}

type client struct {
	conn net.Conn
	r    *bufio.Reader
}

// Play sets up a scene in a bubble, plays the steps, and checks that nobody hears anything else.
func Play(t *testing.T, prepare func(*testing.T, *Scene), steps ...Step) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b, err := actors.NewBroker(actors.Options{Portable: true, Loops: 2})
		if err != nil {
			t.Fatal(err)
		}
		s := &Scene{t: t, broker: b, clients: map[string]*client{}, kept: map[string]string{}}
		defer s.end()
		prepare(t, s)
		for i, step := range steps {
			s.play(fmt.Sprintf("step %d, %s %s %s", i+1, step.Who, step.Call, step.Params), step)
		}
		for name, c := range s.clients {
			s.quiet(name, c)
		}
	})
}

// Frontend registers a service for clients.
func (s *Scene) Frontend(name string, service actors.Service) {
	s.t.Helper()
	if err := s.broker.Frontend().Register(name, service); err != nil {
		s.t.Fatal(err)
	}
}

// Backend registers a service for backends.
func (s *Scene) Backend(name string, service actors.Service) {
	s.t.Helper()
	if err := s.broker.Backend().Register(name, service); err != nil {
		s.t.Fatal(err)
	}
}

func (s *Scene) end() {
	for _, c := range s.clients {
		_ = c.conn.Close()
	}
	if err := s.broker.Shutdown(s.t.Context(), 0); err != nil {
		s.t.Error(err)
	}
}

func (s *Scene) play(at string, step Step) {
	s.t.Helper()
	var answer string
	switch {
	case step.Call == "wait":
		s.Wait()
	case step.Call == "go":
		_ = s.clients[step.Who].conn.Close()
		delete(s.clients, step.Who)
	case step.Who == "backend":
		service, request := s.request(step)
		content, err := s.broker.Call(s.t.Context(), service, []byte(request))
		if err != nil {
			s.t.Fatalf("%s: %v", at, err)
		}
		answer = string(content)
	default:
		service, request := s.request(step)
		s.client(step.Who).send(fmt.Sprintf(`{"service":%q,"message":%s}`, service, request))
		s.hear(at, step.Who, step.Hear[step.Who])
		answer = s.clients[step.Who].content(s.t, at)
	}
	synctest.Wait()
	if answer != "" {
		s.check(at, answer, s.filled(step.Want))
	}
	for name, messages := range step.Hear {
		if name != step.Who || answer == "" {
			s.hear(at, name, messages)
		}
	}
}

func (s *Scene) request(step Step) (service, request string) {
	service, command, _ := strings.Cut(step.Call, ".")
	return service, fmt.Sprintf(`{"command":%q,"params":%s,"callId":1}`, command, s.filled(step.Params))
}

// filled puts in what was kept.
func (s *Scene) filled(text string) string {
	for name, value := range s.kept {
		text = strings.ReplaceAll(text, "$"+name, value)
	}
	return text
}

func (s *Scene) hear(at, name string, messages []string) {
	s.t.Helper()
	for _, want := range messages {
		want = s.filled(want)
		if got := s.client(name).content(s.t, at); !same(got, want) {
			s.t.Fatalf("%s: %s hears\n%s, not\n%s", at, name, got, want)
		}
	}
}

func (s *Scene) check(at, answer, want string) {
	s.t.Helper()
	var a struct {
		Type    string
		Data    json.RawMessage
		Message string
	}
	if err := json.Unmarshal([]byte(answer), &a); err != nil {
		s.t.Fatalf("%s: %s: %v", at, answer, err)
	}
	name, keep := strings.CutPrefix(want, "~")
	switch {
	case keep && a.Type == "response":
		s.kept[name] = string(a.Data)
	case a.Type == "response" && same(string(a.Data), want), a.Type == "error" && "!"+a.Message == want:
	default:
		s.t.Fatalf("%s: answered\n%s, not\n%s", at, answer, want)
	}
}

// quiet checks that the next message is the answer to a call that nobody knows.
func (s *Scene) quiet(name string, c *client) {
	s.t.Helper()
	service := s.broker.Frontend().Names()[0]
	c.send(fmt.Sprintf(`{"service":%q,"message":{"command":"","params":{},"callId":"end"}}`, service))
	if got := c.content(s.t, "at the end"); !strings.Contains(got, `"end"`) {
		s.t.Errorf("at the end %s still hears %s", name, got)
	}
}

// same compares JSON values. A timestamp has to be there where one is, and nothing else about it matters.
func same(got, want string) bool {
	if got == want {
		return true
	}
	var x, y any
	if json.Unmarshal([]byte(got), &x) != nil || json.Unmarshal([]byte(want), &y) != nil {
		return false
	}
	if object, ok := x.(map[string]any); ok {
		delete(object, "timestamp")
	}
	return reflect.DeepEqual(x, y)
}

func (s *Scene) client(name string) *client {
	if c := s.clients[name]; c != nil {
		return c
	}
	here, there := net.Pipe()
	if err := s.broker.Attach(actors.Attachment{Conn: there, Door: lines{}}); err != nil {
		s.t.Fatal(err)
	}
	c := &client{conn: here, r: bufio.NewReader(here)}
	s.clients[name] = c
	return c
}

func (c *client) send(text string) { _, _ = io.WriteString(c.conn, text+"\n") }

// content reads the content of the next packet.
func (c *client) content(t *testing.T, at string) string {
	t.Helper()
	for {
		op, payload, err := c.frame()
		if err != nil {
			t.Fatalf("%s: reading: %v", at, err)
		}
		if op != wire.OpText {
			continue
		}
		packet, err := wire.DecodePacket(payload)
		if err != nil {
			t.Fatalf("%s: %s: %v", at, payload, err)
		}
		return string(packet.Message)
	}
}

func (c *client) frame() (op byte, payload []byte, err error) {
	var head [10]byte
	if _, err := io.ReadFull(c.r, head[:2]); err != nil {
		return 0, nil, err
	}
	size := int(head[1])
	if size == 126 {
		if _, err := io.ReadFull(c.r, head[2:4]); err != nil {
			return 0, nil, err
		}
		size = int(binary.BigEndian.Uint16(head[2:]))
	}
	payload = make([]byte, size)
	_, err = io.ReadFull(c.r, payload)
	return head[0] & 15, payload, err
}

// lines is a Door with the simplest framing: a text ends with a newline.
type lines struct{}

func (lines) Parse(_ *actors.ParseState, data []byte, sink actors.Sink) ([]byte, error) {
	for {
		line, rest, found := bytes.Cut(data, []byte("\n"))
		if !found {
			return data, nil
		}
		if data = rest; !sink.Message(line) {
			return data, nil
		}
	}
}

func (lines) Closed(netip.AddrPort, wire.CloseCode) {}

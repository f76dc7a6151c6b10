package backendapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/services"
	"github.com/snorky-go/snorky/actors/wire"
	"github.com/snorky-go/snorky/actors/wire/transcript"
	"github.com/snorky-go/snorky/backendapi"
	"github.com/snorky-go/snorky/backendapi/client"
	"github.com/snorky-go/snorky/gateway"
	front "github.com/snorky-go/snorky/gateway/client"
)

const (
	key      = "swordfish"
	patience = 20 * time.Second
)

// site is a broker with a closed PubSub and both of its doors.
type site struct {
	broker  *actors.Broker
	pubsub  *services.PubSub
	backend string // address of the backend gateway
	client  *client.Client
	visitor *front.Client
}

// moody fails in the ways in which a service of a user's own may.
type moody struct{}

func (moody) Commands() actors.Commands {
	return actors.Commands{
		"panic": actors.Command(func(*actors.Call, actors.NoParams) (any, error) { panic("moody") }),
		"fail":  actors.Command(func(*actors.Call, actors.NoParams) (any, error) { return nil, errors.New("secret") }),
		"refuse": actors.Direct(func(*actors.Call, actors.NoParams) (any, error) {
			return nil, wire.NewError("not_today", "Not today")
		}),
		"never": actors.Command(func(call *actors.Call, _ actors.NoParams) (any, error) { call.Later(); return nil, nil }),
		"whoami": actors.Command(func(call *actors.Call, _ actors.NoParams) (bool, error) {
			_, connected := call.Peer()
			return connected || call.Identity() != nil, nil
		}),
	}
}

func open(t *testing.T, o backendapi.Options) *site {
	t.Helper()
	broker, err := actors.NewBroker(actors.Options{Loops: 2})
	must(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := broker.Shutdown(ctx, 0); err != nil {
			t.Errorf("shutting down: %v", err)
		}
	})
	pubsub := services.NewPubSub(services.Nobody)
	must(t, broker.Frontend().Register("pubsub", pubsub))
	must(t, broker.Backend().Register("pubsub_backend", services.NewPubSubBackend(pubsub)))
	must(t, broker.Backend().Register("moody", moody{}))

	o.Keys = [][]byte{[]byte(key)}
	handler, err := backendapi.New(broker, o)
	must(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	server := backendapi.NewServer(handler, backendapi.ServerOptions{})
	var served sync.WaitGroup
	served.Go(func() { _ = server.Serve(l) })
	t.Cleanup(func() { _ = server.Close(); served.Wait() })

	door := httptest.NewServer(gateway.New(broker, gateway.Options{}))
	t.Cleanup(door.Close)
	s := &site{broker: broker, pubsub: pubsub, backend: "http://" + l.Addr().String() + "/backend"}
	s.client, err = client.New(s.backend, key, client.WithTimeout(patience))
	must(t, err)
	t.Cleanup(s.client.Close)
	s.visitor, err = front.Dial(t.Context(), "ws"+strings.TrimPrefix(door.URL, "http"), front.Options{})
	must(t, err)
	t.Cleanup(func() { _ = s.visitor.Close() })
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// subscribe returns what the visitor gets from a channel.
func (s *site) subscribe(t *testing.T, channel any) <-chan front.Message {
	t.Helper()
	messages := make(chan front.Message, 10000)
	must(t, s.visitor.Subscribe(t.Context(), "pubsub", channel, func(m front.Message) { messages <- m }))
	return messages
}

func next(t *testing.T, messages <-chan front.Message) front.Message {
	t.Helper()
	select {
	case m := <-messages:
		return m
	case <-time.After(patience):
		t.Fatal("no message")
		return front.Message{}
	}
}

// post sends a body with the key, byte by byte as it is.
func (s *site) post(t *testing.T, body []byte) (status int, answer []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.backend, bytes.NewReader(body))
	must(t, err)
	r.Header.Set("X-Backend-Key", key)
	response, err := http.DefaultClient.Do(r)
	must(t, err)
	answer, err = io.ReadAll(response.Body)
	must(t, err)
	must(t, response.Body.Close())
	return response.StatusCode, answer
}

func TestPublicationReachesSubscribers(t *testing.T) {
	s := open(t, backendapi.Options{})
	for _, channel := range []string{`"news"`, `1`, `null`, `true`, `["a",1]`, `{"a":{"b":[]}}`} {
		messages := s.subscribe(t, json.RawMessage(channel))
		for _, content := range []string{`null`, `false`, `0`, `""`, `{"<&>":"\u2028"}`, `9007199254740993`, `1e400`, `"\ud800"`, `[[[]]]`} {
			must(t, s.client.Publish(t.Context(), "pubsub_backend", json.RawMessage(channel), json.RawMessage(content)))
			if m := next(t, messages); canonical(t, m.Content) != canonical(t, []byte(content)) || string(m.Channel) != channel {
				t.Errorf("sent %s to %s, got %s from %s", content, channel, m.Content, m.Channel)
			}
		}
		if got, err := s.client.Call(t.Context(), "pubsub_backend", "subscribers", map[string]any{"channel": json.RawMessage(channel)}); err != nil || string(got) != "1" {
			t.Errorf("subscribers of %s: %s, %v", channel, got, err)
		}
	}
}

func canonical(t *testing.T, value []byte) wire.Key {
	t.Helper()
	k, err := wire.CanonicalKey(value)
	must(t, err)
	return k
}

// Each publisher's messages arrive once and in its order, whatever the buffers they came in are used for afterwards.
func TestManyPublishersAtOnce(t *testing.T) {
	const publishers, each = 8, 200
	s := open(t, backendapi.Options{})
	messages := s.subscribe(t, "busy")
	var group sync.WaitGroup
	for p := range publishers {
		group.Go(func() {
			for i := range each {
				pad := strings.Repeat(string(rune('a'+p)), i)
				if err := s.client.Publish(t.Context(), "pubsub_backend", "busy", []any{p, i, pad}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	if t.Failed() {
		return
	}
	var seen [publishers]int
	for range publishers * each {
		m := next(t, messages)
		var p, i int
		var pad string
		if err := json.Unmarshal(m.Content, &[]any{&p, &i, &pad}); err != nil || string(m.Channel) != `"busy"` {
			t.Fatalf("%s from %s: %v", m.Content, m.Channel, err)
		}
		if i != seen[p] || pad != strings.Repeat(string(rune('a'+p)), i) {
			t.Fatalf("message %d of publisher %d came when %d was due: %s", i, p, seen[p], m.Content)
		}
		seen[p]++
	}
	if len(messages) != 0 {
		t.Errorf("%d messages too many", len(messages))
	}
}

func TestPublicationsToNobodyLeaveNothing(t *testing.T) {
	s := open(t, backendapi.Options{})
	for i := range 1000 {
		must(t, s.client.Publish(t.Context(), "pubsub_backend", i, "x"))
	}
	if stats := s.broker.Stats(); stats.Channels != 0 || stats.Subscriptions != 0 {
		t.Errorf("%+v", stats)
	}
}

func TestFailingServices(t *testing.T) {
	s := open(t, backendapi.Options{Timeout: 50 * time.Millisecond})
	for range 20 {
		for command, want := range map[string]string{
			"panic": "Internal error", "fail": "Internal error", "never": "Internal error", "refuse": "Not today", "Panic": "Unknown command",
		} {
			_, err := s.client.Call(t.Context(), "moody", command, nil)
			var failure *client.Error
			if !errors.As(err, &failure) || failure.Text != want {
				t.Fatalf("%s: %v", command, err)
			}
		}
	}
	if got, err := s.client.Call(t.Context(), "moody", "whoami", nil); err != nil || string(got) != "false" {
		t.Errorf("a backend call looks like a connection: %s, %v", got, err)
	}
	if _, err := s.client.Call(t.Context(), "moody", "whoami", map[string]int{"x": 1}); fmt.Sprint(err) != "snorky: Invalid params" {
		t.Errorf("surplus parameter: %v", err)
	}
}

func TestServicesOfTheOtherDoorAreUnknown(t *testing.T) {
	s := open(t, backendapi.Options{})
	for _, service := range []string{"pubsub", "nowhere", "", "PubSub_Backend", "pubsub_backend "} {
		err := s.client.Publish(t.Context(), service, "c", 1)
		var refused *client.StatusError
		if !errors.As(err, &refused) || refused.Status != http.StatusNotFound {
			t.Errorf("%q: %v", service, err)
		}
	}
}

// TestTranscripts sends every message of the golden transcripts through this door, to a service of the same name. What a
// front door answers is the answer here, too, except that there is nothing to subscribe to; what it drops is refused.
func TestTranscripts(t *testing.T) {
	s := open(t, backendapi.Options{})
	must(t, s.broker.Backend().Unregister("pubsub_backend"))
	must(t, s.broker.Backend().Register("pubsub", services.NewPubSubBackend(s.pubsub)))
	transcripts, err := transcript.Load("../actors/wire/testdata/transcripts")
	must(t, err)
	for _, tr := range transcripts {
		t.Run(tr.Name, func(t *testing.T) {
			for i, step := range tr.Steps {
				text := []byte(step.Send)
				if step.Text != nil {
					text = []byte(*step.Text)
				}
				status, got := s.post(t, text)
				want := answerIn(t, step.Receive[step.Conn])
				switch packet, _ := wire.DecodePacket(text); {
				case want == nil:
					if status != http.StatusBadRequest && status != http.StatusNotFound {
						t.Errorf("step %d: %.200s is dropped in front and got %d here", i, text, status)
					}
				case packet.Service != "pubsub":
					if status != http.StatusNotFound {
						t.Errorf("step %d: %.200s got %d", i, text, status)
					}
				case isForConnections(text):
					if status != http.StatusOK || !bytes.Contains(got, []byte("Unknown command")) {
						t.Errorf("step %d: %.200s got %d %.200s", i, text, status, got)
					}
				case status != http.StatusOK || canonical(t, got) != canonical(t, want):
					t.Errorf("step %d: %.200s got %d %.200s, want %.200s", i, text, status, got, want)
				}
			}
		})
	}
}

// answerIn returns the response or error among the packets a sender gets, or nil.
func answerIn(t *testing.T, packets []json.RawMessage) []byte {
	t.Helper()
	for _, raw := range packets {
		packet, err := wire.DecodePacket(raw)
		must(t, err)
		var content struct{ Type string }
		must(t, json.Unmarshal(packet.Message, &content))
		if content.Type == "response" || content.Type == "error" {
			return raw
		}
	}
	return nil
}

func isForConnections(text []byte) bool {
	packet, _ := wire.DecodePacket(text)
	request, _ := wire.DecodeRequest(packet.Message)
	return request.Command == "subscribe" || request.Command == "unsubscribe"
}

package tasks_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/snorky-go/snorky/backendapi/client"
)

const key = "correct-horse-battery-staple"

// broker stands in for Snorky's backend: it keeps what is published and authorized, and is down when it is told to be.
type broker struct {
	mu         sync.Mutex
	down       error
	lost       error  // requests take effect, but their answers are lost
	refusal    string // what the service says
	published  []delta
	authorized []string // the items
	during     func()   // happens while a subscription is authorized
}

// delta is what is published about one row.
type delta struct {
	Type, Model            string
	Data, NewData, OldData row
}

type row struct {
	ID, Position, Revision int64
	Title, Owner           string
	Done                   bool
}

func (d delta) revision() int64 { return max(d.Data.Revision, d.NewData.Revision) }

func (b *broker) RoundTrip(r *http.Request) (*http.Response, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if b.down != nil {
		return nil, b.down
	}
	if r.Header.Get("X-Backend-Key") != key {
		return answer(http.StatusUnauthorized, ""), nil
	}
	var packet struct {
		Service string
		Message struct {
			Command string
			Params  struct {
				Items  json.RawMessage
				Deltas []delta
			}
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&packet); err != nil || packet.Service != "datasync_backend" {
		return answer(http.StatusNotFound, ""), err
	}
	if b.refusal != "" {
		return answer(http.StatusOK, `{"message":{"type":"error","message":"`+b.refusal+`"}}`), nil
	}
	data := "null"
	switch packet.Message.Command {
	case "authorizeSubscription":
		b.authorized = append(b.authorized, string(packet.Message.Params.Items))
		data = `"token-of-this-visitor"`
		if b.during != nil {
			b.during()
		}
	case "publishDeltas":
		b.published = append(b.published, packet.Message.Params.Deltas...)
	default:
		return answer(http.StatusOK, `{"message":{"type":"error","message":"Unknown command"}}`), nil
	}
	if b.lost != nil {
		return nil, b.lost
	}
	return answer(http.StatusOK, `{"message":{"type":"response","data":`+data+`}}`), nil
}

func answer(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(body))}
}

func (b *broker) set(change func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	change()
}

// deltas returns what was published since it was asked for last.
func (b *broker) deltas() []delta {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.published
	b.published = nil
	return all
}

func (b *broker) client(t *testing.T) func() (*client.Client, error) {
	t.Helper()
	c, err := client.New("http://127.0.0.1:5801/backend", key, client.WithTransport(b))
	if err != nil {
		t.Fatal(err)
	}
	return func() (*client.Client, error) { return c, nil }
}

var errDown = errors.New("connection refused")

package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/services"
	"github.com/snorky-go/snorky/actors/services/datasync"
	"github.com/snorky-go/snorky/actors/wire"
	"github.com/snorky-go/snorky/backendapi"
	"github.com/snorky-go/snorky/backendapi/client"
	"github.com/snorky-go/snorky/gateway"
	front "github.com/snorky-go/snorky/gateway/client"
)

const (
	service  = "pubsub_backend"
	patience = 20 * time.Second
)

// open starts a server with a PubSub, and returns clients of both of its doors.
func open(t *testing.T) (*client.Client, *front.Client) {
	t.Helper()
	broker, err := actors.NewBroker(actors.Options{Loops: 2, MaxQueuedBytes: 64 << 20})
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
	must(t, broker.Backend().Register(service, services.NewPubSubBackend(pubsub)))
	tasks := datasync.New(datasync.Options{}, datasync.Broadcast("all", "Task"))
	must(t, broker.Frontend().Register("datasync", tasks))
	must(t, broker.Backend().Register("datasync_backend", datasync.NewBackend(tasks)))
	handler, err := backendapi.New(broker, backendapi.Options{Keys: [][]byte{[]byte("swordfish")}, MaxBody: 4 << 20})
	must(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	server := backendapi.NewServer(handler, backendapi.ServerOptions{})
	var served sync.WaitGroup
	served.Go(func() { _ = server.Serve(l) })
	t.Cleanup(func() { _ = server.Close(); served.Wait() })
	door := httptest.NewServer(gateway.New(broker, gateway.Options{}))
	t.Cleanup(door.Close)
	back, err := client.New("http://"+l.Addr().String()+"/backend", "swordfish", client.WithTimeout(patience))
	must(t, err)
	t.Cleanup(back.Close)
	visitor, err := front.Dial(t.Context(), "ws"+strings.TrimPrefix(door.URL, "http"), front.Options{})
	must(t, err)
	t.Cleanup(func() { _ = visitor.Close() })
	return back, visitor
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func subscribe(t *testing.T, visitor *front.Client, channel any) <-chan front.Message {
	t.Helper()
	messages := make(chan front.Message, 100_000)
	must(t, visitor.Subscribe(t.Context(), "pubsub", channel, func(m front.Message) { messages <- m }))
	return messages
}

func expect(t *testing.T, messages <-chan front.Message, want ...any) {
	t.Helper()
	for i, w := range want {
		text, err := json.Marshal(w)
		must(t, err)
		select {
		case m := <-messages:
			if string(m.Content) != string(text) {
				t.Fatalf("message %d is %s, not %s", i, m.Content, text)
			}
		case <-time.After(patience):
			t.Fatalf("no message %d", i)
		}
	}
	if len(messages) != 0 {
		t.Errorf("%d messages too many", len(messages))
	}
}

func TestBatchesReachSubscribers(t *testing.T) {
	back, visitor := open(t)
	news, one := subscribe(t, visitor, "news"), subscribe(t, visitor, 1)
	must(t, back.PublishMany(t.Context(), service, "news", "ü", nil, map[string]int{"a": 1}))
	expect(t, news, "ü", nil, map[string]int{"a": 1})
	must(t, back.PublishMany(t.Context(), service, "news"))
	must(t, back.Broadcast(t.Context(), service, []any{1, "nobody's", "news", 1.0}, "all"))
	expect(t, news, "all")
	expect(t, one, "all", "all")
	must(t, back.Broadcast(t.Context(), service, nil, "none"))

	// What no channel can be called is refused, and the others have the message.
	err := back.Broadcast(t.Context(), service, []any{strings.Repeat("x", wire.MaxKeyBytes), 1}, "rest")
	var batch *client.BatchError
	if !errors.As(err, &batch) || len(batch.Refused) != 1 || batch.Refused[0] != (client.Refusal{Index: 0, Text: "Invalid params"}) {
		t.Errorf("got %v", err)
	}
	expect(t, one, "rest")
}

// Ten thousand messages in one request come out in order, and a request beyond what the server takes is refused whole.
func TestTheSizeOfBatches(t *testing.T) {
	back, visitor := open(t)
	news := subscribe(t, visitor, "news")
	pad := strings.Repeat("x", 90)
	messages := make([]any, 10_000)
	for i := range messages {
		messages[i] = []any{i, pad}
	}
	must(t, back.PublishMany(t.Context(), service, "news", messages...))
	expect(t, news, messages...)
	err := back.PublishMany(t.Context(), service, "news", 1, strings.Repeat("x", 5<<20))
	var refused *client.StatusError
	if !errors.As(err, &refused) || refused.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("got %v", err)
	}
	must(t, back.Publish(t.Context(), service, "news", "last"))
	expect(t, news, "last")
}

// The server understands what is sent: the first delta waits for the client, which hears the others as they come.
func TestDeltasReachTheirSubscriber(t *testing.T) {
	back, visitor := open(t)
	const name = "datasync_backend"
	heard := make(chan string, 10)
	visitor.Handle("datasync", func(notification json.RawMessage) { heard <- string(notification) })
	token, err := back.AuthorizeSubscription(t.Context(), name, client.Item{Dealer: "all"})
	must(t, err)
	must(t, back.PublishDeltas(t.Context(), name, client.Insert("Task", 1)))
	_, err = visitor.Call(t.Context(), "datasync", "acquireSubscription", map[string]string{"token": token})
	must(t, err)
	must(t, back.PublishDeltas(t.Context(), name, client.Update("Task", 1, 2), client.Delete("Task", 2)))
	must(t, back.PublishDeltas(t.Context(), name))
	for _, want := range []string{
		`{"type":"insert","model":"Task","data":1}`,
		`{"type":"update","model":"Task","newData":2,"oldData":1}`,
		`{"type":"delete","model":"Task","data":2}`,
	} {
		select {
		case got := <-heard:
			if got != `{"type":"delta","delta":`+want+`}` {
				t.Errorf("heard %s, not %s", got, want)
			}
		case <-time.After(patience):
			t.Fatalf("no %s", want)
		}
	}
	for _, want := range []struct {
		deltas []client.Delta
		text   string
	}{
		{[]client.Delta{client.Insert("Task", 1), client.Insert("Note", 1)}, "No such model"},
		{[]client.Delta{nil}, "Invalid params"},
	} {
		var refused *client.Error
		if err := back.PublishDeltas(t.Context(), name, want.deltas...); !errors.As(err, &refused) || refused.Text != want.text {
			t.Errorf("got %v, not %s", err, want.text)
		}
	}
	if _, err = back.AuthorizeSubscription(t.Context(), name, client.Item{Dealer: "none"}); err == nil {
		t.Error("an unknown dealer is accepted")
	}
}

package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/services"
	"github.com/snorky-go/snorky/gateway"
	"github.com/snorky-go/snorky/gateway/client"
)

const patience = 10 * time.Second

// serve starts a server with services pubsub and announcements, and returns its address and what ends it.
func serve(t *testing.T) (address string, stop func()) {
	t.Helper()
	broker, err := actors.NewBroker(actors.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for name, policy := range map[string]services.Policy{"pubsub": services.Everybody, "announcements": services.Nobody} {
		if err := broker.Frontend().Register(name, services.NewPubSub(policy)); err != nil {
			t.Fatal(err)
		}
	}
	door := gateway.New(broker, gateway.Options{})
	server := httptest.NewServer(door)
	stop = sync.OnceFunc(func() {
		door.Close()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := broker.Shutdown(ctx, 0); err != nil {
			t.Error(err)
		}
		server.Close()
	})
	t.Cleanup(stop)
	return server.Listener.Addr().String(), stop
}

func TestThroughTheBroker(t *testing.T) {
	var mu sync.Mutex
	address, stop := serve(t)
	states := make(chan client.State, 100)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := client.Dial(ctx, "ws://snorky.example/ws", client.Options{
		MinBackoff: time.Millisecond,
		MaxBackoff: 10 * time.Millisecond,
		OnState:    func(s client.State, _ error) { states <- s },
		NetDial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			mu.Lock()
			defer mu.Unlock()
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if s := <-states; s != client.Connected {
		t.Fatalf("state %v", s)
	}

	messages := make(chan string, 1000)
	channel := map[string]any{"room": 7}
	if err := c.Subscribe(ctx, "pubsub", channel, func(m client.Message) { messages <- string(m.Content) }); err != nil {
		t.Fatal(err)
	}
	expect := func(want string) {
		t.Helper()
		select {
		case got := <-messages:
			if got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		case <-ctx.Done():
			t.Fatalf("%s does not arrive", want)
		}
	}
	if err := c.Publish(ctx, "pubsub", json.RawMessage(`{"room":7.0}`), "hello"); err != nil {
		t.Error(err)
	}
	expect(`"hello"`)
	var refused *client.Error
	for command, publish := range map[string]func() error{
		"Not authorized": func() error { return c.Publish(ctx, "announcements", "news", 1) },
		"Unknown command": func() error {
			_, err := c.Call(ctx, "pubsub", "nope", nil)
			return err
		},
		"Invalid params": func() error {
			_, err := c.Call(ctx, "pubsub", "publish", map[string]int{"chanel": 1})
			return err
		},
	} {
		if err := publish(); !errors.As(err, &refused) || refused.Text != command {
			t.Errorf("got %v, want %s", err, command)
		}
	}

	// The server goes and another one comes.
	mu.Lock()
	address = "127.0.0.1:1"
	mu.Unlock()
	stop()
	next, _ := serve(t)
	mu.Lock()
	address = next
	mu.Unlock()
	if err := c.Publish(ctx, "pubsub", channel, "after the restart"); err != nil && !errors.Is(err, client.ErrConnectionLost) {
		t.Error(err)
	} else if err != nil {
		err = c.Publish(ctx, "pubsub", channel, "after the restart")
		if err != nil {
			t.Error(err)
		}
	}
	expect(`"after the restart"`)

	if err := c.Unsubscribe(ctx, "pubsub", channel); err != nil {
		t.Error(err)
	}
	if err := c.Publish(ctx, "pubsub", channel, "nobody listens"); err != nil {
		t.Error(err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	if len(messages) > 0 {
		t.Errorf("got %s after unsubscribing", <-messages)
	}
}

// Many goroutines share a client.
func TestConcurrentUse(t *testing.T) {
	address, _ := serve(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := client.Dial(ctx, "ws://"+address+"/ws", client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var users sync.WaitGroup
	for user := range 8 {
		users.Go(func() {
			for range 20 {
				got := make(chan string, 1)
				if err := c.Subscribe(ctx, "pubsub", user, func(m client.Message) { got <- string(m.Content) }); err != nil {
					t.Error(err)
					return
				}
				if err := c.Publish(ctx, "pubsub", user, user); err != nil {
					t.Error(err)
				}
				select {
				case <-got:
				case <-ctx.Done():
					t.Error("nothing arrives")
				}
				if err := c.Unsubscribe(ctx, "pubsub", user); err != nil {
					t.Error(err)
				}
			}
		})
	}
	users.Wait()
}

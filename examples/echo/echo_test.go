package echo_test

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/actorstest"
	"github.com/snorky-go/snorky/examples/echo"
	"github.com/snorky-go/snorky/gateway"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// dial connects to a broker that has the service, by way of a real socket.
func dial(t *testing.T) *websocket.Conn {
	t.Helper()
	broker, err := actors.NewBroker(actors.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := broker.Shutdown(context.WithoutCancel(t.Context()), 0); err != nil {
			t.Errorf("shutdown: %v", err)
		}
	})
	if err := broker.Frontend().Register("echo", echo.Echo{}); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(gateway.New(broker, gateway.Options{}))
	t.Cleanup(server.Close)
	conn, _, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(server.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// contents are what a packet may hold.
var contents = []string{
	`"hello"`, `null`, `0`, `false`, `""`, `[]`, `{}`,
	`9007199254740993`, `1e400`, `"\ud800"`, `"é"`, `[1,[2,{"a":null}]]`,
	`{"command":"sum","params":{},"callId":1}`, // looks like a request, and is none here
}

func TestEverythingComesBack(t *testing.T) {
	actorstest.Run(t, actors.Options{}, func(_ *testing.T, b *actorstest.Broker) {
		b.Frontend("echo", echo.Echo{})
		ann, bob := b.Client("ann"), b.Client("bob")
		for _, content := range contents {
			ann.Send("echo", actorstest.JSON(content))
		}
		for _, content := range contents {
			ann.Next().Want("echo", actorstest.JSON(content))
		}
		ann.Quiet()
		bob.Quiet()
	})
}

// Over a socket, too, and byte for byte.
func TestEverythingComesBackInOrder(t *testing.T) {
	conn := dial(t)
	for _, content := range contents {
		packet := `{"service":"echo","message":` + content + `}`
		if err := conn.WriteMessage(websocket.TextMessage, []byte(packet)); err != nil {
			t.Fatal(err)
		}
	}
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	for _, content := range contents {
		_, got, err := conn.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		if want := `{"service":"echo","message":` + content + `}`; string(got) != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

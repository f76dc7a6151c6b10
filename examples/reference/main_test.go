package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"github.com/snorky-go/snorky/cmd/snorkyd/server"
)

func TestMain(m *testing.M) {
	// net/http lets a refused client read the refusal for half a second, in a goroutine that nobody can wait for.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

const patience = 20 * time.Second

// start runs the program in this process until the end of the test.
func start(t *testing.T, arguments ...string) (front, back string) {
	t.Helper()
	p := program()
	open := make(chan struct{})
	p.Work = func(ctx context.Context, s *server.Server, _ io.Writer) error {
		front, back = s.Addr(), s.BackendAddr()
		close(open)
		<-ctx.Done()
		return nil
	}
	ctx, cancel := context.WithCancel(context.Background())
	var log bytes.Buffer
	var err error
	var running sync.WaitGroup
	running.Go(func() {
		defer cancel()
		err = p.Run(ctx, append([]string{"-frontend", "127.0.0.1:0", "-backend", "127.0.0.1:0"}, arguments...), nil, io.Discard, &log)
	})
	t.Cleanup(func() {
		cancel()
		running.Wait()
		if err != nil {
			t.Errorf("ended with %v", err)
		}
	})
	select {
	case <-open:
	case <-ctx.Done():
		running.Wait()
		t.Fatalf("did not start: %v\n%s", err, log.String())
	}
	return front, back
}

func dial(t *testing.T, front string) *websocket.Conn {
	t.Helper()
	header := http.Header{"Origin": {"https://anywhere.example"}}
	conn, _, err := websocket.DefaultDialer.DialContext(t.Context(), "ws://"+front+"/ws", header)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// exchange sends a packet and returns the next one.
func exchange(t *testing.T, conn *websocket.Conn, packet string) string {
	t.Helper()
	if err := conn.WriteMessage(websocket.TextMessage, []byte(packet)); err != nil {
		t.Fatal(err)
	}
	return receive(t, conn)
}

func receive(t *testing.T, conn *websocket.Conn) string {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	_, got, err := conn.ReadMessage()
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}

func request(service, command, params string) string {
	return `{"service":"` + service + `","message":{"command":"` + command + `","callId":1,"params":` + params + `}}`
}

func response(service, data string) string {
	return `{"service":"` + service + `","message":{"type":"response","callId":1,"data":` + data + `}}`
}

func TestServicesForClients(t *testing.T) {
	front, _ := start(t)
	conn := dial(t, front)
	for _, c := range []struct{ packet, want string }{
		{request("pubsub", "publish", `{"channel":1,"message":2}`), response("pubsub", "null")},
		{request("announcements", "subscribe", `{"channel":1}`), response("announcements", "null")},
		{
			request("announcements", "publish", `{"channel":1,"message":2}`),
			`{"service":"announcements","message":{"type":"error","callId":1,"message":"Not authorized"}}`,
		},
		{request("calculator", "sum", `{"number1":9007199254740993,"number2":1}`), response("calculator", "9007199254740994")},
		{`{"service":"echo","message":[1e400]}`, `{"service":"echo","message":[1e400]}`},
	} {
		if got := exchange(t, conn, c.packet); got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.packet, got, c.want)
		}
	}
}

func TestServicesForBackends(t *testing.T) {
	for _, c := range []struct {
		name      string
		arguments []string
		key       string
	}{
		{"the key of the protocol", nil, "swordfish"},
		{"a key of one's own", []string{"-key", "marlin"}, "marlin"},
	} {
		t.Run(c.name, func(t *testing.T) {
			front, back := start(t, c.arguments...)
			for _, service := range []string{"pubsub", "announcements"} {
				conn := dial(t, front)
				exchange(t, conn, request(service, "subscribe", `{"channel":"c"}`))
				if status := call(t, back, c.key, request(service+"_backend", "publish", `{"channel":"c","message":"m"}`)); status != 200 {
					t.Errorf("%s: status %d", service, status)
				}
				got := receive(t, conn)
				if want := `{"service":"` + service + `","message":{"type":"message","channel":"c","message":"m"}}`; got != want {
					t.Errorf("got  %s\nwant %s", got, want)
				}
			}
			if status := call(t, back, c.key+"x", "{}"); status != http.StatusUnauthorized {
				t.Errorf("another key: status %d", status)
			}
		})
	}
}

func call(t *testing.T, back, key, body string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+back+"/backend", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Backend-Key", key)
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

func TestMessagesOfTenMebibytes(t *testing.T) {
	front, _ := start(t)
	conn := dial(t, front)
	const form = `{"service":"echo","message":""}`
	packet := form[:len(form)-2] + strings.Repeat("x", 10<<20-len(form)) + form[len(form)-2:]
	if got := exchange(t, conn, packet); got != packet {
		t.Errorf("%d bytes came back as %d, which begin with %.60s", len(packet), len(got), got)
	}
}

func TestBadArguments(t *testing.T) {
	for _, arguments := range [][]string{
		{"-frontend", "nowhere"},
		{"-key", ""},
		{"-key", " blank"},
		{"-key", "marlin", "-key-file", filepath.Join(t.TempDir(), "absent")},
		{"-colour", "red"},
	} {
		p := program()
		p.Work = func(context.Context, *server.Server, io.Writer) error { return nil } // ends at once
		arguments = append([]string{"-frontend", "127.0.0.1:0", "-backend", "127.0.0.1:0"}, arguments...)
		err := p.Run(t.Context(), arguments, nil, io.Discard, io.Discard)
		if err == nil || strings.Contains(err.Error(), "marlin") {
			t.Errorf("%q: %v", arguments, err)
		}
	}
}

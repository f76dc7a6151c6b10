package backendapi

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

func TestMain(m *testing.M) {
	// net/http lets a refused client read the refusal for half a second, in a goroutine that nobody can wait for.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

const testKey = "swordfish"

// patience is how long a test waits for what should come at once.
const patience = 20 * time.Second

// callerFunc is a Caller that is one function.
type callerFunc func(ctx context.Context, service string, message []byte) ([]byte, error)

func (f callerFunc) Call(ctx context.Context, service string, message []byte) ([]byte, error) {
	return f(ctx, service, message)
}

// fakeBroker has one service, "svc", whose commands are "ok", which returns its params, "slow", which waits for the end
// of the context, "boom", which panics, and "late", of a server that goes down.
func fakeBroker(ctx context.Context, service string, message []byte) ([]byte, error) {
	if service != "svc" {
		return nil, fmt.Errorf("%w: %q", actors.ErrUnknownService, service)
	}
	request, err := wire.DecodeRequest(message)
	if err != nil {
		return nil, err
	}
	switch request.Command {
	case "ok":
		return wire.AppendResponse(nil, request.CallID, request.Params), nil
	case "slow":
		<-ctx.Done()
		return nil, ctx.Err()
	case "boom":
		panic("boom")
	case "late":
		return nil, actors.ErrStopped
	case "odd":
		return nil, io.ErrNoProgress
	default:
		return wire.AppendError(nil, request.CallID, wire.ErrUnknownCommand.Text), nil
	}
}

func newHandler(t testing.TB, o Options) *Handler {
	t.Helper()
	if o.Keys == nil {
		o.Keys = [][]byte{[]byte(testKey)}
	}
	h, err := New(callerFunc(fakeBroker), o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// serve runs a Server for handler on a free port until the test ends and returns its address.
func serve(t testing.TB, handler http.Handler, o ServerOptions) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serveOn(t, l, handler, o)
	return l.Addr().String()
}

func serveOn(t testing.TB, l net.Listener, handler http.Handler, o ServerOptions) *Server {
	s := NewServer(handler, o)
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	t.Cleanup(func() {
		_ = s.Close()
		if err := <-ended; err != http.ErrServerClosed {
			t.Errorf("Serve returned %v", err)
		}
	})
	return s
}

// post is a request with a key and a length, as raw bytes.
func post(headers, body string) string {
	return "POST /backend HTTP/1.1\r\nHost: x\r\nX-Backend-Key: " + testKey + "\r\n" + headers +
		fmt.Sprintf("Content-Length: %d\r\n\r\n", len(body)) + body
}

// call is the body of a call.
func call(command, params string) string {
	return `{"service":"svc","message":{"command":"` + command + `","params":` + params + `,"callId":7}}`
}

// reply is one answer read off a raw connection.
type reply struct {
	status int
	header http.Header
	body   string
}

func dial(t testing.TB, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return conn
}

// readReply reads an answer to a POST.
func readReply(t testing.TB, from *bufio.Reader) (reply, error) {
	t.Helper()
	response, err := http.ReadResponse(from, nil)
	if err != nil {
		return reply{}, err
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	return reply{response.StatusCode, response.Header, string(body)}, err
}

// raw sends bytes and returns all that is answered until the server closes the connection, which it has to.
func raw(t testing.TB, addr, request string) []reply {
	t.Helper()
	conn := dial(t, addr)
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_, _ = io.WriteString(conn, request) // the server may close early
	}()
	defer func() { _ = conn.Close(); <-sent }()
	var replies []reply
	for from := bufio.NewReader(conn); ; {
		r, err := readReply(t, from)
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatalf("the connection stays open after %d answers", len(replies))
			}
			return replies
		}
		replies = append(replies, r)
	}
}

func statuses(replies []reply) string {
	var b strings.Builder
	for _, r := range replies {
		fmt.Fprintf(&b, "%d ", r.status)
	}
	return strings.TrimSpace(b.String())
}

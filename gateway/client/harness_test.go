package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"github.com/snorky-go/snorky/actors/wire"
)

func TestMain(m *testing.M) {
	// net/http lets a refused client read the refusal for half a second, in a goroutine that nobody can wait for.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*conn).closeWriteAndWait"))
}

// server is the other end, played by the test. It lives in memory, so that time may be fake.
type server struct {
	t        *testing.T
	peers    chan *peer
	conns    chan net.Conn
	shutdown chan struct{}
	http     http.Server

	mu      sync.Mutex
	down    bool          // nobody listens
	mute    bool          // connects, but answers no handshake
	status  int           // handshakes are refused with it, if it is not 0
	header  http.Header   // of that refusal
	dials   []time.Time   // attempts to connect
	pings   int           // that came
	offered []http.Header // of handshakes
}

// inBubble runs a test in fake time, with a server.
func inBubble(t *testing.T, test func(t *testing.T, s *server)) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{t: t, peers: make(chan *peer, 100), conns: make(chan net.Conn), shutdown: make(chan struct{})}
		s.http.Handler = s
		var serving sync.WaitGroup
		serving.Go(func() { _ = s.http.Serve(s) })
		defer serving.Wait()
		defer s.http.Close()
		test(t, s)
	})
}

func (s *server) Accept() (net.Conn, error) {
	select {
	case conn := <-s.conns:
		return conn, nil
	case <-s.shutdown:
		return nil, net.ErrClosed
	}
}

func (s *server) Close() error {
	select {
	case <-s.shutdown:
	default:
		close(s.shutdown)
	}
	return nil
}

func (s *server) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "unix"} }

var errRefused = errors.New("connection refused")

func (s *server) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	s.mu.Lock()
	s.dials = append(s.dials, time.Now())
	down, mute := s.down, s.mute
	s.mu.Unlock()
	if down {
		return nil, errRefused
	}
	near, far := net.Pipe()
	if mute {
		s.t.Cleanup(func() { _ = far.Close() })
		return near, nil
	}
	select {
	case s.conns <- far:
		return near, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *server) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	status, header := s.status, s.header
	s.offered = append(s.offered, r.Header)
	s.mu.Unlock()
	if status != 0 {
		maps.Copy(w.Header(), header)
		w.WriteHeader(status)
		return
	}
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		s.t.Error(err)
		return
	}
	p := &peer{t: s.t, ws: ws}
	answer := ws.PingHandler()
	ws.SetPingHandler(func(payload string) error {
		s.set(func() { s.pings++ })
		return answer(payload)
	})
	s.t.Cleanup(func() { _ = ws.Close() })
	s.peers <- p
}

// open connects a client that draws these random numbers, in turn, or 1 when there are none left.
func (s *server) open(o Options, random ...float64) *Client {
	s.t.Helper()
	o.NetDial = s.dial
	c := newClient("ws://memory/ws", o)
	c.random = func() float64 {
		if len(random) == 0 {
			return 1
		}
		r := random[0]
		random = random[1:]
		return r
	}
	if err := c.start(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = c.Close() })
	return c
}

// peer waits for the next connection.
func (s *server) peer() *peer {
	s.t.Helper()
	select {
	case p := <-s.peers:
		return p
	case <-time.After(time.Hour):
		s.t.Fatal("nobody comes")
		return nil
	}
}

// nobodyComes checks that the client does not reconnect.
func (s *server) nobodyComes() {
	s.t.Helper()
	select {
	case <-s.peers:
		s.t.Fatal("the client comes back")
	case <-time.After(time.Hour):
	}
}

// peer is one connection as the server sees it.
type peer struct {
	t  *testing.T
	ws *websocket.Conn
}

// expect reads a request and returns its id.
func (p *peer) expect(service, command, params string) string {
	p.t.Helper()
	_, data, err := p.ws.ReadMessage()
	if err != nil {
		p.t.Fatalf("waiting for %s: %v", command, err)
	}
	packet, err := wire.DecodePacket(data)
	if err != nil {
		p.t.Fatalf("%s: %v", data, err)
	}
	request, err := wire.DecodeRequest(packet.Message)
	if err != nil || packet.Service != service || request.Command != command || !sameJSON(string(request.Params), params) {
		p.t.Fatalf("got %s, %v; want %s of %s with %s", data, err, command, service, params)
	}
	return string(request.CallID)
}

func (p *peer) send(packet string) {
	p.t.Helper()
	if err := p.ws.WriteMessage(websocket.TextMessage, []byte(packet)); err != nil {
		p.t.Fatal(err)
	}
}

func (p *peer) respond(service, id, data string) {
	p.t.Helper()
	p.send(string(wire.AppendPacket(nil, service, wire.AppendResponse(nil, []byte(id), []byte(data)))))
}

func (p *peer) fail(service, id, text string) {
	p.t.Helper()
	p.send(string(wire.AppendPacket(nil, service, wire.AppendError(nil, []byte(id), text))))
}

func (p *peer) notify(service, content string) {
	p.t.Helper()
	p.send(string(wire.AppendPacket(nil, service, []byte(content))))
}

func (p *peer) publish(channel, message string) {
	p.t.Helper()
	p.notify("pubsub", fmt.Sprintf(`{"type":"message","channel":%s,"message":%s}`, channel, message))
}

func (p *peer) close(code wire.CloseCode) {
	p.t.Helper()
	p.closeWith(code, "")
}

func (p *peer) closeWith(code wire.CloseCode, reason string) {
	p.t.Helper()
	err := p.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(int(code), reason), time.Now().Add(time.Second))
	if err != nil {
		p.t.Fatal(err)
	}
	_ = p.gone()
	synctest.Wait() // the client has noticed
}

// gone reads until the connection ends and returns how it did.
func (p *peer) gone() error {
	for {
		if _, _, err := p.ws.ReadMessage(); err != nil {
			_ = p.ws.Close()
			return err
		}
	}
}

// discard reads what comes in the background, as a server does that is not interested.
func (p *peer) discard() {
	var reading sync.WaitGroup
	reading.Go(func() { _ = p.gone() })
	p.t.Cleanup(reading.Wait)
	p.t.Cleanup(func() { _ = p.ws.Close() })
}

func sameJSON(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

// later runs f in the background and returns its result.
func later[T any](f func() (T, error)) <-chan outcome[T] {
	c := make(chan outcome[T], 1)
	go func() {
		v, err := f()
		c <- outcome[T]{v, err}
	}()
	return c
}

type outcome[T any] struct {
	value T
	err   error
}

// call makes a call in the background.
func (s *server) call(ctx context.Context, c *Client, command string, params any) <-chan outcome[json.RawMessage] {
	return later(func() (json.RawMessage, error) { return c.Call(ctx, "calc", command, params) })
}

// subscribe subscribes in the background; messages go into the channel.
func (s *server) subscribe(ctx context.Context, c *Client, channel any, messages chan<- Message) <-chan outcome[struct{}] {
	return later(func() (struct{}, error) {
		return struct{}{}, c.Subscribe(ctx, "pubsub", channel, func(m Message) { messages <- m })
	})
}

// subscribed subscribes and waits for it.
func (s *server) subscribed(c *Client, p *peer, channel string, messages chan<- Message) {
	s.t.Helper()
	done := s.subscribe(s.t.Context(), c, json.RawMessage(channel), messages)
	p.respond("pubsub", p.expect("pubsub", "subscribe", `{"channel":`+channel+`}`), "null")
	if r := <-done; r.err != nil {
		s.t.Fatal(r.err)
	}
}

func (m Message) String() string { return fmt.Sprintf("%s %s %s", m.Service, m.Channel, m.Content) }

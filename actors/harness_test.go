package actors_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		if !actors.IdleWorkIsUntouched() {
			fmt.Fprintln(os.Stderr, "a connection has written to the work that all idle ones share")
			status = 1
		}
		os.Exit(status)
	}))
}

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// lineDoor is the simplest framing there is: a text ends with a newline. "!close" asks for the end of the connection,
// "!ping X" for a pong.
type lineDoor struct {
	closed atomic.Int32
	codes  chan wire.CloseCode
}

func newLineDoor() *lineDoor { return &lineDoor{codes: make(chan wire.CloseCode, 100_000)} }

func (*lineDoor) Parse(st *actors.ParseState, data []byte, sink actors.Sink) ([]byte, error) {
	for {
		end := bytes.IndexByte(data[st.Scanned:], '\n')
		if end < 0 {
			st.Scanned = len(data)
			return data, nil
		}
		line := data[:st.Scanned+end]
		data, st.Scanned = data[st.Scanned+end+1:], 0
		switch payload, isPing := bytes.CutPrefix(line, []byte("!ping ")); {
		case isPing:
			sink.Control(append(wire.AppendFrameHeader(nil, wire.OpPong, len(payload)), payload...))
		case string(line) == "!close":
			return nil, &wire.CloseError{Code: wire.CloseNormal, ByPeer: true}
		case string(line) == "!fault":
			return nil, &wire.CloseError{Code: wire.CloseProtocolError, Reason: "fault"}
		case !sink.Message(line):
			return data, nil
		}
	}
}

func (d *lineDoor) Closed(_ netip.AddrPort, code wire.CloseCode) {
	d.closed.Add(1)
	d.codes <- code
}

// client is the other end of a connection.
type client struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

func (c *client) send(lines ...string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, strings.Join(lines, "\n")+"\n"); err != nil {
		c.t.Fatalf("sending: %v", err)
	}
}

// frame reads one frame.
func (c *client) frame() (op byte, payload []byte, err error) {
	_ = c.conn.SetReadDeadline(time.Now().Add(patience))
	return c.nextFrame()
}

func (c *client) nextFrame() (op byte, payload []byte, err error) {
	var head [10]byte
	if _, err := io.ReadFull(c.r, head[:2]); err != nil {
		return 0, nil, err
	}
	size := uint64(head[1])
	switch head[1] {
	case 126:
		if _, err := io.ReadFull(c.r, head[2:4]); err != nil {
			return 0, nil, err
		}
		size = uint64(binary.BigEndian.Uint16(head[2:4]))
	case 127:
		if _, err := io.ReadFull(c.r, head[2:10]); err != nil {
			return 0, nil, err
		}
		size = binary.BigEndian.Uint64(head[2:10])
	}
	payload = make([]byte, size)
	_, err = io.ReadFull(c.r, payload)
	return head[0] & 15, payload, err
}

// text reads the next text and skips pings.
func (c *client) text() string {
	c.t.Helper()
	for {
		op, payload, err := c.frame()
		if err != nil {
			c.t.Fatalf("reading: %v", err)
		}
		switch op {
		case wire.OpText:
			if !json.Valid(payload) {
				c.t.Fatalf("not JSON: %q", payload)
			}
			return string(payload)
		case wire.OpClose:
			c.t.Fatalf("closed: %q", payload)
		}
	}
}

// expect reads texts and compares them as JSON values.
func (c *client) expect(want ...string) {
	c.t.Helper()
	for _, w := range want {
		if got := c.text(); !sameJSON(got, w) {
			c.t.Fatalf("got  %.300s\nwant %.300s", got, w)
		}
	}
}

// expectClose reads until the close frame and returns its code.
func (c *client) expectClose() wire.CloseCode {
	c.t.Helper()
	for {
		op, payload, err := c.frame()
		if err != nil {
			c.t.Fatalf("no close frame: %v", err)
		}
		if op == wire.OpClose {
			return wire.CloseCode(binary.BigEndian.Uint16(payload))
		}
	}
}

func (c *client) expectEnd() {
	c.t.Helper()
	for {
		if _, _, err := c.frame(); err != nil {
			if ne := net.Error(nil); errors.As(err, &ne) && ne.Timeout() {
				c.t.Fatal("the connection did not end")
			}
			return
		}
	}
}

func sameJSON(a, b string) bool {
	if a == b {
		return true
	}
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

// server is a broker with what a test needs around it.
type server struct {
	t      *testing.T
	broker *actors.Broker
	door   *lineDoor
	gate   actors.Door     // that new connections come through
	dial   func() net.Conn // the client's end of a new connection
	ends   []net.Conn

	principal actors.Principal // of new connections
	remote    netip.AddrPort   // likewise
}

// ways are the implementations of sockets; each test of the conformance suite runs on all of them.
var ways = []string{"loop", "portable", "pipe"}

func newServer(t *testing.T, way string, o actors.Options) *server {
	t.Helper()
	o.Portable = o.Portable || way != "loop"
	b, err := actors.NewBroker(o)
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, broker: b, door: newLineDoor()}
	s.gate = s.door
	if way == "pipe" {
		s.dial = s.pipe
		return s
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	s.dial = func() net.Conn { return s.tcp(listener) }
	return s
}

func (s *server) pipe() net.Conn {
	here, there := net.Pipe()
	s.attach(there)
	return here
}

func (s *server) tcp(listener net.Listener) net.Conn {
	here, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	there, err := listener.Accept()
	if err != nil {
		s.t.Fatal(err)
	}
	s.attach(there)
	return here
}

func (s *server) attach(c net.Conn) {
	if err := s.broker.Attach(actors.Attachment{Conn: c, Door: s.gate, Remote: s.remote, Principal: s.principal}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) connect() *client {
	conn := s.dial()
	s.ends = append(s.ends, conn)
	return &client{t: s.t, conn: conn, r: bufio.NewReader(conn)}
}

func (s *server) register(name string, service actors.Service) {
	s.t.Helper()
	if err := s.broker.Frontend().Register(name, service); err != nil {
		s.t.Fatal(err)
	}
}

// shutdown ends clients and broker, and checks that nothing is left.
func (s *server) shutdown() {
	s.t.Helper()
	for _, c := range s.ends {
		_ = c.Close()
	}
	defer func() {
		if stats := s.broker.Stats(); stats != (actors.Stats{}) {
			s.t.Errorf("left behind: %+v", stats)
		}
		for id, l := range s.broker.Metrics().Loops {
			if l.WaitingBytes != 0 || l.Connections != 0 {
				s.t.Errorf("loop %d still counts %d bytes that wait for %d connections", id, l.WaitingBytes, l.Connections)
			}
		}
	}()
	if err := s.broker.Shutdown(s.t.Context(), 0); err != nil && !errors.Is(err, actors.ErrStopped) {
		s.t.Errorf("shutdown: %v", err)
	}
}

// until waits for a condition that another goroutine brings about.
func until(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for !condition() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("waited in vain for: %s", what)
		}
	}
}

// request and its answers, in the words of PROTOCOL.md section 4.
func request(service, command, params string, id any) string {
	return fmt.Sprintf(`{"service":%q,"message":{"command":%q,"params":%s,"callId":%s}}`, service, command, params, toJSON(id))
}

func response(service, data string, id any) string {
	return fmt.Sprintf(`{"service":%q,"message":{"type":"response","callId":%s,"data":%s}}`, service, toJSON(id), data)
}

func refusal(service, text string, id any) string {
	return fmt.Sprintf(`{"service":%q,"message":{"type":"error","callId":%s,"message":%q}}`, service, toJSON(id), text)
}

func publication(service, channel, message string) string {
	return fmt.Sprintf(`{"service":%q,"message":{"type":"message","channel":%s,"message":%s}}`, service, channel, message)
}

func toJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

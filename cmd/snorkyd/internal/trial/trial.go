// Package trial is what the tests of the server see of it from outside: a WebSocket client that hides nothing, and a
// way to wait for something to become true.
package trial

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/snorky-go/snorky/actors/wire"
	"github.com/snorky-go/snorky/backendapi/client"
)

// Patience bounds every wait; a loaded machine may need long.
const Patience = 30 * time.Second

// Eventually fails the test if condition does not become true. It asks again and again.
func Eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	deadline := time.After(Patience)
	for !condition() {
		select {
		case <-again.C:
		case <-deadline:
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// Publisher returns a client of the backend at addr.
func Publisher(t testing.TB, addr, key string) *client.Client {
	t.Helper()
	c, err := client.New("http://"+addr+"/backend", key, client.WithTimeout(Patience))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// Status makes a GET request and returns the status of the answer, or 0 if there is none.
func Status(t testing.TB, url string) int {
	t.Helper()
	status, _ := Get(t, url)
	return status
}

// Get makes a GET request. Status 0 says that there is no answer.
func Get(t testing.TB, url string) (status int, body string) {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := (&http.Client{Transport: transport, Timeout: Patience}).Do(request)
	if err != nil {
		return 0, ""
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return response.StatusCode, string(text)
}

// Socket is a WebSocket.
type Socket struct {
	t    testing.TB
	conn net.Conn
	in   *bufio.Reader

	Reason string // of the close frame, once Next has returned its code
}

// Dial opens a WebSocket at addr, or returns the status that it was refused with; 0 if there was no answer.
func Dial(t testing.TB, addr string) (s *Socket, status int) {
	t.Helper()
	return DialWith(t, addr, "")
}

// DialWith is Dial with a query, such as "?a=b", and further lines in the head.
func DialWith(t testing.TB, addr, query string, lines ...string) (s *Socket, status int) {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		return nil, 0
	}
	return Shake(t, conn, addr, query, lines...)
}

// Shake is DialWith on a connection that there is already, to a host. It owns the connection.
func Shake(t testing.TB, conn net.Conn, host, query string, lines ...string) (s *Socket, status int) {
	t.Helper()
	_ = conn.SetDeadline(time.Now().Add(Patience))
	key := base64.StdEncoding.EncodeToString(make([]byte, 16))
	fmt.Fprintf(conn, "GET /ws%s HTTP/1.1\r\nHost: %s\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"+
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n", query, host, key)
	fmt.Fprintf(conn, "%s\r\n", strings.Join(append(lines, ""), "\r\n"))
	in := bufio.NewReader(conn)
	response, err := http.ReadResponse(in, nil)
	if err != nil {
		_ = conn.Close()
		return nil, 0
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusSwitchingProtocols {
		_ = conn.Close()
		return nil, response.StatusCode
	}
	t.Cleanup(func() { _ = conn.Close() })
	return &Socket{t: t, conn: conn, in: in}, response.StatusCode
}

// Subscribe opens a WebSocket and subscribes it to a channel.
func Subscribe(t testing.TB, addr, service, channel string) *Socket {
	t.Helper()
	s, status := Dial(t, addr)
	if s == nil {
		t.Fatalf("the handshake was answered with %d", status)
	}
	s.Subscribe(service, channel)
	return s
}

// Subscribe subscribes to a channel.
func (s *Socket) Subscribe(service, channel string) {
	s.t.Helper()
	if answer := s.Call(service, "subscribe", fmt.Sprintf(`{"channel":%q}`, channel)); answer.Type != "response" {
		s.t.Fatalf("subscribing: %+v", answer)
	}
}

// Message is what a packet holds, of whichever kind.
type Message struct {
	Type    string          // response, error, message, delta
	Message json.RawMessage // of a message or an error
	Data    json.RawMessage // of a response

	ExpiresIn int             // of the notification "expiring", in seconds
	Delta     json.RawMessage // of a change of data
}

// Call sends a request and returns the next message, which is its answer if nothing else is under way.
func (s *Socket) Call(service, command, params string) Message {
	s.t.Helper()
	s.Send(fmt.Sprintf(`{"service":%q,"message":{"command":%q,"params":%s,"callId":1}}`, service, command, params))
	message, code := s.Next()
	if code != 0 {
		s.t.Fatalf("closed with %d instead of an answer", code)
	}
	return message
}

// Send writes a text frame, masked with zeros.
func (s *Socket) Send(text string) {
	s.t.Helper()
	frame := []byte{0x80 | wire.OpText, 0x80 | 127}
	frame = binary.BigEndian.AppendUint64(frame, uint64(len(text)))
	if len(text) < 126 {
		frame = []byte{0x80 | wire.OpText, 0x80 | byte(len(text))}
	} else if len(text) <= 0xffff {
		frame = binary.BigEndian.AppendUint16([]byte{0x80 | wire.OpText, 0x80 | 126}, uint16(len(text)))
	}
	frame = append(frame, 0, 0, 0, 0)
	if _, err := s.conn.Write(append(frame, text...)); err != nil {
		s.t.Errorf("sending: %v", err)
	}
}

// Next returns the next message, or the code with which the server closed the connection; wire.CloseAbnormal if it broke.
func (s *Socket) Next() (m Message, code wire.CloseCode) {
	s.t.Helper()
	for {
		op, payload, err := s.frame()
		if err != nil {
			return m, wire.CloseAbnormal
		}
		switch op {
		case wire.OpClose:
			s.Reason = string(payload[2:])
			return m, wire.CloseCode(binary.BigEndian.Uint16(payload))
		case wire.OpText:
			var packet struct{ Message Message }
			if err := json.Unmarshal(payload, &packet); err != nil {
				s.t.Fatalf("%s: %v", payload, err)
			}
			return packet.Message, 0
		}
	}
}

// Pings waits for so many pings in a row, with nothing between them.
func (s *Socket) Pings(n int) {
	s.t.Helper()
	for i := range n {
		if op, payload, err := s.frame(); err != nil || op != wire.OpPing {
			s.t.Fatalf("instead of ping %d: opcode %d, %q, %v", i, op, payload, err)
		}
	}
}

// AnswerClose answers a close frame.
func (s *Socket) AnswerClose(code wire.CloseCode) {
	frame := binary.BigEndian.AppendUint16([]byte{0x80 | wire.OpClose, 0x80 | 2, 0, 0, 0, 0}, uint16(code))
	_, _ = s.conn.Write(frame)
}

// End waits for the end of the connection and tells how it came; io.EOF if in good order.
func (s *Socket) End() error {
	if _, err := io.Copy(io.Discard, s.in); err != nil {
		return err
	}
	return io.EOF
}

// Frame returns the next frame of any kind.
func (s *Socket) Frame() (op byte, payload []byte, err error) { return s.frame() }

func (s *Socket) frame() (op byte, payload []byte, err error) {
	head, err := s.in.Peek(2)
	if err != nil {
		return 0, nil, err
	}
	op, size, length := head[0]&0xf, 2, int(head[1])
	switch length {
	case 126:
		size = 4
	case 127:
		size = 10
	}
	_ = s.conn.SetDeadline(time.Now().Add(Patience))
	if head, err = s.in.Peek(size); err != nil {
		return 0, nil, err
	}
	switch size {
	case 4:
		length = int(binary.BigEndian.Uint16(head[2:]))
	case 10:
		length = int(binary.BigEndian.Uint64(head[2:]))
	}
	frame := make([]byte, size+length)
	_, err = io.ReadFull(s.in, frame)
	return op, frame[size:], err
}

// Publish sends one message, and fails the test if that is not acknowledged.
func Publish(t testing.TB, c *client.Client, service, channel string, message any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	if err := c.Publish(ctx, service, channel, message); err != nil {
		t.Fatal(err)
	}
}

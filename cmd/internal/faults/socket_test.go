package faults_test

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/snorky-go/snorky/actors/wire"
)

// First bytes of frames, RFC 6455 section 5.2. The last three do not end their message.
const (
	final        = 0x80
	text         = final | wire.OpText
	binaryFrame  = final | wire.OpBinary
	closing      = final | wire.OpClose
	ping         = final | wire.OpPing
	continuation = final
	textStart    = wire.OpText
	more         = 0
)

// socket is the client's end of a WebSocket, which may say anything.
type socket struct {
	t    *testing.T
	conn *net.TCPConn
	in   *bufio.Reader
}

func handshake(host, lines string) string {
	return "GET /ws HTTP/1.1\r\nHost: " + host + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" + lines + "\r\n"
}

// connect opens a TCP connection that the test closes.
func connect(t *testing.T, address string) *net.TCPConn {
	t.Helper()
	conn, err := net.DialTimeout("tcp", address, patience)
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn.(*net.TCPConn)
}

// dial opens a WebSocket.
func (s *site) dial(t *testing.T) *socket {
	t.Helper()
	return upgrade(t, connect(t, s.front))
}

func upgrade(t *testing.T, conn *net.TCPConn) *socket {
	t.Helper()
	c := &socket{t: t, conn: conn, in: bufio.NewReader(conn)}
	c.raw([]byte(handshake("127.0.0.1", "")))
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	response, err := http.ReadResponse(c.in, nil)
	must(t, err)
	if response.StatusCode != http.StatusSwitchingProtocols {
		t.Fatalf("the handshake was answered with %s", response.Status)
	}
	return c
}

// header is that of a frame which says to have so many bytes, masked with zeros.
func header(first byte, length uint64) []byte {
	switch {
	case length < 126:
		return []byte{first, 0x80 | byte(length), 0, 0, 0, 0}
	case length <= 0xffff:
		return append(binary.BigEndian.AppendUint16([]byte{first, 0x80 | 126}, uint16(length)), 0, 0, 0, 0)
	default:
		return append(binary.BigEndian.AppendUint64([]byte{first, 0x80 | 127}, length), 0, 0, 0, 0)
	}
}

func frame(first byte, payload string) []byte {
	return append(header(first, uint64(len(payload))), payload...)
}

// raw sends bytes. A server that has closed the connection may refuse them.
func (c *socket) raw(bytes []byte) {
	_ = c.conn.SetWriteDeadline(time.Now().Add(patience))
	_, _ = c.conn.Write(bytes)
}

func (c *socket) send(texts ...string) {
	c.t.Helper()
	var frames []byte
	for _, s := range texts {
		frames = append(frames, frame(text, s)...)
	}
	_ = c.conn.SetWriteDeadline(time.Now().Add(patience))
	if _, err := c.conn.Write(frames); err != nil {
		c.t.Fatalf("sending: %v", err)
	}
}

// read returns the next frame of the server, which has to be a correct one.
func (c *socket) read() (op byte, payload []byte, err error) {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(patience))
	var head [8]byte
	if _, err := io.ReadFull(c.in, head[:2]); err != nil {
		return 0, nil, err
	}
	first, length := head[0], uint64(head[1])
	switch length {
	case 126:
		_, err = io.ReadFull(c.in, head[:2])
		length = uint64(binary.BigEndian.Uint16(head[:]))
	case 127:
		_, err = io.ReadFull(c.in, head[:])
		length = binary.BigEndian.Uint64(head[:])
	}
	if err != nil {
		return 0, nil, err
	}
	if first&0xf0 != final || length > 64<<20 {
		c.t.Fatalf("a frame that starts with %#x and has %d bytes", first, length)
	}
	payload = make([]byte, length)
	_, err = io.ReadFull(c.in, payload)
	return first & 0xf, payload, err
}

// next returns the next text. It skips pings and pongs.
func (c *socket) next() []byte {
	c.t.Helper()
	for {
		op, payload, err := c.read()
		switch {
		case err != nil:
			c.t.Fatalf("instead of a text: %v", err)
		case op == wire.OpClose:
			c.t.Fatalf("instead of a text: closed %q", payload)
		case op == wire.OpText:
			if !utf8.Valid(payload) || wire.Valid(payload) != nil {
				c.t.Fatalf("not JSON: %.200q", payload)
			}
			return payload
		}
	}
}

// expect reads texts and compares them as JSON values.
func (c *socket) expect(want ...string) {
	c.t.Helper()
	for _, w := range want {
		if got := c.next(); !sameJSON(c.t, got, []byte(w)) {
			c.t.Fatalf("got  %.300s\nwant %.300s", got, w)
		}
	}
}

// call sends a request and expects what it causes, then a response.
func (c *socket) call(service, command, params string, caused ...string) {
	c.t.Helper()
	c.send(request(service, command, params, `"call"`))
	c.expect(append(caused, response(service, `"call"`))...)
}

func (c *socket) subscribe(service, channel string) {
	c.t.Helper()
	c.call(service, "subscribe", fmt.Sprintf(`{"channel":%q}`, channel))
}

// code reads on until the server closes, and returns how; wire.CloseAbnormal without a close frame.
func (c *socket) code() wire.CloseCode {
	c.t.Helper()
	for {
		op, payload, err := c.read()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			c.t.Fatal("the connection stays open")
		case err != nil:
			return wire.CloseAbnormal
		case op == wire.OpClose && len(payload) >= 2:
			return wire.CloseCode(binary.BigEndian.Uint16(payload))
		}
	}
}

// ends waits for the end of the TCP connection.
func ends(t *testing.T, conn net.Conn) {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection is not cut off")
	}
}

// reset closes a connection as a client does that is gone without a word.
func reset(conn *net.TCPConn) {
	_ = conn.SetLinger(0)
	_ = conn.Close()
}

// request and what comes of it, in the words of PROTOCOL.md sections 4 and 6.4.
func request(service, command, params, id string) string {
	return fmt.Sprintf(`{"service":%q,"message":{"command":%q,"params":%s,"callId":%s}}`, service, command, params, id)
}

func response(service, id string) string {
	return fmt.Sprintf(`{"service":%q,"message":{"type":"response","callId":%s,"data":null}}`, service, id)
}

func refusal(service, id, reason string) string {
	return fmt.Sprintf(`{"service":%q,"message":{"type":"error","callId":%s,"message":%q}}`, service, id, reason)
}

func publication(channel, message string) string {
	return `{"service":"pubsub","message":{"type":"message","channel":` + channel + `,"message":` + message + `}}`
}

func sameJSON(t *testing.T, a, b []byte) bool {
	t.Helper()
	if string(a) == string(b) {
		return true
	}
	x, err := wire.CanonicalKey(a)
	must(t, err)
	y, err := wire.CanonicalKey(b)
	must(t, err)
	return x == y
}

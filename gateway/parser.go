package gateway

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/gorilla/websocket"

	"github.com/snorky-go/snorky/actors/wire"
)

// A parser is a gorilla connection without a network: it reads what it is fed, and what it writes is kept. It is fed
// complete units only, so that it stands at the start of a message after each and may serve another client next.
// After an error it is of no use.
type parser struct {
	ws     *websocket.Conn
	net    memory
	pong   []byte // the frame that answers the ping just read
	broken bool
}

// Frames that complete a unit for gorilla, masked with zeros: a control frame is followed by an empty text, since
// gorilla reads on after it and takes the end of its input for the end of the connection.
var (
	emptyText   = []byte{finalBit | wire.OpText, maskBit, 0, 0, 0, 0}
	startOfText = []byte{wire.OpText, maskBit, 0, 0, 0, 0}
)

var parserUpgrader = websocket.Upgrader{
	// A control frame has to fit; what is larger than the buffer is read without a detour through it.
	ReadBufferSize:  512,
	WriteBufferSize: 16,
	CheckOrigin:     func(*http.Request) bool { return true }, // the only request is the one below
}

func newParser() *parser {
	p := &parser{}
	ws, err := parserUpgrader.Upgrade(hijacker{&p.net}, &http.Request{
		Method: http.MethodGet,
		Header: http.Header{
			"Connection":            {"Upgrade"},
			"Upgrade":               {"websocket"},
			"Sec-Websocket-Version": {"13"},
			"Sec-Websocket-Key":     {"AAAAAAAAAAAAAAAAAAAAAA=="},
		},
	}, nil)
	if err != nil {
		panic("gateway: gorilla refused a correct handshake: " + err.Error())
	}
	ws.SetPingHandler(func(payload string) error {
		p.pong = append(wire.AppendFrameHeader(p.pong[:0], wire.OpPong, len(payload)), payload...)
		return nil
	})
	p.ws = ws
	return p
}

// message reads the frames of one whole message with so many bytes of payload. The payload comes to lie at the start of
// raw: it is written there only after gorilla has read the headers in front of it.
func (p *parser) message(raw []byte, size int, fragmented bool) (kind int, payload []byte, err error) {
	p.net.feed(raw, nil)
	kind, r, err := p.ws.NextReader()
	for n := 0; err == nil && n < size; {
		var k int
		k, err = r.Read(raw[n:size])
		n += k
	}
	if err == nil && fragmented {
		// The last fragments may be empty. A message of one frame needs no look for its end.
		if _, err = r.Read(raw[size:]); errors.Is(err, io.EOF) {
			err = nil
		}
	}
	if err != nil {
		return 0, nil, p.refusal()
	}
	return kind, raw[:size], nil
}

// control reads one ping or pong. pong is the answer to a ping, otherwise empty.
func (p *parser) control(raw []byte) (pong []byte, err error) {
	p.pong = p.pong[:0]
	p.net.feed(raw, emptyText)
	_, r, err := p.ws.NextReader()
	if err != nil {
		return nil, p.refusal()
	}
	if _, err := r.Read(raw); err != io.EOF {
		return nil, p.refusal()
	}
	return p.pong, nil
}

// judge asks gorilla what is wrong with the first two bytes of a frame, at the start of a message or inside one.
func (p *parser) judge(header []byte, inside bool) error {
	if !inside {
		p.net.feed(header, nil)
		_, _, _ = p.ws.NextReader() // refusal tells
		return p.refusal()
	}
	p.net.feed(startOfText, header)
	if _, r, err := p.ws.NextReader(); err == nil {
		_, _ = r.Read(make([]byte, 1))
	}
	return p.refusal()
}

// refusal takes the code and the reason from the close frame that gorilla wrote when it met an error.
func (p *parser) refusal() error {
	p.broken = true
	frame := p.net.written
	if len(frame) < 4 || frame[0] != finalBit|wire.OpClose {
		return &wire.CloseError{Code: wire.CloseProtocolError, Reason: "bad frame"}
	}
	return &wire.CloseError{Code: wire.CloseCode(binary.BigEndian.Uint16(frame[2:])), Reason: string(frame[4:])}
}

// memory is the connection under a parser.
type memory struct {
	net.Conn          // nil: gorilla needs no other method
	data, next []byte // to be read
	written    []byte
}

func (m *memory) feed(data, next []byte) {
	m.data, m.next = data, next
	m.written = m.written[:0]
}

func (m *memory) Read(b []byte) (int, error) {
	if len(m.data) == 0 {
		m.data, m.next = m.next, nil
	}
	if len(m.data) == 0 {
		return 0, io.EOF
	}
	n := copy(b, m.data)
	m.data = m.data[n:]
	return n, nil
}

func (m *memory) Write(b []byte) (int, error) {
	m.written = append(m.written, b...)
	return len(b), nil
}

func (m *memory) SetDeadline(time.Time) error      { return nil }
func (m *memory) SetWriteDeadline(time.Time) error { return nil }

// hijacker is the http.ResponseWriter of which gorilla gets the memory.
type hijacker struct{ conn *memory }

func (h hijacker) Header() http.Header         { return http.Header{} }
func (h hijacker) Write(b []byte) (int, error) { return len(b), nil }
func (h hijacker) WriteHeader(int)             {}

func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.conn, bufio.NewReadWriter(bufio.NewReaderSize(h.conn, 16), bufio.NewWriterSize(h.conn, 16)), nil
}

package actorstest

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// conn is a connection in memory. The broker has its Read, Write and Close, the client the rest. The client is always
// quick: it takes all frames at once, and answers pings.
type conn struct {
	more chan struct{} // room for one: something has changed for Read

	mu       sync.Mutex
	out      []byte // what Read has not taken yet
	over     bool   // the client sends no more
	closed   bool   // the broker has closed
	code     wire.CloseCode
	in       []byte // the beginning of a frame
	arrivals int
	messages []Message
	calls    int
	asked    map[string]*Pending // by callId
}

var _ net.Conn = (*conn)(nil)

func newConn() *conn { return &conn{more: make(chan struct{}, 1), asked: map[string]*Pending{}} }

// send queues a packet. It never blocks.
func (c *conn) send(packet []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.queue(packet)
}

// queue adds one message in the framing of door.
func (c *conn) queue(message []byte) {
	c.out = binary.BigEndian.AppendUint32(c.out, uint32(len(message)))
	c.out = append(c.out, message...)
	c.wake()
}

// ask queues a request, and lets p have the answer.
func (c *conn) ask(service string, p *Pending) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		p.arrive(nil, errEnded)
		return
	}
	c.calls++
	id := strconv.Itoa(c.calls)
	c.asked[id] = p
	request := append(p.request[:len(p.request)-1:len(p.request)-1], `,"callId":`+id+`}`...)
	c.queue(wire.AppendPacket(nil, service, request))
}

func (c *conn) wake() {
	select {
	case c.more <- struct{}{}:
	default:
	}
}

// next takes the next message.
func (c *conn) next() (m Message, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.messages) == 0 {
		return Message{}, false
	}
	m = c.messages[0]
	c.messages = c.messages[1:]
	return m, true
}

// hangUp ends the client's side.
func (c *conn) hangUp() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
	c.wake()
}

// ending is how the broker has ended the connection; "" if it has not.
func (c *conn) ending() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.code != 0:
		return fmt.Sprintf("closed with code %d", c.code)
	case c.closed:
		return "cut off"
	}
	return ""
}

func (c *conn) Read(b []byte) (int, error) {
	for {
		c.mu.Lock()
		n, over := copy(b, c.out), c.over || c.closed
		c.out = c.out[n:]
		c.mu.Unlock()
		switch {
		case n > 0:
			return n, nil
		case over:
			return 0, io.EOF
		}
		<-c.more
	}
}

func (c *conn) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over || c.closed {
		return 0, io.ErrClosedPipe
	}
	c.in = append(c.in, b...)
	for {
		n, whole := wire.FrameLen(c.in)
		if !whole {
			return len(b), nil
		}
		c.frame(c.in[:n])
		c.in = c.in[n:]
	}
}

func (c *conn) frame(frame []byte) {
	payload := frame[headerLen(frame):]
	switch frame[0] & 15 {
	case wire.OpText:
		c.text(payload)
	case wire.OpPing:
		c.queue(nil) // a pong
	case wire.OpClose:
		c.code = wire.CloseNoStatus
		if len(payload) >= 2 {
			c.code = wire.CloseCode(binary.BigEndian.Uint16(payload))
		}
		c.over = true
		c.wake()
	}
}

// headerLen is the length of the header of a frame of a server (RFC 6455 section 5.2).
func headerLen(frame []byte) int {
	switch frame[1] {
	case 126:
		return 4
	case 127:
		return 10
	}
	return 2
}

// text takes one packet.
func (c *conn) text(payload []byte) {
	c.arrivals++
	packet, err := wire.DecodePacket(payload)
	if err != nil { // a service has sent or answered a JSON that is none
		c.fail(fmt.Errorf("the client hears what is no JSON: %s", clip(payload)))
		c.messages = append(c.messages, Message{Service: "no JSON", Content: bytes.Clone(payload), at: c.arrivals})
		return
	}
	content := bytes.Clone(packet.Message)
	if p := c.answered(content); p != nil {
		p.at = c.arrivals
		p.arrive(content, nil)
		return
	}
	c.messages = append(c.messages, Message{Service: packet.Service, Content: content, at: c.arrivals})
}

// answered returns the call that content is the answer to, if it is one.
func (c *conn) answered(content []byte) *Pending {
	var a struct {
		Type   string          `json:"type"`
		CallID json.RawMessage `json:"callId"`
	}
	if json.Unmarshal(content, &a) != nil || a.Type != "response" && a.Type != "error" {
		return nil
	}
	p := c.asked[string(a.CallID)]
	delete(c.asked, string(a.CallID))
	return p
}

// Close is called by the broker when the connection has ended.
func (c *conn) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	c.wake()
	c.fail(errEnded)
	return nil
}

// fail ends all calls that are not answered.
func (c *conn) fail(err error) {
	for _, p := range c.asked {
		p.arrive(nil, err)
	}
	clear(c.asked)
}

var errEnded = errors.New("its connection has ended before")

func (c *conn) LocalAddr() net.Addr  { return addr{} }
func (c *conn) RemoteAddr() net.Addr { return addr{} }

// Nothing takes long here, so deadlines never pass.
func (c *conn) SetDeadline(time.Time) error      { return nil }
func (c *conn) SetReadDeadline(time.Time) error  { return nil }
func (c *conn) SetWriteDeadline(time.Time) error { return nil }

type addr struct{}

func (addr) Network() string { return "memory" }
func (addr) String() string  { return "memory" }

// door is the simplest framing there is: four bytes with the length of a text, then the text. An empty one is a pong.
type door struct{}

var _ actors.Door = door{}

func (door) Parse(_ *actors.ParseState, data []byte, sink actors.Sink) ([]byte, error) {
	for {
		if len(data) < 4 {
			return data, nil
		}
		end := 4 + int(binary.BigEndian.Uint32(data))
		if len(data) < end {
			return data, nil
		}
		text := data[4:end]
		data = data[end:]
		if len(text) > 0 && !sink.Message(text) {
			return data, nil
		}
	}
}

func (door) Closed(netip.AddrPort, wire.CloseCode) {}

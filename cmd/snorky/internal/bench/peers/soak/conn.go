package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/snorky-go/snorky/actors/wire"
	"github.com/snorky-go/snorky/cmd/snorky/internal/bench"
	"golang.org/x/sys/unix"
)

const (
	// answerWithin bounds every wait for the server; a busy machine may need long.
	answerWithin = 60 * time.Second
	// quietBuffer is enough for one frame of everything but the bulk channel.
	quietBuffer = 4 << 10
)

// conn is a WebSocket that one goroutine reads and writes.
type conn struct {
	*net.TCPConn
	br     *bufio.Reader
	next   int
	frame  []byte
	notice func(notification []byte) // is called while conn reads
}

// dialFrom connects from an address of the crowd, so that what the server does for each address is done for many. Small
// has the kernel hold next to nothing of what is not read. (Were that said later, it would throw away what is on its way
// and the other end would send it again after ever longer pauses, also if it has closed.)
func dialFrom(ctx context.Context, address string, source uint32, small bool) (*net.TCPConn, error) {
	d := net.Dialer{
		Timeout:   answerWithin,
		LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 1, byte(source>>8), byte(source|1))},
	}
	if small {
		d.Control = smallBuffer
	}
	raw, err := d.DialContext(ctx, "tcp4", address)
	if err != nil {
		return nil, err
	}
	return raw.(*net.TCPConn), nil
}

// smallBuffer is for a socket that is not connected yet.
func smallBuffer(_, _ string, c syscall.RawConn) (err error) {
	if controlled := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF, 4<<10)
	}); controlled != nil {
		return controlled
	}
	return err
}

// open makes a connection a WebSocket. The token may be empty.
func (w *world) open(ctx context.Context, buffer int, token string, small bool) (*conn, error) {
	raw, err := dialFrom(ctx, w.server.front, rand.Uint32N(1<<12), small)
	if err != nil {
		return nil, err
	}
	c := &conn{TCPConn: raw, br: bufio.NewReaderSize(raw, buffer)}
	target := &url.URL{Scheme: "ws", Host: w.server.front, Path: "/ws"}
	if token != "" {
		target.RawQuery = "access_token=" + token
	}
	_ = raw.SetDeadline(time.Now().Add(answerWithin))
	if err := bench.Upgrade(raw, c.br, target, ""); err != nil {
		c.reset()
		return nil, err
	}
	return c, nil
}

// reset leaves without a word.
func (c *conn) reset() {
	_ = c.SetLinger(0)
	_ = c.Close()
}

func (c *conn) send(opcode byte, payload []byte) error {
	c.frame = bench.AppendFrame(c.frame[:0], opcode, payload)
	_ = c.SetWriteDeadline(time.Now().Add(answerWithin))
	_, err := c.Write(c.frame)
	return err
}

// call does a request. Params is JSON. An answer that is an error, or none in time, is an error.
func (c *conn) call(service, command, params string) error {
	c.next++
	request := fmt.Sprintf(`{"service":%q,"message":{"command":%q,"callId":%d,"params":%s}}`, service, command, c.next, params)
	if err := c.send(wire.OpText, []byte(request)); err != nil {
		return err
	}
	answer, err := c.read(time.Now().Add(answerWithin), c.next)
	switch {
	case err != nil:
		return fmt.Errorf("%s.%s: %w", service, command, err)
	case answer == nil:
		return fmt.Errorf("%s.%s: no answer within %v", service, command, answerWithin)
	case bytes.Contains(answer, []byte(`"type":"error"`)):
		return fmt.Errorf("%s.%s: %.200s", service, command, answer)
	}
	return nil
}

// listen takes what comes until then.
func (c *conn) listen(until time.Time) error {
	_, err := c.read(until, 0)
	return err
}

var (
	responseMark = []byte(`"type":"response"`)
	errorMark    = []byte(`"type":"error"`)
)

// read takes what comes until the answer with that id is there, which it returns, or until the time is over. The close
// frame of the server is a *wire.CloseError.
func (c *conn) read(until time.Time, id int) (answer []byte, err error) {
	_ = c.SetReadDeadline(until)
	for {
		opcode, payload, err := c.readFrame()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil, nil
		case err != nil:
			return nil, err
		}
		switch opcode {
		case wire.OpPing:
			if err := c.send(wire.OpPong, payload); err != nil {
				return nil, err
			}
		case wire.OpClose:
			closed := &wire.CloseError{Code: wire.CloseNoStatus, ByPeer: true}
			if len(payload) >= 2 {
				closed.Code, closed.Reason = wire.CloseCode(binary.BigEndian.Uint16(payload)), string(payload[2:])
			}
			return nil, closed
		case wire.OpText:
			if !bytes.Contains(payload, responseMark) && !bytes.Contains(payload, errorMark) {
				c.notice(payload)
				continue
			}
			if id != 0 && bytes.Contains(payload, []byte(`"callId":`+strconv.Itoa(id))) {
				return payload, nil
			}
			return nil, fmt.Errorf("an answer that nobody waits for: %.200s", payload)
		}
	}
}

// readFrame returns one frame, which is valid until the next. After a deadline it can be called again.
func (c *conn) readFrame() (opcode byte, payload []byte, err error) {
	head, err := c.br.Peek(2)
	if err != nil {
		return 0, nil, err
	}
	size, length := 2, int(head[1]&127)
	switch length {
	case 126:
		size = 4
	case 127:
		size = 10
	}
	if head, err = c.br.Peek(size); err != nil {
		return 0, nil, err
	}
	switch size {
	case 4:
		length = int(binary.BigEndian.Uint16(head[2:]))
	case 10:
		length = int(binary.BigEndian.Uint64(head[2:]))
	}
	if head[0]&0xf0 != 0x80 || length > c.br.Size()-size {
		return 0, nil, fmt.Errorf("a frame that begins with % x, of %d bytes", head, length)
	}
	frame, err := c.br.Peek(size + length)
	if err != nil {
		return 0, nil, err
	}
	_, _ = c.br.Discard(len(frame)) // the bytes stay until the next Peek
	return frame[0] & 15, frame[size:], nil
}

// goodbye closes as a browser does, and waits until the server has.
func (c *conn) goodbye() error {
	defer func() { _ = c.Close() }()
	if err := c.send(wire.OpClose, []byte{1000 >> 8, 1000 & 0xff}); err != nil {
		return err
	}
	err := c.listen(time.Now().Add(answerWithin))
	if closed, ok := errors.AsType[*wire.CloseError](err); ok && closed.Code == wire.CloseNormal {
		return nil
	}
	return fmt.Errorf("a close frame was answered with %w", err)
}

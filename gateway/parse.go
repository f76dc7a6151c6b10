package gateway

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/gorilla/websocket"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// Bits of a frame's header, RFC 6455 section 5.2.
const (
	finalBit    = 0x80
	reserved    = 0x70
	opcode      = 0x0f
	maskBit     = 0x80
	lengthBits  = 0x7f
	maxControl  = 125 // payload of a control frame, bytes
	opContinued = 0
)

// frame is what a header says.
type frame struct {
	op      byte
	final   bool
	payload int // bytes
	size    int // bytes, header included
}

func (f frame) control() bool { return f.op >= wire.OpClose }

// Parse implements actors.Door.
//
// It looks only at headers itself, to find where frames and messages end and to refuse early what is too large or
// malformed; gorilla reads complete messages, pings and pongs. What is kept is the frames of an unfinished message
// as they came, except control frames and empty fragments, then an unfinished frame. So the limit on a message bounds
// what is kept: the worst case is fragments of one byte, each of which takes seven.
func (h *Handler) Parse(st *actors.ParseState, data []byte, sink actors.Sink) (rest []byte, err error) {
	p := h.parsers.Get().(*parser)
	rest, err = h.parse(p, st, data, sink)
	if !p.broken {
		p.net.feed(nil, nil) // data is the caller's again
		h.parsers.Put(p)
	}
	return rest, err
}

// data[start:kept] are frames of the unfinished message, data[read:] is to be looked at.
func (h *Handler) parse(p *parser, st *actors.ParseState, data []byte, sink actors.Sink) ([]byte, error) {
	start, kept, read := 0, st.Scanned, st.Scanned
	for more := true; more; {
		f, complete, err := h.scan(p, data[read:], kept > start, st.Payload)
		if err != nil {
			return nil, err
		}
		if !complete {
			break
		}
		switch {
		case f.op == wire.OpClose:
			return nil, judgeClose(data[read : read+f.size])
		case f.control():
			if err := answer(p, data[read:read+f.size], sink); err != nil {
				return nil, err
			}
		case f.final:
			fragmented, size := kept > start, st.Payload+f.payload
			kept += move(data, kept, read, f.size)
			if more, err = deliver(p, data[start:kept], size, fragmented, sink); err != nil {
				return nil, err
			}
			start, kept, st.Payload = read+f.size, read+f.size, 0
		case f.payload > 0 || kept == start:
			kept += move(data, kept, read, f.size)
			st.Payload += f.payload
		}
		read += f.size
	}
	st.Scanned = kept - start
	return data[start : kept+move(data, kept, read, len(data)-read)], nil
}

// scan reads the header at the start of data. inside tells whether a message has begun, of which payload bytes are
// there. The frame is complete if data holds all of it.
func (h *Handler) scan(p *parser, data []byte, inside bool, payload int) (f frame, complete bool, err error) {
	if len(data) < 2 {
		return f, false, nil
	}
	f.op, f.final = data[0]&opcode, data[0]&finalBit != 0
	if !usual(data[0], data[1], inside) {
		return f, false, p.judge(data[:2], inside)
	}
	header, length := 6, uint64(data[1]&lengthBits)
	switch {
	case length < 126:
	case length == 126 && len(data) >= 4:
		header, length = 8, uint64(binary.BigEndian.Uint16(data[2:]))
	case length == 127 && len(data) >= 10:
		header, length = 14, binary.BigEndian.Uint64(data[2:])
	default:
		return f, false, nil
	}
	left := max(h.current.Load().ReadLimit-payload, 0) // less than nothing where the limit was lowered meanwhile
	if !f.control() && length > uint64(left) {
		return f, false, &wire.CloseError{Code: wire.CloseTooBig, Reason: "message too big"}
	}
	f.payload, f.size = int(length), header+int(length)
	return f, len(data) >= f.size, nil
}

// usual tells whether a client may send a frame whose header starts so. What is not usual goes to gorilla at once,
// without waiting for its payload.
func usual(b0, b1 byte, inside bool) bool {
	if b0&reserved != 0 || b1&maskBit == 0 {
		return false
	}
	switch op := b0 & opcode; op {
	case opContinued:
		return inside
	case wire.OpText, wire.OpBinary:
		return !inside
	case wire.OpClose, wire.OpPing, wire.OpPong:
		return b0&finalBit != 0 && b1&lengthBits <= maxControl
	}
	return false
}

// answer lets gorilla read a ping or a pong.
func answer(p *parser, raw []byte, sink actors.Sink) error {
	pong, err := p.control(raw)
	if err == nil && len(pong) > 0 {
		sink.Control(pong)
	}
	return err
}

// deliver lets gorilla read a message and gives it to sink as PROTOCOL.md section 1 says: a text must be UTF-8, a
// binary message counts as a text if it is, and is dropped otherwise.
func deliver(p *parser, raw []byte, size int, fragmented bool, sink actors.Sink) (more bool, err error) {
	kind, payload, err := p.message(raw, size, fragmented)
	switch {
	case err != nil:
		return false, err
	case utf8.Valid(payload):
		return sink.Message(payload), nil
	case kind == websocket.TextMessage:
		return false, &wire.CloseError{Code: wire.CloseInvalidPayload, Reason: "text is not UTF-8"}
	}
	return true, nil
}

// move copies n bytes down over what was taken out in front of them, mostly nothing.
func move(data []byte, to, from, n int) int {
	if to != from {
		copy(data[to:], data[from:from+n])
	}
	return n
}

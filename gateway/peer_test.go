package gateway

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// First bytes of frames.
const (
	text         = finalBit | wire.OpText
	binaryFrame  = finalBit | wire.OpBinary
	closing      = finalBit | wire.OpClose
	ping         = finalBit | wire.OpPing
	pong         = finalBit | wire.OpPong
	continuation = finalBit | opContinued
	textStart    = wire.OpText // not final
	more         = opContinued // not final
)

// clientFrame is a frame as a client sends it, masked.
func clientFrame(first byte, payload string) []byte {
	return appendClientFrame(nil, first, payload)
}

func appendClientFrame(b []byte, first byte, payload string) []byte {
	switch n := len(payload); {
	case n < 126:
		b = append(b, first, maskBit|byte(n))
	case n < 1<<16:
		b = binary.BigEndian.AppendUint16(append(b, first, maskBit|126), uint16(n))
	default:
		b = binary.BigEndian.AppendUint64(append(b, first, maskBit|127), uint64(n))
	}
	mask := [4]byte{0x37, 0xfa, first, 0x3d}
	b = append(b, mask[:]...)
	for i := range len(payload) {
		b = append(b, payload[i]^mask[i%4])
	}
	return b
}

// announced is the header of a masked frame with so many bytes, and none of them.
func announced(first byte, length uint64) []byte {
	b := binary.BigEndian.AppendUint64([]byte{first, maskBit | 127}, length)
	return append(b, 1, 2, 3, 4)
}

func closeBody(code uint16, reason string) string {
	return string(binary.BigEndian.AppendUint16(nil, code)) + reason
}

func join(frames ...[]byte) (all []byte) {
	for _, f := range frames {
		all = append(all, f...)
	}
	return all
}

// peer feeds a Handler as a broker does, and notes what comes of it.
type peer struct {
	door    *Handler
	state   actors.ParseState
	kept    []byte
	events  []string
	err     error
	maxKept int // most bytes that had to be kept
	pauseAt int // Message returns false at every so manyth message; 0: never
	texts   int
}

func newPeer(readLimit int) *peer { return &peer{door: New(nil, Options{ReadLimit: readLimit})} }

func (p *peer) Message(text []byte) bool {
	p.events = append(p.events, "text "+string(text))
	p.texts++
	return p.pauseAt == 0 || p.texts%p.pauseAt != 0
}

func (p *peer) Control(frame []byte) { p.events = append(p.events, fmt.Sprintf("frame %q", frame)) }

// feed calls Parse on what was kept and data, again after each pause. Afterwards it spoils the buffer: a Handler may
// not rely on it.
func (p *peer) feed(data []byte) {
	if p.err != nil {
		return
	}
	buffer := append(p.kept, data...)
	for paused := true; paused && p.err == nil; {
		before := p.texts
		buffer, p.err = p.door.Parse(&p.state, buffer, p)
		paused = p.pauseAt != 0 && p.texts > before && p.texts%p.pauseAt == 0
	}
	p.kept = append([]byte(nil), buffer...)
	for i := range buffer {
		buffer[i] = 0xaa
	}
	p.maxKept = max(p.maxKept, len(p.kept))
	if p.err != nil {
		var closed *wire.CloseError
		if !errors.As(p.err, &closed) {
			panic(fmt.Sprintf("Parse failed with %T", p.err))
		}
		p.events = append(p.events, fmt.Sprintf("close %d %v", closed.Code, closed.ByPeer))
	}
}

// feedInPieces feeds at most size bytes at a time.
func (p *peer) feedInPieces(data []byte, size int) {
	for len(data) > 0 {
		n := min(size, len(data))
		p.feed(append([]byte(nil), data[:n]...))
		data = data[n:]
	}
}

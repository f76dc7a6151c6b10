package bench

import (
	"encoding/binary"
	"errors"

	"github.com/snorky-go/snorky/actors/wire"
)

// What a server may not send (RFC 6455, 5.2 to 5.5).
var (
	errReserved     = errors.New("the server sent a frame with reserved bits")
	errMasked       = errors.New("the server sent a masked frame")
	errOpcode       = errors.New("the server sent a frame with an unknown opcode")
	errControl      = errors.New("the server sent a control frame that is fragmented or too long")
	errContinuation = errors.New("the server sent a frame that continues nothing, or that interrupts a message")
	errTooLong      = errors.New("the server sent a message of more than 16 MiB")
)

// header is that of a frame.
type header struct {
	opcode byte
	fin    bool
	size   int // of the header itself, in bytes; 0: it is not complete
	length int // of the payload
}

// headerSize is the size of the header of a server's frame whose second byte this is.
func headerSize(second byte) int {
	switch second & 127 {
	case 126:
		return 4
	case 127:
		return 10
	}
	return 2
}

// parseHeader reads the header at the beginning of b.
func parseHeader(b []byte) (header, error) {
	if len(b) < 2 {
		return header{}, nil
	}
	h := header{opcode: b[0] & 15, fin: b[0]&128 != 0, length: int(b[1] & 127)}
	size := headerSize(b[1])
	switch {
	case b[0]&0x70 != 0:
		return header{}, errReserved
	case b[1]&128 != 0:
		return header{}, errMasked
	case h.opcode > wire.OpPong || h.opcode > wire.OpBinary && h.opcode < wire.OpClose:
		return header{}, errOpcode
	case h.opcode >= wire.OpClose && (!h.fin || h.length > 125):
		return header{}, errControl
	case len(b) < size:
		return header{}, nil
	}
	switch size {
	case 4:
		h.length = int(binary.BigEndian.Uint16(b[2:]))
	case 10:
		long := binary.BigEndian.Uint64(b[2:])
		if long > maxMessage {
			return header{}, errTooLong
		}
		h.length = int(long)
	}
	h.size = size
	return h, nil
}

const opContinuation = 0

package wire

import (
	"encoding/binary"
	"math"
	"unicode/utf8"
)

// Opcodes of WebSocket frames (RFC 6455 section 5.2).
const (
	OpText   = 1
	OpBinary = 2
	OpClose  = 8
	OpPing   = 9
	OpPong   = 10
)

const (
	finBit     = 0x80
	maskBit    = 0x80
	len16      = 126 // the length follows in 2 bytes
	len64      = 127 // the length follows in 8 bytes
	maxControl = 125 // bytes of payload in a control frame
)

// headerSize returns the size of a header without mask, in bytes.
func headerSize(payload int) int {
	switch {
	case payload < len16:
		return 2
	case payload <= math.MaxUint16:
		return 4
	}
	return 10
}

// FrameSize returns the size of a frame of the server with so many bytes of payload.
func FrameSize(payload int) int { return headerSize(payload) + payload }

// AppendFrameHeader appends the header of an unfragmented frame of the server for so many bytes of payload.
func AppendFrameHeader(dst []byte, op byte, payload int) []byte {
	switch headerSize(payload) {
	case 2:
		return append(dst, finBit|op, byte(payload))
	case 4:
		return binary.BigEndian.AppendUint16(append(dst, finBit|op, len16), uint16(payload))
	}
	return binary.BigEndian.AppendUint64(append(dst, finBit|op, len64), uint64(payload))
}

// AppendTextFrame appends a text frame of the server.
func AppendTextFrame(dst, payload []byte) []byte {
	return append(AppendFrameHeader(dst, OpText, len(payload)), payload...)
}

// AppendCloseFrame appends a close frame of the server. A reason that does not fit is cut at the edge of a character, and
// what is not UTF-8 in it becomes U+FFFD. Codes that may not be sent make an empty frame.
func AppendCloseFrame(dst []byte, code CloseCode, reason string) []byte {
	if !code.Sendable() {
		return AppendFrameHeader(dst, OpClose, 0)
	}
	var payload [maxControl]byte
	b := binary.BigEndian.AppendUint16(payload[:0], uint16(code))
	for _, r := range reason {
		if len(b)+utf8.RuneLen(r) > maxControl {
			break
		}
		b = utf8.AppendRune(b, r)
	}
	return append(AppendFrameHeader(dst, OpClose, len(b)), b...)
}

// FrameLen returns the length of the frame of the server at the start of b, header included, so that a queue can be cut
// at the edge of a frame. ok tells that all of it lies in b. If only its header does, n says how long it will be; if not
// even that, or if it is no frame of a server (it is masked or impossibly long), n is 0.
func FrameLen(b []byte) (n int, ok bool) {
	if len(b) < 2 || b[1]&maskBit != 0 {
		return 0, false
	}
	switch n = 2 + int(b[1]); b[1] {
	case len16:
		if len(b) < 4 {
			return 0, false
		}
		n = 4 + int(binary.BigEndian.Uint16(b[2:]))
	case len64:
		if len(b) < 10 {
			return 0, false
		}
		length := binary.BigEndian.Uint64(b[2:])
		if length > math.MaxInt-10 {
			return 0, false
		}
		n = 10 + int(length)
	}
	return n, n <= len(b)
}

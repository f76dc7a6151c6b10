package bench

import (
	"bufio"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // RFC 6455 wants it; nothing is kept secret by it
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/url"

	"github.com/snorky-go/snorky/actors/wire"
)

// maxMessage bounds what a server may make the client keep, in bytes of one message.
const maxMessage = 16 << 20

// AppendFrame appends an unfragmented frame of a client, masked (RFC 6455, 5.2).
func AppendFrame(dst []byte, opcode byte, payload []byte) []byte {
	const fin, masked = 0x80, 0x80
	dst = append(dst, fin|opcode)
	switch n := len(payload); {
	case n < 126:
		dst = append(dst, masked|byte(n))
	case n < 1<<16:
		dst = binary.BigEndian.AppendUint16(append(dst, masked|126), uint16(n))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, masked|127), uint64(n))
	}
	var mask [4]byte
	binary.NativeEndian.PutUint32(mask[:], mathrand.Uint32())
	dst = append(dst, mask[:]...)
	for i, b := range payload {
		dst = append(dst, b^mask[i&3])
	}
	return dst
}

// HandshakeError is a server that answered a handshake with something else than a WebSocket.
type HandshakeError struct {
	Status int // of HTTP
}

func (e *HandshakeError) Error() string {
	return fmt.Sprintf("the handshake was answered with status %d", e.Status)
}

// Upgrade makes a connection a WebSocket: it sends the handshake (RFC 6455, 4.1) and checks the answer. Lines in header
// end in CRLF. A refusal is a *HandshakeError. It blocks until there is an answer, or until the deadline of conn.
func Upgrade(conn net.Conn, br *bufio.Reader, target *url.URL, header string) error {
	var nonce [16]byte
	_, _ = rand.Read(nonce[:]) // never fails
	key := base64.StdEncoding.EncodeToString(nonce[:])
	request := "GET " + target.RequestURI() + " HTTP/1.1\r\nHost: " + target.Host +
		"\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key +
		"\r\n" + header + "\r\n"
	if _, err := io.WriteString(conn, request); err != nil {
		return err
	}
	h, err := readHead(br)
	if err != nil {
		return err
	}
	if h.status != 101 {
		return &HandshakeError{h.status}
	}
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec // as above
	if !h.upgraded || string(h.accept) != base64.StdEncoding.EncodeToString(sum[:]) {
		return errors.New("the answer to the handshake is not one of a WebSocket server")
	}
	return nil
}

// ReadMessage reads the next text or binary message, and takes no notice of pings and pongs. It is for what comes before
// a subscription is confirmed. A close frame is a *wire.CloseError.
func ReadMessage(br *bufio.Reader) ([]byte, error) {
	var message []byte
	for {
		h, err := peekHeader(br)
		if err != nil {
			return nil, err
		}
		if _, err := br.Discard(h.size); err != nil {
			return nil, err
		}
		payload := make([]byte, h.length)
		if _, err := io.ReadFull(br, payload); err != nil {
			return nil, err
		}
		switch h.opcode {
		case wire.OpClose:
			return nil, closeError(payload)
		case wire.OpPing, wire.OpPong:
			continue
		}
		if len(message)+len(payload) > maxMessage {
			return nil, errTooLong
		}
		message = append(message, payload...)
		if h.fin {
			return message, nil
		}
	}
}

func peekHeader(br *bufio.Reader) (header, error) {
	for need := 2; ; {
		b, err := br.Peek(need)
		if err != nil {
			if errors.Is(err, io.EOF) && len(b) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return header{}, err
		}
		h, err := parseHeader(b)
		if err != nil || h.size > 0 {
			return h, err
		}
		need = headerSize(b[1])
	}
}

// closeError is what a close frame says (RFC 6455, 5.5.1).
func closeError(payload []byte) *wire.CloseError {
	if len(payload) < 2 {
		return &wire.CloseError{Code: wire.CloseNoStatus, ByPeer: true}
	}
	return &wire.CloseError{
		Code:   wire.CloseCode(binary.BigEndian.Uint16(payload)),
		Reason: string(payload[2:]),
		ByPeer: true,
	}
}

package gateway

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"

	"github.com/snorky-go/snorky/actors/wire"
)

// judgeClose is the answer to a close frame whose header is usual. It asks no parser, since one that has seen the end of
// a connection is of no use to another.
func judgeClose(raw []byte) *wire.CloseError {
	mask, payload := raw[2:6], raw[6:]
	for i := range payload {
		payload[i] ^= mask[i%4]
	}
	switch {
	case len(payload) == 0:
		return &wire.CloseError{Code: wire.CloseNormal, ByPeer: true}
	case len(payload) == 1:
		return &wire.CloseError{Code: wire.CloseProtocolError, Reason: "close frame of one byte"}
	case !utf8.Valid(payload[2:]):
		return &wire.CloseError{Code: wire.CloseInvalidPayload, Reason: "close reason is not UTF-8"}
	}
	code := wire.CloseCode(binary.BigEndian.Uint16(payload))
	// What a proxy would say to its client is nothing that a client says to a server.
	if !code.Sendable() || code == wire.CloseBadGateway {
		return &wire.CloseError{Code: wire.CloseProtocolError, Reason: fmt.Sprintf("bad close code %d", code)}
	}
	return &wire.CloseError{Code: code, ByPeer: true}
}

package wire

import "strconv"

// CloseCode is the status code of a WebSocket close frame (RFC 6455 section 7.4).
type CloseCode uint16

// Codes with a meaning of their own in RFC 6455 and its registry.
const (
	CloseNormal           CloseCode = 1000 // the peer has done what it came for
	CloseGoingAway        CloseCode = 1001 // the server ends, or the page was left
	CloseProtocolError    CloseCode = 1002 // what came are not frames
	CloseUnsupportedData  CloseCode = 1003 // a kind of message that is not taken
	CloseNoStatus         CloseCode = 1005 // never sent: a close frame without a code
	CloseAbnormal         CloseCode = 1006 // never sent: ended without a close frame
	CloseInvalidPayload   CloseCode = 1007 // a text that is not UTF-8
	ClosePolicyViolation  CloseCode = 1008 // refused for a reason without a better code
	CloseTooBig           CloseCode = 1009 // a message beyond the read limit
	CloseMissingExtension CloseCode = 1010 // sent by clients only
	CloseInternalError    CloseCode = 1011 // something unexpected in the server
	CloseServiceRestart   CloseCode = 1012 // the server comes back at once
	CloseTryAgainLater    CloseCode = 1013 // too busy for now
	CloseBadGateway       CloseCode = 1014 // a proxy could not reach the server
	CloseTLSHandshake     CloseCode = 1015 // never sent: no TLS connection came about
)

// Codes of Snorky. The range of a code tells a client what to do, also one that does not know the code: after 4000 to
// 4099 come back (with back-off), after 4100 to 4199 come back later, after 4200 to 4299 do not come back.
const (
	CloseSlowReader   CloseCode = 4000 // more waited for the client than may
	ClosePongTimeout  CloseCode = 4001 // nothing came from the client for too long
	CloseWriteTimeout CloseCode = 4002 // the client took nothing for too long
	CloseExpired      CloseCode = 4003 // the client's token has expired: come back with another one

	CloseOverloaded         CloseCode = 4100 // the server has as much to do as it can
	CloseTooManyConnections CloseCode = 4101 // of this address, or in all
	CloseTooManyRequests    CloseCode = 4102 // the client goes on asking for more than it may

	CloseForbidden       CloseCode = 4200 // the client may not be here
	CloseReplaced        CloseCode = 4201 // another connection took the place of this one
	CloseUnauthenticated CloseCode = 4203 // the client did not say in time who it is
)

// ReconnectAdvice is what a client does after its connection ended.
type ReconnectAdvice uint8

const (
	// Now is to come back with the usual back-off, from well below a second.
	Now ReconnectAdvice = iota
	// Later is to come back with a back-off that starts where the usual one ends.
	Later
	// Never is to stay away until the user or the program does something about it.
	Never
)

// Reconnect returns what a client does after a connection ended with c. Codes that nobody knows are taken for accidents.
func (c CloseCode) Reconnect() ReconnectAdvice {
	switch {
	case c == CloseTryAgainLater, c == CloseTLSHandshake, c >= 4100 && c <= 4199:
		return Later
	case c == CloseNormal, c == CloseProtocolError, c == CloseUnsupportedData, c == CloseInvalidPayload,
		c == ClosePolicyViolation, c == CloseTooBig, c == CloseMissingExtension, c >= 4200 && c <= 4299:
		return Never
	}
	return Now
}

// Sendable tells whether c may stand in a close frame; a peer that sends another is in error.
func (c CloseCode) Sendable() bool {
	return c >= 1000 && c <= 1003 || c >= 1007 && c <= 1014 || c >= 3000 && c <= 4999
}

// IsKnown tells whether c is one of the codes above. Peers may send others, from 3000 to 4999.
func (c CloseCode) IsKnown() bool {
	switch c {
	case CloseSlowReader, ClosePongTimeout, CloseWriteTimeout, CloseExpired, CloseOverloaded, CloseTooManyConnections,
		CloseTooManyRequests, CloseForbidden, CloseReplaced, CloseUnauthenticated:
		return true
	}
	return c >= CloseNormal && c <= CloseTLSHandshake && c != 1004
}

// CloseError is the end of a connection with a close frame.
type CloseError struct {
	Code   CloseCode
	Reason string // for people; up to 123 bytes of it are sent
	ByPeer bool   // the peer wanted it: its close frame came first, and this one is the answer
}

// Error implements error.
func (e *CloseError) Error() string {
	text := "closed with code " + strconv.Itoa(int(e.Code))
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	return text
}

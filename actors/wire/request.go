package wire

import "errors"

// ErrNotRequest says that a message is no RPC request: it is no object, or it lacks command or params. A front door drops
// such messages in silence (PROTOCOL.md section 4), a backend gateway answers 400 (section 7).
var ErrNotRequest = errors.New("message is not a request")

// Request is an RPC request (PROTOCOL.md section 4).
type Request struct {
	// Command is the name of the command, a view into the decoded bytes unless it was written with escapes.
	Command string
	// IsString tells that the command was a string at all. If not, Command is empty and the command unknown, even to a
	// service that has one with an empty name.
	IsString bool
	// Params is the raw value of params, of whatever type; a view into the decoded bytes.
	Params []byte
	// CallID is the raw value of callId, a view into the decoded bytes; nil if there was none or it was null.
	CallID []byte
}

// DecodeRequest reads the message of a packet that DecodePacket accepted. Names of members are compared exactly and of
// repeated members the last counts. The error is ErrNotRequest.
func DecodeRequest(message []byte) (Request, error) {
	w, ok := walk(message)
	if !ok {
		return Request{}, ErrNotRequest
	}
	var command, params, callID []byte
	for w.next() {
		switch {
		case keyIs(w.key, "command"):
			command = w.value
		case keyIs(w.key, "params"):
			params = w.value
		case keyIs(w.key, "callId"):
			callID = w.value
		}
	}
	if w.failed || command == nil || params == nil {
		return Request{}, ErrNotRequest
	}
	r := Request{Params: params}
	if command[0] == '"' {
		r.Command, r.IsString = unquote(command), true
	}
	if !isNull(callID) {
		r.CallID = callID
	}
	return r, nil
}

func isNull(value []byte) bool { return string(value) == "null" }

// AppendResponse appends the response to a request (PROTOCOL.md section 4). callID is that of the Request; nil leaves the
// member out. data must be valid JSON; empty data stand for null.
func AppendResponse(dst []byte, callID, data []byte) []byte {
	dst = append(dst, `{"type":"response"`...)
	if len(callID) > 0 && !isNull(callID) {
		dst = append(dst, `,"callId":`...)
		dst = append(dst, callID...)
	}
	dst = append(dst, `,"data":`...)
	dst = appendValue(dst, data)
	return append(dst, '}')
}

// AppendError appends the error answer to a request (PROTOCOL.md section 4). callID is that of the Request; nil becomes
// null.
func AppendError(dst []byte, callID []byte, text string) []byte {
	dst = append(dst, `{"type":"error","callId":`...)
	dst = appendValue(dst, callID)
	dst = append(dst, `,"message":`...)
	dst = AppendString(dst, text)
	return append(dst, '}')
}

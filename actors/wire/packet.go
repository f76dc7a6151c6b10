package wire

import "errors"

// What DecodePacket finds wrong with a packet. A front door drops such packets in silence (PROTOCOL.md section 2), a
// backend gateway answers 400 (section 7).
var (
	ErrNotJSON     = errors.New("not JSON")
	ErrTooDeep     = errors.New("nested too deeply")
	ErrNotObject   = errors.New("packet is not an object")
	ErrNoService   = errors.New("packet without service")
	ErrNoMessage   = errors.New("packet without message")
	ErrServiceType = errors.New("service is not a string")
)

// Packet is a message with its service header (PROTOCOL.md section 2).
type Packet struct {
	// Service is the name of the service. It is a view into the decoded bytes unless it was written with escapes.
	Service string
	// Message is the content, one raw JSON value without blanks around it; a view into the decoded bytes.
	Message []byte
}

// DecodePacket checks all of data, which must be one JSON object of at most MaxDepth levels in valid UTF-8, and returns
// what it says. Names of members are compared exactly, of repeated members the last counts, and other members are
// ignored. The error is one of ErrNotJSON, ErrTooDeep, ErrNotObject, ErrNoService, ErrNoMessage and ErrServiceType.
func DecodePacket(data []byte) (Packet, error) {
	i := skipBlanks(data, 0)
	if i == len(data) {
		return Packet{}, ErrNotJSON
	}
	if data[i] != '{' {
		if err := Valid(data); err != nil {
			return Packet{}, err
		}
		return Packet{}, ErrNotObject
	}
	var service, message []byte
	i = skipBlanks(data, i+1)
	if i < len(data) && data[i] == '}' {
		return packetOf(nil, nil, data, i+1)
	}
	for {
		end, ok := validString(data, i)
		if !ok {
			return Packet{}, ErrNotJSON
		}
		key := data[i+1 : end-1]
		if i = skipBlanks(data, end); i == len(data) || data[i] != ':' {
			return Packet{}, ErrNotJSON
		}
		start := skipBlanks(data, i+1)
		end, err := validValue(data, start, 1)
		if err != nil {
			return Packet{}, err
		}
		switch {
		case keyIs(key, "service"):
			service = data[start:end:end]
		case keyIs(key, "message"):
			message = data[start:end:end]
		}
		if i = skipBlanks(data, end); i == len(data) {
			return Packet{}, ErrNotJSON
		}
		if data[i] == '}' {
			return packetOf(service, message, data, i+1)
		}
		if data[i] != ',' {
			return Packet{}, ErrNotJSON
		}
		i = skipBlanks(data, i+1)
	}
}

// packetOf finishes a packet whose object ends at end.
func packetOf(service, message, data []byte, end int) (Packet, error) {
	switch {
	case skipBlanks(data, end) != len(data):
		return Packet{}, ErrNotJSON
	case service == nil:
		return Packet{}, ErrNoService
	case message == nil:
		return Packet{}, ErrNoMessage
	case service[0] != '"':
		return Packet{}, ErrServiceType
	}
	return Packet{Service: unquote(service), Message: message}, nil
}

// AppendPacket appends the packet {"service": service, "message": message} (PROTOCOL.md section 2). The message must be
// valid JSON; an empty one stands for null.
func AppendPacket(dst []byte, service string, message []byte) []byte {
	dst = append(dst, `{"service":`...)
	dst = AppendString(dst, service)
	dst = append(dst, `,"message":`...)
	dst = appendValue(dst, message)
	return append(dst, '}')
}

func appendValue(dst, value []byte) []byte {
	if len(value) == 0 {
		return append(dst, "null"...)
	}
	return append(dst, value...)
}

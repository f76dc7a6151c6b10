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
	if i == len(data) || data[i] != '{' {
		if err := Valid(data); err != nil {
			return Packet{}, err
		}
		return Packet{}, ErrNotObject
	}
	var h header
	end, err := h.scan(data, i+1)
	switch {
	case err != nil:
		return Packet{}, err
	case skipBlanks(data, end) != len(data):
		return Packet{}, ErrNotJSON
	case h.service == nil:
		return Packet{}, ErrNoService
	case h.message == nil:
		return Packet{}, ErrNoMessage
	case h.service[0] != '"':
		return Packet{}, ErrServiceType
	}
	return Packet{Service: unquote(h.service), Message: h.message}, nil
}

// header is what a packet holds, raw.
type header struct{ service, message []byte }

// scan checks and takes the members of the object whose brace is before i, and returns the end of the object.
func (h *header) scan(data []byte, i int) (int, error) {
	i = skipBlanks(data, i)
	if i < len(data) && data[i] == '}' {
		return i + 1, nil
	}
	for {
		nameEnd, start, ok := validName(data, i)
		if !ok {
			return i, ErrNotJSON
		}
		end, err := validValue(data, start, 1)
		if err != nil {
			return i, err
		}
		switch name := data[i+1 : nameEnd-1]; {
		case keyIs(name, "service"):
			h.service = data[start:end:end]
		case keyIs(name, "message"):
			h.message = data[start:end:end]
		}
		if i = skipBlanks(data, end); i == len(data) {
			return i, ErrNotJSON
		}
		switch data[i] {
		case '}':
			return i + 1, nil
		case ',':
			i = skipBlanks(data, i+1)
		default:
			return i, ErrNotJSON
		}
	}
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

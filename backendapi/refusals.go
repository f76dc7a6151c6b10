package backendapi

import (
	"errors"
	"net/http"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// refusal is an answer other than 200. The text is for the developer at the other end: it says what is wrong with the
// request and nothing about the server.
type refusal struct {
	status int
	text   string
	name   string // of a header of its own, if it has one
	value  string
}

// Refusals, in the order in which a request is checked (PROTOCOL.md section 7).
var (
	noSuchPath     = &refusal{status: http.StatusNotFound, text: "no such path\n"}
	notPost        = &refusal{status: http.StatusMethodNotAllowed, text: "calls are made by POST\n", name: "Allow", value: http.MethodPost}
	badKey         = &refusal{status: http.StatusUnauthorized, text: "the header X-Backend-Key is missing or holds no valid key\n", name: "Www-Authenticate", value: keyHeader}
	tooManyGuesses = &refusal{status: http.StatusTooManyRequests, text: "the header X-Backend-Key holds no valid key, again and again\n", name: "Retry-After", value: "10"}
	bodyTooLarge   = &refusal{status: http.StatusRequestEntityTooLarge, text: "the body is too large\n"}
	encodedBody    = &refusal{status: http.StatusUnsupportedMediaType, text: "the body must not have a Content-Encoding\n"}
	bodyTooSlow    = &refusal{status: http.StatusRequestTimeout, text: "the body did not arrive in time\n"}
	bodyCut        = &refusal{status: http.StatusBadRequest, text: "the body is cut off or badly framed\n"}
	notJSON        = &refusal{status: http.StatusBadRequest, text: "the body is not JSON in UTF-8\n"}
	tooDeep        = &refusal{status: http.StatusBadRequest, text: "the body is nested too deeply\n"}
	notObject      = &refusal{status: http.StatusBadRequest, text: "the packet is not a JSON object\n"}
	noService      = &refusal{status: http.StatusBadRequest, text: "the packet has no member \"service\"\n"}
	noMessage      = &refusal{status: http.StatusBadRequest, text: "the packet has no member \"message\"\n"}
	serviceType    = &refusal{status: http.StatusBadRequest, text: "the member \"service\" is not a string\n"}
	noSuchService  = &refusal{status: http.StatusNotFound, text: "no such service on this port\n"}
	notRequest     = &refusal{status: http.StatusBadRequest, text: "the message is not an object with \"command\" and \"params\"\n"}
	stopping       = &refusal{status: http.StatusServiceUnavailable, text: "the server is going down\n", name: "Retry-After", value: "1"}
	broken         = &refusal{status: http.StatusInternalServerError, text: "internal server error\n"}
)

// refusalOfPacket translates the errors of wire.DecodePacket.
func refusalOfPacket(err error) *refusal {
	switch {
	case errors.Is(err, wire.ErrTooDeep):
		return tooDeep
	case errors.Is(err, wire.ErrNotObject):
		return notObject
	case errors.Is(err, wire.ErrNoService):
		return noService
	case errors.Is(err, wire.ErrNoMessage):
		return noMessage
	case errors.Is(err, wire.ErrServiceType):
		return serviceType
	default:
		return notJSON
	}
}

// refusalOfCall translates the errors of a Caller that are the caller's own fault or the end of the server. It returns
// nil for every other one: those are answered in the body of a 200.
func refusalOfCall(err error) *refusal {
	switch {
	case errors.Is(err, actors.ErrUnknownService):
		return noSuchService
	case errors.Is(err, wire.ErrNotRequest):
		return notRequest
	case errors.Is(err, actors.ErrStopped):
		return stopping
	default:
		return nil
	}
}

// Package backendapi is the door for application servers: a call of a backend service is one HTTP request, as PROTOCOL.md
// section 7 describes it. Package backendapi/client is its other end.
package backendapi

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/snorky-go/snorky/actors/limit"
	"github.com/snorky-go/snorky/actors/wire"
)

// Caller carries out backend calls. *actors.Broker is the one that is meant.
type Caller interface {
	// Call hands message, one raw JSON value, to a backend service and returns the answer (PROTOCOL.md section 4). It
	// blocks until there is one or ctx is done. The errors actors.ErrUnknownService, wire.ErrNotRequest and
	// actors.ErrStopped are answered with a status of their own, every other one with "Internal error".
	//
	// Service and message lie in a buffer that is used again once Call has returned an answer: what a service wants to
	// keep, it copies. After an error the buffer is left alone, so that a call that was given up may go on reading. The
	// context is for this call: it may not be used any more once Call has returned, and has no values.
	Call(ctx context.Context, service string, message []byte) (answer []byte, err error)
}

// Handler is the resource through which backends make their calls (PROTOCOL.md section 7). It is safe for concurrent
// use. It answers every request: a body that does not come, a service that does not answer and a panic included.
//
// NewServer makes the server it should run in.
type Handler struct {
	caller  Caller
	options Options // Path, LogInterval and Logger
	current atomic.Pointer[settings]
	setting sync.Mutex // held by who replaces current

	guesses  atomic.Pointer[limit.Buckets[netip.Addr]] // nil: as many as one likes
	badKeys  throttle
	failures throttle
	panics   throttle
	counts   counts
}

// New returns a Handler that makes its calls through caller. The error wraps ErrBadKey and never shows a key.
func New(caller Caller, o Options) (*Handler, error) {
	o = o.withDefaults()
	h := &Handler{
		caller:   caller,
		options:  o,
		badKeys:  throttle{every: o.LogInterval},
		failures: throttle{every: o.LogInterval},
		panics:   throttle{every: o.LogInterval},
	}
	h.options.Keys = nil // only their hashes stay
	h.SetBadKeyRate(o.BadKeyRate)
	if err := h.SetOptions(o); err != nil {
		return nil, err
	}
	return h, nil
}

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := exchanges.Get().(*exchange)
	refused := h.serve(w, r, x)
	received := 0
	if x.bodyRead {
		received = len(x.body)
	}
	h.counts.add(received, x.answer, refused)
	if mustClose(r, x) || refused == tooManyGuesses {
		w.Header()["Connection"] = closeValue
	}
	if refused == nil {
		writeAnswer(w, x.answer)
	} else {
		writeRefusal(w, refused)
		if !x.bodyRead {
			linger(w, r, refused)
		}
	}
	x.release()
}

// mustClose tells whether the connection may not be used again. An unread body would have to be waited for; after a
// body in chunks, or the lax framing of HTTP/1.0, a request could hide in what one of two parsers takes for a body.
func mustClose(r *http.Request, x *exchange) bool {
	return !x.bodyRead && r.ContentLength != 0 || len(r.TransferEncoding) > 0 || !r.ProtoAtLeast(1, 1)
}

// serve brings the answer of a request into x or returns why there is none. It turns panics into a refusal.
//
// The context of the request is left out of the call on purpose: it ends when the client closes its half of the
// connection, which does not mean that it awaits no answer; and a call that has come in whole is carried out.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, x *exchange) (refused *refusal) {
	defer func() {
		if p := recover(); p != nil {
			refused = h.panicked(p)
		}
	}()
	by := h.current.Load()
	if refused = h.admit(by, r); refused != nil {
		return refused
	}
	if refused = x.readBody(w, r, by.BodyTimeout, by.MaxBody); refused != nil {
		return refused
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), by.Timeout)
	defer cancel()
	return h.carryOut(ctx, x)
}

// panicked makes a refusal of what was recovered. http.ErrAbortHandler goes on its way: it ends the connection.
func (h *Handler) panicked(p any) *refusal {
	if p == http.ErrAbortHandler { //nolint:errorlint // a panic value, compared as net/http does
		panic(p)
	}
	if muted, ok := h.panics.allow(); ok {
		h.options.Logger.Error().Str("panic", cut(fmt.Sprint(p))).Bytes("stack", debug.Stack()).
			Uint64("more", muted).Msg("backend call panicked")
	}
	return broken
}

// carryOut makes the call that x.body asks for and brings its answer into x, or returns why there is none.
func (h *Handler) carryOut(ctx context.Context, x *exchange) *refusal {
	packet, err := wire.DecodePacket(x.body)
	if err != nil {
		return refusalOfPacket(err)
	}
	return h.call(ctx, x, packet)
}

// admit makes the checks that need no body (PROTOCOL.md section 7), in their order.
func (h *Handler) admit(by *settings, r *http.Request) *refusal {
	switch {
	case r.URL.Path != h.options.Path:
		return noSuchPath
	case r.Method != http.MethodPost:
		return notPost
	case !by.keys.opens(r.Header):
		if muted, ok := h.badKeys.allow(); ok {
			h.options.Logger.Warn().Str("remote", h.client(r)).Uint64("more", muted).
				Msg("backend call without a valid key")
		}
		return h.guessed(r)
	case r.ContentLength > by.MaxBody:
		return bodyTooLarge
	case isEncoded(r.Header):
		return encodedBody
	default:
		return nil
	}
}

// SetBadKeyRate changes Options.BadKeyRate for the requests that come from now on. The zero Rate is no limit.
func (h *Handler) SetBadKeyRate(r limit.Rate) {
	if h.guesses.Load().Rate() != r {
		h.guesses.Store(limit.NewBuckets[netip.Addr](r))
	}
}

// guessed counts a wrong key. It is looked at before, so that an address with a wrong key does not keep out one with the
// right key that shares it.
func (h *Handler) guessed(r *http.Request) *refusal {
	guesses := h.guesses.Load()
	if guesses == nil {
		return badKey
	}
	if from, known := limit.Source(h.address(r).Addr()); known && !guesses.Allow(from, time.Now()) {
		return tooManyGuesses
	}
	return badKey
}

// address is where a request comes from; the zero value if that is no address of a network.
func (h *Handler) address(r *http.Request) netip.AddrPort {
	if h.options.Client != nil {
		if at := h.options.Client(r); at.IsValid() {
			return at
		}
	}
	at, _ := netip.ParseAddrPort(r.RemoteAddr)
	return at
}

// client is where a request comes from, for the log.
func (h *Handler) client(r *http.Request) string {
	if at := h.address(r); at.IsValid() {
		return at.String()
	}
	return r.RemoteAddr
}

func (h *Handler) call(ctx context.Context, x *exchange, packet wire.Packet) *refusal {
	x.lent = true
	answer, err := h.caller.Call(ctx, packet.Service, packet.Message)
	if err == nil {
		x.lent = false
		x.answer = wire.AppendPacket(x.answer[:0], packet.Service, answer)
		return nil
	}
	if refused := refusalOfCall(err); refused != nil {
		return refused
	}
	request, notOne := wire.DecodeRequest(packet.Message)
	if notOne != nil {
		return notRequest
	}
	h.counts.failed.Add(1)
	if muted, ok := h.failures.allow(); ok {
		h.options.Logger.Error().Err(err).Str("service", cut(packet.Service)).Str("command", cut(request.Command)).
			Uint64("more", muted).Msg("backend call failed")
	}
	failure := wire.AppendError(nil, request.CallID, wire.ErrInternal.Text)
	x.answer = wire.AppendPacket(x.answer[:0], packet.Service, failure)
	return nil
}

// cut shortens a name from outside for the log.
func cut(name string) string {
	const most = 200
	if len(name) <= most {
		return name
	}
	return name[:most] + "..."
}

// lingerTime is how long a client that is still sending may take to notice that it was refused. Closing at once would
// make its kernel throw the answer away.
const lingerTime = time.Second

// linger gives the client of an unread body the time to read the refusal. net/http itself reads away a small body and
// closes on a large one. One of a client with a key, which went over the limit by accident, is read away here: most
// libraries look at an answer only after they have sent everything.
func linger(w http.ResponseWriter, r *http.Request, refused *refusal) {
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Now().Add(lingerTime))
	if refused == bodyTooLarge && r.Header.Get("Expect") == "" && control.Flush() == nil {
		discard(r.Body)
	}
}

package backendapi

import (
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// maxKept is the size up to which a buffer is kept for the next request, in bytes.
const maxKept = 64 << 10

// exchange holds the buffers of one request and its answer.
type exchange struct {
	body     []byte
	answer   []byte
	bodyRead bool // the body was read to its end
	lent     bool // a call may still be reading the body
}

var exchanges = sync.Pool{New: func() any { return new(exchange) }}

func (x *exchange) release() {
	if x.lent || cap(x.body) > maxKept || cap(x.answer) > maxKept {
		return
	}
	x.bodyRead = false
	exchanges.Put(x)
}

// readBody reads the body into x. The buffer grows with what arrives, not with what is promised.
func (x *exchange) readBody(w http.ResponseWriter, r *http.Request, timeout time.Duration, limit int64) *refusal {
	control := http.NewResponseController(w)
	// A server without deadlines (a test's recorder) has no peer to wait for either.
	_ = control.SetReadDeadline(time.Now().Add(timeout))
	x.body = slices.Grow(x.body[:0], int(min(max(r.ContentLength, 512), maxKept)))
	for {
		if len(x.body) == cap(x.body) {
			x.body = slices.Grow(x.body, len(x.body))
		}
		n, err := r.Body.Read(x.body[len(x.body):cap(x.body)])
		x.body = x.body[:len(x.body)+n]
		switch {
		case int64(len(x.body)) > limit:
			return bodyTooLarge
		case err == nil:
		case err == io.EOF:
			x.bodyRead = true
			_ = control.SetReadDeadline(time.Time{})
			return nil
		case errors.Is(err, os.ErrDeadlineExceeded):
			return bodyTooSlow
		default:
			return bodyCut
		}
	}
}

func discard(body io.Reader) { _, _ = io.Copy(io.Discard, body) }

// isEncoded tells whether the body is compressed or otherwise encoded.
func isEncoded(h http.Header) bool {
	for _, line := range h["Content-Encoding"] {
		if line = strings.TrimSpace(line); line != "" && !strings.EqualFold(line, "identity") {
			return true
		}
	}
	return false
}

// Values of headers that never change, shared by all answers.
const (
	typeJSON   = "application/json; charset=UTF-8"
	typePlain  = "text/plain; charset=UTF-8"
	cacheNever = "no-store"
	sniffNever = "nosniff"
)

var (
	jsonType   = []string{typeJSON}
	plainType  = []string{typePlain}
	noStore    = []string{cacheNever}
	noSniff    = []string{sniffNever}
	closeValue = []string{"close"}
)

func writeAnswer(w http.ResponseWriter, answer []byte) {
	head := w.Header()
	head["Content-Type"] = jsonType
	writeCommon(head, len(answer))
	_, _ = w.Write(answer) // the client may have left, which is its own affair
}

func writeRefusal(w http.ResponseWriter, refused *refusal) {
	head := w.Header()
	head["Content-Type"] = plainType
	if refused.name != "" {
		head[refused.name] = []string{refused.value}
	}
	writeCommon(head, len(refused.text))
	w.WriteHeader(refused.status)
	_, _ = io.WriteString(w, refused.text) //nolint:gosec // G705: the texts are constants, and plain by their type
}

func writeCommon(head http.Header, length int) {
	head["Cache-Control"] = noStore
	head["X-Content-Type-Options"] = noSniff
	head["Content-Length"] = []string{strconv.Itoa(length)}
}

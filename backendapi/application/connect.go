package application

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/snorky-go/snorky/actors/wire"
)

// Admission is what the application says of a client that it admits.
type Admission struct {
	Identity json.RawMessage // a JSON value; nil: nobody in particular
	Claims   json.RawMessage // a JSON object; nil: none
	Expires  time.Time       // zero: never
}

// Connect asks who makes a handshake. It blocks until there is an answer, Options.Timeout is over or the context of the
// request ends. The errors are wire.ErrNotAuthenticated, wire.ErrForbidden, and ErrNoAnswer, with which the client should
// be told to come back later.
func (c *Client) Connect(r *http.Request) (Admission, error) {
	began := time.Now()
	answer, err := c.ask(r.Context(), "connect", func() []byte { return c.appendHandshake(nil, r) })
	switch {
	case err != nil:
		return Admission{}, err
	case !answer.allow:
		return Admission{}, wire.ErrForbidden
	}
	a := Admission{Identity: answer.identity, Claims: answer.claims}
	if answer.expiresIn.given {
		a.Expires = began.Add(answer.expiresIn.Duration)
		if answer.expiresIn.Duration <= 0 {
			return Admission{}, fmt.Errorf("%w: it has expired", wire.ErrNotAuthenticated)
		}
	}
	return a, nil
}

// appendHandshake appends the question about a handshake.
func (c *Client) appendHandshake(dst []byte, r *http.Request) []byte {
	dst = wire.AppendString(append(dst, `{"event":"connect","remote":`...), r.RemoteAddr)
	dst = wire.AppendString(append(dst, `,"host":`...), r.Host)
	dst = wire.AppendString(append(dst, `,"origin":`...), r.Header.Get("Origin"))
	dst = wire.AppendString(append(dst, `,"query":`...), r.URL.RawQuery)
	dst = append(dst, `,"headers":{`...)
	comma := ""
	for _, name := range c.headers {
		values := r.Header[name]
		if len(values) == 0 {
			continue
		}
		separator := ", "
		if name == "Cookie" {
			separator = "; "
		}
		dst = wire.AppendString(append(dst, comma...), strings.ToLower(name))
		dst = wire.AppendString(append(dst, ':'), strings.Join(values, separator))
		comma = ","
	}
	return append(dst, `}}`...)
}

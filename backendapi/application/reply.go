package application

import (
	"encoding/json"
	"errors"
	"strconv"
	"time"

	"github.com/snorky-go/snorky/actors/wire"
)

// reply is the object that the application answers with.
type reply struct {
	allow            bool
	identity, claims json.RawMessage // nil: null, or left out
	expiresIn        seconds
	cacheFor         seconds
}

// seconds are a time that may have been left out.
type seconds struct {
	time.Duration
	given bool
}

var (
	errNoObject = errors.New("it is no JSON object")
	errAllow    = errors.New("it does not say whether to allow it")
	errClaims   = errors.New("its claims are no object")
	errSeconds  = errors.New("its expiresIn or cacheFor is no number of seconds")
)

// newReply understands an answer. Names are exact, and of repeated ones the last counts.
func newReply(body []byte) (r reply, err error) {
	if wire.Valid(body) != nil {
		return r, errNoObject
	}
	values := map[string]json.RawMessage{}
	if wire.Members(body, func(key string, value []byte) bool {
		values[key] = value
		if string(value) == "null" {
			delete(values, key)
		}
		return true
	}) != nil {
		return r, errNoObject
	}
	switch string(values["allow"]) {
	case "true":
		r.allow = true
	case "false":
	default:
		return r, errAllow
	}
	r.identity, r.claims = values["identity"], values["claims"]
	if r.claims != nil && r.claims[0] != '{' {
		return r, errClaims
	}
	if r.expiresIn, err = newSeconds(values["expiresIn"]); err == nil {
		r.cacheFor, err = newSeconds(values["cacheFor"])
	}
	return r, err
}

// longest is as good as for ever.
const longest = 100 * 365 * 24 * time.Hour

func newSeconds(value json.RawMessage) (seconds, error) {
	if value == nil {
		return seconds{}, nil
	}
	n, err := strconv.ParseFloat(string(value), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return seconds{}, errSeconds
	}
	n = min(max(n, 0), longest.Seconds())
	return seconds{time.Duration(n * float64(time.Second)), true}, nil
}

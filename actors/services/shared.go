package services

import (
	"encoding/json"
	"time"

	"github.com/snorky-go/snorky/actors/wire"
)

// maxPerConnection bounds the names, rooms and documents of one connection in each service.
const maxPerConnection = 1000

// Errors for what goes beyond maxPerConnection.
var (
	ErrTooManyNames = wire.NewError("too_many_names", "Too many names")
	ErrTooManyJoins = wire.NewError("too_many_joins", "Too many channels or documents joined")
)

// key is the canonical form of a JSON value that somebody chose.
func key(value json.RawMessage) (wire.Key, error) {
	k, err := wire.CanonicalKey(value)
	if err != nil {
		return "", wire.ErrInvalidParams
	}
	return k, nil
}

// timestamp is the time of a notification in the form of PROTOCOL.md section 6.6.
func timestamp() string { return time.Now().UTC().Format("2006-01-02T15:04:05.000000-07:00") }

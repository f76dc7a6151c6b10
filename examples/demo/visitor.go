package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// What a page shows to the visitor whose name is refused.
var (
	errNoName      = wire.NewError("name_empty", "Write your name first.")
	errNameLong    = wire.NewError("name_long", "This name is too long.")
	errNameInvalid = wire.NewError("name_invalid", "There are characters in this name that cannot be shown.")
)

// A secret is what a page makes up: long enough that nobody guesses it.
const (
	minSecret = 16 // bytes
	maxSecret = 64
)

// visitor is the service by which a page says whose it is. It stands in for a login: everybody has the name that they say
// they have, but nobody can pass for somebody else, whose secret they do not know.
type visitor struct{}

// Commands are enter.
func (v visitor) Commands() actors.Commands {
	return actors.Commands{"enter": actors.Direct(v.enter)}
}

type enterParams struct {
	Name   string `json:"name"`
	Secret string `json:"secret"`
}

// identity is who a visitor is for all services, and for all others there.
type identity struct {
	// ID is the same for all pages that know the secret, also after the server was started again, and tells apart
	// people of one name. The secret cannot be found out from it.
	ID   string `json:"id"`
	Name string `json:"name"`
}

func (v visitor) enter(call *actors.Call, p enterParams) (identity, error) {
	name, err := cleanName(p.Name)
	if err != nil {
		return identity{}, err
	}
	if len(p.Secret) < minSecret || len(p.Secret) > maxSecret {
		return identity{}, wire.ErrInvalidParams
	}
	hash := sha256.Sum256([]byte("visitor " + p.Secret))
	who := identity{ID: hex.EncodeToString(hash[:8]), Name: name}
	value, err := json.Marshal(who)
	if err != nil {
		return identity{}, err
	}
	call.SetIdentity(value)
	return who, nil
}

// cleanName trims a name and looks at what is left of it. Beside control characters it refuses those that are not seen
// but turn the text around them; joiners are part of many scripts.
func cleanName(name string) (string, error) {
	name = strings.TrimSpace(name)
	unseen := func(r rune) bool { return !unicode.IsGraphic(r) && !unicode.Is(unicode.Join_Control, r) }
	switch {
	case name == "":
		return "", errNoName
	case utf8.RuneCountInString(name) > maxFrom:
		return "", errNameLong
	case strings.ContainsFunc(name, unseen):
		return "", errNameInvalid
	}
	return name, nil
}

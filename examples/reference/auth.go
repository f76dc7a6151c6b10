package main

import (
	"encoding/json"

	"github.com/snorky-go/snorky/actors"
)

// auth is the service of PROTOCOL.md section 6.3: everybody is who they say they are, so that tests have identities.
type auth struct{}

func (auth) Commands() actors.Commands { return actors.Commands{"login": actors.Command(login)} }

type loginParams struct {
	Name json.RawMessage `json:"name"`
}

func login(call *actors.Call, p loginParams) (any, error) {
	if string(p.Name) == "null" {
		call.SetIdentity(nil)
	} else {
		call.SetIdentity(p.Name)
	}
	return nil, nil
}

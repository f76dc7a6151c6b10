package config

import (
	"fmt"
	"slices"
)

const (
	keyPublish = "publish"
	keyBackend = "backend"
	twinSuffix = "_backend"
)

var policies = []Policy{Nobody, Everybody, Authenticated}

// decodePubSub reads a [[pubsub]] table. What it leaves out: nobody may publish, the twin is NAME_backend.
func decodePubSub(table map[string]any) (PubSub, error) {
	values, err := texts(table, keyName, keyPublish, keyBackend)
	if err != nil {
		return PubSub{}, err
	}
	service := PubSub{Name: values[keyName], Publish: Nobody, Backend: values[keyName] + twinSuffix}
	if publish, given := values[keyPublish]; given {
		service.Publish = Policy(publish)
	}
	if backend, given := values[keyBackend]; given {
		service.Backend = backend
	}
	return service, nil
}

func (s PubSub) validate(taken names) error {
	if err := validateName(keyName, s.Name, taken.front); err != nil {
		return err
	}
	if !slices.Contains(policies, s.Publish) {
		return fmt.Errorf("publish: %s is none of nobody, everybody, authenticated", show(string(s.Publish)))
	}
	return validateName(keyBackend, s.Backend, taken.back)
}

package config

import (
	"errors"
	"fmt"
	"slices"
	"unicode"
	"unicode/utf8"
)

const (
	tablePubSub   = "pubsub"
	keyName       = "name"
	keyPublish    = "publish"
	keyBackend    = "backend"
	twinSuffix    = "_backend"
	maxNameLength = 255
)

var (
	pubSubKeys = []string{keyName, keyPublish, keyBackend}
	policies   = []Policy{Nobody, Everybody, Authenticated}
)

// decodePubSub reads the [[pubsub]] tables. What they leave out: nobody may publish, the twin is NAME_backend.
func decodePubSub(raw any) ([]PubSub, error) {
	tables, ok := raw.([]any)
	if !ok {
		return nil, errors.New("pubsub: write each service under [[pubsub]], with two brackets")
	}
	services := make([]PubSub, 0, len(tables))
	for i, table := range tables {
		service, err := decodeTable(table)
		if err != nil {
			return nil, fmt.Errorf("pubsub number %d: %w", i+1, err)
		}
		services = append(services, service)
	}
	return services, nil
}

func decodeTable(raw any) (PubSub, error) {
	table, ok := raw.(map[string]any)
	if !ok {
		return PubSub{}, errors.New("write each service under [[pubsub]], with two brackets")
	}
	texts := make(map[string]string, len(table))
	for key, v := range table {
		if !slices.Contains(pubSubKeys, key) {
			return PubSub{}, fmt.Errorf("%s: unknown setting%s", show(key), suggest(key, pubSubKeys, ""))
		}
		text, ok := v.(string)
		if !ok {
			return PubSub{}, fmt.Errorf("%s: a text is expected", key)
		}
		texts[key] = text
	}
	service := PubSub{Name: texts[keyName], Publish: Nobody, Backend: texts[keyName] + twinSuffix}
	if publish, given := texts[keyPublish]; given {
		service.Publish = Policy(publish)
	}
	if backend, given := texts[keyBackend]; given {
		service.Backend = backend
	}
	return service, nil
}

// validatePubSub refuses names that no packet could carry, and two services of one name behind one door.
func validatePubSub(services []PubSub) error {
	front, back := make(map[string]bool), make(map[string]bool)
	for i, service := range services {
		if err := validateService(service, front, back); err != nil {
			return Errorf("pubsub number %d: %w", i+1, err)
		}
	}
	return nil
}

func validateService(service PubSub, front, back map[string]bool) error {
	if err := validateName(keyName, service.Name, front); err != nil {
		return err
	}
	if !slices.Contains(policies, service.Publish) {
		return fmt.Errorf("publish: %s is none of nobody, everybody, authenticated", show(string(service.Publish)))
	}
	return validateName(keyBackend, service.Backend, back)
}

func validateName(key, name string, taken map[string]bool) error {
	switch {
	case name == "":
		return fmt.Errorf("%s: is missing or empty", key)
	case len(name) > maxNameLength:
		return fmt.Errorf("%s: is longer than %d bytes", key, maxNameLength)
	case !utf8.ValidString(name), slices.ContainsFunc([]rune(name), unicode.IsControl):
		return fmt.Errorf("%s: %s has control characters in it", key, show(name))
	case taken[name]:
		return fmt.Errorf("%s: %s is used twice", key, show(name))
	}
	taken[name] = true
	return nil
}

package config

import (
	"errors"
	"fmt"
	"slices"
	"unicode"
	"unicode/utf8"
)

// tables are the services that a file may declare, each with the key of its tables. What a file says of one kind replaces
// the default of that kind.
var tables = []struct {
	key    string
	decode func(cfg *Config, raw any) error
}{
	{"pubsub", func(c *Config, raw any) (err error) {
		c.PubSub, err = decodeTables("pubsub", raw, decodePubSub)
		return err
	}},
	{"messaging", func(c *Config, raw any) (err error) {
		c.Messaging, err = decodeTables("messaging", raw, decodePlain)
		return err
	}},
	{"chat", func(c *Config, raw any) (err error) {
		c.Chat, err = decodeTables("chat", raw, decodePlain)
		return err
	}},
	{"cursors", func(c *Config, raw any) (err error) {
		c.Cursors, err = decodeTables("cursors", raw, decodePlain)
		return err
	}},
	{"datasync", func(c *Config, raw any) (err error) {
		c.DataSync, err = decodeTables("datasync", raw, decodeDataSync)
		return err
	}},
}

// tableKeys are the keys of all tables.
func tableKeys() []string {
	keys := make([]string, len(tables))
	for i, t := range tables {
		keys[i] = t.key
	}
	return keys
}

// decodeTable reads the tables of one kind into cfg. It reports false for a key that is of no kind.
func decodeTable(cfg *Config, key string, raw any) (known bool, err error) {
	for _, t := range tables {
		if t.key == key {
			return true, t.decode(cfg, raw)
		}
	}
	return false, nil
}

// decodeTables reads an array of tables, such as all [[pubsub]], each by one. Errors name the table.
func decodeTables[T any](key string, raw any, one func(table map[string]any) (T, error)) ([]T, error) {
	return decodeArray(key, fmt.Errorf("write each service under [[%s]], with two brackets", key), raw, one)
}

// decodeArray does it with an error of its own for what is no array of tables.
func decodeArray[T any](key string, brackets error, raw any, one func(table map[string]any) (T, error)) ([]T, error) {
	list, ok := raw.([]any)
	if !ok {
		return nil, fmt.Errorf("%s: %w", key, brackets)
	}
	all := make([]T, 0, len(list))
	for i, raw := range list {
		table, ok := raw.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("%s number %d: %w", key, i+1, brackets)
		}
		decoded, err := one(table)
		if err != nil {
			return nil, fmt.Errorf("%s number %d: %w", key, i+1, err)
		}
		all = append(all, decoded)
	}
	return all, nil
}

// texts reads a table all of whose values are texts, under the given keys.
func texts(table map[string]any, keys ...string) (map[string]string, error) {
	all := make(map[string]string, len(table))
	for key, v := range table {
		if !slices.Contains(keys, key) {
			return nil, fmt.Errorf("%s: unknown setting%s", show(key), suggest(key, keys, ""))
		}
		text, ok := v.(string)
		if !ok {
			return nil, fmt.Errorf("%s: a text is expected", key)
		}
		all[key] = text
	}
	return all, nil
}

// Plain declares a service that has nothing but a name.
type Plain struct {
	Name string // on the frontend
}

func decodePlain(table map[string]any) (Plain, error) {
	values, err := texts(table, keyName)
	return Plain{Name: values[keyName]}, err
}

// names are those that are taken behind each door.
type names struct{ front, back map[string]bool }

// validateServices refuses names that no packet could carry, and two services of one name behind one door.
func (c *Config) validateServices() error {
	taken := names{front: map[string]bool{}, back: map[string]bool{}}
	for i, s := range c.PubSub {
		if err := s.validate(taken, c.ApplicationURL != ""); err != nil {
			return Errorf("pubsub number %d: %w", i+1, err)
		}
	}
	for _, kind := range []struct {
		key      string
		services []Plain
	}{{"messaging", c.Messaging}, {"chat", c.Chat}, {"cursors", c.Cursors}} {
		for i, s := range kind.services {
			if err := validateName(keyName, s.Name, taken.front); err != nil {
				return Errorf("%s number %d: %w", kind.key, i+1, err)
			}
		}
	}
	for i := range c.DataSync {
		if err := c.DataSync[i].validate(taken); err != nil {
			return Errorf("datasync number %d: %w", i+1, err)
		}
	}
	if c.HasTokens() && taken.front[SessionService] {
		return Errorf("name: %q is that of the service for tokens", SessionService)
	}
	return nil
}

const (
	keyName       = "name"
	maxNameLength = 255
)

var errNoName = errors.New("is missing or empty")

func validateName(key, name string, taken map[string]bool) error {
	switch {
	case name == "":
		return fmt.Errorf("%s: %w", key, errNoName)
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

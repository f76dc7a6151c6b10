package config

import (
	"strings"

	"github.com/alecthomas/units"
)

// leastMemory is what a server without clients needs, and some more.
const leastMemory = 32 * miB

// Validate tells what is wrong with a Config, however it was made: each value by itself, and values that contradict one
// another. It reads no file and opens no port. Its error is an *Error.
func (c Config) Validate() error {
	for _, row := range settings {
		if err := validateField(row, c.clone()); err != nil {
			return err
		}
	}
	if err := c.validateDoors(); err != nil {
		return err
	}
	if c.PingInterval != 0 && c.PongTimeout != 0 && c.PongTimeout <= c.PingInterval {
		return Errorf("pong-timeout: %s is not longer than ping-interval, %s",
			shortSpan(c.PongTimeout), shortSpan(c.PingInterval))
	}
	if c.MaxMemory != 0 && c.MaxMemory < leastMemory {
		return Errorf("max-memory: %s is less than the program takes by itself; write %s or more",
			units.Base2Bytes(c.MaxMemory), units.Base2Bytes(leastMemory))
	}
	if err := c.validateProxies(); err != nil {
		return err
	}
	if err := c.validateTLS(); err != nil {
		return err
	}
	if err := c.validateIdentity(); err != nil {
		return err
	}
	if err := c.validateApplication(); err != nil {
		return err
	}
	return c.validateServices()
}

func (c Config) validateDoors() error {
	for _, pair := range []struct{ name, one, other string }{
		{"frontend and backend", c.Frontend, c.Backend},
		{"frontend and admin", c.Frontend, c.Admin},
		{"backend and admin", c.Backend, c.Admin},
	} {
		if pair.one == pair.other && !strings.HasSuffix(pair.one, ":0") {
			return Errorf("%s: %s cannot be both", pair.name, show(pair.one))
		}
	}
	return nil
}

// validateField sets a field of its own copy to what it has, which judges it as if it came from a file.
func validateField(row setting, c Config) error {
	field := row.field(&c)
	texts := []string{field.String()}
	if several, ok := field.(list); ok {
		texts = *several.all()
	}
	for _, text := range texts {
		if err := row.field(&c).set(text); err != nil {
			return Errorf("%s: %s %w", row.name, showValue(field, text), err)
		}
	}
	return nil
}

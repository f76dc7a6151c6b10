package config

import (
	"slices"
	"strings"

	"github.com/snorky-go/snorky/backendapi/application"
)

// validateApplication refuses what would ask nobody, and what would not be answered in time.
func (c *Config) validateApplication() error {
	if c.ApplicationURL == "" {
		if name := c.changed("application-"); name != "" {
			return Errorf("%s: needs application-url", name)
		}
		return nil
	}
	switch {
	case c.ApplicationTimeout >= c.CallTimeout:
		return Errorf("application-timeout: %s is not shorter than call-timeout, %s",
			shortSpan(c.ApplicationTimeout), shortSpan(c.CallTimeout))
	case c.ApplicationConnect && slices.Contains(c.AllowOrigins, "*") && c.showsCookies():
		return Errorf("application-headers: cookie and allow-origin \"*\" let every page act for its visitors")
	}
	return nil
}

func (c *Config) showsCookies() bool {
	return slices.ContainsFunc(c.ApplicationHeaders, func(name string) bool { return strings.EqualFold(name, "cookie") })
}

// headers is a list of names of headers.
type headers struct{ at *[]string }

func (v headers) set(text string) error {
	if err := application.ValidateHeader(text); err != nil {
		return err
	}
	*v.at = append(*v.at, text)
	return nil
}

func (v headers) String() string  { return strings.Join(*v.at, ",") }
func (v headers) literal() string { return quotedList(*v.at) }
func (v headers) unit() string    { return "HEADER" }
func (v headers) all() *[]string  { return v.at }

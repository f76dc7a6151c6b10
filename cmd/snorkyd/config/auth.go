package config

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/snorky-go/snorky/actors/services"
	"github.com/snorky-go/snorky/actors/token"
)

// Where a client may give its token.
const (
	SourceQuery   = "query"
	SourceHeader  = "header"
	SourceCookie  = "cookie"
	SourceSession = "session" // by a call of SessionService
)

const (
	// QueryParameter is the parameter of the query that is a token (RFC 6750 section 2.3).
	QueryParameter = "access_token"
	// SessionService is the name of the service by which clients authenticate and renew their tokens.
	SessionService = "session"
)

var sources = []string{SourceQuery, SourceHeader, SourceCookie, SourceSession}

// HasTokens tells whether there are keys to verify tokens with.
func (c *Config) HasTokens() bool {
	return c.TokenSecretFile != "" || c.TokenKeyFile != "" || c.TokenJWKSFile != "" || c.TokenJWKSURL != ""
}

// TakesTokensFrom tells whether a client may give its token there.
func (c *Config) TakesTokensFrom(source string) bool { return slices.Contains(c.TokenSources, source) }

// OutOfReach names the services with something in them that needs an identity while nobody can have one by this configuration.
// In a program whose services tell who clients are that is as it should be; otherwise something is missing.
func (c *Config) OutOfReach() (all []string) {
	if c.HasTokens() || c.ApplicationConnect {
		return nil
	}
	for _, p := range c.PubSub {
		rules := append([]Channel{{Subscribe: p.Subscribe, Publish: p.Publish}}, p.Channels...)
		if slices.ContainsFunc(rules, func(r Channel) bool { return r.Subscribe.needsIdentity() || r.Publish.needsIdentity() }) {
			all = append(all, p.Name)
		}
	}
	for _, plain := range slices.Concat(c.Chat, c.Cursors) {
		all = append(all, plain.Name)
	}
	return all
}

func (p Policy) needsIdentity() bool {
	return p == services.RuleAuthenticated || p == services.RuleOwn || strings.HasPrefix(string(p), services.RuleClaim)
}

// validateIdentity refuses settings that have no effect, or one that nobody can want.
func (c *Config) validateIdentity() error {
	if !c.HasTokens() {
		return c.validateTokenless()
	}
	switch {
	case len(c.TokenSources) == 0:
		return Errorf("token-sources: is empty, so that no client could give a token")
	case !c.TakesTokensFrom(SourceCookie) && c.TokenCookie != Default().TokenCookie:
		return Errorf("token-cookie: has no effect without cookie among the token-sources")
	case c.TokenJWKSURL == "" && c.TokenJWKSRefresh != Default().TokenJWKSRefresh:
		return Errorf("token-jwks-refresh: needs token-jwks-url")
	case c.TakesTokensFrom(SourceCookie) && slices.Contains(c.AllowOrigins, "*"):
		return Errorf("token-sources: cookie and allow-origin \"*\" let every page act for its visitors")
	}
	return nil
}

// validateTokenless finds what was set for tokens that cannot be verified.
func (c *Config) validateTokenless() error {
	const needed = "set token-secret-file, token-key-file, token-jwks-file or token-jwks-url"
	if c.RequireIdentity && !c.ApplicationConnect {
		return Errorf("require-identity: without tokens nobody has one; " + needed)
	}
	if name := c.changed("token-"); name != "" {
		return Errorf("%s: there is no key to verify tokens with; %s", name, needed)
	}
	return nil
}

// changed is the first setting of those whose names begin so that is not its default.
func (c *Config) changed(prefix string) (name string) {
	defaults := Default()
	for _, row := range settings {
		if strings.HasPrefix(row.name, prefix) && row.field(c).String() != row.field(&defaults).String() {
			return row.name
		}
	}
	return ""
}

// The largest files of keys, in bytes.
const (
	maxSecretBytes = 4 * kiB
	maxPublicBytes = 256 * kiB
)

// ReadTokenKeys reads the files with the keys of tokens. Every error is an *Error and has nothing of the contents in it.
func (c *Config) ReadTokenKeys() (keys token.Keys, err error) {
	if c.TokenSecretFile != "" {
		if keys.Secret, err = readSecret(c.TokenSecretFile); err != nil {
			return keys, Errorf("token-secret-file %s: %w", showSecretFile(c.TokenSecretFile, err), err)
		}
	}
	for _, public := range []struct {
		setting, file string
		into          *[]byte
	}{{"token-key-file", c.TokenKeyFile, &keys.PEM}, {"token-jwks-file", c.TokenJWKSFile, &keys.JWKS}} {
		if public.file == "" {
			continue
		}
		if *public.into, err = readPublic(public.file); err != nil {
			return keys, Errorf("%s %s: %w", public.setting, show(public.file), err)
		}
	}
	return keys, nil
}

// TokenFault makes an *Error of what package token has against the configuration, which names the setting and the file
// where that is known.
func (c *Config) TokenFault(err error) error {
	if err == nil || IsError(err) {
		return err
	}
	if unfit, ok := errors.AsType[*token.KeyError](err); ok {
		switch unfit.Of {
		case "Secret":
			return Errorf("token-secret-file %s: %w", show(c.TokenSecretFile), err)
		case "PEM":
			return Errorf("token-key-file %s: %w", show(c.TokenKeyFile), err)
		case "JWKS":
			return Errorf("token-jwks-file %s: %w", show(c.TokenJWKSFile), err)
		}
	}
	return Errorf("tokens: %w", err)
}

var errEmpty = errors.New("is empty")

// readSecret reads all of a file but the line end behind it, which editors add.
func readSecret(name string) ([]byte, error) {
	secret, info, err := readRegular(name, maxSecretBytes)
	if err == nil {
		err = checkMode(info)
	}
	if err != nil {
		return nil, err
	}
	if secret = bytes.TrimRight(secret, "\r\n"); len(secret) == 0 {
		return nil, errEmpty
	}
	return secret, nil
}

func readPublic(name string) ([]byte, error) {
	keys, _, err := readRegular(name, maxPublicBytes)
	if err == nil && len(bytes.TrimSpace(keys)) == 0 {
		err = errEmpty
	}
	return keys, err
}

// words is a list of texts, of the options if there are any.
type words struct {
	at      *[]string
	options []string
	name    string
}

func (v words) set(text string) error {
	if v.options != nil && !slices.Contains(v.options, text) {
		return fmt.Errorf("is none of %s", strings.Join(v.options, ", "))
	}
	if err := present(text); err != nil {
		return err
	}
	*v.at = append(*v.at, text)
	return nil
}

func (v words) String() string  { return strings.Join(*v.at, ",") }
func (v words) literal() string { return quotedList(*v.at) }
func (v words) unit() string    { return v.name }
func (v words) all() *[]string  { return v.at }

// text is anything that check, if there is one, has nothing against.
type text struct {
	at    *string
	check func(string) error
}

func (v text) set(text string) error {
	if v.check != nil {
		if err := v.check(text); err != nil {
			return err
		}
	}
	*v.at = text
	return nil
}

func (v text) String() string  { return *v.at }
func (v text) literal() string { return strconv.Quote(*v.at) }
func (v text) unit() string    { return "TEXT" }

func present(text string) error {
	if text == "" {
		return errEmpty
	}
	return nil
}

func cookieName(text string) error {
	if cookie, err := http.ParseSetCookie(text + "=x"); err != nil || cookie.Name != text {
		return errors.New("is not the name of a cookie")
	}
	return nil
}

// link is the address of a page, or nothing.
type link struct{ at *string }

func (v link) set(text string) error {
	u, err := url.Parse(text)
	if text != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "") {
		return errors.New("is not a URL; write https://HOST/PATH")
	}
	*v.at = text
	return nil
}

// showValue is show, of a link without what may be a password or a key in it.
func showValue(field value, text string) string {
	if _, is := field.(link); !is {
		return show(text)
	}
	if at := strings.LastIndexByte(text, '@'); at >= 0 {
		scheme := 0
		if end := strings.Index(text[:at], "://"); end >= 0 {
			scheme = end + len("://")
		}
		text = text[:scheme] + "..." + text[at:]
	}
	if query := strings.IndexAny(text, "?#"); query >= 0 {
		text = text[:query] + "?..."
	}
	return show(text)
}

func (v link) String() string  { return *v.at }
func (v link) literal() string { return strconv.Quote(*v.at) }
func (v link) unit() string    { return "URL" }

// Package token finds out who a client is from a signed token (a JWT, RFC 7519) that an application has given it.
//
// Which algorithms are right is a matter of the keys and of Options.Algorithms, never of the token: each key serves the
// algorithms of its own kind only, so that a public key cannot be taken for a secret.
package token

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// Options say which tokens are right. The zero value of each field stands for its default. At least one key is needed.
type Options struct {
	// Keys are those that are known from the start.
	Keys Keys
	// URL is where the application publishes its keys as a JWKS (RFC 7517), beside Keys; by default nowhere. The URL is
	// read when the Verifier starts, every Refresh, and when a token is signed with a key that is not known.
	URL string
	// Refresh is the time between two readings of the URL; by default 1 h.
	Refresh time.Duration
	// RetryInterval is the least time between two readings of the URL, whatever the tokens say; by default 10 s.
	RetryInterval time.Duration
	// Timeout bounds one reading of the URL, and so how long Verify may block; by default 5 s.
	Timeout time.Duration
	// Transport reads the URL; by default a copy of http.DefaultTransport.
	Transport http.RoundTripper

	// Algorithms are those that a token may be signed with, such as RS256. By default each key has its usual one: HS256 for
	// the secret; RS256, ES256, ES384, ES512 or EdDSA for a public key. A key of a JWKS that names its algorithm (alg)
	// takes no other in any case.
	Algorithms []string
	// Audience has to be named by a token's aud, if any is given; of several, one.
	Audience []string
	// Issuer has to be a token's iss; by default any.
	Issuer string
	// Leeway is by how much the clock of who made the token may differ; by default 10 s, negative for not at all.
	Leeway time.Duration
	// IdentityClaim is the claim that names the client, whatever JSON value it is but null; by default "sub".
	IdentityClaim string
	// Unlimited admits tokens without exp, which hold for ever. By default they are refused.
	Unlimited bool
	// MaxBytes bounds a token; by default 8 KiB.
	MaxBytes int

	// Logger gets a line when the URL cannot be read. The default logs nothing.
	Logger zerolog.Logger
}

func (o Options) withDefaults() Options {
	setDefault(&o.Refresh, time.Hour)
	setDefault(&o.RetryInterval, 10*time.Second)
	setDefault(&o.Timeout, 5*time.Second)
	setDefault(&o.Leeway, 10*time.Second)
	setDefault(&o.IdentityClaim, "sub")
	setDefault(&o.MaxBytes, 8<<10)
	o.Leeway = max(o.Leeway, 0)
	return o
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Verifier checks tokens. It is safe for concurrent use.
type Verifier struct {
	options    Options
	algorithms []jose.SignatureAlgorithm // empty: the usual ones of each key
	parsable   []jose.SignatureAlgorithm // what is looked at at all
	keys       atomic.Pointer[keySet]    // Options.Keys, or what SetKeys has put in their place
	url        *url.URL                  // nil: there is none
	remote     *remote                   // likewise
	counts     *counts
}

// Check tells what is wrong with the options, as New does, without starting anything.
func (o Options) Check() error {
	_, err := prepare(o)
	return err
}

// New returns a Verifier. If there is a URL it starts to read that, but does not wait for it; then the Verifier has to be
// closed. The errors say what is wrong with the options and have nothing of the keys in them; what is wrong with Keys is a *KeyError.
func New(o Options) (*Verifier, error) { return newVerifier(o, nil) }

// Successor returns a Verifier with other options, as New does, which knows from the start what v, which may be nil, has
// read at the same URL: while that cannot be read, the keys that are known stay valid for it, too. It goes on counting where v
// is. Both have to be closed.
func (v *Verifier) Successor(o Options) (*Verifier, error) {
	if v == nil {
		return New(o)
	}
	next, err := newVerifier(o, v.remote)
	if err == nil {
		next.counts = v.counts // before anybody else has it
	}
	return next, err
}

func newVerifier(o Options, before *remote) (*Verifier, error) {
	v, err := prepare(o)
	if err != nil {
		return nil, err
	}
	if v.url != nil {
		v.remote = newRemote(v.url, v.options, v.algorithms, before)
	}
	return v, nil
}

func prepare(o Options) (*Verifier, error) {
	v := &Verifier{options: o.withDefaults(), counts: &counts{}}
	var err error
	if v.algorithms, err = parseAlgorithms(o.Algorithms); err != nil {
		return nil, err
	}
	if v.parsable = v.algorithms; len(v.parsable) == 0 {
		v.parsable = allAlgorithms // the keys say which
	}
	if o.URL != "" {
		if v.url, err = parseURL(o.URL); err != nil {
			return nil, err
		}
	}
	return v, v.SetKeys(o.Keys)
}

// SetKeys replaces Options.Keys. After an error everything is as it was.
func (v *Verifier) SetKeys(k Keys) error {
	apply, err := v.PrepareKeys(k)
	if err == nil {
		apply()
	}
	return err
}

// PrepareKeys is SetKeys in two steps, of which only the first may fail and only the second changes anything.
func (v *Verifier) PrepareKeys(k Keys) (apply func(), err error) {
	set, err := k.set(v.algorithms)
	if err != nil {
		return nil, err
	}
	if err := v.complete(set); err != nil {
		return nil, err
	}
	return func() { v.keys.Store(&set) }, nil
}

// Refresh has Options.URL read now, lest a key that was withdrawn there stays valid until Options.Refresh is over. It does
// not wait for that. It returns false if there is no URL, or if it was read within Options.RetryInterval.
func (v *Verifier) Refresh() bool { return v.remote != nil && v.remote.startRound() }

// complete finds algorithms that have been asked for in vain.
func (v *Verifier) complete(set keySet) error {
	remote := v.url != nil
	if len(set) == 0 && !remote {
		return errNoKey
	}
	for _, a := range v.algorithms {
		if len(set.matching("", a)) == 0 && (!remote || symmetric(a)) {
			return fmt.Errorf("algorithm %s has no key", a)
		}
	}
	return nil
}

// Close ends what New has started and waits for it. Tokens that need nothing of the URL can still be verified.
func (v *Verifier) Close() {
	if v.remote != nil {
		v.remote.close()
	}
}

// Verify tells who has the token: the identity claim as it is written, and all claims. It may block while the URL is
// read, if the token is signed with a key that is not known, until ctx ends; what can be told without that does not depend on ctx.
//
// Errors wrap wire.ErrInvalidToken, or wire.ErrUnavailable if the token could not be judged, and say why, for the log;
// there is nothing of the token in them but the names of its algorithm and key.
func (v *Verifier) Verify(ctx context.Context, text string) (p actors.Principal, err error) {
	defer func() { v.counts.add(err) }()
	payload, err := v.open(ctx, text)
	if err != nil {
		return actors.Principal{}, err
	}
	return v.judge(payload, time.Now())
}

// open returns what is signed, if it is signed rightly.
func (v *Verifier) open(ctx context.Context, text string) (payload []byte, err error) {
	if len(text) > v.options.MaxBytes {
		return nil, invalid("it is larger than %d bytes", v.options.MaxBytes)
	}
	if strings.IndexFunc(text, isStrange) >= 0 {
		return nil, invalid("it has characters that no token has")
	}
	signed, err := jose.ParseSignedCompact(text, v.parsable)
	if err != nil {
		return nil, unparsable(err)
	}
	header := signed.Signatures[0].Protected
	if _, critical := header.ExtraHeaders["crit"]; critical {
		return nil, invalid("its header has critical extensions")
	}
	kid, algorithm := header.KeyID, jose.SignatureAlgorithm(header.Algorithm)
	keys := v.keys.Load().matching(kid, algorithm)
	if payload, ok := keys.verify(signed); ok {
		return payload, nil
	}
	known := len(keys) > 0
	if v.remote != nil && !symmetric(algorithm) {
		published, payload, err := v.remote.verify(ctx, signed, kid, algorithm)
		if payload != nil || err != nil {
			return payload, err
		}
		known = known || published
	}
	if !known {
		return nil, invalid("no key %q for algorithm %s", clip(kid), algorithm)
	}
	return nil, invalid("its signature is wrong")
}

// isStrange tells what is in no token: Base64 in its form for URLs, and dots.
func isStrange(r rune) bool {
	return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '-' && r != '_' && r != '.'
}

// unparsable keeps to itself what the library quotes of the token.
func unparsable(err error) error {
	if unexpected, ok := errors.AsType[*jose.ErrUnexpectedSignatureAlgorithm](err); ok {
		return invalid("algorithm %q is not allowed", clip(string(unexpected.Got)))
	}
	return invalid("it cannot be parsed")
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %w", wire.ErrInvalidToken, fmt.Errorf(format, args...))
}

// clip bounds what a stranger's text takes in an error, in bytes.
func clip(s string) string {
	const most = 64
	if len(s) > most {
		return s[:most] + "..."
	}
	return s
}

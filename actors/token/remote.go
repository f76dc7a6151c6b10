package token

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors/wire"
)

// maxJWKS bounds the document at a URL, in bytes.
const maxJWKS = 256 << 10

var (
	errURL      = errors.New("the URL of the JWKS does not begin with http:// or https:// and a host")
	errRedirect = errors.New("the redirection leaves https")
	errTooLarge = fmt.Errorf("the document is larger than %d bytes", maxJWKS)
	errClosed   = errors.New("the verifier is closed")
)

// remote is the set of keys at a URL. It is read in rounds, one at a time, whose goroutines close waits for. What was read
// last stays valid as long as there is nothing newer, even if the URL fails: a server of keys that is down for a while
// locks nobody out.
type remote struct {
	url        string
	algorithms []jose.SignatureAlgorithm
	client     *http.Client
	refresh    time.Duration
	interval   time.Duration
	timeout    time.Duration
	log        zerolog.Logger

	ctx        context.Context // ends with close
	end        context.CancelFunc
	goroutines sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	text    []byte // what was read last; nil: it could not be read yet
	set     keySet // that it holds
	current *round // nil: nobody is reading
	last    time.Time
	err     error // of the last round
}

// round is one reading of the URL.
type round struct{ done chan struct{} }

func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errURL // without what it was: there may be a password in it
	}
	return u, nil
}

// newRemote knows from the start what before, which may be nil, has read at the same URL, and when.
func newRemote(u *url.URL, o Options, algorithms []jose.SignatureAlgorithm, before *remote) *remote {
	r := &remote{
		url: u.String(), algorithms: algorithms, refresh: o.Refresh, interval: o.RetryInterval, timeout: o.Timeout,
		log:    o.Logger.With().Str("url", u.Scheme+"://"+u.Host+u.EscapedPath()).Logger(), // the rest may be secret
		client: &http.Client{Transport: o.Transport, CheckRedirect: stayEncrypted},
	}
	if o.Transport == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.DisableKeepAlives = true // the next request is far off
		transport.MaxResponseHeaderBytes = maxJWKS
		r.client.Transport = transport
	}
	if u.Scheme == "http" && !isLoopback(u.Hostname()) {
		r.log.Warn().Msg("the keys of tokens come unencrypted: who can change what is sent there can make tokens")
	}
	if before != nil && before.url == r.url {
		r.inherit(before)
	}
	r.ctx, r.end = context.WithCancel(context.Background())
	r.goroutines.Go(r.keepFresh)
	return r
}

// inherit takes over what another has read.
func (r *remote) inherit(from *remote) {
	from.mu.Lock()
	defer from.mu.Unlock()
	if from.text == nil {
		return
	}
	set, err := parseJWKS(from.text, r.algorithms)
	if err != nil { // it has no keys for these algorithms; there may be some by now
		return
	}
	r.text, r.set, r.last, r.err = from.text, set, from.last, from.err
}

func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

func stayEncrypted(next *http.Request, before []*http.Request) error {
	const most = 5
	switch {
	case len(before) >= most:
		return http.ErrUseLastResponse
	case before[0].URL.Scheme == "https" && next.URL.Scheme != "https":
		return errRedirect
	}
	return nil
}

func (r *remote) close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	r.end()
	r.goroutines.Wait()
}

// keepFresh reads the URL at once, and then every so often; sooner, but more and more seldom, while that fails.
func (r *remote) keepFresh() {
	failures := 0
	for {
		r.mu.Lock()
		current := r.begin()
		r.mu.Unlock()
		if current != nil {
			<-current.done
		}
		wait := r.refresh
		if r.failure() == nil {
			failures = 0
		} else {
			wait = min(r.interval<<min(failures, 10), r.refresh)
			failures++
		}
		select {
		case <-time.After(wait):
		case <-r.ctx.Done():
			return
		}
	}
}

func (r *remote) failure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// begin returns the round that is under way, or a new one; nil if it is too early for that. It is called under mu.
func (r *remote) begin() *round {
	if r.current != nil {
		return r.current
	}
	if r.closed || !r.last.IsZero() && time.Since(r.last) < r.interval {
		return nil
	}
	r.current = &round{done: make(chan struct{})}
	r.goroutines.Go(r.read)
	return r.current
}

// startRound tells whether somebody is reading the URL now.
func (r *remote) startRound() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.begin() != nil
}

// read is a round.
func (r *remote) read() {
	text, set, err := r.fetch()
	if err != nil && r.ctx.Err() == nil {
		r.log.Warn().Err(err).Msg("the keys of tokens cannot be read; those that are known stay valid")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err == nil {
		r.text, r.set = text, set
	}
	r.err, r.last = err, time.Now()
	close(r.current.done)
	r.current = nil
}

func (r *remote) fetch() (text []byte, set keySet, err error) {
	ctx, cancel := context.WithTimeout(r.ctx, r.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url, http.NoBody)
	if err != nil {
		return nil, nil, err
	}
	request.Header.Set("Accept", "application/json")
	response, err := r.client.Do(request)
	if at, ok := errors.AsType[*url.Error](err); ok {
		err = at.Err // without the address, which may hold a secret
	}
	if err != nil {
		return nil, nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, nil, fmt.Errorf("the answer has status %d", response.StatusCode)
	}
	text, err = io.ReadAll(io.LimitReader(response.Body, maxJWKS+1))
	switch {
	case err != nil:
		return nil, nil, err
	case len(text) > maxJWKS:
		return nil, nil, errTooLarge
	}
	set, err = parseJWKS(text, r.algorithms)
	return text, set, err
}

// verify returns what is signed, or nil, and whether there are keys that may have signed it. If none of them has, it has
// the URL read, as there may be new ones: applications that give their keys no names, or always the same, exchange them,
// too. It does not if that was done a moment ago: forged tokens cannot make this server ask all the time.
func (r *remote) verify(ctx context.Context, signed *jose.JSONWebSignature, kid string, a jose.SignatureAlgorithm) (known bool, payload []byte, err error) {
	r.mu.Lock()
	set := r.set
	r.mu.Unlock()
	keys := set.matching(kid, a)
	if payload, ok := keys.verify(signed); ok {
		return true, payload, nil
	}
	set, err = r.newer(ctx)
	if err != nil && len(keys) == 0 {
		return false, nil, err // it may be a good one
	}
	keys = set.matching(kid, a)
	payload, _ = keys.verify(signed)
	return len(keys) > 0, payload, nil
}

// newer returns the keys after they have been read again, unless it is too early for that. With an error, which is
// wire.ErrUnavailable, it returns those that it has.
func (r *remote) newer(ctx context.Context) (keySet, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if current := r.begin(); current != nil {
		r.mu.Unlock()
		select {
		case <-current.done:
			r.mu.Lock()
		case <-ctx.Done():
			r.mu.Lock()
			return r.set, fmt.Errorf("%w: %w", wire.ErrUnavailable, context.Cause(ctx))
		}
	}
	switch {
	case r.closed:
		return r.set, fmt.Errorf("%w: %w", wire.ErrUnavailable, errClosed)
	case r.err != nil:
		return r.set, fmt.Errorf("%w: the keys of tokens cannot be read: %w", wire.ErrUnavailable, r.err)
	}
	return r.set, nil
}

package application

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors/wire"
)

// ErrNoAnswer is wrapped by the errors that say that there is no answer, with the reason, which is for the log.
var ErrNoAnswer = errors.New("no answer of the application")

// Reasons for which there is no answer.
var (
	errBusy     = errors.New("too many questions wait for their turn")
	errClosed   = errors.New("the client is closed")
	errTooLarge = errors.New("it is too long")
)

// Client asks an application. It is safe for concurrent use.
type Client struct {
	options Options
	headers []string // the names in their canonical form
	key     atomic.Pointer[string]
	http    *http.Client
	turns   chan struct{} // has an element for each question that is with the application
	waiting atomic.Int64
	granted cache
	log     zerolog.Logger
	counts  counts

	open     context.Context // ends with Close
	shut     context.CancelFunc
	mu       sync.Mutex
	closed   bool
	underWay sync.WaitGroup     // questions, and connections being made; not added to once closed
	lines    map[*line]struct{} // connections
}

// New returns a Client for the application at Options.URL. It does not connect. The error says what is wrong with the
// URL or a header, without showing it.
func New(o Options) (*Client, error) {
	o = o.withDefaults()
	if err := validateURL(o.URL); err != nil {
		return nil, fmt.Errorf("application: the address %w", err)
	}
	c := &Client{
		options: o,
		turns:   make(chan struct{}, o.MaxCalls),
		granted: cache{most: o.MaxCached},
		log:     o.Logger.Sample(&zerolog.BurstSampler{Burst: 5, Period: o.LogInterval}),
		lines:   map[*line]struct{}{},
	}
	for _, name := range o.Headers {
		if err := ValidateHeader(name); err != nil {
			return nil, fmt.Errorf("application: a header %w", err)
		}
		c.headers = append(c.headers, textproto.CanonicalMIMEHeaderKey(name))
	}
	c.SetKey(o.Key)
	c.open, c.shut = context.WithCancel(context.Background())
	c.http = &http.Client{Transport: c.newTransport(), CheckRedirect: neverRedirect}
	return c, nil
}

// SetKey changes what is sent in the header X-Backend-Key. Questions that are under way have the old one.
func (c *Client) SetKey(key string) { c.key.Store(&key) }

// neverRedirect hands a redirect to the caller: following it would give the key to whoever is named there.
func neverRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Close ends the questions that are under way, which then have no answer, as all later ones, and closes the connections.
// It waits for everything that the Client has started. It may be called again.
func (c *Client) Close() {
	c.shut()
	c.mu.Lock()
	c.closed = true
	for l := range c.lines {
		_ = l.Conn.Close()
	}
	c.mu.Unlock()
	c.underWay.Wait()
	c.http.CloseIdleConnections()
}

// enter counts something in that Close has to wait for.
func (c *Client) enter() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errClosed
	}
	c.underWay.Add(1)
	return nil
}

// ask asks a question, of which the event and the rest of the body are given, and returns what is answered. The body is
// made when its turn has come, so that those who wait take no memory for it. Its errors are ErrNoAnswer, and
// wire.ErrNotAuthenticated and wire.ErrForbidden for the statuses that stand for no.
func (c *Client) ask(ctx context.Context, event string, body func() []byte) (reply, error) {
	if err := c.enter(); err != nil {
		return reply{}, fmt.Errorf("%w: %w", ErrNoAnswer, err)
	}
	defer c.underWay.Done()
	inTime, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	defer context.AfterFunc(c.open, cancel)() //nolint:contextcheck // Close ends questions, too
	answer, err := c.askInTurn(inTime, body)
	c.counts.add(answer.allow, err)
	if err == nil || errors.Is(err, wire.ErrNotAuthenticated) || errors.Is(err, wire.ErrForbidden) {
		return answer, err
	}
	if ctx.Err() == nil && c.open.Err() == nil { // it is for the application that there is no answer
		c.log.Warn().Err(err).Str("event", event).Msg("the application does not answer, so the answer is no")
	}
	return reply{}, fmt.Errorf("%w: %w", ErrNoAnswer, err)
}

func (c *Client) askInTurn(ctx context.Context, body func() []byte) (reply, error) {
	if err := c.awaitTurn(ctx); err != nil {
		return reply{}, err
	}
	defer func() { <-c.turns }()
	status, said, err := c.post(ctx, body())
	switch {
	case err != nil:
		return reply{}, err
	case status == http.StatusUnauthorized:
		return reply{}, wire.ErrNotAuthenticated
	case status == http.StatusForbidden:
		return reply{}, wire.ErrForbidden
	case status != http.StatusOK:
		return reply{}, fmt.Errorf("status %d", status)
	case int64(len(said)) > c.options.MaxResponse:
		return reply{}, errTooLarge
	}
	return newReply(said)
}

// awaitTurn returns when the question may be asked.
func (c *Client) awaitTurn(ctx context.Context) error {
	select {
	case c.turns <- struct{}{}:
		return nil
	default:
	}
	if c.waiting.Add(1) > int64(c.options.MaxWaiting) {
		c.waiting.Add(-1)
		return errBusy
	}
	defer c.waiting.Add(-1)
	select {
	case c.turns <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for its turn: %w", ctx.Err())
	}
}

// post makes the request. Of the answer it reads one byte more than is allowed, to tell that there is more.
func (c *Client) post(ctx context.Context, body []byte) (status int, said []byte, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.options.URL, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	r.Header = http.Header{
		"Content-Type":    {"application/json"},
		"Accept":          {"application/json"},
		"User-Agent":      {"snorky"},
		"Idempotency-Key": nil, // is not sent, and has net/http ask again when a kept connection turns out to be closed
	}
	if key := *c.key.Load(); key != "" {
		r.Header["X-Backend-Key"] = []string{key}
	}
	response, err := c.http.Do(r)
	if err != nil {
		if at, ok := errors.AsType[*url.Error](err); ok {
			err = at.Err // without the address, which may hold a password
		}
		return 0, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	said, err = io.ReadAll(io.LimitReader(response.Body, c.options.MaxResponse+1))
	return response.StatusCode, said, err
}

const (
	idleTimeout    = 30 * time.Second // below that of most servers, which should not close first
	maxHeaderBytes = 64 << 10
)

func (c *Client) newTransport() *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		DialContext:            c.dial,
		MaxIdleConnsPerHost:    c.options.MaxCalls,
		MaxConnsPerHost:        c.options.MaxCalls,
		IdleConnTimeout:        idleTimeout,
		TLSHandshakeTimeout:    c.options.Timeout,
		MaxResponseHeaderBytes: maxHeaderBytes,
		DisableCompression:     true,
		Protocols:              protocols,
	}
}

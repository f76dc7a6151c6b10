// Package client calls the backend services of a Snorky server over HTTP (PROTOCOL.md section 7). It is what an
// application server uses to publish.
//
//	c, err := client.New("http://127.0.0.1:5801/backend", key)
//	...
//	err = c.Publish(ctx, "pubsub_backend", "news", map[string]string{"title": "Hello"})
//
// Several messages for one channel (PublishMany), or one for several channels (Broadcast), take one call. For clients that
// keep a copy of data there are AuthorizeSubscription and PublishDeltas.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Defaults of the options.
const (
	defaultTimeout     = 10 * time.Second
	defaultMaxResponse = 4 << 20
	idleTimeout        = 30 * time.Second // well below the server's, which must not close first
)

// Client makes calls to one server. It is safe for concurrent use and keeps connections alive between calls, so make one
// and share it.
//
// A call is sent once. When its fate is unknown, because the time ran out or the connection broke, it is for the
// application to say whether it may be made again.
type Client struct {
	url         string
	headers     func() http.Header // a function, so that printing a Client shows no key
	timeout     time.Duration
	maxResponse int64
	http        *http.Client
}

// Option changes a setting of a Client.
type Option func(*Client)

// WithTimeout bounds each call, from connecting to the last byte of the answer; by default 10 s. Zero or less leaves
// that to the context of the call.
func WithTimeout(d time.Duration) Option { return func(c *Client) { c.timeout = d } }

// WithMaxResponse bounds the answers that are accepted, in bytes; by default 4 MiB. Those to batches may be longer, by 64
// bytes for each item.
func WithMaxResponse(n int64) Option { return func(c *Client) { c.maxResponse = n } }

// WithTransport replaces the transport, for servers that are reached through TLS with a private authority, a Unix
// socket or a proxy. The default takes no proxy from the environment.
func WithTransport(t http.RoundTripper) Option { return func(c *Client) { c.http.Transport = t } }

// New returns a Client for the server whose backend gateway is at address, such as http://127.0.0.1:5801/backend. It
// does not connect. The error says what is wrong with the address or the key, without showing the key.
func New(address, key string, options ...Option) (*Client, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("snorky: bad address: %w", errors.Unwrap(err)) // without the address, which may hold a password
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("snorky: bad address %q: it has to look like http://127.0.0.1:5801/backend", u.Redacted())
	}
	if key == "" || strings.Trim(key, " \t") != key || strings.ContainsFunc(key, isControl) {
		return nil, errors.New("snorky: the key is empty, has blanks at its ends or holds control characters")
	}
	headers := http.Header{
		"X-Backend-Key": {key},
		"Content-Type":  {"application/json"},
		"Accept":        {"application/json"},
		"User-Agent":    {"snorky-backend-client"},
	}
	c := &Client{
		url:         address,
		timeout:     defaultTimeout,
		maxResponse: defaultMaxResponse,
		headers:     headers.Clone,
		http: &http.Client{
			Transport:     newTransport(),
			CheckRedirect: neverRedirect,
		},
	}
	for _, option := range options {
		option(c)
	}
	return c, nil
}

func isControl(r rune) bool { return r < 0x20 && r != '\t' || r == 0x7f }

func newTransport() *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		MaxIdleConnsPerHost:    32,
		IdleConnTimeout:        idleTimeout,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true,
		Protocols:              protocols,
	}
}

// neverRedirect hands a redirect to the caller: following it would give the key to whoever is named there.
func neverRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Close closes the connections that lie idle. The Client stays usable.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Publish sends message to all subscribers of channel by way of a service like "pubsub_backend". Both may be any value
// that becomes JSON. It returns when the server has accepted the publication. Errors are those of Call.
func (c *Client) Publish(ctx context.Context, service string, channel, message any) error {
	_, err := c.Call(ctx, service, "publish", publication{channel, message})
	return err
}

type publication struct {
	Channel any `json:"channel"`
	Message any `json:"message"`
}

// packet is the service header (PROTOCOL.md section 2) around a request (section 4).
type packet struct {
	Service string  `json:"service"`
	Message request `json:"message"`
}

type request struct {
	Command string `json:"command"`
	Params  any    `json:"params"`
}

// Call runs a command of a backend service and returns its result. The params become a JSON object; nil stands for
// none. It blocks until there is an answer, the time is over or ctx is done.
//
// An error of the service is an *Error, a status other than 200 a *StatusError. An answer that cannot be understood
// wraps ErrBadAnswer, and what went wrong on the way there is the error of net/http, such as context.DeadlineExceeded.
// No error shows the key.
func (c *Client) Call(ctx context.Context, service, command string, params any) (json.RawMessage, error) {
	return c.call(ctx, service, command, params, c.maxResponse)
}

// call is Call with an answer of at most so many bytes.
func (c *Client) call(ctx context.Context, service, command string, params any, most int64) (json.RawMessage, error) {
	if params == nil {
		params = struct{}{}
	}
	body, err := encode(packet{service, request{command, params}})
	if err != nil {
		return nil, fmt.Errorf("snorky: %w", err)
	}
	if c.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.timeout)
		defer cancel()
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("snorky: %w", err)
	}
	r.Header = c.headers()
	response, err := c.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("snorky: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	return answerOf(response, most)
}

// encode is json.Marshal without the escapes that only HTML needs.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(v)
	return b.Bytes(), err
}

// maxStatusText is how much of the body of a refusal is kept, in bytes.
const maxStatusText = 512

func answerOf(response *http.Response, most int64) (json.RawMessage, error) {
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, maxStatusText))
		return nil, &StatusError{response.StatusCode, strings.TrimSpace(strings.ToValidUTF8(string(text), "\uFFFD"))}
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, most+1))
	if err != nil {
		return nil, fmt.Errorf("snorky: %w", err)
	}
	if int64(len(body)) > most {
		return nil, fmt.Errorf("%w: it has more than %d bytes", ErrBadAnswer, most)
	}
	return decode(body)
}

package application

import (
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/rs/zerolog"
)

// Options are the settings of a Client. The zero value of each field but URL stands for its default.
type Options struct {
	// URL is where the application answers, http or https. The key of the backend goes there.
	URL string
	// Key is sent in the header X-Backend-Key; empty: none. See Client.SetKey.
	Key string
	// Timeout is how long a question may take, from the moment it is to be asked to the last byte of the answer; by
	// default 3 s.
	Timeout time.Duration
	// MaxCalls bounds the questions that are with the application at the same time; by default 64.
	MaxCalls int
	// MaxWaiting bounds those that wait for their turn; by default 10,000. Beyond it there is no answer.
	MaxWaiting int
	// MaxMessage bounds the messages that are shown to the application, in bytes; by default 64 KiB. To publish a longer
	// one is not allowed, and the application not asked.
	MaxMessage int
	// MaxResponse bounds the body of an answer, in bytes; by default 64 KiB.
	MaxResponse int64
	// MaxCached bounds the answers that are kept as long as they say; by default 10,000, of some hundred bytes each.
	// Negative: none are.
	MaxCached int
	// Headers are those of a handshake that the application gets to see; by default DefaultHeaders.
	Headers []string
	// LogInterval is the time in which at most five lines are logged; by default one minute.
	LogInterval time.Duration
	// Logger gets a line when there is no answer. The default logs nothing.
	Logger zerolog.Logger
}

// DefaultHeaders are the headers of a handshake that the application gets to see by default.
func DefaultHeaders() []string {
	return []string{"cookie", "authorization", "user-agent", "x-forwarded-for"}
}

func (o Options) withDefaults() Options {
	setDefault(&o.Timeout, 3*time.Second)
	setDefault(&o.MaxCalls, 64)
	setDefault(&o.MaxWaiting, 10_000)
	setDefault(&o.MaxMessage, 64<<10)
	setDefault(&o.MaxResponse, 64<<10)
	setDefault(&o.LogInterval, time.Minute)
	if o.MaxCached == 0 {
		o.MaxCached = 10_000
	}
	if o.Headers == nil {
		o.Headers = DefaultHeaders()
	}
	return o
}

func setDefault[T int | int64 | time.Duration](field *T, value T) {
	if *field <= 0 {
		*field = value
	}
}

var (
	errURL    = errors.New("is no URL of http or https")
	errHeader = errors.New("is not the name of a header")
)

// validateURL does not repeat the URL, as there may be a password in it.
func validateURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return errURL
	}
	return nil
}

// ValidateHeader says whether a text is the name of a header.
func ValidateHeader(name string) error {
	for _, c := range []byte(name) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"(),/:;<=>?@[\]{}`, c) >= 0 {
			return errHeader
		}
	}
	if name == "" {
		return errHeader
	}
	return nil
}

package client

import (
	"errors"
	"time"

	"github.com/snorky-go/snorky/actors/wire"
)

// stable is how long a connection has to live for the back-off to start anew after it.
const stable = 10 * time.Second

// run serves one connection after the other and returns why there is no further one.
func (c *Client) run(s *session) error {
	for failures := 0; ; {
		began := time.Now()
		err := s.serve()
		c.lose(err)
		if time.Since(began) >= stable {
			failures = 0
		}
		for s = nil; s == nil; {
			if c.ctx.Err() != nil {
				return ErrClosed
			}
			delay, again := c.delay(failures, err)
			if !again {
				return err
			}
			failures++
			c.announceWait(delay, err)
			if !c.wait(delay) {
				return ErrClosed
			}
			c.announce(Connecting, nil)
			ws, connectErr := c.connect(c.ctx)
			if err = connectErr; err == nil {
				s = c.begin(ws)
			}
		}
	}
}

// delay returns how long to wait before another attempt: with full jitter, unless the server has said when to come back
// and so spreads its clients better than they can by themselves. A server that says so again and again gets no more
// attempts than one that says nothing.
func (c *Client) delay(failures int, cause error) (d time.Duration, again bool) {
	o := &c.options
	advice, atLeast := advise(cause)
	if closed, ok := errors.AsType[*wire.CloseError](cause); ok {
		if hint, ok := closed.ReconnectAfter(); ok {
			if failures > 0 {
				hint = max(hint, c.backoff(failures))
			}
			return hint, true
		}
	}
	switch advice {
	case wire.Never:
		return 0, false
	case wire.Later:
		return o.MaxBackoff + c.jitter(o.MaxBackoff), true
	default:
	}
	return atLeast + c.backoff(failures), true
}

// backoff is a moment chosen at random out of the whole time that doubles with each failure.
func (c *Client) backoff(failures int) time.Duration {
	most := c.options.MaxBackoff
	if failures < 30 {
		most = min(most, c.options.MinBackoff<<failures)
	}
	return c.jitter(most)
}

func (c *Client) jitter(most time.Duration) time.Duration {
	return time.Duration(c.random() * float64(most))
}

// mostRetryAfter bounds what a server, or a proxy before it, can make a client wait.
const mostRetryAfter = 5 * time.Minute

// advise looks at why a connection ended or was not made. What is no close code is taken for an accident.
func advise(cause error) (advice wire.ReconnectAdvice, atLeast time.Duration) {
	var closed *wire.CloseError
	var refused *HandshakeError
	switch {
	case errors.As(cause, &closed):
		return closed.Code.Reconnect(), 0
	case errors.As(cause, &refused):
		return wire.Now, min(refused.RetryAfter, mostRetryAfter)
	}
	return wire.Now, 0
}

// wait returns false if the client was closed meanwhile.
func (c *Client) wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-c.ctx.Done():
		return false
	}
}

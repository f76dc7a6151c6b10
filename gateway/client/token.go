package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// sessionService is the service by which a client renews its token.
const sessionService = "session"

// handshakeHeader is what goes with a handshake.
func (c *Client) handshakeHeader(ctx context.Context) (http.Header, error) {
	header := c.options.Header.Clone()
	if c.options.Token == nil {
		return header, nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.options.ConnectTimeout)
	defer cancel()
	token, err := c.options.Token(ctx)
	if err != nil {
		return nil, fmt.Errorf("snorky: getting a token: %w", err)
	}
	if token == "" {
		return header, nil
	}
	if header == nil {
		header = http.Header{}
	}
	header.Set("Authorization", "Bearer "+token)
	return header, nil
}

// renewToken is called by the reader when the server says that the token expires. One renewal is under way at a time. It
// ends with the session at the latest, after which the next handshake brings another token in any case.
func (s *session) renewToken() {
	if s.client.options.Token == nil || !s.renewing.CompareAndSwap(false, true) {
		return
	}
	s.renewals.Go(func() {
		defer s.renewing.Store(false)
		for failures := 0; s.tryToRenew() != nil; failures++ {
			if !s.pause(s.client.backoff(failures)) {
				return
			}
		}
	})
}

var errSessionOver = errors.New("snorky: the connection has ended")

// tryToRenew gets another token and tells the server, as a call of this connection and no other.
func (s *session) tryToRenew() error {
	c := s.client
	token, err := c.options.Token(s.ctx)
	if err != nil {
		return err
	}
	params, err := encode(map[string]string{"token": token})
	if err != nil {
		return err
	}
	k, results := c.newCall(sessionService, "authenticate", params)
	k.bound = true
	if err := c.lockWithRoom(s.ctx, len(k.packet)); err != nil {
		return err
	}
	if c.session != s {
		c.mu.Unlock()
		return errSessionOver
	}
	c.enqueue(k)
	c.mu.Unlock()
	c.wakeWriter()
	_, err = c.await(s.ctx, k, results)
	return err
}

// pause returns false if the session has ended meanwhile.
func (s *session) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}

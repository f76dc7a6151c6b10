package datasync

import (
	"crypto/rand"

	"github.com/snorky-go/snorky/actors"
)

// subscription is what a backend has authorized a client for: some items, under a token (PROTOCOL.md section 9.2).
type subscription struct {
	token     string
	items     []*item
	stopClock func()

	acquired bool
	owner    actors.Peer

	buffer   []actors.Notification // until it is acquired
	buffered int                   // bytes of data in buffer
}

const (
	tokenLength   = 32
	tokenAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
)

// newToken returns a secret that nobody can guess.
func newToken() string {
	token := make([]byte, 0, tokenLength)
	var random [2 * tokenLength]byte
	for len(token) < tokenLength {
		_, _ = rand.Read(random[:]) // never fails
		for _, b := range random {
			// Bytes beyond the last whole round of the alphabet would make some characters more likely.
			if int(b) < 256/len(tokenAlphabet)*len(tokenAlphabet) && len(token) < tokenLength {
				token = append(token, tokenAlphabet[int(b)%len(tokenAlphabet)])
			}
		}
	}
	return string(token)
}

// open makes a subscription and starts its clock.
func (s *DataSync) open(items []*item) *subscription {
	one := &subscription{token: newToken(), items: items}
	for _, i := range items {
		i.subscription = one
		i.dealer.add(i)
	}
	s.subscriptions[one.token] = one
	one.stopClock = s.context.After(s.options.TokenTimeout, func() {
		if !one.acquired {
			s.end(one)
		}
	})
	return one
}

// deliver sends a delta to the client, or keeps it until there is one.
func (s *DataSync) deliver(one *subscription, n actors.Notification, size int) {
	if one.acquired {
		one.owner.Send(n)
		return
	}
	if one.buffered+size > s.options.MaxBufferedBytes {
		s.context.Logger().Warn().Int("bytes", one.buffered).Msg("a subscription that nobody acquires has too much waiting and ends")
		s.end(one)
		return
	}
	one.buffer = append(one.buffer, n)
	one.buffered += size
}

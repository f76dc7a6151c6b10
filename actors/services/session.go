package services

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

const (
	// maxChecks is how many tokens are checked at the same time. Others wait, one for each connection at most.
	maxChecks = 256
	// checkTimeout bounds the check of one token.
	checkTimeout = 10 * time.Second
	// maxTokenBytes bounds what waits for its check.
	maxTokenBytes = 64 << 10
)

// VerifyToken tells who has a token. It is safe for concurrent use and may block until ctx ends. Errors that are, or wrap,
// wire.ErrInvalidToken or wire.ErrUnavailable are shown to the client as these; all go to the log.
type VerifyToken func(ctx context.Context, token string) (actors.Principal, error)

// SessionOptions are the settings of a Session.
type SessionOptions struct {
	// Verify is asked about tokens, about many at a time, so that a slow check holds up nobody else.
	Verify VerifyToken
	// RenewOnly takes tokens only of clients that have an identity already; the others get wire.ErrNotAuthenticated.
	RenewOnly bool
}

// Session lets clients say who they are after the handshake, and renew that before it expires:
//
//   - authenticate(token) answers {"identity": ID, "expiresIn": SECONDS}, or null for never. Who has an identity already
//     cannot become somebody else, since what it may do has been decided for the first one: wire.ErrIdentityFixed.
//   - whoami() answers the identity, or null.
//   - {"type": "expiring", "expiresIn": SECONDS} tells a client that it should authenticate again by then.
//
// Seconds are whole, rounded down.
type Session struct {
	options   SessionOptions
	renewOnly atomic.Bool
	context   *actors.ServiceContext

	running context.Context // ends with Stop
	stop    context.CancelFunc
	checks  sync.WaitGroup

	mu       sync.Mutex
	underWay int
	waiting  []*check
}

var (
	_ actors.Starter        = (*Session)(nil)
	_ actors.Stopper        = (*Session)(nil)
	_ actors.ExpiryListener = (*Session)(nil)
)

// NewSession returns a Session.
func NewSession(o SessionOptions) *Session {
	s := &Session{options: o}
	s.SetRenewOnly(o.RenewOnly)
	return s
}

// SetRenewOnly replaces SessionOptions.RenewOnly, for tokens that come from now on.
func (s *Session) SetRenewOnly(only bool) { s.renewOnly.Store(only) }

// Start implements actors.Starter.
func (s *Session) Start(c *actors.ServiceContext) error {
	s.context = c
	s.running, s.stop = context.WithCancel(context.Background())
	return nil
}

// Stop implements actors.Stopper. It waits for the checks, whose contexts it ends.
func (s *Session) Stop() {
	s.stop()
	s.checks.Wait()
	for _, c := range s.waiting { // nobody else looks any more
		c.answer.Fail(wire.ErrInternal)
	}
}

// Commands implements actors.Service.
func (s *Session) Commands() actors.Commands {
	return actors.Commands{
		"authenticate": actors.Command(s.authenticate),
		"whoami":       actors.Direct(whoAmI),
	}
}

// Expiring implements actors.ExpiryListener.
func (s *Session) Expiring(peer actors.Peer, left time.Duration) {
	_ = peer.Notify(expiringNotice{Type: "expiring", ExpiresIn: seconds(left)}) // it can be marshalled
}

type expiringNotice struct {
	Type      string `json:"type"`
	ExpiresIn int64  `json:"expiresIn"`
}

func whoAmI(c *actors.Call, _ actors.NoParams) (json.RawMessage, error) { return c.Identity(), nil }

type authenticateParams struct {
	Token string `json:"token"`
}

type authenticated struct {
	Identity  json.RawMessage `json:"identity"`
	ExpiresIn *int64          `json:"expiresIn"`
}

// check is a token that is checked, or waits for that. The connection sends nothing else meanwhile.
type check struct {
	token  string
	peer   actors.Peer
	before json.RawMessage // who the client was
	answer *actors.Answer
}

func (s *Session) authenticate(c *actors.Call, p authenticateParams) (any, error) {
	peer, ok := c.Peer()
	if !ok || s.renewOnly.Load() && isNobody(c.Identity()) {
		return nil, wire.ErrNotAuthenticated
	}
	if len(p.Token) > maxTokenBytes {
		return nil, wire.ErrInvalidToken
	}
	s.submit(&check{token: p.Token, peer: peer, before: c.Identity(), answer: c.Later()})
	return nil, nil
}

func (s *Session) submit(c *check) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.underWay == maxChecks {
		s.waiting = append(s.waiting, c)
		return
	}
	s.underWay++
	s.checks.Go(func() {
		for c := c; c != nil; c = s.next() {
			s.run(c)
		}
	})
}

// next returns what has waited longest; nil if nothing waits, or the service has ended.
func (s *Session) next() *check {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.waiting) == 0 || s.running.Err() != nil {
		s.underWay--
		return nil
	}
	c := s.waiting[0]
	s.waiting[0] = nil
	if s.waiting = s.waiting[1:]; len(s.waiting) == 0 {
		s.waiting = nil
	}
	return c
}

func (s *Session) run(c *check) {
	p, err := s.judge(c)
	if err != nil {
		c.answer.Fail(s.shown(err))
		return
	}
	c.peer.SetPrincipal(p) // before the answer, so that it holds for the next call
	result := authenticated{Identity: p.Identity}
	if !p.Expires.IsZero() {
		left := seconds(time.Until(p.Expires))
		result.ExpiresIn = &left
	}
	c.answer.Respond(result)
}

func (s *Session) judge(c *check) (p actors.Principal, err error) {
	defer func() {
		if reason := recover(); reason != nil {
			s.context.Logger().Error().Interface("panic", reason).Bytes("stack", debug.Stack()).Msg("panic while a token is checked")
			err = wire.ErrInternal
		}
	}()
	ctx, cancel := context.WithTimeout(s.running, checkTimeout)
	defer cancel()
	if p, err = s.options.Verify(ctx, c.token); err != nil {
		return p, err
	}
	if isNobody(p.Identity) {
		return p, fmt.Errorf("%w: it names nobody", wire.ErrInvalidToken)
	}
	if !isNobody(c.before) && !sameValue(p.Identity, c.before) {
		return p, wire.ErrIdentityFixed
	}
	return p, nil
}

// shown logs why a token is not taken, and returns what the client gets to see of that.
func (s *Session) shown(err error) error {
	level := zerolog.InfoLevel
	shown := wire.ErrInternal
	for _, known := range []*wire.Error{wire.ErrInvalidToken, wire.ErrIdentityFixed, wire.ErrUnavailable} {
		if errors.Is(err, known) {
			shown = known
		}
	}
	if shown == wire.ErrInternal {
		level = zerolog.ErrorLevel
	}
	s.context.Logger().WithLevel(level).Err(err).Msg("a token is not taken")
	return shown
}

func isNobody(identity json.RawMessage) bool { return len(identity) == 0 || string(identity) == "null" }

// sameValue compares as JSON values: 7 is 7.0.
func sameValue(a, b json.RawMessage) bool {
	x, errX := wire.CanonicalKey(a)
	y, errY := wire.CanonicalKey(b)
	return errX == nil && errY == nil && x == y
}

func seconds(d time.Duration) int64 { return int64(max(d, 0) / time.Second) }

// Package certificate keeps the certificate of a door of TLS: it notices that the files have changed, and tells in time
// that they should.
package certificate

import (
	"context"
	"crypto/tls"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/cmd/snorkyd/config"
)

const (
	// Interval is the time between two looks at the files.
	Interval = 2 * time.Second
	// notice is how long before the end of a certificate the log begins to say so, once in each warnInterval; of one that
	// does not last long, it is a third of that.
	notice       = 14 * 24 * time.Hour
	warnInterval = 24 * time.Hour
)

// Source is where a certificate comes from. config.TLSFiles is one.
type Source interface {
	// Read returns what there is now, or an error that says why it cannot be used.
	Read() (config.TLSPair, error)
	// Version is what changes when there may be something else. It can be compared.
	Version() any
}

// Keeper has the certificate of one door. Its methods are safe for concurrent use.
type Keeper struct {
	source   Source
	log      zerolog.Logger
	base     *tls.Config
	every    time.Duration // Interval, but for tests
	now      atomic.Pointer[tls.Config]
	unusable atomic.Bool // see Stats.Failed

	mu     sync.Mutex
	used   any    // the version that is in use
	seen   any    // that of the last look
	failed string // why what there is cannot be used, as the log says already; empty: it has not been read
	begins time.Time
	ends   time.Time
	warned time.Time
}

// Open reads the certificate. The Keeper logs with l.
func Open(source Source, l zerolog.Logger) (*Keeper, error) {
	k := &Keeper{source: source, log: l, every: Interval}
	use, err := k.Load()
	if err != nil {
		return nil, err
	}
	use()
	k.base = k.now.Load().Clone()
	k.base.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return k.now.Load(), nil }
	return k, nil
}

// Config is for the door. It is always up to date.
func (k *Keeper) Config() *tls.Config { return k.base }

// Load reads the certificate again, but does not use it before use is called. Connections that exist are not touched.
func (k *Keeper) Load() (use func(), err error) {
	version := k.source.Version()
	pair, err := k.source.Read()
	k.unusable.Store(err != nil)
	if err != nil {
		return nil, err
	}
	return func() {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.used, k.seen, k.failed = version, version, ""
		leaf := pair.Certificate.Leaf
		k.begins, k.ends, k.warned = leaf.NotBefore, leaf.NotAfter, time.Time{}
		k.now.Store(configOf(pair))
	}, nil
}

// configOf has Go's own choice of suites and curves, and HTTP/1.1 only, which is what WebSockets need: who offers nothing
// else than HTTP/2 is refused by the handshake.
func configOf(pair config.TLSPair) *tls.Config {
	c := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{pair.Certificate},
		NextProtos:   []string{"http/1.1"},
	}
	if pair.ClientCAs != nil {
		c.ClientCAs, c.ClientAuth = pair.ClientCAs, tls.RequireAndVerifyClientCert
		c.SessionTicketsDisabled = true // a ticket would outlive the authorities
	}
	return c
}

// Run looks after the certificate until ctx ends.
func (k *Keeper) Run(ctx context.Context) {
	looks := time.NewTicker(k.every)
	defer looks.Stop()
	for {
		k.warn()
		select {
		case <-looks.C:
			k.look()
		case <-ctx.Done():
			return
		}
	}
}

// look reads files that have changed and were left alone since the last look: who renews a certificate writes two files,
// one after the other. What cannot be used is read again at each look, since what is wrong with it may be mended without a
// trace in the files, as the mode of a directory is; it is told once, and again for another reason.
func (k *Keeper) look() {
	version := k.source.Version()
	k.mu.Lock()
	settled := version == k.seen && version != k.used
	k.seen = version
	if version == k.used {
		k.failed = "" // what is in use is back
		k.unusable.Store(false)
	}
	k.mu.Unlock()
	if !settled {
		return
	}
	use, err := k.Load()
	if err != nil {
		k.complain(err)
		return
	}
	use()
	k.Loaded()
}

func (k *Keeper) complain(err error) {
	k.mu.Lock()
	told := k.failed == err.Error()
	k.failed = err.Error()
	k.mu.Unlock()
	if !told {
		k.log.Error().Err(err).Msg("the certificate has changed and cannot be used; until it can, the one before stays")
	}
}

// Loaded logs what is used now.
func (k *Keeper) Loaded() {
	leaf := k.now.Load().Certificates[0].Leaf
	k.log.Info().Strs("names", names(leaf)).Time("expires", leaf.NotAfter).Msg("the certificate was read")
}

// warn says that the certificate ends soon, has ended, or has not begun.
func (k *Keeper) warn() {
	now := time.Now()
	k.mu.Lock()
	left, early := k.ends.Sub(now), now.Before(k.begins)
	// One that lasts for days only is not renewed weeks before.
	due := (early || left < min(notice, k.ends.Sub(k.begins)/3)) && now.Sub(k.warned) >= warnInterval
	if due {
		k.warned = now
	}
	k.mu.Unlock()
	if !due {
		return
	}
	leaf := k.now.Load().Certificates[0].Leaf
	level, message := zerolog.WarnLevel, "the certificate expires soon"
	switch {
	case early:
		level, message = zerolog.ErrorLevel, "the certificate is not valid yet: browsers do not connect"
	case left <= 0:
		level, message = zerolog.ErrorLevel, "the certificate has expired: browsers do not connect"
	}
	k.log.WithLevel(level).Strs("names", names(leaf)).Time("begins", leaf.NotBefore).Time("expires", leaf.NotAfter).Msg(message)
}

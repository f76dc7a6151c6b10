package server

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/snorky-go/snorky/cmd/snorkyd/config"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/certificate"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/entrance"
)

// certificates are those of both doors; nil for one that is plain.
type certificates struct {
	front, back *certificate.Keeper

	watching sync.WaitGroup
	end      context.CancelFunc // nil: nobody watches
}

// open reads what the configuration names.
func (c *certificates) open(s *Server) (err error) {
	if c.front, err = openCertificate(s, "frontend", s.config.FrontendTLS()); err == nil {
		c.back, err = openCertificate(s, "backend", s.config.BackendTLS())
	}
	return err
}

func openCertificate(s *Server, door string, files config.TLSFiles) (*certificate.Keeper, error) {
	if files.Cert == "" {
		return nil, nil
	}
	return certificate.Open(files, s.log.With().Str("door", door).Logger())
}

// all are those that there are.
func (c *certificates) all() (keepers []*certificate.Keeper) {
	for _, k := range []*certificate.Keeper{c.front, c.back} {
		if k != nil {
			keepers = append(keepers, k)
		}
	}
	return keepers
}

// watch looks after them until close.
func (c *certificates) watch() {
	var ctx context.Context
	ctx, c.end = context.WithCancel(context.Background())
	for _, k := range c.all() {
		c.watching.Go(func() { k.Run(ctx) })
	}
}

// lastLook is what a look at the files may take that is under way when the end comes.
const lastLook = 500 * time.Millisecond

// close ends the looks at the files. One that hangs, as a file system does, is left to itself.
func (c *certificates) close() {
	if c.end == nil {
		return
	}
	c.end()
	ended := make(chan struct{})
	go func() {
		c.watching.Wait()
		close(ended)
	}()
	limit := time.NewTimer(lastLook)
	defer limit.Stop()
	select {
	case <-ended:
	case <-limit.C:
	}
}

// load reads the certificates of both doors again, and does not use any before use is called. New connections get them
// then; those that exist are not touched.
func (c *certificates) load() (use func(), err error) {
	keepers := c.all()
	uses := make([]func(), len(keepers))
	for i, k := range keepers {
		if uses[i], err = k.Load(); err != nil {
			return nil, err
		}
	}
	return func() {
		for i, use := range uses {
			use()
			keepers[i].Loaded()
		}
	}, nil
}

// TLS tells which doors speak it.
func (s *Server) TLS() (frontend, backend bool) {
	return s.certificates.front != nil, s.certificates.back != nil
}

// policies of PROXY headers.
var policies = map[string]entrance.Policy{
	config.ProxyOff: entrance.Off, config.ProxyOptional: entrance.Optional, config.ProxyRequired: entrance.Required,
}

// entrances puts before HTTP at both doors what the configuration wants there.
func (s *Server) entrances() (front, back net.Listener, err error) {
	front, err = s.entrance("frontend", s.frontListener, s.config.ProxyProtocol, s.config.MaxHandshakes, s.certificates.front)
	if err == nil {
		back, err = s.entrance("backend", s.backListener, s.config.BackendProxyProtocol, s.config.MaxBackendConnections, s.certificates.back)
	}
	if err == nil {
		s.frontEntrance, _ = front.(*entrance.Listener)
		s.backEntrance, _ = back.(*entrance.Listener)
	}
	return front, back, err
}

func (s *Server) entrance(door string, inner net.Listener, policy string, most int, k *certificate.Keeper) (net.Listener, error) {
	o := entrance.Options{
		Proxy: policies[policy], Proxies: s.config.Proxies(), Timeout: s.config.HeaderTimeout, Max: most,
		Logger: s.log.With().Str("door", door).Logger(),
	}
	if k != nil {
		o.TLS = k.Config()
	}
	l, err := entrance.Listen(inner, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", door, err)
	}
	return l, nil
}

package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"
)

// lookupTime bounds the search for the host of an address.
const lookupTime = 3 * time.Second

// listen opens both doors and the admin address, or none. It returns what there is to accept from at the doors.
func (s *Server) listen() (front, back net.Listener, err error) {
	var ofFront, ofBack net.ListenConfig
	if s.config.PingInterval > 0 {
		ofFront.KeepAlive = -1 // the broker's pings find out who has gone
		s.frontListener = quiet(s.frontListener)
	}
	err = open("frontend", ofFront, s.config.Frontend, &s.frontListener)
	if err == nil {
		err = open("backend", ofBack, s.config.Backend, &s.backListener)
	}
	if err == nil {
		front, back, err = s.entrances()
	}
	if err == nil && s.config.Admin != "" {
		err = open("admin", net.ListenConfig{}, s.config.Admin, &s.adminListener)
	}
	if err != nil {
		for _, l := range []net.Listener{s.frontListener, s.backListener, s.adminListener} {
			if l != nil {
				_ = l.Close()
			}
		}
	}
	return front, back, err
}

func open(door string, how net.ListenConfig, address string, at *net.Listener) error {
	if *at != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookupTime)
	defer cancel()
	l, err := how.Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%s: %s is in use by another process: %w", door, address, syscall.EADDRINUSE)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", door, err)
	}
	*at = l
	return nil
}

// watch is told why a door no longer accepts. If nobody asked it to close, the server ends.
func (s *Server) watch(door string, reason error) {
	if errors.Is(reason, http.ErrServerClosed) {
		return
	}
	s.mu.Lock()
	s.failure = fmt.Errorf("%s: %w", door, reason)
	s.mu.Unlock()
	// Shutdown waits for this goroutine, and Done for Shutdown.
	go func() { _ = s.Shutdown(context.Background()) }()
}

package backendapi

import (
	"errors"
	"net"
	"net/http"
	"runtime/debug"
	"sync"
	"time"
)

// Serve accepts connections until Shutdown or Close, then returns http.ErrServerClosed. Any other error is one of the
// listener. It closes the listener in any case.
func (s *Server) Serve(l net.Listener) error {
	if s.handler == nil {
		return s.http.Serve(framingListener{l})
	}
	l = &closeOnce{Listener: l}
	defer l.Close()
	if !s.track(&l) {
		return http.ErrServerClosed
	}
	defer s.untrack(&l)
	for failures := 0; ; {
		conn, err := l.Accept()
		switch {
		case err == nil:
			failures = 0
			s.start(conn)
			s.porch.Wait(s.ending)
		case s.stopping.Load():
			return http.ErrServerClosed
		case !isTemporary(err):
			return err
		default:
			failures++
			pause := min(time.Second, 5*time.Millisecond<<min(failures-1, 8))
			s.log.Printf("accepting: %v; trying again in %v", err, pause)
			s.pause(pause)
		}
	}
}

// isTemporary is for the errors of a process that has no descriptors left, and the like.
func isTemporary(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Temporary() //nolint:staticcheck // for accepting, this is what it means
}

func (s *Server) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.ending:
	}
}

// closeOnce is a listener that Serve and Shutdown may close both.
type closeOnce struct {
	net.Listener
	once sync.Once
	err  error
}

func (l *closeOnce) Close() error {
	l.once.Do(func() { l.err = l.Listener.Close() })
	return l.err
}

// track makes a listener known to Shutdown, and starts the http.Server when it is the first one.
func (s *Server) track(l *net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping.Load() {
		return false
	}
	s.listeners[l] = struct{}{}
	if !s.fallsBack {
		s.fallsBack = true
		s.goroutines.Go(func() { _ = s.http.Serve(framingListener{s.fallback}) }) // it ends by Shutdown or Close
	}
	return true
}

func (s *Server) untrack(l *net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
	s.checkDrained()
}

// start gives a connection a lane. One that was accepted while Shutdown began is fresh, and so has its chance.
func (s *Server) start(conn net.Conn) {
	l := newLane(s, conn)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = conn.Close()
		return
	}
	s.porch.Enter(conn)
	s.lanes[l] = struct{}{}
	s.goroutines.Go(func() { s.run(l) })
}

func (s *Server) run(l *lane) {
	defer s.left(l)
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler { //nolint:errorlint // as in Handler.panicked
			s.log.Printf("serving %v: %v\n%s", l.conn.RemoteAddr(), p, debug.Stack())
		}
	}()
	l.serve()
}

func (s *Server) left(l *lane) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.lanes, l)
	s.checkDrained()
}

// checkDrained is called with mu held.
func (s *Server) checkDrained() {
	if s.stopping.Load() && len(s.lanes) == 0 && len(s.listeners) == 0 {
		select {
		case <-s.drained:
		default:
			close(s.drained)
		}
	}
}

// takeOver gives a connection to the http.Server, unless that has ended.
func (s *Server) takeOver(conn net.Conn) bool {
	s.handedOver.Add(1)
	return s.fallback.offer(conn)
}

// stop ends the accepting, and the lanes that are between two requests. It may be called several times.
func (s *Server) stop() (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.stopping.Swap(true) {
		close(s.ending)
	}
	for l := range s.listeners {
		if e := (*l).Close(); e != nil {
			err = e
		}
	}
	for l := range s.lanes {
		l.retire(between)
	}
	s.checkDrained()
	return err
}

// firstRequest is how long Shutdown waits for the first request of a connection that was accepted before it.
const firstRequest = time.Second

func (s *Server) retireFresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range s.lanes {
		l.retire(fresh)
	}
}

// SetMaxConnections changes ServerOptions.MaxConnections. Connections that are there stay, unless others want in.
func (s *Server) SetMaxConnections(n int) {
	setDefault(&n, ServerOptions{}.withDefaults().MaxConnections)
	s.porch.SetMax(n)
}

// Connections is how many connections there are, and how many were closed so far because they said nothing while others
// wanted in. Where there are no lanes, none are counted.
func (s *Server) Connections() (now int, evicted int64) { return s.porch.Len(), s.porch.Evicted() }

// connState is told by the http.Server what has become of the connections that it was given. Those are no more than guests,
// whatever their key: one that is between two requests has to go before one with a lane.
func (s *Server) connState(conn net.Conn, state http.ConnState) {
	if c, ok := conn.(*framingConn); ok {
		conn = c.Conn
	}
	if c, ok := conn.(*replayConn); ok {
		conn = c.Conn
	}
	switch state {
	case http.StateNew:
	case http.StateActive:
		s.porch.Busy(conn)
	case http.StateIdle:
		s.porch.Idle(conn)
	case http.StateHijacked, http.StateClosed:
		s.porch.Leave(conn)
	}
}

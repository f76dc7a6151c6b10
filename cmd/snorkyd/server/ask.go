package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/snorky-go/snorky/cmd/snorkyd/config"
)

// askAgain is the time between two attempts to get an answer from a door, and between two looks at whether it has served
// anybody else.
const askAgain = 100 * time.Millisecond

// A question is a request that a door has to answer, no matter how: by 200, by a refusal, or by hanging up, which is all
// that strangers get where every connection has to come by a proxy. Nobody but this process could do that, either.
type question struct {
	door    string
	at      net.Addr
	path    string
	secured bool // it speaks TLS
	picky   bool // it lets in none but proxies, or clients with a certificate
	served  func() bool
}

// Ask makes a request at each door and at the admin address, over the network as a client does, and returns nil when all
// have answered: that request, or anybody else's since Start. Where a crowd came before, ours may be the last in a long queue,
// and where a door is hard to reach from this machine it may not get there at all, but whoever was served says enough.
//
// When ctx ends before, the error is one of ctx and says which door did not answer, though it accepts. If a door broke the
// error is that of the server, see Err.
//
// That a door is open says less: where a service manager has opened it, it has been so since before the process began.
func (s *Server) Ask(ctx context.Context) error {
	questions := s.questions()
	wrong := make([]error, len(questions))
	var asking sync.WaitGroup
	for i, q := range questions {
		asking.Go(func() { wrong[i] = s.await(ctx, q) })
	}
	asking.Wait()
	for _, err := range wrong {
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Server) questions() []question {
	s.mu.Lock()
	defer s.mu.Unlock()
	questions := []question{
		{"frontend", s.frontListener.Addr(), HealthPath, s.certificates.front != nil, s.config.ProxyProtocol == config.ProxyRequired, s.servedFront},
		{
			"backend", s.backListener.Addr(), BackendPath, s.certificates.back != nil,
			s.config.BackendProxyProtocol == config.ProxyRequired || s.config.BackendTLSClientCAFile != "",
			s.servedBack,
		},
	}
	if s.adminListener != nil {
		questions = append(questions, question{"admin", s.adminListener.Addr(), HealthPath, false, false, func() bool { return false }})
	}
	return questions
}

// servedFront tells whether the frontend has answered anybody.
func (s *Server) servedFront() bool {
	stats := s.ws.Stats()
	return stats.Accepted > 0 || len(stats.Refused) > 0 || s.answered.Load()
}

// servedBack tells whether the backend has answered anybody.
func (s *Server) servedBack() bool { return len(s.calls.Stats().Requests) > 0 }

// await returns when the door has answered us or somebody else, when it broke, or when ctx ends.
func (s *Server) await(ctx context.Context, q question) error {
	ours, cancel := context.WithCancel(ctx)
	answered := make(chan error, 1)
	var asking sync.WaitGroup
	asking.Go(func() { answered <- q.ask(ours) })
	looks := time.NewTicker(askAgain)
	defer looks.Stop()
	var err error
	for waiting := true; waiting; {
		select {
		case err = <-answered:
			waiting = false
		case <-looks.C:
			waiting = s.Err() == nil && !q.served()
		}
	}
	cancel()
	asking.Wait()
	switch broken := s.Err(); {
	case broken != nil:
		return broken
	case q.served():
		return nil
	default:
		return err
	}
}

// ask tries again until there is an answer, or ctx ends. What waits to be accepted goes on waiting: another connection would
// have to queue up behind all who came meanwhile.
func (q question) ask(ctx context.Context) error {
	again := time.NewTicker(askAgain)
	defer again.Stop()
	for {
		err := q.try(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			if !errors.Is(err, ctx.Err()) {
				err = fmt.Errorf("%w: %w", ctx.Err(), err)
			}
			return fmt.Errorf("%s at %v: %w", q.door, q.at, err)
		case <-again.C:
		}
	}
}

func (q question) try(ctx context.Context) error {
	scheme, reached := "http", false
	if q.secured {
		scheme = "https"
	}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := dialOwn(ctx, q.at)
			reached = err == nil
			return conn, err
		},
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // whose door this is, is known
		DisableKeepAlives: true,
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+q.door+q.path, nil)
	if err != nil {
		return err
	}
	response, err := transport.RoundTrip(request)
	if err != nil && q.picky && reached && ctx.Err() == nil {
		return nil // the door has turned us out, which is an answer
	}
	if err != nil {
		return err
	}
	_, _ = io.CopyN(io.Discard, response.Body, 1) // the door is about to close the connection
	return response.Body.Close()
}

// dialOwn connects to a listener of this process. One for all addresses is reached by the loopback, of the one family or
// the other: a listener for IPv6 mostly takes IPv4 as well, and a machine may be without either.
func dialOwn(ctx context.Context, at net.Addr) (net.Conn, error) {
	var dialer net.Dialer
	tcp, ok := at.(*net.TCPAddr)
	if !ok || !tcp.IP.IsUnspecified() {
		return dialer.DialContext(ctx, at.Network(), at.String())
	}
	hosts := []net.IP{net.IPv4(127, 0, 0, 1)}
	if tcp.IP.To4() == nil {
		hosts = append(hosts, net.IPv6loopback)
	}
	var err error
	for _, host := range hosts {
		to := net.TCPAddr{IP: host, Port: tcp.Port}
		var conn net.Conn
		if conn, err = dialer.DialContext(ctx, "tcp", to.String()); err == nil {
			return conn, nil
		}
	}
	return nil, err
}

// DrainLimit is how long Shutdown takes at most, apart from what it does when everything is cut off.
func (s *Server) DrainLimit() time.Duration { return max(s.Config().Drain, shortest) }

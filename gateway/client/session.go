package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/snorky-go/snorky/actors/wire"
)

// farewellTime is how long the end of a connection that the client wants may take.
const farewellTime = time.Second

// session is one connection. Its reader is the main goroutine of the client.
type session struct {
	client *Client
	ws     *websocket.Conn
	ctx    context.Context // ends when the reader has returned, or the client is closed
	end    context.CancelFunc

	renewing atomic.Bool // of the token
	renewals sync.WaitGroup

	mu       sync.Mutex
	hurried  bool
	writeErr error
}

// connect makes one attempt.
func (c *Client) connect(ctx context.Context) (*websocket.Conn, error) {
	header, err := c.handshakeHeader(ctx)
	if err != nil {
		return nil, err
	}
	var aborted chan struct{}
	stop := func() bool { return true }
	dialer := websocket.Dialer{
		HandshakeTimeout: c.options.ConnectTimeout,
		TLSClientConfig:  c.options.TLS,
		NetDialContext: func(ctx2 context.Context, network, address string) (net.Conn, error) {
			conn, err := c.options.NetDial(ctx2, network, address)
			if err != nil {
				return nil, err
			}
			// gorilla heeds deadlines only, once the handshake has begun.
			aborted = make(chan struct{})
			stop = context.AfterFunc(ctx, func() {
				defer close(aborted)
				_ = conn.Close()
			})
			return conn, nil
		},
	}
	ws, response, err := dialer.DialContext(ctx, c.url, header)
	if !stop() {
		<-aborted
		if err == nil {
			_ = ws.Close()
		}
		return nil, ctx.Err()
	}
	switch {
	case errors.Is(err, websocket.ErrBadHandshake) && response != nil:
		_ = response.Body.Close()
		return nil, &HandshakeError{Status: response.StatusCode, RetryAfter: retryAfter(response.Header)}
	case err != nil:
		return nil, fmt.Errorf("snorky: connecting: %w", err)
	}
	return ws, nil
}

func retryAfter(h http.Header) time.Duration {
	seconds, err := strconv.ParseUint(h.Get("Retry-After"), 10, 16)
	if err != nil {
		return 0
	}
	return time.Duration(seconds) * time.Second
}

func newSession(c *Client, ws *websocket.Conn) *session {
	s := &session{client: c, ws: ws}
	s.ctx, s.end = context.WithCancel(c.ctx)
	ws.SetReadLimit(c.options.ReadLimit)
	answer := ws.PingHandler()
	ws.SetPingHandler(func(payload string) error {
		s.heard()
		return answer(payload)
	})
	ws.SetPongHandler(func(string) error {
		s.heard()
		return nil
	})
	return s
}

// serve reads until the connection ends, and returns why.
func (s *session) serve() error {
	var writer sync.WaitGroup
	writer.Go(s.write)
	err := s.read()
	s.end()
	_ = s.ws.Close()
	writer.Wait()
	s.renewals.Wait()
	var closed *wire.CloseError
	if s.writeErr != nil && !errors.As(err, &closed) {
		return s.writeErr // which is why there was nothing to read
	}
	return err
}

func (s *session) read() error {
	for {
		s.heard()
		_, data, err := s.ws.ReadMessage()
		if err != nil {
			return readError(err)
		}
		if err := s.received(data); err != nil {
			return err
		}
	}
}

func readError(err error) error {
	if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
		return &wire.CloseError{Code: wire.CloseCode(closed.Code), Reason: closed.Text, ByPeer: true}
	}
	return fmt.Errorf("snorky: reading: %w", err)
}

// heard gives the server time to say something again.
func (s *session) heard() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.hurried {
		_ = s.ws.SetReadDeadline(time.Now().Add(s.client.options.SilenceTimeout))
	}
}

// hurry leaves the session little time for everything, because the client closes.
func (s *session) hurry() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hurried = true
	_ = s.ws.NetConn().SetDeadline(time.Now().Add(farewellTime))
}

// write is the session's writer. When it returns early, the connection ends.
func (s *session) write() {
	c := s.client
	var pings <-chan time.Time
	if c.options.PingInterval > 0 {
		ticker := time.NewTicker(c.options.PingInterval)
		defer ticker.Stop()
		pings = ticker.C
	}
	for {
		if err := s.writeQueue(); err != nil {
			s.writeErr = fmt.Errorf("snorky: writing: %w", err)
			_ = s.ws.Close()
			return
		}
		select {
		case <-c.pending:
		case <-pings:
			s.control(websocket.PingMessage, nil)
		case <-s.ctx.Done():
			if c.ctx.Err() != nil {
				s.control(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
			}
			return
		}
	}
}

func (s *session) writeQueue() error {
	for s.client.ctx.Err() == nil {
		k := s.client.take()
		if k == nil {
			return nil
		}
		_ = s.ws.SetWriteDeadline(time.Now().Add(s.client.options.WriteTimeout))
		if err := s.ws.WriteMessage(websocket.TextMessage, k.packet); err != nil {
			return err
		}
	}
	return nil
}

// control sends a control frame. What is wrong with the connection shows elsewhere.
func (s *session) control(kind int, payload []byte) {
	_ = s.ws.WriteControl(kind, payload, time.Now().Add(farewellTime))
}

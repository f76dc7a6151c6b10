package application

import (
	"context"
	"net"
)

// line is a connection to the application. The Client knows all of them, because net/http goes on to make a connection
// when the request is over for which it was to be, and Close has to end that as well.
type line struct {
	net.Conn
	client *Client
}

// dial makes a connection. It is called by net/http.
func (c *Client) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if err := c.enter(); err != nil {
		return nil, err
	}
	defer c.underWay.Done()
	ctx, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	defer context.AfterFunc(c.open, cancel)() //nolint:contextcheck // Close ends this, too
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		_ = conn.Close()
		return nil, errClosed
	}
	l := &line{Conn: conn, client: c}
	c.lines[l] = struct{}{}
	return l, nil
}

// Close implements net.Conn.
func (l *line) Close() error {
	l.client.mu.Lock()
	delete(l.client.lines, l)
	l.client.mu.Unlock()
	return l.Conn.Close()
}

// Package client talks to the front door of a Snorky server over a WebSocket (PROTOCOL.md sections 1 to 6): it calls
// services, subscribes to channels, and takes notifications. It reconnects by itself and renews its subscriptions.
//
//	c, err := client.Dial(ctx, "ws://127.0.0.1:5800/ws", client.Options{})
//	...
//	err = c.Subscribe(ctx, "pubsub", "news", func(m client.Message) { log.Printf("%s", m.Content) })
package client

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// Client is a connection to a server that comes back when it is lost. It is safe for concurrent use.
//
// Handlers and callbacks are called one at a time, in the order in which things happened. They may use the Client, but
// Close waits for them and so must not be called by them.
type Client struct {
	url     string
	options Options
	random  func() float64 // for the back-off
	ctx     context.Context
	cancel  context.CancelFunc
	done    chan struct{}
	inbox   *inbox
	lastID  atomic.Uint64 // of calls

	mu       sync.Mutex
	err      error // why it is over; nil while it is not
	session  *session
	queue    []*call // to be sent, in this order
	queued   int     // bytes of queue
	sent     map[uint64]*call
	room     chan struct{} // closed and replaced when the queue got shorter or will never do so
	pending  chan struct{} // tells the session's writer to look at the queue
	handlers map[string]func(json.RawMessage)
	subs     map[subscriptionKey]*subscription
}

// Dial connects to the front door at url, such as ws://127.0.0.1:5800/ws. It fails if the first attempt does, with a
// *HandshakeError if the server refused; only a connection that stood is made anew after it is lost. ctx is for that first
// attempt.
func Dial(ctx context.Context, url string, o Options) (*Client, error) {
	c := newClient(url, o)
	if err := c.start(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

func newClient(url string, o Options) *Client {
	c := &Client{
		url:      url,
		options:  o.withDefaults(),
		random:   rand.Float64,
		done:     make(chan struct{}),
		sent:     map[uint64]*call{},
		room:     make(chan struct{}),
		pending:  make(chan struct{}, 1),
		handlers: map[string]func(json.RawMessage){},
		subs:     map[subscriptionKey]*subscription{},
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.inbox = newInbox(c.options.MaxInboxBytes)
	return c
}

func (c *Client) start(ctx context.Context) error {
	ws, err := c.connect(ctx)
	if err != nil {
		c.cancel()
		return err
	}
	s := c.begin(ws)
	go c.main(s)
	return nil
}

// main is the goroutine that owns all others.
func (c *Client) main(s *session) {
	var dispatcher sync.WaitGroup
	dispatcher.Go(c.dispatch)
	err := c.run(s)
	c.end(err)
	dispatcher.Wait()
	c.cancel()
	close(c.done)
}

// end fails everything that waits, and lets the dispatcher finish.
func (c *Client) end(err error) {
	c.mu.Lock()
	c.err = err
	calls := c.queue
	c.queue, c.queued = nil, 0
	for _, s := range c.subs {
		s.settle(err)
	}
	clear(c.subs)
	c.madeRoom()
	c.mu.Unlock()
	for _, k := range calls {
		k.finish(nil, err)
	}
	if c.ctx.Err() != nil {
		c.inbox.clear()
	}
	c.announce(Closed, err)
	c.inbox.end()
}

// Close ends the connection and waits for all goroutines of the Client, including a handler that is running. Calls that
// wait fail with ErrClosed. It may be called more than once.
func (c *Client) Close() error {
	c.cancel()
	c.mu.Lock()
	if c.session != nil {
		c.session.hurry()
	}
	c.mu.Unlock()
	<-c.done
	return nil
}

// Done returns a channel that is closed when the Client is: after Close, or when the server does not want it back.
func (c *Client) Done() <-chan struct{} { return c.done }

// Err returns why the Client is closed, such as ErrClosed or a *wire.CloseError, or nil while it is not.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Handle sets the function that gets the notifications of a service, except those for subscriptions; nil removes it.
// Notifications that nobody handles are dropped. The bytes belong to the function.
func (c *Client) Handle(service string, f func(notification json.RawMessage)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if f == nil {
		delete(c.handlers, service)
		return
	}
	c.handlers[service] = f
}

// begin makes ws the connection of the client, and has the subscriptions renewed before anything else is sent.
func (c *Client) begin(ws *websocket.Conn) *session {
	s := newSession(c, ws)
	c.mu.Lock()
	c.session = s
	c.renew()
	if c.ctx.Err() != nil {
		s.hurry()
	}
	c.mu.Unlock()
	c.wakeWriter()
	c.announce(Connected, nil)
	return s
}

// lose takes note that the connection has ended.
func (c *Client) lose(cause error) {
	c.mu.Lock()
	c.session = nil
	lost := c.dropBound()
	for _, k := range c.sent {
		lost = append(lost, k)
	}
	clear(c.sent)
	c.madeRoom()
	c.mu.Unlock()
	for _, k := range lost {
		k.finish(nil, &lostError{cause})
	}
}

// announceWait tells the application that the next attempt is made after delay.
func (c *Client) announceWait(delay time.Duration, cause error) {
	if f := c.options.OnWait; f != nil {
		c.inbox.add(func() { f(delay, cause) })
	}
	c.announce(Waiting, cause)
}

// announce tells the application of a state.
func (c *Client) announce(s State, err error) {
	if f := c.options.OnState; f != nil {
		c.inbox.add(func() { f(s, err) })
	}
}

package actorstest

import (
	"fmt"
	"net/netip"
	"slices"
	"testing/synctest"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// Client is a client of the services in the frontend, with a connection of its own.
type Client struct {
	b    *Broker
	name string
	conn *conn
	gone bool
}

// Client connects a client. The name is for failures.
func (b *Broker) Client(name string) *Client {
	b.t.Helper()
	return b.ClientAs(name, actors.Principal{})
}

// ClientAs connects a client of whom the handshake has told who it is.
func (b *Broker) ClientAs(name string, principal actors.Principal) *Client {
	b.t.Helper()
	if slices.ContainsFunc(b.clients, func(c *Client) bool { return c.name == name }) {
		b.t.Fatalf("there is a client %s already", name)
	}
	b.doing(name + " connects")
	c := &Client{b: b, name: name, conn: newConn()}
	remote := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, 1}), uint16(10000+len(b.clients)))
	if err := b.Attach(actors.Attachment{Conn: c.conn, Door: door{}, Remote: remote, Principal: principal}); err != nil {
		b.t.Fatalf("%s: %v", b.now, err)
	}
	b.clients = append(b.clients, c)
	synctest.Wait()
	return c
}

// Identify gives the client an identity, which is any JSON value, as a service would do it later than at the handshake;
// nil takes it away. It returns the client. For this it registers a service of its own, "actorstest", in the frontend.
func (c *Client) Identify(identity any) *Client {
	c.b.t.Helper()
	if !slices.Contains(c.b.Broker.Frontend().Names(), identityService) {
		c.b.Frontend(identityService, identifier{})
	}
	c.Call(identityService, "identify", map[string]any{"identity": c.b.json(identity)}).Want(nil)
	return c
}

// Call calls a command and waits for the answer, for which it lets as much time pass as that needs, and for whatever else
// comes of it. The params are marshalled, a JSON goes as it is, and nil stands for none.
func (c *Client) Call(service, command string, params any) Answer {
	c.b.t.Helper()
	return c.Start(service, command, params).Answer()
}

// Start sends a request and does not wait for the answer, so that several can be under way, as of a page that has sent
// them all in one go: this is how the order of what they cause is tested (PROTOCOL.md section 5).
func (c *Client) Start(service, command string, params any) *Pending {
	c.b.t.Helper()
	p := c.b.pending(c.name, service, command, c.b.params(params))
	c.present()
	c.b.known(c.b.Broker.Frontend(), service, p.what)
	p.client = c
	c.conn.ask(service, p)
	return p
}

// Send sends content that is no call, to a service that is a Receiver. It does not wait for what comes of it.
func (c *Client) Send(service string, content any) {
	c.b.t.Helper()
	text := c.b.json(content)
	c.b.doing(c.name + " sends " + service + " " + clip(text))
	c.present()
	c.conn.send(wire.AppendPacket(nil, service, text))
}

// present fails the test if the client has gone, or was made to go.
func (c *Client) present() {
	c.b.t.Helper()
	if c.gone {
		c.b.t.Fatalf("%s\nbut %s has closed its connection", c.b.now, c.name)
	}
	if how := c.conn.ending(); how != "" {
		c.b.t.Fatalf("%s\nbut its connection has ended: %s", c.b.now, how)
	}
}

// Next takes the next message that is no answer to Call or Start. It fails the test if none is there when everything has
// come to rest. It does not let time pass.
func (c *Client) Next() Message {
	c.b.t.Helper()
	synctest.Wait()
	m, ok := c.conn.next()
	if !ok {
		c.b.t.Fatalf("%s\n%s hears: nothing%s", c.b.now, c.name, c.end())
	}
	m.client = c
	return m
}

// Quiet fails the test if something that Next would return is there when everything has come to rest.
func (c *Client) Quiet() {
	c.b.t.Helper()
	synctest.Wait()
	for m, ok := c.conn.next(); ok; m, ok = c.conn.next() {
		c.b.t.Errorf("%s\n%s hears: %s\nwanted: nothing", c.b.now, c.name, m)
	}
}

// end is how the connection has ended, for a failure.
func (c *Client) end() string {
	if how := c.conn.ending(); how != "" {
		return "; its connection has ended: " + how
	}
	return ""
}

// Close ends the connection as a client does that goes away without a word, and waits for what comes of it. What it has
// asked for is still done. The name is free for another client.
func (c *Client) Close() {
	c.b.t.Helper()
	c.b.doing(c.name + " closes its connection")
	c.gone = true
	c.conn.hangUp()
	c.b.clients = slices.DeleteFunc(c.b.clients, func(other *Client) bool { return other == c })
	synctest.Wait()
}

// Arrival is something that has arrived at a client: an Answer or a Message.
type Arrival interface {
	fmt.Stringer
	// arrived is where, and as the how many-th there.
	arrived() (*Client, int)
}

// WantOrder fails the test unless these have arrived at this client, in this order.
func (c *Client) WantOrder(arrivals ...Arrival) {
	c.b.t.Helper()
	var last int
	var before Arrival
	for _, a := range arrivals {
		client, at := a.arrived()
		if client != c {
			c.b.t.Fatalf("%s\nthis has not arrived at %s: %s", c.b.now, c.name, a)
		}
		if at <= last {
			c.b.t.Errorf("%s\n%s hears: %s\nbefore: %s", c.b.now, c.name, a, before)
		}
		last, before = at, a
	}
}

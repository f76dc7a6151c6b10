package actors

import (
	"bytes"
	"container/heap"
	"encoding/json"
	"math"
	"time"

	"github.com/snorky-go/snorky/actors/wire"
)

// Principal is who a client is, and for how long.
type Principal struct {
	// Identity is a JSON value that names the client; nil, like the JSON value null: nobody.
	Identity json.RawMessage
	// Claims are what else is known about the client, a JSON object such as the content of a token; nil: nothing.
	Claims json.RawMessage
	// Expires is when the principal ceases to hold; zero: never. Then the connection ends, unless it has got another one.
	// The time that is left is measured when the principal is set; a clock that jumps later does not matter.
	Expires time.Time
}

func (p Principal) clone() Principal {
	p.Identity, p.Claims = bytes.Clone(p.Identity), bytes.Clone(p.Claims)
	if text := bytes.TrimSpace(p.Identity); len(text) == 0 || string(text) == "null" {
		p.Identity = nil
	}
	return p
}

// Principal is who the caller was when the call began.
func (c *Call) Principal() Principal {
	if c.caller == nil {
		return Principal{}
	}
	return c.caller.Principal
}

// Identity is who the caller is, as a JSON value; nil for nobody.
func (c *Call) Identity() json.RawMessage { return c.Principal().Identity }

// SetPrincipal says who the caller is from now on, for all services. Calls of the backend have no principal, so it does
// nothing for them.
func (c *Call) SetPrincipal(p Principal) {
	if peer, ok := c.Peer(); ok {
		c.caller = newIdentification(peer.connection.loop, p)
		peer.connection.mailIn(c.caller)
	}
}

// SetIdentity is SetPrincipal with nothing but an identity, which holds for ever; nil makes the caller nobody.
func (c *Call) SetIdentity(identity json.RawMessage) { c.SetPrincipal(Principal{Identity: identity}) }

// SetPrincipal says who the client is from now on, for all services. A call of the client that is under way keeps the
// principal it has, see Call.SetPrincipal.
func (p Peer) SetPrincipal(principal Principal) {
	p.connection.mailIn(newIdentification(p.connection.loop, principal))
}

// SetIdentity is SetPrincipal with nothing but an identity, which holds for ever; nil makes the client nobody.
func (p Peer) SetIdentity(identity json.RawMessage) { p.SetPrincipal(Principal{Identity: identity}) }

// ExpiryListener is a Service of the frontend that wants to know when a client should renew its principal. Expiring is
// called in the actor of the service, Options.ExpiryNotice before the end, or when half of the time is over if that is
// later; left is the time until then.
type ExpiryListener interface {
	Expiring(peer Peer, left time.Duration)
}

// identification is a Principal on its way to, and in, its connection. But for the fields of the heap it does not change.
type identification struct {
	Principal
	ends time.Duration // in the time of the loop; 0: never

	// Owned by the loop.
	connection *connection
	due        time.Duration // when something is to be done about it: the notice, then the end
	told       bool
	index      int // in loop.expiries
}

func newIdentification(l *loop, p Principal) *identification {
	i := &identification{Principal: p.clone(), index: -1}
	if !p.Expires.IsZero() {
		const most = math.MaxInt64 / 2
		i.ends = max(time.Since(l.start)+min(time.Until(p.Expires), most), 1)
	}
	return i
}

// identify makes i what the connection is.
func (c *connection) identify(i *identification) {
	l, old := c.loop, c.identity
	if old != nil && old.index >= 0 {
		heap.Remove(&l.expiries, old.index)
	}
	c.identity = i
	if c.state == stateClosed {
		return
	}
	if c.isStranger() {
		i = c.lobby(old)
		c.identity = i
	}
	if i == nil || i.ends == 0 {
		return
	}
	i.connection = c
	if i.due = i.ends; !i.told {
		i.due -= min(l.options.ExpiryNotice, (i.ends-l.now)/2)
	}
	heap.Push(&l.expiries, i)
}

// expire does what is due about principals.
func (l *loop) expire() {
	for len(l.expiries) > 0 && l.expiries[0].due <= l.now {
		i := l.expiries[0]
		if c := i.connection; !i.told && l.now < i.ends {
			i.told, i.due = true, i.ends
			heap.Fix(&l.expiries, 0)
			if !c.toldGone {
				c.tellExpiring(i.ends - l.now)
			}
			continue
		}
		heap.Pop(&l.expiries)
		f := farewell{code: wire.CloseExpired, reason: "token expired"}
		if i.connection.isStranger() {
			f = farewell{code: wire.CloseUnauthenticated, reason: "not authenticated"}
		}
		i.connection.end(f)
	}
}

func (c *connection) tellExpiring(left time.Duration) {
	for _, s := range c.loop.broker.frontend.table.Load().listeners {
		if _, ok := s.host.value.(ExpiryListener); ok && c.hasMet(s) {
			s.host.PostUserMessage(&presence{peer: Peer{connection: c, service: s}, event: expiring, left: left})
		}
	}
}

// expiries is a heap of identifications by what is due first.
type expiries []*identification

func (e expiries) Len() int           { return len(e) }
func (e expiries) Less(i, j int) bool { return e[i].due < e[j].due }

func (e expiries) Swap(i, j int) {
	e[i], e[j] = e[j], e[i]
	e[i].index, e[j].index = i, j
}

// Push implements heap.Interface.
func (e *expiries) Push(x any) {
	i, _ := x.(*identification)
	i.index = len(*e)
	*e = append(*e, i)
}

// Pop implements heap.Interface.
func (e *expiries) Pop() any {
	last := len(*e) - 1
	i := (*e)[last]
	(*e)[last] = nil
	*e = (*e)[:last]
	i.index = -1
	return i
}

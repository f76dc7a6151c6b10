package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"time"
)

// tokenLife is how long a token is valid. Who wants to stay gets another one in time.
const tokenLife = 2 * time.Minute

// token says who a client is (RFC 7519, with HS256).
func (w *world) token(slot int, life time.Duration) string {
	part := base64.RawURLEncoding.EncodeToString
	text := part([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." +
		part(fmt.Appendf(nil, `{"sub":"u%d","exp":%d}`, slot, time.Now().Add(life).Unix()))
	sum := hmac.New(sha256.New, w.server.secret)
	sum.Write([]byte(text))
	return text + "." + part(sum.Sum(nil))
}

// keep passes some seconds, and gets another token when it is time.
func (c *client) keep() error {
	if c.renewal.IsZero() {
		c.renewal, c.careless = time.Now().Add(tokenLife/2), c.r.IntN(10) == 0
	}
	if time.Now().After(c.renewal) && !c.careless {
		if err := c.call("session", "authenticate", fmt.Sprintf(`{"token":%q}`, c.w.token(c.slot, tokenLife))); err != nil {
			return err
		}
		c.renewal = time.Now().Add(tokenLife / 2)
	}
	return c.pass(time.Duration(4+c.r.IntN(8)) * time.Second)
}

func (c *client) roomName() string { return "r" + strconv.Itoa(c.r.IntN(c.w.rooms)) }

// chatter talks in one room after another.
func (c *client) chatter(there func()) error {
	for !c.over() {
		room, talk := c.roomName(), c.w.newStream()
		c.hearings = nil // nothing of the room before can come any more
		if err := c.call("chat", "join", fmt.Sprintf(`{"channel":%q}`, room)); err != nil {
			return err
		}
		there()
		for range 1 + c.r.IntN(10) {
			if err := c.keep(); err != nil {
				return err
			}
			err := c.call("chat", "send", fmt.Sprintf(`{"channel":%q,"body":%s}`, room, c.w.message(nil, talk, 20)))
			if err == nil {
				c.heardMyself(talk)
				err = c.call("chat", "read", fmt.Sprintf(`{"channel":%q}`, room))
			}
			if err != nil {
				return err
			}
			if c.over() {
				break
			}
		}
		if err := c.call("chat", "leave", fmt.Sprintf(`{"channel":%q}`, room)); err != nil {
			return err
		}
	}
	return c.depart()
}

// heardMyself is called after the answer to a message that its sender hears, too.
func (c *client) heardMyself(talk *stream) {
	if h := c.find(talk.id); h == nil || h.last != talk.started.Load() {
		c.w.fault("a sender did not hear itself before the answer", "%+v of %d", h, talk.started.Load())
	}
}

// drawer shows others where it is in a document.
func (c *client) drawer(there func()) error {
	for handle := 0; !c.over(); handle++ {
		document, moves := c.roomName(), c.w.newStream()
		c.hearings = nil
		if err := c.call("cursors", "join", fmt.Sprintf(`{"document":%q}`, document)); err != nil {
			return err
		}
		there()
		err := c.call("cursors", "createCursor", fmt.Sprintf(`{"privateHandle":%d,"document":%q,"position":%s,"status":"here"}`,
			handle, document, c.w.message(nil, moves, 0)))
		for range 1 + c.r.IntN(10) {
			if err == nil {
				err = c.keep()
			}
			if err == nil {
				err = c.call("cursors", "updateCursor", fmt.Sprintf(`{"privateHandle":%d,"newData":{"position":%s}}`,
					handle, c.w.message(nil, moves, 0)))
			}
			if err != nil {
				return err
			}
			if c.over() {
				break
			}
		}
		if c.r.IntN(2) == 0 {
			if err := c.call("cursors", "removeCursor", fmt.Sprintf(`{"privateHandle":%d}`, handle)); err != nil {
				return err
			}
		}
		if err := c.call("cursors", "leave", fmt.Sprintf(`{"document":%q}`, document)); err != nil {
			return err
		}
	}
	return c.depart()
}

// worker follows the tasks of one owner after another.
func (c *client) worker(there func()) error {
	for !c.over() {
		s := c.w.owners[c.r.IntN(len(c.w.owners))]
		h, joined := c.joins(s)
		token, err := c.w.authorize(c.ctx, s)
		if c.ctx.Err() != nil {
			break
		}
		if err != nil {
			return err
		}
		joined()
		if err := c.call("datasync", "acquireSubscription", fmt.Sprintf(`{"token":%q}`, token)); err != nil {
			return err
		}
		there()
		for range 1 + c.r.IntN(6) {
			if err := c.pass(step); err != nil {
				return err
			}
			if c.over() {
				break
			}
		}
		if err := c.catchUp(h); err != nil {
			return err
		}
		if err := c.call("datasync", "cancelSubscription", fmt.Sprintf(`{"token":%q}`, token)); err != nil {
			return err
		}
		c.forget(h)
	}
	return c.depart()
}

// messenger takes a name, and sends messages to it.
func (c *client) messenger(there func()) error {
	mine := c.w.newStream()
	name := "n" + strconv.FormatInt(mine.id, 10)
	_, joined := c.joins(mine)
	if err := c.call("messaging", "registerParticipant", fmt.Sprintf(`{"name":%q}`, name)); err != nil {
		return err
	}
	joined()
	there()
	for !c.over() {
		if err := c.pass(step); err != nil {
			return err
		}
		if err := c.call("messaging", "send", fmt.Sprintf(`{"sender":%q,"dest":%q,"body":%s}`, name, name,
			c.w.message(nil, mine, 20))); err != nil {
			return err
		}
		c.heardMyself(mine)
	}
	if c.r.IntN(2) == 0 {
		if err := c.call("messaging", "unregisterParticipant", fmt.Sprintf(`{"name":%q}`, name)); err != nil {
			return err
		}
	}
	return c.depart()
}

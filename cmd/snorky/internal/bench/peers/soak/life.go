package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/snorky-go/snorky/actors/wire"
)

const (
	bulkSize    = 32 << 10
	bulkReaders = 4 // clients that take the large messages, as long as the run lasts
	// step is how long a client listens at a time; then it looks whether the run is over.
	step = 10 * time.Second
)

// client is one life of a connection.
type client struct {
	*conn
	ear
	w     *world
	ctx   context.Context //nolint:containedctx // of the run, for as long as the client lives
	r     *rand.Rand
	until time.Time // when it has lived

	slot     int
	end      ending
	renewal  time.Time // when the next token is due
	careless bool      // lets its token expire
}

// live is one client from its connecting to its end. There is a call of there when it does what it came for.
func (w *world) live(ctx context.Context, r *rand.Rand, slot int, there func()) {
	c := &client{w: w, ctx: ctx, r: r, ear: ear{w: w}, slot: slot}
	// Lives that end at random, however old they are, make the churn the same from the first minute on.
	c.until = time.Now().Add(time.Second + time.Duration(r.ExpFloat64()*float64(time.Minute)*100/max(w.work.Churn, 1e-3)))
	c.end = endingOf(r.IntN(100))
	buffer, token := quietBuffer, ""
	act := c.listener
	switch p := r.IntN(100); {
	case slot < bulkReaders:
		act, buffer = c.bulkReader, bulkSize*2
		c.until = time.Now().Add(w.duration + time.Hour)
	case p < 3:
		act, token = c.chatter, w.token(slot, tokenLife)
		c.open = true
	case p < 6:
		act, token = c.drawer, w.token(slot, tokenLife)
		c.open = true
	case p < 9:
		act = c.worker
	case p < 11:
		act = c.messenger
	}
	var err error
	if c.conn, err = w.open(ctx, buffer, token, c.end == slowly); err != nil {
		if ctx.Err() == nil {
			w.fault("a client could not connect", "%v", err)
			rest(ctx, time.Second)
		}
		return
	}
	c.notice = c.take
	w.connections.Add(1)
	w.crowd.add(c.conn)
	if err = act(there); err == nil { // its end has seen to the connection
		return
	}
	closed, _ := errors.AsType[*wire.CloseError](err)
	expired := c.careless && closed != nil && closed.Code == wire.CloseExpired
	if struck := w.crowd.remove(c.conn); !struck && !expired {
		w.fault("a healthy client was cut off", "%v", err)
	}
	w.gone(c.conn)
}

// gone is the end of a connection that lives no more.
func (w *world) gone(c *conn) {
	c.reset()
	w.connections.Add(-1)
}

// over tells whether it has lived.
func (c *client) over() bool { return c.ctx.Err() != nil || time.Now().After(c.until) }

// pass listens for a while, but not for longer than it lives.
func (c *client) pass(d time.Duration) error {
	until := time.Now().Add(d)
	if until.After(c.until) {
		until = c.until
	}
	for c.lazy && time.Until(until) > time.Second {
		if !rest(c.ctx, time.Second) {
			return nil
		}
		if err := c.listen(time.Now().Add(2 * time.Millisecond)); err != nil {
			return err
		}
	}
	return c.listen(until)
}

// listener has three channels at a time, and takes another one now and then. Nine of ten look only once a second for what
// has come: a goroutine that wakes for each message would cost the machine more than the server does.
func (c *client) listener(there func()) error {
	c.lazy = c.r.IntN(10) > 0
	var mine []*hearing
	for range 3 {
		if err := c.subscribe(&mine); err != nil {
			return err
		}
	}
	there()
	for !c.over() {
		if err := c.pass(step); err != nil {
			return err
		}
		if c.r.IntN(4) > 0 || c.over() {
			continue
		}
		if err := c.unsubscribe(&mine, c.r.IntN(len(mine))); err != nil {
			return err
		}
		if err := c.subscribe(&mine); err != nil {
			return err
		}
	}
	if c.ctx.Err() != nil {
		c.end = politely
	}
	switch c.end {
	case resetting:
		c.w.crowd.remove(c.conn)
		c.w.gone(c.conn)
		return nil
	case silently:
		c.fallSilent()
		return nil
	case slowly:
		return c.slowDown()
	default:
		for len(mine) > 0 {
			if err := c.unsubscribe(&mine, 0); err != nil {
				return err
			}
		}
		return c.depart()
	}
}

// ending is how a listener leaves.
type ending int

const (
	politely ending = iota
	resetting
	silently
	slowly
)

func endingOf(percentile int) ending {
	switch {
	case percentile < 50:
		return politely
	case percentile < 75:
		return resetting
	case percentile < 90:
		return silently
	}
	return slowly
}

func (c *client) subscribe(mine *[]*hearing) error {
	s := c.w.channels[c.r.IntN(len(c.w.channels))]
	for c.find(s.id) != nil {
		s = c.w.channels[c.r.IntN(len(c.w.channels))]
	}
	h, joined := c.joins(s)
	if err := c.call("pubsub", "subscribe", fmt.Sprintf(`{"channel":%q}`, channelName(s))); err != nil {
		return err
	}
	joined()
	*mine = append(*mine, h)
	return nil
}

func (c *client) unsubscribe(mine *[]*hearing, i int) error {
	h := (*mine)[i]
	if err := c.catchUp(h); err != nil {
		return err
	}
	if err := c.call("pubsub", "unsubscribe", fmt.Sprintf(`{"channel":%q}`, channelName(h.stream))); err != nil {
		return err
	}
	c.forget(h)
	*mine = append((*mine)[:i], (*mine)[i+1:]...)
	return nil
}

// catchUp listens until what was acknowledged so far has come. Only after that is a stream given up: no order is promised
// between the answer that a backend gets and the delivery (PROTOCOL.md, section 5).
func (c *client) catchUp(h *hearing) error {
	due := h.stream.acked.Load()
	for deadline := time.Now().Add(answerWithin); h.misses(due); {
		if time.Now().After(deadline) {
			c.w.fault("gap at the end", "stream %d: %d were acknowledged, of %+v", h.id, due, *h)
			return nil
		}
		if err := c.listen(time.Now().Add(100 * time.Millisecond)); err != nil {
			return err
		}
	}
	return nil
}

// depart is a polite end.
func (c *client) depart() error {
	if err := c.goodbye(); err != nil {
		return err
	}
	c.w.crowd.remove(c.conn)
	c.w.connections.Add(-1)
	return nil
}

// bulkReader takes the large messages for as long as the run lasts.
func (c *client) bulkReader(there func()) error {
	var mine []*hearing
	h, joined := c.joins(c.w.bulk)
	if err := c.call("pubsub", "subscribe", fmt.Sprintf(`{"channel":%q}`, channelName(c.w.bulk))); err != nil {
		return err
	}
	joined()
	mine = append(mine, h)
	there()
	for !c.over() {
		if err := c.pass(step); err != nil {
			return err
		}
	}
	if err := c.unsubscribe(&mine, 0); err != nil {
		return err
	}
	return c.depart()
}

// fallSilent is the end of a client whose machine has lost its network: nothing comes from it any more, no close frame
// and no pong. The server has to find out.
func (c *client) fallSilent() {
	c.w.crowd.remove(c.conn)
	const pongTimeout = time.Minute // of the server
	c.w.linger(c.ctx, c.conn, pongTimeout+30*time.Second, "a silent client was not cut off")
}

// slowDown takes a channel with large messages, and then reads nothing more.
func (c *client) slowDown() error {
	if err := c.call("pubsub", "subscribe", fmt.Sprintf(`{"channel":%q}`, channelName(c.w.bulk))); err != nil {
		return err
	}
	c.w.crowd.remove(c.conn)
	c.w.linger(c.ctx, c.conn, time.Minute, "a slow reader was not cut off")
	return nil
}

// linger leaves a connection alone for so long. Then the server must have ended it.
func (w *world) linger(ctx context.Context, c *conn, d time.Duration, wrong string) {
	w.lingering.Go(func() {
		defer w.gone(c)
		if !rest(ctx, d) {
			return
		}
		_ = c.SetReadDeadline(time.Now().Add(answerWithin))
		for buffer := make([]byte, 64<<10); ; {
			if _, err := c.TCPConn.Read(buffer); err != nil {
				if errors.Is(err, os.ErrDeadlineExceeded) {
					w.fault(wrong, "after %v", d)
				}
				return
			}
		}
	})
}

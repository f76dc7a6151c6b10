package actors

import "github.com/snorky-go/snorky/actors/wire"

// deliver writes a batch of frames at once, straight from the fan-out: the buffer is shared by all receivers, and only
// what the kernel does not take is remembered.
func (c *connection) deliver(batch []byte) {
	if len(c.out) > 0 || c.mail.Load() > 0 {
		c.enqueue(batch)
		return
	}
	if c.state > stateEnding || c.farewell.gone {
		return
	}
	n, err := c.socket.writeOne(batch)
	if err != nil {
		c.broken(err)
		return
	}
	c.loop.score.sent += uint64(n)
	if n < len(batch) {
		c.queue(batch)
		c.sent = n
		c.owe(-n)
		c.block()
		c.checkBound()
	}
}

// enqueue sends frames, which count as delivered, in their turn: behind what waits, and behind mail.
func (c *connection) enqueue(frames []byte) {
	if c.mail.Load() > 0 {
		c.mailIn(&delayed{notification{frame: frames, broker: c.loop.broker}})
		return
	}
	c.send(frames)
}

// send queues frames for the end of the turn.
func (c *connection) send(frames []byte) {
	if c.state > stateEnding || c.farewell.gone {
		return
	}
	c.queue(frames)
	c.flushLater()
	c.checkBound()
}

func (c *connection) queue(frames []byte) {
	c.busy()
	c.out = append(c.out, frames)
	c.owe(len(frames))
}

// owe notes that n bytes more wait for the client.
func (c *connection) owe(n int) {
	c.queued += n
	c.loop.score.waiting += int64(n)
}

func (c *connection) flushLater() {
	if !c.flushing && c.blocked == 0 {
		c.flushing = true
		c.loop.flushes = append(c.loop.flushes, c)
	}
}

// flush sends what waits, as far as there is room.
func (c *connection) flush() {
	if c.state == stateClosed || c.blocked != 0 {
		return
	}
	if len(c.out) > 0 && !c.flushSome() {
		return
	}
	c.socket.resume() // it may have paused because of what waited
	c.afterFlush()
	c.rest()
}

// flushSome reports whether everything was taken.
func (c *connection) flushSome() bool {
	first := c.out[0]
	c.out[0] = first[c.sent:]
	n, err := c.socket.write(c.out)
	c.out[0] = first
	if err != nil {
		c.broken(err)
		return false
	}
	c.owe(-n)
	c.loop.score.sent += uint64(n)
	if n > 0 && c.state == stateClosing {
		c.closeTime = min(c.loop.now+closeGrace, c.closeLimit)
	}
	for n += c.sent; len(c.out) > 0 && n >= len(c.out[0]); {
		n -= len(c.out[0])
		c.out[0] = nil
		c.out = c.out[1:]
	}
	c.sent = n
	if len(c.out) == 0 {
		c.out = nil
		return true
	}
	c.block()
	return false
}

// block notes that the client takes nothing more at present.
func (c *connection) block() {
	c.blocked = max(c.loop.now, 1)
	c.socket.progressed() // from now on
	c.watch()
}

// writable is called by the socket when there is room again.
func (c *connection) writable() {
	if c.blocked != 0 || c.state == stateClosing {
		c.blocked = 0
		c.flushLater()
	}
}

// frameOverhead is what a frame that waits costs besides its bytes.
const frameOverhead = 48

// checkBound cuts off a client for which too much waits: all but the frame that is half sent is thrown away. What waits
// for the end of the turn only is no fault of the client's, so it is offered to it first.
func (c *connection) checkBound() {
	if c.state > stateEnding || !c.tooMuch() {
		return
	}
	if c.blocked == 0 && len(c.out) > 0 {
		if c.flushSome(); c.farewell.gone || !c.tooMuch() {
			return
		}
	}
	c.cut()
	c.loop.broker.cuts.Warn().Stringer("remote", c.remote).Msg("slow reader cut off")
	c.fail(wire.CloseSlowReader, "too slow")
}

func (c *connection) tooMuch() bool {
	waiting := c.queued + len(c.out)*frameOverhead
	if c.held != nil {
		waiting += c.held.bytes
	}
	return waiting > c.loop.options.MaxQueuedBytes
}

// cut drops what waits, at the edge of a frame.
func (c *connection) cut() {
	var rest []byte
	if c.sent > 0 {
		end := frameEdge(c.out[0], c.sent)
		rest = c.out[0][c.sent:end]
	}
	c.out, c.sent = nil, 0
	c.owe(-c.queued)
	if len(rest) > 0 {
		c.queue(rest)
	}
}

// frameEdge is the end of the frame of frames in which position lies; position itself, if a frame ends there.
func frameEdge(frames []byte, position int) int {
	edge := 0
	for edge < position {
		n, ok := wire.FrameLen(frames[edge:])
		if !ok {
			return len(frames)
		}
		edge += n
	}
	return edge
}

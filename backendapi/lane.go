package backendapi

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// lane serves the plain requests of one connection: nearly all there are. It reads a request where it lies in the buffer
// and answers with one write, which costs a fraction of what net/http does for every request. At the first request that
// is not plain it gives the connection to the http.Server, with all bytes of that request; there it stays. So everything
// that is hard about HTTP is decided in one place, and a lane has to know no more than what is plain.
type lane struct {
	server *Server
	conn   net.Conn

	buffer   []byte // buffer[from:to] has come in and belongs to requests not yet answered
	from, to int
	failure  error // what reading said, if it is to say no more
	now      time.Time
	readBy   time.Time // the deadline that the connection has
	headBy   time.Time // when the head has to be there
	again    bool      // this is not the first request
	proven   bool      // there was a valid key
	head     head
	by       *settings // that the request goes by, from when its head is complete
	began    time.Time // when that was

	scratch *scratch // nil while nothing is to be answered
	out     outbox
	ctx     atomic.Pointer[callContext]
	state   atomic.Int32
}

// States of a lane. A request is begun when its head is complete; what is between two requests, Shutdown may close. A fresh
// one was accepted but has not asked for anything yet: its client has had no chance to be answered, and gets one.
const (
	fresh int32 = iota
	between
	begun
	ended
)

// step is what a lane does next.
type step int

const (
	proceed step = iota
	giveUp       // the connection to net/http
	quit
)

// smallBuffer is what an idle connection holds, in bytes, and bounds the heads that a lane takes. The larger ones are
// for bodies.
const (
	smallBuffer = 4 << 10
	largeBuffer = maxKept
)

var (
	smallBuffers = sync.Pool{New: func() any { return new([smallBuffer]byte) }}
	largeBuffers = sync.Pool{New: func() any { return new([largeBuffer]byte) }}
)

func newLane(s *Server, conn net.Conn) *lane {
	l := &lane{server: s, conn: conn, buffer: smallBuffers.Get().(*[smallBuffer]byte)[:], now: time.Now()}
	l.out.conn = conn
	l.ctx.Store(newCallContext())
	return l
}

// serve handles requests until the connection ends or is somebody else's.
func (l *lane) serve() {
	next := proceed
	defer func() {
		sent := l.out.close()
		l.ctx.Load().cancel()
		if next != giveUp || !sent || !l.handOver() {
			l.server.porch.Leave(l.conn)
			_ = l.conn.Close()
		}
		l.leave()
	}()
	for next == proceed {
		if next = l.readHead(); next != proceed {
			return
		}
		if next = l.readBody(); next == proceed {
			next = l.answer()
		}
	}
}

// readHead brings a plain head with a valid key into the buffer.
func (l *lane) readHead() step {
	l.head = head{}
	started := !l.again
	l.headBy = after(l.now, l.server.options.HeaderTimeout)
	for {
		// net/http waits for four bytes before it takes a further request for begun, and leaves out line ends among them.
		if !started && l.to-l.from >= 4 {
			l.skipLineEnds()
			started = true
			l.headBy = after(l.now, l.server.options.HeaderTimeout)
		}
		if started {
			switch l.head.parse(l.buffer[l.from:l.to], l.server.requestLine) {
			case plain:
				return l.admit()
			case odd:
				return giveUp
			case incomplete:
			}
			if l.to-l.from >= min(smallBuffer, l.server.options.MaxHeaderBytes) {
				return giveUp
			}
		}
		if next := l.awaitHead(started); next != proceed {
			return next
		}
	}
}

func (l *lane) skipLineEnds() {
	for end := l.from + 4; l.from < end && (l.buffer[l.from] == '\r' || l.buffer[l.from] == '\n'); {
		l.from++
	}
}

// admit makes the checks of Handler.admit that the head has left. Whoever fails them is net/http's, and so is the answer.
func (l *lane) admit() step {
	by := l.server.handler.current.Load()
	switch {
	case l.head.size > l.server.options.MaxHeaderBytes:
		return giveUp
	case !by.keys.holds(l.head.key.Of(l.buffer[l.from:l.to])):
		return giveUp
	case l.head.length > by.MaxBody:
		return giveUp
	}
	if !l.proven {
		l.proven = true
		l.server.porch.Busy(l.conn)
	}
	l.by, l.began = by, l.now
	if !l.state.CompareAndSwap(between, begun) && !l.state.CompareAndSwap(fresh, begun) && l.state.Load() == ended {
		return quit
	}
	return proceed
}

// awaitHead reads more of a head, for which it may have to wait.
func (l *lane) awaitHead(started bool) step {
	if !l.flush() {
		return quit
	}
	l.rest()
	l.state.CompareAndSwap(begun, between)
	if l.server.stopping.Load() && l.state.Load() != fresh {
		return quit
	}
	if started {
		l.readUntil(l.headBy)
	} else {
		l.readIdle()
	}
	switch err := l.read(smallBuffer); {
	case err == nil:
		return proceed
	case started && l.from < l.to && !errors.Is(err, net.ErrClosed):
		return giveUp // net/http has something to say about some heads that do not go on
	default:
		return quit
	}
}

// readBody brings the body into the buffer. About one that does not come, net/http says what there is to say.
func (l *lane) readBody() step {
	whole := l.head.size + int(l.head.length)
	if l.to-l.from >= whole {
		return proceed
	}
	if !l.flush() {
		return quit
	}
	l.readUntil(l.now.Add(l.by.BodyTimeout))
	for l.to-l.from < whole {
		if l.read(whole) != nil {
			return giveUp
		}
	}
	return proceed
}

// answer carries out the request in the buffer. Its answer leaves at the latest when there is nothing else to do.
func (l *lane) answer() step {
	if l.scratch == nil {
		l.scratch = scratches.Get().(*scratch)
		l.out.borrow(l.scratch.lines)
	}
	whole := l.head.size + int(l.head.length)
	l.scratch.body = l.buffer[l.from+l.head.size : l.from+whole]
	refused := l.call()
	l.server.handler.counts.add(len(l.scratch.body), l.scratch.answer, refused)
	l.now = time.Now()
	last := l.head.last || l.server.stopping.Load()
	full := l.out.add(l.scratch.answer, refused, l.server.dates.at(l.now), last, l.server.writeBy(l.began))
	l.from += whole
	l.again = true
	if l.scratch.lent {
		l.leaveBuffer()
	}
	if last || full && !l.flush() {
		return quit
	}
	return proceed
}

// call makes the call with the context of this connection. It turns panics into a refusal.
func (l *lane) call() (refused *refusal) {
	h, ctx := l.server.handler, l.ctx.Load()
	defer func() {
		if !ctx.end() {
			l.ctx.Store(newCallContext()) // after cut, nothing is called any more
		}
		if p := recover(); p != nil {
			refused = h.panicked(p)
		}
	}()
	l.out.promise()
	ctx.begin(l.now.Add(l.by.Timeout))
	return h.carryOut(ctx, &l.scratch.exchange)
}

// cut ends everything at once. Any goroutine may call it.
func (l *lane) cut() {
	_ = l.conn.Close()
	l.ctx.Load().cancel()
}

// retire closes the connection if it is in the given state, which is between or fresh. Any goroutine may call it.
func (l *lane) retire(state int32) {
	if l.state.CompareAndSwap(state, ended) {
		_ = l.conn.Close()
	}
}

package backendapi

import (
	"io"
	"time"
)

// slack is by how much a connection may outlive a deadline, so that not every request has to move it.
const slack = 250 * time.Millisecond

// read waits for bytes and puts them behind those that have come in. The request that begins at from has so many bytes,
// as far as is known. The buffer grows with what arrives, not with what is promised.
func (l *lane) read(whole int) error {
	if l.failure != nil {
		return l.failure
	}
	l.makeRoom(whole)
	for range maxEmptyReads {
		n, err := l.conn.Read(l.buffer[l.to:])
		l.to += n
		l.failure = err
		if n > 0 || err != nil {
			l.now = time.Now()
			if n > 0 {
				err = nil
			}
			return err
		}
	}
	l.failure = io.ErrNoProgress
	return l.failure
}

// maxEmptyReads is how often a connection may say that nothing has come, and no error either.
const maxEmptyReads = 100

// makeRoom sees to it that there is room behind to.
func (l *lane) makeRoom(whole int) {
	if l.from+whole <= len(l.buffer) {
		return
	}
	if l.from > 0 {
		l.to = copy(l.buffer, l.buffer[l.from:l.to])
		l.from = 0
	}
	if l.to < len(l.buffer) && len(l.buffer) > smallBuffer || whole <= len(l.buffer) {
		return
	}
	larger := largeBuffers.Get().(*[largeBuffer]byte)[:]
	if l.to >= largeBuffer {
		larger = make([]byte, min(2*len(l.buffer), whole))
	}
	copy(larger, l.buffer[:l.to])
	l.recycle()
	l.buffer = larger
}

// recycle gives the buffer away. The lane has none then.
func (l *lane) recycle() {
	switch len(l.buffer) {
	case smallBuffer:
		smallBuffers.Put((*[smallBuffer]byte)(l.buffer))
	case largeBuffer:
		largeBuffers.Put((*[largeBuffer]byte)(l.buffer))
	}
	l.buffer = nil
}

// flush sends the answers that are waiting and tells whether the connection is still good. The time that a slow client
// takes for them is its own: it counts for no other limit than that of writing.
func (l *lane) flush() bool {
	good := l.out.flush()
	l.now = time.Now()
	return good
}

// rest gives away what an idle connection does not need. All answers have been sent.
func (l *lane) rest() {
	l.releaseScratch()
	if l.from < l.to {
		return
	}
	l.from, l.to = 0, 0
	if len(l.buffer) != smallBuffer {
		l.recycle()
		l.buffer = smallBuffers.Get().(*[smallBuffer]byte)[:]
	}
}

func (l *lane) releaseScratch() {
	if l.scratch != nil {
		l.scratch.lines = l.out.giveBack()
		l.scratch.release()
		l.scratch = nil
	}
}

// leave gives everything away, but not what a call that panicked may have passed on.
func (l *lane) leave() {
	if l.scratch == nil || !l.scratch.lent {
		l.releaseScratch()
		l.recycle()
	}
}

// leaveBuffer leaves the buffer to a call that was given up, and takes another one for what follows.
func (l *lane) leaveBuffer() {
	rest := l.buffer[l.from:l.to]
	l.buffer = make([]byte, max(smallBuffer, len(rest)))
	l.from, l.to = 0, copy(l.buffer, rest)
	l.scratch.lent = false
}

// readUntil sets the deadline of reads.
func (l *lane) readUntil(by time.Time) {
	if !l.readBy.Equal(by) {
		l.readBy = by
		_ = l.conn.SetReadDeadline(by) // a connection that is closed says so when it is read
	}
}

// readIdle gives the connection the time that it may lie idle, or a little more.
func (l *lane) readIdle() {
	if by := after(l.now, l.server.options.IdleTimeout); !within(l.readBy, by) {
		l.readUntil(by.Add(slack))
	}
}

// within tells whether a deadline is as good as by.
func within(deadline, by time.Time) bool {
	return !deadline.Before(by) && !deadline.After(by.Add(slack))
}

// after returns a deadline. Where there is no limit, as net/http understands it, that is far away.
func after(now time.Time, limit time.Duration) time.Time {
	if limit <= 0 {
		limit = 1 << 62
	}
	return now.Add(limit)
}

// handOver gives the connection to net/http as if nothing had been read, and tells whether it has taken it. A server that
// goes down begins nothing, there as here.
func (l *lane) handOver() bool {
	if !l.server.stopping.Load() {
		_ = l.conn.SetDeadline(time.Time{})
		rest := append([]byte(nil), l.buffer[l.from:l.to]...)
		if l.server.takeOver(&replayConn{Conn: l.conn, bytes: rest, err: l.failure, by: l.headBy}) {
			return true
		}
	}
	l.refuse()
	return false
}

// What is read away of a refused request, and for how long: a connection that is closed with something unread loses what
// was written last.
const (
	lastReading = 500 * time.Millisecond
	lastUnread  = 64 << 10
)

// refuse answers the first request of a connection, for which net/http is there no more, whatever it says. About a later one
// the client knows that it may meet a connection that is closed.
func (l *lane) refuse() {
	if l.from == l.to || !l.state.CompareAndSwap(fresh, begun) {
		return
	}
	now := time.Now()
	_ = l.conn.SetDeadline(now.Add(lastReading))
	l.server.handler.counts.add(0, nil, stopping)
	_, _ = l.conn.Write(appendAnswer(nil, nil, stopping, l.server.dates.at(now), true))
	if half, ok := l.conn.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		_, _ = io.CopyN(io.Discard, l.conn, lastUnread)
	}
}

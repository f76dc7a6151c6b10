package actors

import (
	"net"
	"sync"
	"sync/atomic"
)

// portableSocket serves any net.Conn: TLS, pipes, and sockets of systems without epoll. One goroutine reads as long as
// the connection lives; another writes while there is something to write. What waits meanwhile stays with the
// connection, which hands over all of it at once when the writer is done, so the bound on it is the same as on a loop.
type portableSocket struct {
	connection *connection
	conn       net.Conn
	goroutines *goroutines

	// The reader and the loop take turns with these: the reader fills them and posts arrived, the loop gives them
	// back with turn.
	buffer   []byte
	n        int
	readErr  error
	arrived  arrived
	turn     chan struct{}
	waiting  bool // the loop holds the turn
	isClosed bool

	mu       sync.Mutex
	writing  net.Buffers // handed over to the writer
	busy     bool
	writeErr error
	written  written
	taken    atomic.Int64 // bytes that the writer has written
	seen     int64        // the loop: of those, when progressed was last called
	handed   bool         // the loop: a write did not take everything, writable is owed
}

var _ socket = (*portableSocket)(nil)

// arrived and written tell the connection, through its mailbox, what the goroutines of its socket did.
type (
	arrived struct{ socket *portableSocket }
	written struct{ socket *portableSocket }
)

// The buffer for reading is small because every idle connection has one. While more arrives than it holds, it grows.
const (
	portableReadBuffer    = 256
	maxPortableReadBuffer = 64 << 10
)

// newPortable makes a connection that goroutines serve.
func newPortable(l *loop, a Attachment) *connection {
	pair := &struct {
		connection
		portableSocket
	}{}
	c, s := &pair.connection, &pair.portableSocket
	c.init(l, s, a.Door, a.Remote)
	s.connection, s.conn, s.goroutines, s.turn = c, a.Conn, l.broker.goroutines, make(chan struct{}, 1)
	s.arrived.socket, s.written.socket = s, s
	nc := a.Conn
	if under, ok := nc.(interface{ NetConn() net.Conn }); ok { // TLS
		nc = under.NetConn()
	}
	if b, ok := nc.(interface{ SetWriteBuffer(bytes int) error }); ok {
		_ = b.SetWriteBuffer(l.broker.options.Load().SendBuffer)
	}
	return c
}

func (s *portableSocket) open() error {
	s.goroutines.wg.Go(s.read)
	return nil
}

// read is the reader. The loop ends it by closing the connection or the channel.
func (s *portableSocket) read() {
	s.buffer = make([]byte, portableReadBuffer)
	for {
		s.n, s.readErr = s.conn.Read(s.buffer)
		err := s.readErr
		size := portableReadBuffer
		if s.n == len(s.buffer) {
			size = min(4*s.n, maxPortableReadBuffer)
		}
		s.connection.PostUserMessage(&s.arrived)
		if _, open := <-s.turn; !open || err != nil {
			return
		}
		if size != len(s.buffer) {
			s.buffer = make([]byte, size)
		}
	}
}

// deliver runs on the loop when the reader has posted.
func (s *portableSocket) deliver() {
	if s.isClosed {
		return
	}
	s.waiting = true
	s.resume()
}

func (s *portableSocket) resume() {
	c := s.connection
	if !s.waiting || !c.wantsMore() {
		return
	}
	s.waiting = false
	n, err := s.n, s.readErr
	if n > 0 {
		c.loop.score.received += uint64(n)
		c.received(s.buffer[:n])
	}
	if err != nil && c.state != stateClosed {
		c.hungUp(err)
	}
	if !s.isClosed {
		s.turn <- struct{}{}
	}
}

func (s *portableSocket) writeOne(b []byte) (int, error) { return s.write([][]byte{b}) }

func (s *portableSocket) write(buffers [][]byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writeErr != nil {
		return 0, s.writeErr
	}
	if s.busy {
		s.handed = true
		return 0, nil
	}
	s.busy = true
	s.writing = append(net.Buffers(nil), buffers...)
	s.goroutines.wg.Go(s.writeOut)
	return length(buffers), nil
}

func (s *portableSocket) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handed = s.handed || s.busy
	return !s.busy
}

// writeOut is the writer, for one batch.
func (s *portableSocket) writeOut() {
	var err error
	for rest := s.writing; len(rest) > 0 && err == nil; {
		part := cutPart(&rest)
		var n int64
		n, err = part.WriteTo(s.conn)
		s.taken.Add(n)
	}
	s.mu.Lock()
	s.writing, s.busy, s.writeErr = nil, false, err
	s.mu.Unlock()
	s.connection.PostUserMessage(&s.written)
}

// writePart is how many bytes the writer writes at once, so that progress shows.
const writePart = 16 << 10

// cutPart takes the first writePart bytes or less off rest.
func cutPart(rest *net.Buffers) (part net.Buffers) {
	size, i := 0, 0
	for ; i < len(*rest) && size+len((*rest)[i]) <= writePart; i++ {
		size += len((*rest)[i])
	}
	if i > 0 {
		part, *rest = (*rest)[:i:i], (*rest)[i:]
		return part
	}
	part = net.Buffers{(*rest)[0][:writePart]}
	(*rest)[0] = (*rest)[0][writePart:]
	return part
}

func (s *portableSocket) progressed() bool {
	before := s.seen
	s.seen = s.taken.Load()
	return s.seen > before
}

// drained runs on the loop when the writer has posted.
func (s *portableSocket) drained() {
	s.mu.Lock()
	err, owed := s.writeErr, s.handed
	s.handed = false
	s.mu.Unlock()
	switch {
	case s.isClosed:
	case err != nil:
		s.connection.broken(err)
	case owed:
		s.connection.writable()
	}
}

// finish and close leave it to goroutines: TLS has something to send first, and waits for room.
func (s *portableSocket) finish() {
	if c, ok := s.conn.(interface{ CloseWrite() error }); ok {
		s.goroutines.wg.Go(func() { _ = c.CloseWrite() })
	}
}

func (s *portableSocket) close() {
	s.isClosed = true
	close(s.turn)
	s.goroutines.wg.Go(func() { _ = s.conn.Close() })
}

// length is the number of bytes in buffers.
func length(buffers [][]byte) (n int) {
	for _, b := range buffers {
		n += len(b)
	}
	return n
}

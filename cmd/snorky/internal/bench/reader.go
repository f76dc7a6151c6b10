package bench

import (
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"sync"
	"time"
)

// reader reads subscribers of a flow.
type reader interface {
	start() error
	// slowDown stops reading the slow ones and writes them off. It returns when that has happened.
	slowDown()
	// stop returns when nothing is read any more.
	stop()
}

// socket is the network side of a subscriber.
type socket interface {
	io.WriteCloser
	// rest reads what is there already. It does not wait for more, but for a moment; os.ErrDeadlineExceeded tells that
	// there is nothing.
	rest(buffer []byte) (int, error)
}

func newReader(f *flow) (reader, error) {
	if f.config.Reader == ReaderLoop {
		return newLoop(f)
	}
	return &goroutines{flow: f}, nil
}

// lose books that a subscriber is gone.
func (f *flow) lose(s *subscriber, err error) {
	s.gone = true
	f.left(s.channel, s.received)
	f.run.lost.Add(1)
	f.run.note(why(err))
}

// begin takes what came with the confirmation of a subscription.
func (f *flow) begin(s *subscriber, b *batch) error {
	early := s.pending
	s.pending = nil
	return f.take(s, early, b)
}

// take reads a piece of the stream of s and sends what is to be answered. b.delivered grows.
func (f *flow) take(s *subscriber, data []byte, b *batch) error {
	b.now, b.answers = 0, b.answers[:0]
	if f.timing.Load() {
		b.now = f.run.clock.now()
		f.latencies.mu.Lock()
		defer f.latencies.mu.Unlock()
	}
	err := s.take(data, b)
	if len(b.answers) > 0 {
		// A few bytes on a direction that is idle. If they are not taken, the connection has ended, which shows when
		// it is read.
		_, _ = s.socket.Write(b.answers)
	}
	return err
}

func (f *flow) newBatch() *batch {
	return &batch{scanner: scanner{size: f.config.Size}, latencies: f.latencies}
}

// hangUp leaves in an orderly way.
func (s *subscriber) hangUp(farewell []byte) {
	if !s.gone && len(farewell) > 0 {
		_, _ = s.socket.Write(farewell)
	}
	_ = s.socket.Close()
}

// drainSlow reads what the slow subscribers could still have read, to learn what became of them. A server that has cut
// one has the rest of its bytes, and the close frame behind them, on its way for a moment.
func (f *flow) drainSlow() {
	const rest, round = 500 * time.Millisecond, 10 * time.Millisecond
	var left []*subscriber
	for _, s := range f.subscribers {
		if s.slow && !s.gone {
			left = append(left, s)
		}
	}
	buffer, b := make([]byte, 256<<10), f.newBatch()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for last := time.Now(); len(left) > 0 && time.Since(last) < rest; {
		<-timer.C
		left = slices.DeleteFunc(left, func(s *subscriber) bool {
			if s.drain(buffer, b) > 0 || s.gone {
				last = time.Now()
			}
			return s.gone || s.drained > mostDrained
		})
		timer.Reset(round)
	}
}

// mostDrained is what is read of one slow subscriber, in bytes: a server that has kept more is not going to cut it.
const mostDrained = 64 << 20

// drain reads what is there and returns how much that was.
func (s *subscriber) drain(buffer []byte, b *batch) (bytes int) {
	for !s.gone && s.drained <= mostDrained {
		n, err := s.socket.rest(buffer)
		bytes += n
		s.drained += n
		if errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
		if err == nil {
			err = s.take(buffer[:n], b)
		}
		s.gone = err != nil
	}
	return bytes
}

// goroutines reads each subscriber in a goroutine of its own.
type goroutines struct {
	flow *flow
	all  sync.WaitGroup
	slow sync.WaitGroup

	mu    sync.Mutex // guards ended
	ended map[*subscriber]bool
}

func (g *goroutines) start() error {
	g.ended = make(map[*subscriber]bool)
	for _, s := range g.flow.subscribers {
		if s.slow {
			g.slow.Add(1)
		}
		g.all.Go(func() { g.read(s) })
	}
	return nil
}

func (g *goroutines) read(s *subscriber) {
	f := g.flow
	b := f.newBatch()
	buffer := make([]byte, 16<<10)
	err := f.begin(s, b)
	for err == nil {
		f.booked(b)
		var n int
		n, err = s.socket.(connSocket).Read(buffer)
		if n > 0 {
			if broken := f.take(s, buffer[:n], b); broken != nil {
				err = broken
			}
		}
	}
	f.booked(b)
	if g.wasEnded(s) {
		f.left(s.channel, s.received)
	} else {
		f.lose(s, err)
		_ = s.socket.Close()
	}
	if s.slow {
		g.slow.Done()
	}
}

// booked moves deliveries to the ledger.
func (f *flow) booked(b *batch) {
	if b.delivered > 0 {
		f.reads(b.delivered, f.run.clock.now())
		b.delivered = 0
	}
}

func (g *goroutines) wasEnded(s *subscriber) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.ended[s]
}

func (g *goroutines) end(s *subscriber) {
	g.mu.Lock()
	g.ended[s] = true
	g.mu.Unlock()
	_ = s.socket.(connSocket).SetReadDeadline(time.Unix(1, 0))
}

func (g *goroutines) slowDown() {
	for _, s := range g.flow.subscribers {
		if s.slow {
			g.end(s)
		}
	}
	g.slow.Wait()
}

func (g *goroutines) stop() {
	for _, s := range g.flow.subscribers {
		g.end(s)
	}
	g.all.Wait()
}

// connSocket is a connection of Go's.
type connSocket struct{ net.Conn }

func (c connSocket) rest(buffer []byte) (int, error) {
	const moment = 5 * time.Millisecond
	_ = c.SetReadDeadline(time.Now().Add(moment))
	n, err := c.Read(buffer)
	if n > 0 {
		err = nil
	}
	return n, err
}

// Write gives up soon: who does not take a few bytes takes none.
func (c connSocket) Write(b []byte) (int, error) {
	_ = c.SetWriteDeadline(time.Now().Add(time.Second))
	return c.Conn.Write(b)
}

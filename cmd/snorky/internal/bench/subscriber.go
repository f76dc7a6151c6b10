package bench

import (
	"errors"
	"fmt"
	"io"

	"github.com/snorky-go/snorky/actors/wire"
)

// subscriber is one connection after set-up. Its reader alone touches it while it is read, and whoever has ended the
// reader after that.
type subscriber struct {
	flow    *flow
	channel int // among those of its flow
	tag     tag
	slow    bool // stops reading when the measuring begins
	gone    bool // the connection has ended
	drained int  // bytes read after a slow one was to stop
	closed  int  // the code of the close frame that ended it; 0: there was none

	socket    socket
	pending   []byte // the beginning of a frame whose end has not come yet
	message   []byte // the fragments of a message whose end has not come yet
	continued bool   // there are such fragments

	next []uint32            // by publisher: the number that is expected next
	gaps map[uint64]struct{} // numbers that were skipped

	lost                                      int64 // skipped without a place in gaps
	received                                  int64 // no duplicates
	duplicated, outOfOrder, misrouted, broken int64
}

// batch is what reading some bytes of a subscriber has led to.
type batch struct {
	scanner
	now       int64 // for latencies; 0: they are not wanted
	delivered int64
	latencies *recorder // locked by whoever reads
	answers   []byte    // frames to send
}

// take reads a piece of the stream. An error is why the stream has ended; what came before it has been taken.
func (s *subscriber) take(data []byte, b *batch) error {
	for len(s.pending) > 0 && len(data) > 0 {
		n, err := s.complete(data)
		data = data[n:]
		if err != nil {
			return err
		}
		rest, err := s.frames(s.pending, b)
		if err != nil {
			return err
		}
		s.pending = s.pending[:copy(s.pending, rest)]
	}
	if len(data) == 0 {
		return nil
	}
	rest, err := s.frames(data, b)
	if err != nil {
		return err
	}
	s.pending = append(s.pending, rest...)
	return nil
}

// complete moves what the first frame in pending lacks from data, as far as it is there, and no byte more: so only a
// frame that came in pieces is copied. It returns the number of bytes.
func (s *subscriber) complete(data []byte) (n int, err error) {
	for {
		h, err := parseHeader(s.pending)
		if err != nil {
			return n, err
		}
		lacks := h.size + h.length - len(s.pending)
		switch {
		case h.size > 0:
		case len(s.pending) < 2:
			lacks = 2 - len(s.pending)
		default:
			lacks = headerSize(s.pending[1]) - len(s.pending)
		}
		lacks = min(lacks, len(data)-n)
		if lacks <= 0 {
			return n, nil
		}
		s.pending = append(s.pending, data[n:n+lacks]...)
		n += lacks
	}
}

// frames takes all complete frames and returns what is left.
func (s *subscriber) frames(data []byte, b *batch) (rest []byte, err error) {
	for {
		h, err := parseHeader(data)
		if err != nil {
			return nil, err
		}
		end := h.size + h.length
		if h.size == 0 || len(data) < end {
			return data, nil
		}
		if err := s.frame(h, data[h.size:end], b); err != nil {
			return nil, err
		}
		data = data[end:]
	}
}

func (s *subscriber) frame(h header, payload []byte, b *batch) error {
	switch h.opcode {
	case wire.OpPing:
		b.answers = AppendFrame(b.answers, wire.OpPong, payload)
		return nil
	case wire.OpPong:
		return nil
	case wire.OpClose:
		err := closeError(payload)
		s.closed = int(err.Code)
		return err
	}
	if s.continued != (h.opcode == opContinuation) {
		return errContinuation
	}
	s.continued = !h.fin
	if h.fin && h.opcode != opContinuation {
		s.deliveries(payload, b)
		return nil
	}
	if len(s.message)+len(payload) > maxMessage {
		return errTooLong
	}
	s.message = append(s.message, payload...)
	if h.fin {
		s.deliveries(s.message, b)
		s.message = s.message[:0]
	}
	return nil
}

// deliveries takes what is in a message.
func (s *subscriber) deliveries(message []byte, b *batch) {
	for rest, first := message, true; ; first = false {
		d, behind, found := b.next(rest)
		switch found {
		case nothing:
			if first {
				b.answers = append(b.answers, s.flow.peer.Control(message)...)
			}
			return
		case damaged:
			s.broken++
		case whole:
			s.deliver(d, b)
		}
		rest = behind
	}
}

func (s *subscriber) deliver(d delivery, b *batch) {
	switch {
	case d.channel != s.tag:
		s.misrouted++
	case d.publisher >= len(s.next):
		s.broken++
	case s.record(d.publisher, d.n):
		s.received++
		b.delivered++
		if b.now != 0 {
			b.latencies.record(b.now - d.due)
		}
	default:
		s.duplicated++
	}
}

// record checks a number against those that came before, and tells whether it is a new one.
func (s *subscriber) record(publisher int, n uint32) bool {
	want := &s.next[publisher]
	if n == *want {
		*want++
		return true
	}
	if n < *want {
		key := gap(publisher, n)
		_, skipped := s.gaps[key]
		if skipped {
			delete(s.gaps, key)
			s.outOfOrder++
		}
		return skipped
	}
	if s.gaps == nil {
		s.gaps = make(map[uint64]struct{})
	}
	for ; *want < n && len(s.gaps) < mostGaps; *want++ {
		s.gaps[gap(publisher, *want)] = struct{}{}
	}
	s.lost += int64(n - *want)
	*want = n + 1
	return true
}

// mostGaps bounds what is kept for a subscriber that misses much. Beyond it, what comes late after all is taken for
// missing and duplicated.
const mostGaps = 1 << 16

func gap(publisher int, n uint32) uint64 { return uint64(publisher)<<32 | uint64(n) }

// missing counts the acknowledged messages that never came; sent is how many those are, by publisher.
func (s *subscriber) missing(sent []uint32) (n int64) {
	n = s.lost
	for key := range s.gaps {
		if uint32(key) < sent[key>>32] {
			n++
		}
	}
	for publisher, count := range sent {
		if next := s.next[publisher]; count > next {
			n += int64(count - next)
		}
	}
	return n
}

// why explains to people how the connection of a subscriber ended.
func why(err error) string {
	var closed *wire.CloseError
	switch {
	case errors.As(err, &closed):
		return fmt.Sprintf("a subscriber was disconnected with code %d %s", closed.Code, closed.Reason)
	case errors.Is(err, io.EOF):
		return "a subscriber was disconnected without a close frame"
	}
	return "a subscriber was disconnected: " + err.Error()
}

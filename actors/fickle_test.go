package actors

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/netip"
	"sync/atomic"
	"testing"

	"github.com/snorky-go/snorky/actors/wire"
)

// newlines is a door where a text ends with a newline, and the client says "!close" for its close frame.
type newlines struct{ closed atomic.Int32 }

func (d *newlines) Closed(netip.AddrPort, wire.CloseCode) { d.closed.Add(1) }

func (*newlines) Parse(_ *ParseState, data []byte, sink Sink) ([]byte, error) {
	for {
		line, rest, found := bytes.Cut(data, []byte("\n"))
		switch {
		case !found:
			return data, nil
		case string(line) == "!close":
			return nil, &wire.CloseError{Code: wire.CloseNormal, ByPeer: true}
		case !sink.Message(line):
			return rest, nil
		}
		data = rest
	}
}

// fickle is a socket that takes all of what is written, some or nothing, or fails, as it likes. It is the client, too.
// All of it belongs to the loop of its connection.
type fickle struct {
	t          *testing.T
	random     *rand.Rand
	connection *connection
	caprice    int // the higher, the more often it takes only some
	full       bool
	closed     bool
	reading    bool
	unread     [][]byte
	written    []byte
	asked      []int // callIds
}

func (*fickle) open() error        { return nil }
func (*fickle) idle() bool         { return true }
func (*fickle) finish()            {}
func (s *fickle) progressed() bool { return s.random.IntN(3) > 0 }

func (s *fickle) close() {
	if s.closed {
		s.t.Error("closed twice")
	}
	s.closed = true
}

// arrive is called when the client has sent something.
func (s *fickle) arrive(data []byte, asked ...int) {
	if !s.closed {
		s.asked = append(s.asked, asked...)
		s.unread = append(s.unread, data)
		s.resume()
	}
}

func (s *fickle) resume() {
	for len(s.unread) > 0 && !s.reading && !s.closed && s.connection.wantsMore() {
		data := s.unread[0]
		s.unread = s.unread[1:]
		s.reading = true
		s.connection.received(data)
		s.reading = false
	}
}

// read is called when the client has read everything.
func (s *fickle) read() {
	s.full = false
	if !s.closed {
		s.connection.writable()
	}
}

func (s *fickle) writeOne(b []byte) (int, error) {
	if s.closed {
		s.t.Error("written to after its end")
	}
	n := len(b)
	switch k := s.random.IntN(60); {
	case s.full:
		return 0, nil
	case k == 0:
		return 0, errors.New("the network has failed")
	case k < 6*s.caprice:
		n = s.random.IntN(len(b) + 1)
		s.full = n < len(b)
	}
	s.written = append(s.written, b[:n]...)
	return n, nil
}

func (s *fickle) write(buffers [][]byte) (written int, err error) {
	for _, b := range buffers {
		n, err := s.writeOne(b)
		written += n
		if err != nil || n < len(b) {
			return written, err
		}
	}
	return written, nil
}

// answered are the callIds of the answers that were written, in their order. It checks that frames are whole, but for
// the last one if the connection has ended, and that none follows a close frame.
func (s *fickle) answered() (ids []int) {
	rest, over := s.written, false
	for len(rest) > 0 {
		n, whole := wire.FrameLen(rest)
		if !whole {
			if !s.closed {
				s.t.Errorf("a frame of %d bytes in the last %d", n, len(rest))
			}
			return ids
		}
		if over {
			s.t.Error("a frame after the close frame")
		}
		if over = rest[0]&15 == wire.OpClose; !over {
			text := rest[2:n]
			if rest[1] == 126 {
				text = rest[4:n]
			}
			if id := s.callID(text); id > 0 {
				ids = append(ids, id)
			}
		}
		rest = rest[n:]
	}
	return ids
}

// callID is that of an answer, and 0 for other packets.
func (s *fickle) callID(text []byte) int {
	var packet struct {
		Message json.RawMessage `json:"message"`
	}
	if err := json.Unmarshal(text, &packet); err != nil {
		s.t.Errorf("%v in %q", err, text)
	}
	var answer struct {
		CallID int `json:"callId"`
	}
	_ = json.Unmarshal(packet.Message, &answer) // or it is a notification, which may be anything
	return answer.CallID
}

package bench

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"strings"
	"testing"

	"github.com/snorky-go/snorky/actors/wire"
)

// listener is a subscriber that nothing is behind.
func listener(publishers int) *subscriber {
	return &subscriber{
		flow: &flow{peer: &Snorky{}}, tag: tagOf(0), next: make([]uint32, publishers),
	}
}

func payload(size, channel, publisher int, n uint32, due int64) string {
	p := newPayload(size)
	setPayload(p, tagOf(channel), publisher, n, due)
	return string(p)
}

func TestPayloadsHaveTheSizeAskedFor(t *testing.T) {
	t.Parallel()
	for _, size := range []int{MinSize, MinSize + 1, 128, 5000} {
		text := payload(size, 7, 3, 12, 1_700_000_000_123_456)
		if len(text) != size {
			t.Errorf("%d bytes instead of %d: %s", len(text), size, text)
		}
		if err := wire.Valid([]byte(text)); err != nil {
			t.Errorf("%v: %s", err, text)
		}
		for _, around := range []string{"%s", `{"a":1,"b":%s}`, " [%s ]"} {
			s := scanner{size: size}
			message := fmt.Sprintf(around, text)
			d, rest, found := s.next([]byte(message))
			want := delivery{publisher: 3, n: 12, due: 1_700_000_000_123_456, channel: tagOf(7)}
			if found != whole || d != want || !strings.HasSuffix(message, string(rest)) {
				t.Errorf("%s: %v, %+v, rest %q", message, found, d, rest)
			}
		}
	}
}

func TestExtremesOfNumbers(t *testing.T) {
	t.Parallel()
	s := scanner{size: 100}
	want := delivery{publisher: MaxPublishers - 1, n: seqSpan - 1, due: 9_999_999_999_999_999, channel: tagOf(MaxChannels - 1)}
	d, _, found := s.next([]byte(payload(100, MaxChannels-1, MaxPublishers-1, seqSpan-1, want.due)))
	if found != whole || d != want {
		t.Errorf("%v, %+v", found, d)
	}
}

// TestOrderIsJudged has numbers of one publisher come in some order.
func TestOrderIsJudged(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		numbers                       []uint32
		sent                          uint32
		missing, duplicated, outOfOrd int64
	}{
		{[]uint32{0, 1, 2}, 3, 0, 0, 0},
		{[]uint32{0, 2}, 3, 1, 0, 0},
		{[]uint32{0, 2, 1}, 3, 0, 0, 1},
		{[]uint32{0, 2, 1, 1}, 3, 0, 1, 1},
		{[]uint32{0, 0}, 3, 2, 1, 0},
		{[]uint32{0, 1, 2, 3}, 3, 0, 0, 0}, // the last was never acknowledged
		{[]uint32{0, 3}, 2, 1, 0, 0},
		{[]uint32{0, 200_000}, 200_001, 199_999, 0, 0},
		{nil, 5, 5, 0, 0},
	} {
		s := listener(1)
		for _, n := range c.numbers {
			b := batch{scanner: scanner{size: 64}}
			if err := s.take([]byte(delivered(payload(64, 0, 0, n, 0))), &b); err != nil {
				t.Fatal(err)
			}
		}
		missing := s.missing([]uint32{c.sent})
		if missing != c.missing || s.duplicated != c.duplicated || s.outOfOrder != c.outOfOrd {
			t.Errorf("%v of %d: missing %d, duplicated %d, out of order %d", c.numbers, c.sent, missing, s.duplicated, s.outOfOrder)
		}
	}
}

func TestLatenciesAreRecorded(t *testing.T) {
	t.Parallel()
	b := batch{scanner: scanner{size: 64}, now: 5000, latencies: newRecorder()}
	for n, due := range []int64{4000, 3000, 6000} { // the last is from a clock that went back
		if err := listener(1).take([]byte(delivered(payload(64, 0, 0, uint32(n), due))), &b); err != nil {
			t.Fatal(err)
		}
	}
	got := b.latencies.percentiles()
	if got.Count != 3 || got.P50 < 1 || got.P50 > 1.001 || got.Max < 2 || got.Max > 2.002 {
		t.Errorf("%+v", got)
	}
	if newRecorder().percentiles() != nil {
		t.Error("nothing has percentiles")
	}
}

// TestReadingAllocatesNothing counts, over frames that come together and cut anywhere.
func TestReadingAllocatesNothing(t *testing.T) {
	var stream []byte
	const messages = 50
	for range messages {
		stream = append(stream, delivered(payload(128, 0, 0, 0, 1))...)
	}
	s := listener(1)
	b := batch{scanner: scanner{size: 128}, now: 2, latencies: newRecorder()}
	cut := 0
	allocations := testing.AllocsPerRun(200, func() {
		cut = (cut + 37) % len(stream)
		s.next[0] = 0
		if s.take(stream[:cut], &b) != nil || s.take(stream[cut:], &b) != nil {
			t.Fatal("the stream is refused")
		}
	})
	if allocations != 0 || s.received+s.duplicated < messages || s.broken != 0 {
		t.Errorf("%v allocations, %d received, %d broken", allocations, s.received, s.broken)
	}
}

// canned is a connection whose answers are always the same.
type canned struct {
	net.Conn
	answer string
}

func (c *canned) Write(b []byte) (int, error) { return len(b), nil }
func (c *canned) Close() error                { return nil }
func (c *canned) Read(b []byte) (int, error)  { return copy(b, c.answer), nil }

// TestPublishingAllocatesNothing counts, over requests and answers. Deadlines are those of a pipe, which allocates.
func TestPublishingAllocatesNothing(t *testing.T) {
	f := newFake(t, false)
	p, err := f.peer(patience).NewPublisher(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	publisher := p.(*snorkyPublisher)
	body := goodAnswer("publish", 1)
	answering := &canned{Conn: publisher.conn, answer: "HTTP/1.1 200 OK\r\nContent-Length: " + itoa(len(body)) + "\r\nDate: x\r\n\r\n" + body}
	publisher.conn = answering
	publisher.br.Reset(answering)
	payloads := [][]byte{newPayload(128)}
	allocations := testing.AllocsPerRun(200, func() {
		if err := publisher.Publish(t.Context(), "news", payloads); err != nil {
			t.Fatal(err)
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
	_ = answering.Conn.Close()
	_ = publisher.Close()
}

// FuzzStream cuts a stream in two anywhere: what is made of it must not depend on where, nor on what is in it.
func FuzzStream(f *testing.F) {
	good := payload(64, 0, 0, 0, 1)
	f.Add([]byte(delivered(good)+delivered(payload(64, 0, 1, 0, 2))), 20)
	f.Add([]byte(frame(wire.OpPing, "x")+delivered(payload(64, 0, 0, 2, 1))+frame(wire.OpClose, "\x0f\xa0")), 3)
	f.Add([]byte("\x01\x05{\"seq\x80\x7e\x00\x80"+good), 9)
	f.Add([]byte(frame(wire.OpBinary, strings.ReplaceAll(good, ":", " : "))), 2)
	f.Add([]byte("\x81\x7f\x00\x00\x00\x00\x00\x00\x00\x40"+good+"\x0a"), 5)
	f.Add([]byte("\x81\x3a"+good[:56]+`"}`), 1)
	f.Fuzz(func(t *testing.T, stream []byte, cut int) {
		read := func(pieces ...[]byte) (*subscriber, batch, error) {
			s, b := listener(2), batch{scanner: scanner{size: 64}}
			for _, piece := range pieces {
				if err := s.take(bytes.Clone(piece), &b); err != nil {
					s.pending, s.message = nil, nil
					return s, b, err
				}
			}
			return s, b, nil
		}
		cut = max(0, min(cut, len(stream)))
		one, oneBatch, oneErr := read(stream)
		two, twoBatch, twoErr := read(stream[:cut], stream[cut:])
		if fmt.Sprint(oneErr) != fmt.Sprint(twoErr) {
			t.Fatalf("%v, and in pieces %v", oneErr, twoErr)
		}
		if len(one.pending) == 0 {
			one.pending, two.pending = nil, append([]byte(nil), two.pending...)
		}
		one.flow, two.flow = nil, nil
		same := bytes.Equal(one.pending, two.pending) && bytes.Equal(one.message, two.message)
		one.pending, two.pending, one.message, two.message = nil, nil, nil, nil
		if !same || !reflect.DeepEqual(one, two) || oneBatch.delivered != twoBatch.delivered {
			t.Fatalf("%+v\nand in pieces %+v", one, two)
		}
		if one.received+one.duplicated+one.broken+one.misrouted > int64(len(stream)/len(seqMark)) {
			t.Fatalf("more deliveries than there is room for: %+v", one)
		}
	})
}

// FuzzScanner holds the quick way of reading a payload against the thorough one.
func FuzzScanner(f *testing.F) {
	f.Add([]byte(payload(64, 0, 0, 0, 1)))
	f.Add([]byte(payload(64, 12, 99, 999_999_999, 9_999_999_999_999_999)))
	f.Add([]byte(strings.Replace(payload(64, 0, 0, 0, 1), `"ts":`, `"ts": `, 1)))
	f.Add([]byte(strings.Replace(payload(64, 0, 0, 0, 1), `0`, `:`, 1)))
	f.Fuzz(func(t *testing.T, message []byte) {
		s := scanner{size: 64}
		quick, rest, found := s.next(message)
		if found == nothing {
			if bytes.Contains(message, []byte(seqMark)) {
				t.Fatal("there is something")
			}
			return
		}
		slow, slowRest, slowFound := s.loose(message[bytes.Index(message, []byte(seqMark)):])
		// The thorough way looks at the filling, too.
		if slowFound == whole && (found != whole || quick != slow || !bytes.Equal(rest, slowRest)) {
			t.Fatalf("%v %+v rest %q, thoroughly %v %+v rest %q", found, quick, rest, slowFound, slow, slowRest)
		}
	})
}

func TestFramesOfClients(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 125, 126, 65535, 65536} {
		sent := AppendFrame(nil, wire.OpText, bytes.Repeat([]byte("x"), size))
		if sent[1]&0x80 == 0 || len(sent) != wire.FrameSize(size)+4 {
			t.Errorf("a frame of %d bytes with %d of payload", len(sent), size)
		}
		mask := sent[len(sent)-size-4:]
		for i, c := range mask[4:] {
			if c^mask[i&3] != 'x' {
				t.Fatalf("byte %d of %d is masked wrongly", i, size)
			}
		}
	}
}

func TestWhyASubscriberIsGone(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		says string
	}{
		{io.EOF, "without a close frame"},
		{&wire.CloseError{Code: 4000, Reason: "too slow"}, "code 4000 too slow"},
		{errors.New("broken pipe"), "disconnected: broken pipe"},
	} {
		if got := why(c.err); !strings.Contains(got, c.says) {
			t.Errorf("%v: %s", c.err, got)
		}
	}
}

func BenchmarkTake(b *testing.B) {
	const messages = 300
	var stream []byte
	for n := range messages {
		stream = append(stream, delivered(payload(128, 0, 0, uint32(n), 1))...)
	}
	s := listener(1)
	taken := batch{scanner: scanner{size: 128}}
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		s.next[0] = 0
		if err := s.take(stream, &taken); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*messages), "ns/delivery")
}

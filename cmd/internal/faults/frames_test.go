package faults_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/snorky-go/snorky/actors/wire"
	"github.com/snorky-go/snorky/cmd/snorkyd/server"
)

// served says that the connection lives on.
const served wire.CloseCode = 0

type abuse struct {
	name  string
	sent  []byte
	codes []wire.CloseCode // one of these is right
}

func join(frames ...[]byte) []byte { return slices.Concat(frames...) }

// badFrames are what no client should send. Publications in them must not get through.
func badFrames() []abuse {
	intrusion := request("pubsub", "publish", `{"channel":"bystanders","message":"intruder"}`, "1")
	codes := func(codes ...wire.CloseCode) []wire.CloseCode { return codes }
	protocol, tooBig, invalid := codes(wire.CloseProtocolError), codes(wire.CloseTooBig), codes(wire.CloseInvalidPayload)
	large := strings.Repeat("x", 4096)
	all := []abuse{
		{"good", frame(text, request("pubsub", "nope", "{}", `"good"`)), codes(served)},

		{"unmasked text", []byte{text, 2, '{', '}'}, protocol},
		{"unmasked ping", []byte{ping, 0}, protocol},
		{"ping of 126 bytes", frame(ping, large[:126]), protocol},
		{"ping of 4 GiB", header(ping, 1<<32), protocol},
		{"ping in fragments", join(frame(wire.OpPing, "a"), frame(continuation, "b")), protocol},

		{"top bit of the length", []byte{text, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0}, codes(wire.CloseProtocolError, wire.CloseTooBig)},
		{"length 2^63-1", header(text, math.MaxInt64), tooBig},
		{"fragments whose sum overflows", join(frame(textStart, "a"), header(continuation, math.MaxInt64)), tooBig},
		{"10 MiB", header(text, 10<<20), tooBig},
		{"10 MiB in fragments", join(frame(textStart, large), slices.Repeat(frame(more, large), 16)), tooBig},
		{"compressed", join(header(text|0x40, 256<<10)), protocol},

		{"continuation of nothing", frame(continuation, intrusion), protocol},
		{"text inside a text", join(frame(textStart, "{"), frame(text, intrusion)), protocol},
		{"binary, no UTF-8", frame(binaryFrame, "\xff\xfe"), codes(wire.CloseUnsupportedData, served)},

		{"close of one byte", frame(closing, "\x03"), protocol},
		{"reason not UTF-8", frame(closing, "\x03\xe8\xff"), invalid},
	}
	for range 100 {
		all = append(all, abuse{"a GiB promised", header(text, 1<<30), tooBig})
	}
	for _, bit := range []byte{0x10, 0x20, 0x40} {
		all = append(all, abuse{fmt.Sprintf("reserved bit %#x", bit), frame(text|bit, intrusion), protocol})
	}
	for _, op := range []byte{3, 7, 11, 15} {
		all = append(all, abuse{fmt.Sprintf("opcode %d", op), frame(final|op, intrusion), protocol})
	}
	for _, s := range []string{"\xff", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"} {
		relayed := strings.Replace(intrusion, "intruder", s, 1)
		all = append(all, abuse{fmt.Sprintf("text with %x", s), frame(text, relayed), invalid})
	}
	for _, code := range []uint16{999, 1004, 1005, 1006, 1015, 2999, 65535} {
		all = append(all, abuse{fmt.Sprintf("close code %d", code), frame(closing, string([]byte{byte(code >> 8), byte(code)})), protocol})
	}
	return all
}

// Each of the bad frames ends its own connection, with the right code and in TCP, too, and nothing else. They are all
// there at once.
func TestBadFrames(t *testing.T) {
	t.Parallel()
	ways(t, unchanged, func(t *testing.T, s *site) {
		cases := badFrames()
		clients := make([]*socket, len(cases))
		for i, c := range cases {
			clients[i] = s.dial(t)
			clients[i].raw(c.sent)
		}
		for i, c := range cases {
			if slices.Contains(c.codes, served) {
				clients[i].send(request("pubsub", "", "{}", "2"))
				for string(clients[i].next()) != refusal("pubsub", "2", "Unknown command") {
					continue
				}
				continue
			}
			if got := clients[i].code(); !slices.Contains(c.codes, got) {
				t.Errorf("%s: closed with %d, want one of %d", c.name, got, c.codes)
			}
			ends(t, clients[i].conn)
		}
		s.welcome(t)
	})
}

// Who says goodbye gets the same, and nothing that comes afterwards is obeyed. Nobody is kept who has gone, in
// whichever way.
func TestGoodbyes(t *testing.T) {
	t.Parallel()
	ways(t, unchanged, func(t *testing.T, s *site) {
		before := s.broker.Stats()
		intrusion := frame(text, request("pubsub", "publish", `{"channel":"bystanders","message":"late"}`, "1"))
		for range 5 {
			c := s.dial(t)
			c.subscribe("pubsub", "goodbyes")
			c.raw(join(frame(closing, "\x03\xe8bye"), intrusion))
			if got := c.code(); got != wire.CloseNormal {
				t.Errorf("closed with %d", got)
			}
			ends(t, c.conn)

			half := s.dial(t)
			half.subscribe("pubsub", "goodbyes")
			must(t, half.conn.CloseWrite())
			ends(t, half.conn)

			gone := s.dial(t)
			gone.subscribe("pubsub", "goodbyes")
			reset(gone.conn)
		}
		eventually(t, "nothing is left of those who went", func() bool { return s.broker.Stats() == before })
	})
}

// A connection on which nothing comes any more is cut off, in whatever state it stands; one on which little comes is
// served.
func TestSilence(t *testing.T) {
	t.Parallel()
	quick := func(cfg *server.Config) { cfg.PingInterval, cfg.PongTimeout = time.Second, 4*time.Second }
	ways(t, quick, func(t *testing.T, s *site) {
		half := s.dial(t)
		half.raw(frame(text, request("pubsub", "nope", "{}", "1"))[:30])
		deaf := s.dial(t)
		deaf.subscribe("pubsub", "silence")
		slow := s.dial(t)
		// At this pace the request takes longer than a silence may.
		drip(slow.conn, string(frame(text, request("pubsub", "subscribe", `{"channel":"silence"}`, `"slow"`))), 50*time.Millisecond)
		slow.expect(response("pubsub", `"slow"`))
		for name, c := range map[string]*socket{"half a frame": half, "no pongs": deaf} {
			if got := c.code(); got != wire.ClosePongTimeout {
				t.Errorf("%s: closed with %d", name, got)
			}
		}
		// The bystander answers no pings either; another one takes its place.
		s.bystander = s.dial(t)
		s.bystander.subscribe("pubsub", bystanders)
	})
}

package bench

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/snorky-go/snorky/actors/wire"
)

// TestRightServers do nothing wrong, though they do it in various ways.
func TestRightServers(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		deliver func(n int, to *fakeSubscriber, payload string) string
		answer  string
	}{
		{name: "plainly"},
		{name: "with blanks", deliver: func(_ int, _ *fakeSubscriber, payload string) string {
			return delivered(strings.NewReplacer(":", ": ", ",", " , ", "{", "{ ", "}", " }").Replace(payload))
		}},
		{name: "in two fragments, with a ping between", deliver: func(_ int, _ *fakeSubscriber, payload string) string {
			text := envelope(payload)
			first := []byte(frame(wire.OpText, text[:80]))
			first[0] &^= 0x80
			return string(first) + frame(wire.OpPing, "are you there") + frame(opContinuation, text[80:])
		}},
		{name: "two in a frame", deliver: func(n int, to *fakeSubscriber, payload string) string {
			if n%2 == 0 {
				to.kept = payload
				return frame(wire.OpPong, "")
			}
			return frame(wire.OpText, envelope(to.kept)+"\n"+envelope(payload))
		}},
		{name: "as binary messages, with others between", deliver: func(_ int, _ *fakeSubscriber, payload string) string {
			return frame(wire.OpText, `{"hello":"world"}`) + frame(wire.OpBinary, envelope(payload))
		}},
		{name: "with an answer in chunks", answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\n{\"me\r\n" +
			"2d\r\nssage\":{\"type\":\"response\",\"callId\":1,\"data\":1}\r\n1\r\n}\r\n0\r\nTrailer: x\r\n\r\n"},
		{name: "with an interim answer, and closing", answer: "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" +
			"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 51\r\n\r\n" + `{"message":{"type":"response","callId":1,"data":1}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			bothReaders(t, func(t *testing.T, reader Reader) {
				f := newFake(t, false)
				f.deliver = c.deliver
				if c.answer != "" {
					f.answer = func(n, _ int) string {
						if strings.Contains(c.answer, "close") {
							return c.answer
						}
						return ""
					}
				}
				config := work()
				config.Reader = reader
				result, err := Fanout(t.Context(), f.peer(patience), config, nil)
				if err != nil {
					t.Fatal(err)
				}
				if result.Faults.Total() != 0 || result.Messages != 20 || result.Deliveries != 60 {
					t.Errorf("%d messages, %d deliveries, %+v", result.Messages, result.Deliveries, result.Faults)
				}
				if result.Peer != "snorky" || result.Mode != "fanout" || result.Interrupted || result.Settings.Reader != reader ||
					result.Seconds <= 0 || result.DeliveriesPerSecond <= result.PublishesPerSecond || result.Connect.Count != 3 {
					t.Errorf("%+v", result)
				}
			})
		})
	}
}

// TestWrongServers have each thing that they do wrong found.
func TestWrongServers(t *testing.T) {
	t.Parallel()
	// at has the delivery of a message to one of three subscribers replaced.
	at := func(message int, by func(to *fakeSubscriber, payload string) string) func(int, *fakeSubscriber, string) string {
		return func(n int, to *fakeSubscriber, payload string) string {
			if n != message || to.id != 1 {
				return ""
			}
			return by(to, payload)
		}
	}
	const nothingToSay = "\x8a\x00" // a pong
	for _, c := range []struct {
		name    string
		deliver func(n int, to *fakeSubscriber, payload string) string
		want    Faults
	}{
		{"loses one", at(5, func(*fakeSubscriber, string) string { return nothingToSay }), Faults{Missing: 1}},
		{"loses the last", at(19, func(*fakeSubscriber, string) string { return nothingToSay }), Faults{Missing: 1}},
		{"sends one twice", at(5, func(_ *fakeSubscriber, p string) string { return delivered(p) + delivered(p) }), Faults{Duplicated: 1}},
		{"sends the last twice", at(19, func(_ *fakeSubscriber, p string) string { return delivered(p) + delivered(p) }), Faults{Duplicated: 1}},
		{"sends two in the wrong order", func(n int, to *fakeSubscriber, p string) string {
			switch n {
			case 5:
				to.kept = p
				return nothingToSay
			case 6:
				return delivered(p) + delivered(to.kept)
			}
			return ""
		}, Faults{OutOfOrder: 3}},
		{"cuts a payload off", at(5, func(_ *fakeSubscriber, p string) string { return delivered(p[:100] + `"}`) }), Faults{Missing: 1, Damaged: 1}},
		{"garbles a payload", at(5, func(_ *fakeSubscriber, p string) string {
			return delivered(strings.Replace(p, `"ts"`, `"st"`, 1))
		}), Faults{Missing: 1, Damaged: 1}},
		{"sends another number", at(5, func(_ *fakeSubscriber, p string) string {
			return delivered(strings.Replace(p, `"seq":100`, `"seq":177`, 1))
		}), Faults{Missing: 1, Damaged: 1}},
		{"mixes up channels", at(5, func(_ *fakeSubscriber, p string) string {
			return delivered(p) + delivered(strings.Replace(p, `"pad":"100000`, `"pad":"100001`, 1))
		}), Faults{Misrouted: 1}},
		{"hangs up", at(5, func(to *fakeSubscriber, _ string) string { _ = to.conn.Close(); return nothingToSay }), Faults{Missing: 15, Disconnected: 1}},
		{"closes", at(5, func(*fakeSubscriber, string) string { return frame(wire.OpClose, "\x0f\xa0slow") }), Faults{Missing: 15, Disconnected: 1}},
		{"sets reserved bits", at(5, func(*fakeSubscriber, string) string { return "\xc1\x00" }), Faults{Missing: 15, Disconnected: 1}},
		{"masks frames", at(5, func(*fakeSubscriber, string) string { return "\x81\x80abcd" }), Faults{Missing: 15, Disconnected: 1}},
		{"makes opcodes up", at(5, func(*fakeSubscriber, string) string { return "\x83\x00" }), Faults{Missing: 15, Disconnected: 1}},
		{"continues nothing", at(5, func(*fakeSubscriber, string) string { return "\x80\x00" }), Faults{Missing: 15, Disconnected: 1}},
		{"sends without end", at(5, func(*fakeSubscriber, string) string { return "\x81\x7f\x10aaaaaaa" }), Faults{Missing: 15, Disconnected: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			bothReaders(t, func(t *testing.T, reader Reader) {
				f := newFake(t, false)
				f.deliver = c.deliver
				config := work()
				config.Reader, config.Stall = reader, time.Second
				result, err := Fanout(t.Context(), f.peer(patience), config, nil)
				if err != nil {
					t.Fatal(err)
				}
				if result.Faults.First == "" {
					t.Error("no word about it")
				}
				result.Faults.First = ""
				if result.Faults != c.want {
					t.Errorf("got %+v, want %+v", result.Faults, c.want)
				}
			})
		})
	}
}

// TestWrongAnswers end the publisher that got them, and are counted.
func TestWrongAnswers(t *testing.T) {
	t.Parallel()
	ok := func(body string) string {
		return "HTTP/1.1 200 OK\r\nContent-Length: " + itoa(len(body)) + "\r\n\r\n" + body
	}
	for _, c := range []struct {
		name, answer, says string
		batch              int
	}{
		{"a status", "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n", "status 500", 1},
		{"a refusal", ok(`{"message":{"type":"error","callId":1,"message":"Not authorized"}}`), "Not authorized", 1},
		{"another's answer", ok(`{"message":{"type":"response","callId":2,"data":null}}`), "not one of Snorky's", 1},
		{"a notification", ok(`{"message":{"type":"message","callId":1}}`), "not one of Snorky's", 1},
		{"no JSON", ok(`{"message":`), "not one of Snorky's", 1},
		{"a refusal of all", ok(`{"message":{"type":"response","callId":1,"data":{"results":[{"status":"refused","error":"No"},{"status":"refused","error":"No"}]}}}`), "refused: No", 2},
		{"a refusal of some", ok(`{"message":{"type":"response","callId":1,"data":{"results":[{"status":"published"},{"status":"refused","error":"No"}]}}}`), "1 of 2", 2},
		{"too few results", ok(`{"message":{"type":"response","callId":1,"data":{"results":[{"status":"published"}]}}}`), "tells of 1", 2},
		{"strange results", ok(`{"message":{"type":"response","callId":1,"data":7}}`), "not one of Snorky's", 2},
		{"nothing", "\r\n", "does not speak HTTP", 1},
		{"half an answer", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{", "unexpected EOF", 1},
		{"no length", "HTTP/1.1 200 OK\r\n\r\n{}", "where its body ends", 1},
		{"more than an answer", ok("{}") + "HTTP/1.1 200 OK\r\n\r\n", "more than an answer", 1},
		{"silence", hang, "i/o timeout", 1},
		{"a beginning", hang + "HTTP/1.1 200 OK\r\nConte", "i/o timeout", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, false)
			f.answer = func(n, _ int) string { return c.answer }
			wait := patience
			if strings.HasPrefix(c.answer, hang) {
				wait = time.Second
			}
			config := work()
			config.Batch, config.Stall = c.batch, time.Second
			result, err := Fanout(t.Context(), f.peer(wait), config, nil)
			if err != nil {
				t.Fatal(err)
			}
			if result.Faults.Refused != 1 || result.Messages != 0 || !strings.Contains(result.Faults.First, c.says) {
				t.Errorf("%+v", result.Faults)
			}
			if result.Faults.Missing+result.Faults.Duplicated+result.Faults.Disconnected > 0 {
				t.Errorf("what came all the same is no fault: %+v", result.Faults)
			}
		})
	}
}

func TestPublishersThatAreLeftGoOn(t *testing.T) {
	t.Parallel()
	f := newFake(t, false)
	f.answer = func(n, _ int) string {
		if n == 3 {
			return "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
		}
		return ""
	}
	// What is refused is delivered all the same, which the numbers of the others have to survive.
	config := work()
	config.Publishers, config.Stall = 2, time.Second
	result, err := Fanout(t.Context(), f.peer(patience), config, nil)
	if err != nil {
		t.Fatal(err)
	}
	if result.Messages != 19 || result.Faults.Refused != 1 || result.Faults.Total() != 1 {
		t.Errorf("%d messages, %+v", result.Messages, result.Faults)
	}
}

func TestBatchesAndChannels(t *testing.T) {
	t.Parallel()
	f := newFake(t, false)
	config := work()
	config.Subscribers, config.Channels, config.Publishers, config.Batch, config.Messages = 7, 3, 2, 4, 30
	result, err := Fanout(t.Context(), f.peer(patience), config, nil)
	if err != nil {
		t.Fatal(err)
	}
	if result.Messages != 30 || result.Faults.Total() != 0 || f.messages != 30 || f.requests > 9 {
		t.Errorf("%d messages in %d requests, %+v", result.Messages, f.requests, result.Faults)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	f := newFake(t, true)
	result, err := Fanout(t.Context(), f.peer(patience), work(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if result.Settings.Reader != ReaderGoroutines || result.Deliveries != 60 || result.Faults.Total() != 0 {
		t.Errorf("%+v", result)
	}
	config := work()
	config.Reader = ReaderLoop
	if _, err := Fanout(t.Context(), f.peer(patience), config, nil); err == nil || !strings.HasPrefix(err.Error(), "reader ") {
		t.Errorf("TLS on a loop: %v", err)
	}
}

func TestAnInterruptionEndsARunEarly(t *testing.T) {
	t.Parallel()
	bothReaders(t, func(t *testing.T, reader Reader) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		f := newFake(t, false)
		f.published = func(n int, _ string) {
			if n == 50 {
				cancel()
			}
		}
		config := work()
		config.Reader, config.Messages, config.Duration = reader, 0, time.Hour
		result, err := Fanout(ctx, f.peer(patience), config, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !result.Interrupted || result.Messages < 50 || result.Deliveries != 3*result.Messages || result.Faults.Total() != 0 {
			t.Errorf("%+v", result)
		}
	})
}

func TestAnInterruptionDoesNotWaitForeverForASilentServer(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f := newFake(t, false)
	f.answer = func(int, int) string {
		cancel()
		return hang
	}
	config := work()
	config.Stall = time.Second
	result, err := Fanout(ctx, f.peer(time.Hour), config, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !result.Interrupted || result.Faults.Refused != 1 {
		t.Errorf("%+v", result)
	}
}

func TestSlowReaders(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		cut   func(to *fakeSubscriber) bool
		want  Slow
		fault Faults
	}{
		{"are cut", func(to *fakeSubscriber) bool { return to.id%2 == 1 }, Slow{Subscribers: 2, Cut: 2, Codes: map[int]int{4000: 2}}, Faults{}},
		{"are not cut", func(*fakeSubscriber) bool { return false }, Slow{Subscribers: 2, Codes: map[int]int{}}, Faults{}},
		{"are cut with another", func(to *fakeSubscriber) bool { return to.id > 0 }, Slow{Subscribers: 2, Cut: 2, Codes: map[int]int{4000: 2}}, Faults{Missing: 15, Disconnected: 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			bothReaders(t, func(t *testing.T, reader Reader) {
				f := newFake(t, false)
				f.deliver = func(n int, to *fakeSubscriber, _ string) string {
					if n == 5 && c.cut(to) {
						return frame(wire.OpClose, "\x0f\xa0slow")
					}
					return ""
				}
				config := work()
				config.Subscribers, config.Slow, config.Reader = 4, 50, reader
				result, err := Fanout(t.Context(), f.peer(patience), config, nil)
				if err != nil {
					t.Fatal(err)
				}
				got := *result.Slow
				if got.Subscribers != c.want.Subscribers || got.Cut != c.want.Cut || got.Gaps != 0 || len(got.Codes) != len(c.want.Codes) || got.Codes[4000] != c.want.Codes[4000] {
					t.Errorf("slow: %+v", got)
				}
				result.Faults.First = ""
				if result.Faults != c.fault {
					t.Errorf("faults: %+v", result.Faults)
				}
			})
		})
	}
}

func TestSlowReadersMustNotHaveGaps(t *testing.T) {
	t.Parallel()
	f := newFake(t, false)
	f.deliver = func(n int, to *fakeSubscriber, _ string) string {
		if n == 5 && to.id == 1 {
			return "\x8a\x00"
		}
		return ""
	}
	config := work()
	config.Subscribers, config.Slow = 2, 50
	result, err := Fanout(t.Context(), f.peer(patience), config, nil)
	if err != nil {
		t.Fatal(err)
	}
	if result.Slow.Gaps != 1 || result.Faults.Missing != 1 {
		t.Errorf("%+v, %+v", result.Slow, result.Faults)
	}
}

func TestPingsAreAnswered(t *testing.T) {
	t.Parallel()
	bothReaders(t, func(t *testing.T, reader Reader) {
		f := newFake(t, false)
		f.deliver = func(_ int, _ *fakeSubscriber, payload string) string {
			return frame(wire.OpPing, "x") + delivered(payload)
		}
		config := work()
		config.Reader = reader
		if _, err := Fanout(t.Context(), f.peer(patience), config, nil); err != nil {
			t.Fatal(err)
		}
		f.http.CloseClientConnections()
		f.serving.Wait()
		if pongs := strings.Count(string(f.heard), string(rune(wire.OpPong))); pongs != 60 {
			t.Errorf("%d pongs", pongs)
		}
		if byes := strings.Count(string(f.heard), string(rune(wire.OpClose))); byes != 3 {
			t.Errorf("%d close frames", byes)
		}
	})
}

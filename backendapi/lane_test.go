package backendapi

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// same fails unless both ways answer a script in the same manner, and end the connection at the same time.
func same(t *testing.T, lanes, reference stage, s script) outcome {
	t.Helper()
	want, got := reference.play(s), lanes.play(s)
	if got.said != want.said {
		t.Fatalf("%.2000q\nanswered %.2000q\ninstead of %.2000q", s.pieces, got.said, want.said)
	}
	if got.after < want.after || got.after > want.after+2*slack {
		t.Fatalf("%.2000q\nended after %v instead of %v", s.pieces, got.after, want.after)
	}
	if !slices.EqualFunc(got.times, want.times, func(a, b spoken) bool {
		return a.bytes == b.bytes && a.after >= b.after && a.after < b.after+2*slack
	}) {
		t.Fatalf("%.2000q\nanswered at %v instead of %v", s.pieces, got.times, want.times)
	}
	return got
}

type laneCase struct {
	name, request string
	inLane        bool
}

// laneCases are whole conversations. Those that clients of a backend have, and only those, stay in a lane.
func laneCases() []laneCase {
	ok := call("ok", "1")
	good := post("", ok)
	last := post("Connection: close\r\n", call("ok", `"last"`))
	with := func(lines string) string { return post(lines, ok) }
	swap := func(old, fresh string) string { return strings.Replace(good, old, fresh, 1) }
	length := fmt.Sprintf("Content-Length: %d\r\n", len(ok))
	cases := []laneCase{
		{"good", good, true},
		{"good, close", last, true},
		{"good, keep-alive", with("Connection: Keep-Alive\r\n"), true},
		{"surplus headers", with("User-Agent: x\r\nAccept: */*\r\nContent-Type: application/json\r\nX-Empty:\r\nX-Tab:\ta\tb\t\r\nX-Eight: \xff\x80\r\nAccept-Encoding: gzip\r\n"), true},
		{"no blank, many blanks", strings.NewReplacer("Host: x", "hOST:x", "X-Backend-Key: ", "x-backend-KEY: \t ", testKey, testKey+" \t").Replace(good), true},
		{"length with zeros", swap(length, fmt.Sprintf("content-length:\t%09d \r\n", len(ok))), true},
		{"host with port", swap("Host: x", "Host: [::1]:5801"), true},
		{"pipelined", good + good + good + last, true},
		{"line ends between", good + "\r\n" + good + "\n\n\r\r" + last, true},
		{"empty body", post("", "") + last, true},
		{"bad bodies", post("", "x") + post("", "[]") + post("", `{"service":1,"message":{}}`) + post("", `{"service":"svc","message":1}`) + last, true},
		{"bad calls", post("", call("nope", "1")) + post("", strings.Replace(ok, "svc", "x", 1)) + last, true},
		{"failing services", post("", call("odd", "1")) + post("", call("boom", "1")) + post("", call("late", "1")) + last, true},
		{"long body", post("", call("ok", `"`+strings.Repeat("x", 200_000)+`"`)) + good + last, true},
		{"largest body", post("", ok+strings.Repeat(" ", 1<<20-len(ok))) + last, true},
		{"two short ones in more than a small buffer", post("", call("ok", `"`+strings.Repeat("x", 3000)+`"`)) + post("", call("ok", `"`+strings.Repeat("y", 3000)+`"`)) + last, true},
		{"after a close", last + good, true},
		{"slow service between", good + post("", call("slow", "1")) + post("", call("slow", "2")) + good + last, true},

		{"nothing", "", true},
		{"five line ends between", good + "\r\n\r\n\r" + last, false},
		{"line ends in front", "\r\n" + good, false},
		{"half a head", good[:40], false},
		{"half a head later", good + good[:40], false},
		{"three bytes later", good + "POS", true},
		{"line ends later", good + "\r\n\r\n", true},
		{"half a body", good[:len(good)-1], false},
		{"half a large body", post("", strings.Repeat(" ", 100_000))[:90_000], false},
		{"other path", swap("/backend", "/elsewhere"), false},
		{"path and query", swap("/backend", "/backend?x") + last, false},
		{"path with escapes", swap("/backend", "/b%61ckend") + last, false},
		{"absolute address", swap("/backend", "http://x/backend") + last, false},
		{"GET", "GET /backend HTTP/1.1\r\nHost: x\r\n\r\n" + last, false},
		{"lower-case method", swap("POST", "post") + last, false},
		{"HTTP/1.0", swap("HTTP/1.1", "HTTP/1.0") + last, false},
		{"HTTP/1.0, keep-alive", strings.Replace(with("Connection: keep-alive\r\n"), "HTTP/1.1", "HTTP/1.0", 1) + last, false},
		{"HTTP/1.2", swap("HTTP/1.1", "HTTP/1.2") + last, false},
		{"HTTP/0.9", "POST /backend\r\n", false},
		{"two blanks", swap("POST ", "POST  ") + last, false},
		{"bare line feeds", strings.ReplaceAll(good, "\r\n", "\n") + last, false},
		{"bare line feed at the end", strings.Replace(good, "\r\n\r\n", "\r\n\n", 1) + last, false},
		{"bare line feed in the request line", swap("HTTP/1.1\r\n", "HTTP/1.1\n") + last, false},
		{"bare carriage return", with("X: a\rb\r\n") + last, false},
		{"NUL", with("X: a\x00b\r\n") + last, false},
		{"DEL", with("X: a\x7fb\r\n") + last, false},
		{"folded", with("X: a\r\n b\r\n") + last, false},
		{"folded length", swap("Content-Length: ", "Content-Length:\r\n ") + last, false},
		{"folded at once", swap("Host:", " Host:") + last, false},
		{"no colon", with("X\r\n") + last, false},
		{"no name", with(": x\r\n") + last, false},
		{"blank in a name", with("X y: x\r\n") + last, false},
		{"blank behind a name", swap("Content-Length:", "Content-Length :") + last, false},
		{"letter that is none", with("\xc5\xbf: x\r\n") + last, false},
		{"no Host", swap("Host: x\r\n", "") + last, false},
		{"two Hosts", with("Host: y\r\n") + last, false},
		{"odd Host", swap("Host: x", "Host: x/y") + last, false},
		{"empty Host", swap("Host: x", "Host:") + last, false},
		{"no key", swap("X-Backend-Key: "+testKey+"\r\n", "") + last, false},
		{"wrong key", swap(testKey, "wrong") + last, false},
		{"two keys", with("X-Backend-Key: "+testKey+"\r\n") + last, false},
		{"no length", swap(length, ""), false},
		{"two lengths", with(length) + last, false},
		{"two different lengths", with("Content-Length: 1\r\n") + last, false},
		{"length with plus", swap("Content-Length: ", "Content-Length: +") + last, false},
		{"length with minus", swap("Content-Length: ", "Content-Length: -") + last, false},
		{"length with underscore", swap("Content-Length: ", "Content-Length: 0_") + last, false},
		{"hexadecimal length", swap("Content-Length: ", "Content-Length: 0x") + last, false},
		{"list of lengths", swap("Content-Length: ", "Content-Length: 1, ") + last, false},
		{"empty length", swap(length, "Content-Length: \r\n") + last, false},
		{"long length", swap("Content-Length: ", "Content-Length: 0000000000000000000") + last, false},
		{"overflowing length", swap(length, "Content-Length: 18446744073709551617\r\n") + last, false},
		{"length behind many blanks", swap("Content-Length: ", "Content-Length: "+strings.Repeat(" ", 60)) + last, false},
		{"too large", post("", strings.Repeat(" ", 1<<20+1)) + last, false},
		{"much too large", swap(length, "Content-Length: 1000000000000\r\n"), false},
		{"chunks", swap(length, "Transfer-Encoding: chunked\r\n") + "0\r\n\r\n" + last, false},
		{"chunks and a length", with("Transfer-Encoding: chunked\r\n") + last, false},
		{"other coding", with("Transfer-Encoding: identity\r\n") + last, false},
		{"gzip", with("Content-Encoding: gzip\r\n") + last, false},
		{"identity", with("Content-Encoding: identity\r\n") + last, false},
		{"continue", with("Expect: 100-continue\r\n") + last, false},
		{"unknown expectation", with("Expect: 200-ok\r\n") + last, false},
		{"upgrade", with("Connection: Upgrade\r\nUpgrade: h2c\r\n") + last, false},
		{"trailer", with("Trailer: X\r\n") + last, false},
		{"close and keep-alive", with("Connection: close, keep-alive\r\n") + last, false},
		{"close, then keep-alive", with("Connection: close\r\nConnection: keep-alive\r\n") + last, false},
		{"large head", with("X: "+strings.Repeat("x", 5000)+"\r\n") + last, false},
		{"head beyond limits", with("X: "+strings.Repeat("x", 100_000)+"\r\n") + last, false},
		{"odd after good", good + good + strings.ReplaceAll(good, "\r\n", "\n") + good + last, false},
		{"random bytes", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n" + last, false},
		{"preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", false},
	}
	return cases
}

// Which way a connection takes makes no difference to the client.
func TestLanesAnswerAsNetHTTP(t *testing.T) {
	for _, c := range laneCases() {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				lanes, reference := newStages(t, newHandler(t, Options{}), ServerOptions{})
				data := []byte(c.request)
				got := same(t, lanes, reference, script{pieces: inPieces(data, max(len(data), 1))})
				if got.inLane != c.inLane {
					t.Errorf("stayed in the lane: %v", got.inLane)
				}
				same(t, lanes, reference, script{pieces: inPieces(data, max(len(data), 1)), silent: true})
				same(t, lanes, reference, script{pieces: inPieces(data, 1+len(data)/7), pause: 900 * time.Millisecond, silent: true})
				same(t, lanes, reference, script{pieces: inPieces(data, 1+len(data)/3), pause: 4 * time.Second})
				same(t, lanes, reference, script{pieces: inPieces(data, 1+len(data)/2), atOnce: true})
				if len(data) > 20_000 {
					return
				}
				for _, sizes := range [][]int{{1}, {2}, {3, 1, 40}, {100, 7}} {
					if piecewise := same(t, lanes, reference, script{pieces: inPieces(data, sizes...)}); piecewise.inLane != c.inLane {
						t.Errorf("in pieces of %v bytes it stayed in the lane: %v", sizes, piecewise.inLane)
					}
				}
			})
		})
	}
}

// Other limits than the default ones, and none at all.
func TestLanesHaveTheLimitsOfNetHTTP(t *testing.T) {
	good, last := post("", call("ok", "1")), post("Connection: close\r\n", call("ok", "1"))
	conversations := []script{
		{pieces: inPieces([]byte(good+good+last), 100), pause: time.Second},
		{pieces: inPieces([]byte(good+good+last), 100), pause: 2 * time.Hour},
		{pieces: inPieces([]byte(good+good+last), len(good)), pause: 3 * time.Second},
		{pieces: inPieces([]byte(good+good+last), len(good)-1), pause: 3 * time.Second},
		{pieces: inPieces([]byte(good+post("X: "+strings.Repeat("x", 500)+"\r\n", call("ok", "1"))+last), 10_000)},
	}
	for name, o := range map[string]ServerOptions{
		"short":      {HeaderTimeout: 2 * time.Second, IdleTimeout: 4 * time.Second, WriteTimeout: 90 * time.Second},
		"short idle": {HeaderTimeout: 4 * time.Second, IdleTimeout: 2 * time.Second},
		"none":       {HeaderTimeout: -1, IdleTimeout: -1, WriteTimeout: -1},
		"small head": {MaxHeaderBytes: 200},
		"tiny head":  {MaxHeaderBytes: 20},
		"large head": {MaxHeaderBytes: 1 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				lanes, reference := newStages(t, newHandler(t, Options{BodyTimeout: 5 * time.Second, MaxBody: 1000}), o)
				for _, s := range conversations {
					same(t, lanes, reference, s)
				}
			})
		})
	}
}

// Where the bytes are cut makes no difference either.
func TestLanesAnswerTheSameWhereverItIsCut(t *testing.T) {
	ok := call("ok", "1")
	for name, request := range map[string]string{
		"pipelined":     post("", ok) + "\r\n" + post("", call("nope", "2")) + post("Connection: close\r\n", ok),
		"odd afterward": post("", ok) + strings.ReplaceAll(post("", ok), "\r\n", "\n") + post("Connection: close\r\n", ok),
		"wrong key":     post("", ok) + strings.Replace(post("", ok), testKey, "x", 1) + post("Connection: close\r\n", ok),
		"cut off":       post("", ok) + post("", ok)[:120],
		"two lengths":   post("", ok) + post("Content-Length: 3\r\n", ok),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				lanes, reference := newStages(t, newHandler(t, Options{}), ServerOptions{})
				want := reference.play(script{pieces: [][]byte{[]byte(request)}})
				for at := 1; at < len(request); at++ {
					if got := lanes.play(script{pieces: inPieces([]byte(request), at, len(request))}); got.said != want.said {
						t.Fatalf("cut at %d: %q\ninstead of %q", at, got.said, want.said)
					}
				}
			})
		})
	}
}

// generator makes conversations of lines that mean something, most of them in the right place.
type generator struct{ *rand.Rand }

func newGenerator(seed uint64) generator { return generator{rand.New(rand.NewPCG(seed, 0))} }

func (g generator) oneOf(likely string, others ...string) string {
	if g.IntN(8) > 0 {
		return likely
	}
	return others[g.IntN(len(others))]
}

func (g generator) request() string {
	body := g.oneOf(call("ok", "1"), "", "x", call("nope", "{}"), call("odd", "{}"), call("late", "{}"), `{"service":"x","message":1}`,
		call("ok", `"`+strings.Repeat("x", g.IntN(9000))+`"`))
	length := fmt.Sprint(len(body))
	lines := []string{
		g.oneOf("Host: x", "Host: [::1]:80", "Host: x y", "Host:", "X: y", "Host : x"),
		g.oneOf("X-Backend-Key: "+testKey, "x-backend-key:"+testKey+" ", "X-Backend-Key: x", "X-Backend-Key:", "X_Backend_Key: "+testKey),
		g.oneOf("Content-Length: "+length, "content-length:\t0"+length, "Content-Length: "+length+"0", "Content-Length: "+length+", "+length,
			"Content-Length: -1", "Content-Length: 0x1", "Transfer-Encoding: chunked", "Content-Length :"+length, "X: y"),
	}
	for range g.IntN(3) {
		lines = append(lines, g.oneOf("Accept: */*", "Connection: close", "Connection: keep-alive", "Connection: x, close", "Expect: 100-continue",
			"Content-Encoding: gzip", "Content-Encoding: identity", "Transfer-Encoding: chunked", "Transfer-Encoding: x", "Content-Length: "+length,
			"Host: x", "X-Backend-Key: "+testKey, " folded", "x", ":", "X: \x00", "Upgrade: h2c", "Trailer: X", "X: \r", "X: "+strings.Repeat("x", g.IntN(9000))))
	}
	g.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	end := g.oneOf("\r\n", "\n", "\r", "\r\r\n")
	first := g.oneOf("POST", "GET", "post", "HEAD", " POST") + g.oneOf(" ", "  ", "\t") + g.oneOf("/backend", "/backend?x", "/", "*", "/%62ackend", "//backend") +
		" " + g.oneOf("HTTP/1.1", "HTTP/1.0", "HTTP/1.2", "http/1.1", "HTTP/1.1 ")
	return first + end + strings.Join(lines, end) + g.oneOf(end, "", "\n") + end + body + g.oneOf("", "\r\n", "\n\n\n", "\r\n\r\n\r\n", " ", "\x00")
}

func (g generator) script() script {
	var all strings.Builder
	for range 1 + g.IntN(4) {
		all.WriteString(g.request())
	}
	all.WriteString(post("Connection: close\r\n", call("ok", `"last"`)))
	data := []byte(all.String())
	if g.IntN(4) == 0 {
		data = data[:g.IntN(len(data))]
	}
	if g.IntN(4) == 0 && len(data) > 0 {
		data[g.IntN(len(data))] = byte(g.IntN(256))
	}
	s := script{silent: g.IntN(2) == 0, atOnce: g.IntN(5) == 0, pieces: inPieces(data, 1+g.IntN(len(data)+1), 1+g.IntN(len(data)+1), 1+g.IntN(500))}
	if g.IntN(3) == 0 {
		s.pause = time.Duration(1+g.IntN(20)) * 517 * time.Millisecond
	}
	return s
}

func TestLanesAnswerAsNetHTTPWhateverComes(t *testing.T) {
	const conversations = 3000
	g := newGenerator(1)
	synctest.Test(t, func(t *testing.T) {
		lanes, reference := newStages(t, newHandler(t, Options{}), ServerOptions{})
		stayed := 0
		for range conversations {
			if same(t, lanes, reference, g.script()).inLane {
				stayed++
			}
		}
		if stayed < conversations/20 || stayed > conversations/2 {
			t.Errorf("%d of %d stayed in a lane: this tests one way only", stayed, conversations)
		}
	})
}

// FuzzConversations goes on where the test above ends.
func FuzzConversations(f *testing.F) {
	f.Add(uint64(2))
	f.Fuzz(func(t *testing.T, seed uint64) {
		g := newGenerator(seed)
		synctest.Test(t, func(t *testing.T) {
			lanes, reference := newStages(t, newHandler(t, Options{}), ServerOptions{})
			for range 20 {
				same(t, lanes, reference, g.script())
			}
		})
	})
}

// Bytes of any kind, as many at a time as size says; how is whether the client falls silent, whether it pauses, and
// whether it ends together with its last bytes.
func FuzzLane(f *testing.F) {
	for _, c := range laneCases() {
		if len(c.request) < 10_000 {
			f.Add([]byte(c.request), 1+len(c.request)%50, byte(0))
		}
	}
	ok := call("ok", "1")
	f.Add([]byte(post("", ok)+post("", ok)), 50, byte(1))
	f.Add([]byte(post("", ok)+post("", ok)[:70]), 3, byte(2))
	f.Add([]byte(post("", call("slow", "1"))+post("", ok)), 1000, byte(3))
	f.Add([]byte(post("", ok)+post("", ok)[:100]), 1000, byte(4))
	f.Fuzz(func(t *testing.T, data []byte, size int, how byte) {
		if len(data)/max(size, 1) > 5000 {
			size = len(data) / 5000
		}
		synctest.Test(t, func(t *testing.T) {
			lanes, reference := newStages(t, newHandler(t, Options{}), ServerOptions{})
			same(t, lanes, reference, script{
				pieces: inPieces(data, size),
				pause:  time.Duration(how&2) * 3 * time.Second,
				silent: how&1 != 0,
				atOnce: how&4 != 0,
			})
		})
	})
}

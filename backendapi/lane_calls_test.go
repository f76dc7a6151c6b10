package backendapi

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/snorky-go/snorky/actors/wire"
)

// watchedConn tells what a server does with a connection.
type watchedConn struct {
	net.Conn
	reads     []int // room of each read
	writes    int
	longest   int // of the writes
	deadlines int
}

func (c *watchedConn) Read(p []byte) (int, error) {
	c.reads = append(c.reads, len(p))
	return c.Conn.Read(p)
}

func (c *watchedConn) Write(p []byte) (int, error) {
	c.writes++
	c.longest = max(c.longest, len(p))
	return c.Conn.Write(p)
}

func (c *watchedConn) SetReadDeadline(t time.Time) error {
	c.deadlines++
	return c.Conn.SetReadDeadline(t)
}

func (c *watchedConn) SetWriteDeadline(t time.Time) error {
	c.deadlines++
	return c.Conn.SetWriteDeadline(t)
}

// watch plays a script to a lane.
func watch(t *testing.T, h *Handler, s script) (*watchedConn, string) {
	l := newPipes()
	serveOn(t, l, h, ServerOptions{HeaderTimeout: 100 * time.Second})
	played := newScriptConn(s)
	conn := &watchedConn{Conn: played}
	l.conns <- conn
	<-played.end
	synctest.Wait()
	return conn, played.said.String()
}

func TestRequestsThatComeTogetherAreAnsweredInOneGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const requests = 200
		all := []byte(strings.Repeat(post("", call("ok", "1")), requests))
		conn, said := watch(t, newHandler(t, Options{}), script{pieces: inPieces(all, 10_000, 64, 3000)})
		if got := strings.Count(said, "HTTP/1.1 200 OK\r\n"); got != requests {
			t.Fatalf("%d answers", got)
		}
		if conn.writes > len(conn.reads) {
			t.Errorf("%d writes for %d reads", conn.writes, len(conn.reads))
		}
	})
}

func TestAnswersThatWaitForOthersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, err := New(callerFunc(func(context.Context, string, []byte) ([]byte, error) {
			return []byte(strings.Repeat("1", 10_000)), nil
		}), Options{Keys: [][]byte{[]byte(testKey)}})
		if err != nil {
			t.Fatal(err)
		}
		all := []byte(strings.Repeat(post("", call("ok", "1")), 20))
		conn, said := watch(t, h, script{pieces: inPieces(all, len(all))})
		if got := strings.Count(said, "HTTP/1.1 200 OK\r\n"); got != 20 {
			t.Fatalf("%d answers", got)
		}
		if conn.longest > maxTogether+11_000 {
			t.Errorf("%d bytes of answers in one go", conn.longest)
		}
	})
}

// The clock of the bubble stands still while requests come one after the other.
func TestDeadlinesAreNotMovedByEachRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		request := post("", call("ok", "1"))
		all := []byte(strings.Repeat(request, 1000))
		conn, _ := watch(t, newHandler(t, Options{}), script{pieces: inPieces(all, len(request))})
		if conn.writes != 1000 || conn.deadlines > 5 {
			t.Errorf("%d writes and %d deadlines", conn.writes, conn.deadlines)
		}
	})
}

func TestDatesOfLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newPipes()
		serveOn(t, l, newHandler(t, Options{}), ServerOptions{})
		conn := l.dial()
		from := bufio.NewReader(conn)
		for range 5 {
			go func() { _, _ = io.WriteString(conn, post("", call("ok", "1"))) }()
			got, err := readReply(t, from)
			if want := time.Now().UTC().Format(http.TimeFormat); err != nil || got.header.Get("Date") != want {
				t.Errorf("%v, %v at %s", got.header, err, want)
			}
			<-time.After(900 * time.Millisecond)
		}
	})
}

// deafConn is one whose client is gone.
type deafConn struct{ net.Conn }

func (deafConn) Write([]byte) (int, error) { return 0, net.ErrClosed }

func TestNothingIsCarriedOutForAClientThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		h, err := New(callerFunc(func(context.Context, string, []byte) ([]byte, error) {
			calls++
			return nothing, nil
		}), Options{Keys: [][]byte{[]byte(testKey)}})
		if err != nil {
			t.Fatal(err)
		}
		l := newPipes()
		serveOn(t, l, h, ServerOptions{})
		request := []byte(post("", call("ok", "1")))
		conn := newScriptConn(script{pieces: [][]byte{request, request, request}})
		l.conns <- deafConn{conn}
		<-conn.end
		if calls != 1 {
			t.Errorf("%d calls", calls)
		}
	})
}

// A buffer grows with what arrives, and an idle connection holds a small one.
func TestBuffersOfLanes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		promised := strings.Replace(post("", ""), "Content-Length: 0", "Content-Length: 1048576", 1)
		for _, come := range []int{0, 1, 65_000, 66_000, 140_000} {
			body := []byte(strings.Repeat(" ", come))
			conn, _ := watch(t, newHandler(t, Options{}), script{pieces: append([][]byte{[]byte(promised)}, inPieces(body, 60_000)...)})
			if most := slices.Max(conn.reads); most > max(largeBuffer, 2*come) {
				t.Errorf("room for %d bytes when %d had come", most, come)
			}
		}
		large := []byte(post("", call("ok", `"`+strings.Repeat("x", 500_000)+`"`)))
		conn, said := watch(t, newHandler(t, Options{}), script{pieces: inPieces(large, 100_000), pause: time.Second, silent: true})
		if !strings.HasPrefix(said, "HTTP/1.1 200 OK\r\n") {
			t.Fatalf("%.100q", said)
		}
		if last := conn.reads[len(conn.reads)-1]; last > smallBuffer {
			t.Errorf("an idle connection holds %d bytes", last)
		}
	})
}

// A call that was given up may read its message for as long as it likes, whatever comes next on the connection.
func TestLaneLeavesTheBufferToAnAbandonedCall(t *testing.T) {
	for _, size := range []int{10, 10_000, 200_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			var kept [][]byte
			h, err := New(callerFunc(func(_ context.Context, _ string, message []byte) ([]byte, error) {
				request, _ := wire.DecodeRequest(message)
				if request.Command != "keep" {
					return nothing, nil
				}
				kept = append(kept, message)
				if len(kept)%2 == 0 {
					panic("given up")
				}
				return nil, context.Canceled
			}), Options{Keys: [][]byte{[]byte(testKey)}})
			if err != nil {
				t.Fatal(err)
			}
			params := `"` + strings.Repeat("a", size) + `"`
			other := strings.Repeat(post("", call("other", `"`+strings.Repeat("b", size)+`"`)), 3)
			one := post("", call("keep", params)) + other
			synctest.Test(t, func(t *testing.T) {
				conn, said := watch(t, h, script{pieces: inPieces([]byte(one+one+one+one), 2*len(one))})
				if got := strings.Count(said, "HTTP/1.1 "); got != 16 || conn.writes == 0 {
					t.Fatalf("%d answers", got)
				}
			})
			for _, message := range kept {
				if !strings.Contains(string(message), params) {
					t.Errorf("a message became %.200s", message)
				}
			}
			if len(kept) != 4 {
				t.Errorf("%d calls", len(kept))
			}
		})
	}
}

// A call that takes too long ends with its context, the next one on the connection has all its time again.
func TestLaneTimesOutEachCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var took []time.Duration
		h, err := New(callerFunc(func(ctx context.Context, _ string, message []byte) ([]byte, error) {
			start := time.Now()
			request, _ := wire.DecodeRequest(message)
			deadline, ok := ctx.Deadline()
			if !ok || time.Until(deadline) != time.Minute || ctx.Err() != nil || ctx.Value("x") != nil {
				t.Errorf("deadline %v, error %v", deadline, ctx.Err())
			}
			if request.Command == "quick" {
				<-time.After(7 * time.Second)
				return nothing, nil
			}
			<-ctx.Done()
			took = append(took, time.Since(start))
			if !errors.Is(ctx.Err(), context.DeadlineExceeded) || !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
				t.Errorf("ended with %v", ctx.Err())
			}
			return nil, ctx.Err()
		}), Options{Keys: [][]byte{[]byte(testKey)}})
		if err != nil {
			t.Fatal(err)
		}
		quick, slow := post("", call("quick", "1")), post("", call("slow", "1"))
		all := strings.Repeat(quick, 5) + slow + slow + strings.Repeat(quick, 20) + slow
		conn := script{pieces: [][]byte{[]byte(quick), []byte(slow), []byte(all)}, pause: 90 * time.Second}
		_, said := watch(t, h, conn)
		if want := slices.Repeat([]time.Duration{time.Minute}, 4); !slices.Equal(took, want) {
			t.Errorf("the calls were given up after %v", took)
		}
		if got := strings.Count(said, "Internal error"); got != 4 || strings.Count(said, "HTTP/1.1 200 OK") != 30 {
			t.Errorf("%d times Internal error in %s", got, said)
		}
	})
}

// The time that a client takes to read an answer is not missing afterwards.
func TestSlowReadersHaveAllTheirTimeLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := []byte(strings.Repeat("1", maxTogether))
		h, err := New(callerFunc(func(ctx context.Context, _ string, _ []byte) ([]byte, error) {
			if deadline, _ := ctx.Deadline(); time.Until(deadline) != time.Minute {
				t.Errorf("%v for a call", time.Until(deadline))
			}
			return answer, nil
		}), Options{Keys: [][]byte{[]byte(testKey)}})
		if err != nil {
			t.Fatal(err)
		}
		l := newPipes()
		serveOn(t, l, h, ServerOptions{})
		request := post("", call("ok", "1"))
		played := newScriptConn(script{pieces: [][]byte{[]byte(request + request + request[:len(request)-1]), []byte("}")}, pause: 5 * time.Second, silent: true})
		l.conns <- hookedConn{played, func() { <-time.After(80 * time.Second) }}
		<-played.end
		if got := strings.Count(played.said.String(), "HTTP/1.1 200 OK"); got != 3 {
			t.Errorf("%d answers", got)
		}
		if took := time.Since(played.start); took < 5*time.Second+3*80*time.Second+2*time.Minute {
			t.Errorf("idle connection closed after %v", took)
		}
	})
}

// A new key counts for the next request of a connection that was opened with the old one.
func TestLaneKnowsNewKeysAtOnce(t *testing.T) {
	h := newHandler(t, Options{})
	conn := dial(t, serve(t, h, ServerOptions{}))
	from := bufio.NewReader(conn)
	for _, c := range []struct {
		key  string
		want int
	}{{testKey, 200}, {"other", 401}} {
		if err := h.SetKeys([]byte(c.key)); err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, post("", call("ok", "1")))
		if got, err := readReply(t, from); err != nil || got.status != c.want {
			t.Errorf("key %q: %v, %v", c.key, got, err)
		}
	}
}

// http.ErrAbortHandler ends a connection, but takes no answer back.
func TestLaneAborts(t *testing.T) {
	h, err := New(callerFunc(func(ctx context.Context, service string, message []byte) ([]byte, error) {
		if service == "abort" {
			panic(http.ErrAbortHandler)
		}
		return fakeBroker(ctx, service, message)
	}), Options{Keys: [][]byte{[]byte(testKey)}})
	if err != nil {
		t.Fatal(err)
	}
	lines := new(lockedBuffer)
	addr := serve(t, h, ServerOptions{Logger: zerolog.New(lines)})
	ok := post("", call("ok", "1"))
	if got := statuses(raw(t, addr, ok+post("", strings.Replace(call("ok", "1"), "svc", "abort", 1))+ok)); got != "200" {
		t.Errorf("answers %s", got)
	}
	if got := statuses(raw(t, addr, post("Connection: close\r\n", call("ok", "1")))); got != "200" {
		t.Errorf("another connection: %s", got)
	}
	if lines.String() != "" {
		t.Errorf("log: %s", lines)
	}
}

// brokenConn is a connection whose Read panics.
type brokenConn struct{ net.Conn }

func (brokenConn) Read([]byte) (int, error) { panic("broken") }

func TestPanicOfALaneEndsOneConnection(t *testing.T) {
	lines := new(lockedBuffer)
	l := newPipes()
	s := serveOn(t, l, newHandler(t, Options{}), ServerOptions{Logger: zerolog.New(lines)})
	mine, theirs := net.Pipe()
	l.conns <- brokenConn{theirs}
	if said, err := io.ReadAll(mine); err != nil || len(said) > 0 {
		t.Errorf("%q, %v", said, err)
	}
	conn := l.dial()
	go func() { _, _ = io.WriteString(conn, post("Connection: close\r\n", call("ok", "1"))) }()
	if got, err := readReply(t, bufio.NewReader(conn)); err != nil || got.status != 200 {
		t.Errorf("another connection: %v, %v", got, err)
	}
	_ = s.Close() // by then it has been logged
	if got := lines.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "broken") {
		t.Errorf("log: %s", got)
	}
}

// emptyReads is a connection that says a thousand times that nothing has come.
type emptyReads struct {
	net.Conn
	n int
}

func (c *emptyReads) Read(p []byte) (int, error) {
	if c.n++; c.n < 1000 {
		return 0, nil
	}
	return c.Conn.Read(p)
}

func TestConnectionWithoutProgressIsGivenUp(t *testing.T) {
	l := newPipes()
	serveOn(t, l, newHandler(t, Options{}), ServerOptions{})
	mine, theirs := net.Pipe()
	conn := &emptyReads{Conn: theirs}
	l.conns <- conn
	if said, err := io.ReadAll(mine); err != nil || len(said) > 0 {
		t.Errorf("%q, %v", said, err)
	}
}

// Only paths that can be written in one way are for lanes; the others work all the same.
func TestPathsOfLanes(t *testing.T) {
	for path, target := range map[string]string{
		"/backend": "/backend", "/": "/", "/a/b-c_d.e~f": "/a/b-c_d.e~f", "/a;b=c,d": "/a;b=c,d",
		"/a b": "/a%20b", "/ä": "/%C3%A4", "/a?b": "/a%3Fb", "/a%20b": "/a%2520b", "//a": "//a", "*": "*",
	} {
		t.Run(path, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				lanes, reference := newStages(t, newHandler(t, Options{Path: path}), ServerOptions{})
				request := post("Connection: close\r\n", call("ok", "1"))
				for _, written := range []string{target, path} {
					same(t, lanes, reference, script{pieces: [][]byte{[]byte(strings.Replace(request, "/backend", written, 1))}})
				}
				got := lanes.play(script{pieces: [][]byte{[]byte(strings.Replace(request, "/backend", target, 1))}})
				if !strings.HasPrefix(got.said, "HTTP/1.1 200 OK\r\n") {
					t.Errorf("answer %s", got.said)
				}
				if lanes.server.handler != nil && !got.inLane {
					t.Error("the connection was given up")
				}
			})
		})
	}
}

// A lane allocates nothing for a request.
func TestLaneAllocations(t *testing.T) {
	h, err := New(callerFunc(publishBroker), Options{Keys: [][]byte{[]byte(testKey)}})
	if err != nil {
		t.Fatal(err)
	}
	conn := dial(t, serve(t, h, ServerOptions{}))
	request := []byte(post("Content-Type: application/json\r\n", string(publication)))
	_, _ = conn.Write(request)
	answer := make([]byte, 4096)
	n, err := conn.Read(answer)
	if err != nil {
		t.Fatal(err)
	}
	if got := testing.AllocsPerRun(1000, func() {
		_, _ = conn.Write(request)
		if _, err := io.ReadFull(conn, answer[:n]); err != nil {
			t.Error(err)
		}
	}); got > mostAllocations {
		t.Errorf("%v allocations for a request", got)
	}
}

func TestManyLanesAtOnce(t *testing.T) {
	addr := serve(t, newHandler(t, Options{}), ServerOptions{})
	var group sync.WaitGroup
	for worker := range 20 {
		group.Go(func() {
			conn := dial(t, addr)
			from := bufio.NewReader(conn)
			for i := range 100 {
				value := fmt.Sprintf(`"%d-%d-%s"`, worker, i, strings.Repeat("x", worker*i*7%9000))
				_, _ = io.WriteString(conn, post("", call("ok", value)))
				got, err := readReply(t, from)
				if err != nil || !strings.Contains(got.body, value) {
					t.Errorf("answer %.100v, %v", got, err)
					return
				}
			}
		})
	}
	group.Wait()
}

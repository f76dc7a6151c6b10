package faults_test

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/snorky-go/snorky/actors/wire"
)

// What a stranger can make the program hold, in all. It needs about 20 MiB by itself, and half of what the garbage
// collector sees may be garbage.
const stranger = 100 // MiB

// Frames and messages of which a stranger sends very many, or that promise much. The numbers are those that a laptop
// deals with in a moment; what they cost is measured at its peak, so more of them would show nothing else.
func TestFloodsOfFrames(t *testing.T) {
	t.Parallel()
	p := run(t)
	question, reply := request("pubsub", "", "{}", `"flood"`), refusal("pubsub", `"flood"`, "Unknown command")
	oneByOne := frame(textStart, "")
	for i := range question {
		oneByOne = append(append(oneByOne, frame(more, question[i:i+1])...), frame(ping, "p")...)
	}
	for name, sent := range map[string][]byte{
		"empty fragments":             join(frame(textStart, ""), slices.Repeat(frame(more, ""), 100_000), frame(continuation, question)),
		"fragments of one byte":       join(oneByOne, frame(continuation, "")),
		"pings inside of a message":   join(frame(textStart, ""), slices.Repeat(frame(ping, "p"), 20_000), frame(continuation, question)),
		"empty messages":              join(slices.Repeat(frame(text, ""), 100_000), frame(text, question)),
		"blanks, the limit at a time": join(slices.Repeat(frame(text, strings.Repeat(" ", 64<<10)), 100), frame(text, question)),
	} {
		c := p.dial(t)
		written := make(chan struct{})
		go func() {
			defer close(written)
			c.raw(sent)
		}()
		if got := string(c.next()); got != reply {
			t.Errorf("%s: got %.200s", name, got)
		}
		<-written
		_ = c.conn.Close()
	}
	var waiting []*socket
	for i := range 100 { // each of them promises what it may, and sends a little of it
		c := p.dial(t)
		c.raw(append(header(text, 64<<10), strings.Repeat("x", i*100)...))
		waiting = append(waiting, c)
	}
	deflated := p.dial(t)
	deflated.raw(append(header(text|0x40, 60_000), strings.Repeat("\xaa", 60_000)...))
	if got := deflated.code(); got != wire.CloseProtocolError {
		t.Errorf("compressed: closed with %d", got)
	}
	p.alive(stranger)
	for _, c := range waiting {
		reset(c.conn)
	}
}

// 20,000 pings whose answers nobody reads, and as many calls as the buffers hold: what waits for that client is
// bounded, and so is what it has still to say.
func TestAnswersThatNobodyReads(t *testing.T) {
	t.Parallel()
	p := run(t, "-write-timeout", "2s", "-send-buffer", "4KiB")
	for name, sent := range map[string][]byte{
		"pings": frame(ping, strings.Repeat("p", 125)),
		"calls": frame(text, request("pubsub", "nope", "{}", `"`+strings.Repeat("c", 900)+`"`)),
	} {
		c := p.dial(t)
		must(t, c.conn.SetReadBuffer(4096))
		flood := slices.Repeat(sent, 20_000)
		_ = c.conn.SetWriteDeadline(time.Now().Add(patience))
		var err error
		for err == nil {
			_, err = c.conn.Write(flood)
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%s: never cut off", name)
		}
	}
	p.alive(stranger)
}

// Subscriptions and requests without end cost what the limits allow, and are given back with the connection.
func TestFloodsOfSubscriptions(t *testing.T) {
	t.Parallel()
	p := run(t)
	c := p.dial(t)
	turns(c, 5_000, func(i int) (string, string) {
		command := []string{"subscribe", "unsubscribe"}[i%2]
		return request("pubsub", command, `{"channel":"turn"}`, fmt.Sprint(i)), response("pubsub", fmt.Sprint(i))
	})
	turns(c, 5_000, func(i int) (string, string) {
		sent := request("pubsub", "subscribe", fmt.Sprintf(`{"channel":%d}`, i), fmt.Sprint(i))
		if i < 1000 { // the limit
			return sent, response("pubsub", fmt.Sprint(i))
		}
		return sent, refusal("pubsub", fmt.Sprint(i), "Too many subscriptions")
	})
	p.alive(stranger)
}

// Where an operator has lifted the limit on subscriptions, their memory is still given back.
func TestSubscriptionsAreGivenBack(t *testing.T) {
	t.Parallel()
	const channels = 20_000
	p := run(t, "-max-subscriptions", "0")
	var peaks []int
	for range 3 {
		c := p.dial(t)
		turns(c, channels, func(i int) (string, string) {
			return request("pubsub", "subscribe", fmt.Sprintf(`{"channel":%d}`, i), fmt.Sprint(i)), response("pubsub", fmt.Sprint(i))
		})
		reset(c.conn)
		p.well(t)
		peaks = append(peaks, p.status("VmHWM"))
	}
	if first, last := peaks[0], peaks[2]; last > first*3/2+20<<10 {
		t.Errorf("the peak rose from %d to %d KiB, though nobody was there twice", first, last)
	}
	// Nor does a publication to a channel without subscribers leave anything.
	pipeline(t, p.site, 5_000, func(i int) string { return publish(fmt.Sprint(i), "0") })
	p.alive(peaks[2]>>10 + 40)
}

// turns sends n requests and expects the answers, in order, while it sends.
func turns(c *socket, n int, turn func(int) (request, answer string)) {
	c.t.Helper()
	var frames []byte
	answers := make([]string, n)
	for i := range n {
		var sent string
		sent, answers[i] = turn(i)
		frames = append(frames, frame(text, sent)...)
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		c.raw(frames)
	}()
	defer func() { <-written }()
	for _, want := range answers {
		if got := string(c.next()); got != want {
			c.t.Fatalf("got %s, want %s", got, want)
		}
	}
}

// Bodies without end, and those that would grow without end, are refused before they cost anything.
func TestFloodsOfTheBackend(t *testing.T) {
	t.Parallel()
	p := run(t)
	transport := &http.Transport{DisableKeepAlives: true}
	do := func(body io.Reader, encoding string) int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+p.back+"/backend", body)
		must(t, err)
		r.Header.Set("X-Backend-Key", testKey)
		r.Header.Set("Content-Encoding", encoding)
		response, err := transport.RoundTrip(r)
		if err != nil {
			return 0 // it had closed before everything was sent
		}
		_ = response.Body.Close()
		return response.StatusCode
	}
	if got := do(io.LimitReader(endless{}, 64<<20), ""); got != http.StatusRequestEntityTooLarge && got != 0 {
		t.Errorf("64 MiB in chunks: %d", got)
	}
	inflated, deflated := io.Pipe()
	var bomb sync.WaitGroup
	bomb.Go(func() {
		z := gzip.NewWriter(deflated)
		_, err := io.Copy(z, io.LimitReader(endless{}, 256<<20))
		_ = z.Close()
		_ = deflated.CloseWithError(err)
	})
	if got := do(inflated, "gzip"); got != http.StatusUnsupportedMediaType && got != 0 {
		t.Errorf("a bomb: %d", got)
	}
	_ = inflated.Close()
	bomb.Wait()
	var promises []net.Conn
	for range 100 {
		conn := connect(t, p.back)
		_, _ = io.WriteString(conn, backendHead+"Content-Length: 1000000\r\n\r\n{")
		promises = append(promises, conn)
	}
	p.alive(stranger)
	for _, conn := range promises {
		_ = conn.Close()
	}
}

// endless is a body of blanks.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// Readers that take nothing cost what may wait for them and no more, and hold up neither the publisher nor those who
// read.
func TestReadersThatDoNotRead(t *testing.T) {
	t.Parallel()
	const (
		readers = 20
		rounds  = 400 // of 64 KiB: 25 MiB, where 2 MiB fill every buffer on the way
	)
	p := run(t)
	var slow []*socket
	for range readers {
		conn := connect(t, p.front)
		must(t, conn.SetReadBuffer(4096))
		c := upgrade(t, conn)
		c.subscribe("pubsub", "flood")
		slow = append(slow, c)
	}
	healthy := p.dial(t)
	healthy.subscribe("pubsub", "flood")
	pad := strings.Repeat("x", 64<<10)
	for i := range rounds {
		p.publish(t, "pubsub_backend", "flood", fmt.Sprint(i, pad))
		healthy.expect(publication(`"flood"`, `"`+fmt.Sprint(i, pad)+`"`))
	}
	p.alive(stranger + readers) // 1 MiB for each
	eventually(t, "the slow readers are cut off", func() bool {
		return strings.Count(p.log.String(), "slow reader cut off") == readers
	})
	for _, c := range slow {
		reset(c.conn)
	}
}

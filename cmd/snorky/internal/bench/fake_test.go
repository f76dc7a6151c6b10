package bench

import (
	"bufio"
	"crypto/sha1"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/snorky-go/snorky/actors/wire"
)

const patience = 30 * time.Second // beyond which something that should happen is taken for never to happen

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fake is a server that does what a test wants, right or wrong.
type fake struct {
	t    *testing.T
	http *httptest.Server

	// deliver returns what is written to a subscriber for the n-th message, counted from 0; nil for the right thing.
	deliver func(n int, to *fakeSubscriber, payload string) string
	// answer returns the whole HTTP answer to the n-th publication, or "" for the right thing.
	answer func(n int, payloads int) string
	// greet returns what a subscriber gets instead of a handshake, or "" for the right thing.
	greet func(n int) string
	// agree returns the answer to a subscription; nil for the right thing.
	agree func() string
	// published is called with each payload, before it is delivered.
	published func(n int, payload string)

	mu          sync.Mutex
	subscribers []*fakeSubscriber
	greeted     int
	requests    int
	messages    int
	heard       []byte // opcodes that subscribers have sent since they subscribed
	hijacked    []net.Conn
	serving     sync.WaitGroup
}

type fakeSubscriber struct {
	id      int
	channel string
	conn    net.Conn
	kept    string // for tests that hold something back
}

func newFake(t *testing.T, secured bool) *fake {
	t.Helper()
	f := &fake{t: t}
	f.http = httptest.NewUnstartedServer(f)
	if secured {
		f.http.StartTLS()
	} else {
		f.http.Start()
	}
	t.Cleanup(f.close)
	return f
}

func (f *fake) close() {
	f.mu.Lock()
	for _, conn := range f.hijacked {
		_ = conn.Close()
	}
	f.mu.Unlock()
	f.serving.Wait()
	f.http.Close()
}

// peer speaks to the fake as to a Snorky server.
func (f *fake) peer(wait time.Duration) *Snorky {
	f.t.Helper()
	o := SnorkyOptions{
		URL: "ws" + strings.TrimPrefix(f.http.URL, "http") + "/ws", Backend: f.http.URL + "/backend", Key: "key",
		Service: "pubsub", BackendService: "pubsub_backend", Wait: wait,
	}
	if f.http.TLS != nil {
		o.TLS = &tls.Config{RootCAs: f.http.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, MinVersion: tls.VersionTLS12}
	}
	peer, err := NewSnorky(o)
	if err != nil {
		f.t.Fatal(err)
	}
	return peer
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/ws" {
		f.subscribe(w, r)
	} else {
		f.publish(w, r)
	}
}

func (f *fake) hijack(w http.ResponseWriter) (net.Conn, *bufio.Reader) {
	conn, rw, err := w.(http.Hijacker).Hijack()
	if err != nil {
		f.t.Error(err)
		return nil, nil
	}
	f.hijacked = append(f.hijacked, conn)
	return conn, rw.Reader
}

func (f *fake) subscribe(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.greeted
	f.greeted++
	conn, br := f.hijack(w)
	if f.greet != nil {
		if text := f.greet(n); text != "" {
			_, _ = io.WriteString(conn, text)
			_ = conn.Close()
			return
		}
	}
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "+
		base64.StdEncoding.EncodeToString(sum[:])+"\r\n\r\n")
	f.serving.Go(func() { f.converse(conn, br) })
}

// converse takes a subscription and whatever comes after it.
func (f *fake) converse(conn net.Conn, br *bufio.Reader) {
	defer func() { _ = conn.Close() }()
	_, request, err := clientFrame(br)
	if err != nil {
		return
	}
	var packet struct {
		Message struct{ Params struct{ Channel string } }
	}
	if err := json.Unmarshal(request, &packet); err != nil {
		f.t.Errorf("%v: %s", err, request)
	}
	f.mu.Lock()
	s := &fakeSubscriber{id: len(f.subscribers), channel: packet.Message.Params.Channel, conn: conn}
	f.subscribers = append(f.subscribers, s)
	answer := frame(wire.OpText, `{"service":"pubsub","message":{"type":"response","callId":1,"data":null}}`)
	if f.agree != nil {
		answer = f.agree()
	}
	_, _ = io.WriteString(conn, answer)
	f.mu.Unlock()
	for {
		opcode, _, err := clientFrame(br)
		if err != nil {
			return
		}
		f.mu.Lock()
		f.heard = append(f.heard, opcode)
		f.mu.Unlock()
	}
}

func (f *fake) publish(w http.ResponseWriter, r *http.Request) {
	var packet struct {
		Message struct {
			Command string
			Params  struct {
				Channel  string
				Message  json.RawMessage
				Messages []json.RawMessage
			}
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&packet); err != nil || r.Header.Get("X-Backend-Key") != "key" {
		f.t.Errorf("a publication: %v, %v", err, r.Header)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	payloads := packet.Message.Params.Messages
	if packet.Message.Command == "publish" {
		payloads = []json.RawMessage{packet.Message.Params.Message}
	}
	for _, payload := range payloads {
		f.toAll(packet.Message.Params.Channel, string(payload))
	}
	n := f.requests
	f.requests++
	if f.answer != nil {
		if text := f.answer(n, len(payloads)); text != "" {
			conn, _ := f.hijack(w)
			_, _ = io.WriteString(conn, strings.TrimPrefix(text, hang))
			if !strings.HasPrefix(text, hang) {
				_ = conn.Close()
			}
			return
		}
	}
	_, _ = io.WriteString(w, goodAnswer(packet.Message.Command, len(payloads)))
}

// hang begins an answer that does not end.
const hang = "hang:"

func goodAnswer(command string, payloads int) string {
	data := "null"
	if command != "publish" {
		data = `{"results":[` + strings.TrimSuffix(strings.Repeat(`{"status":"published"},`, payloads), ",") + `]}`
	}
	return `{"service":"pubsub_backend","message":{"type":"response","callId":1,"data":` + data + `}}`
}

func (f *fake) toAll(channel, payload string) {
	n := f.messages
	f.messages++
	if f.published != nil {
		f.published(n, payload)
	}
	for _, s := range f.subscribers {
		if f.deliver != nil {
			if text := f.deliver(n, s, payload); text != "" {
				_, _ = io.WriteString(s.conn, text)
				continue
			}
		}
		if s.channel == channel {
			_, _ = io.WriteString(s.conn, delivered(payload))
		}
	}
}

// delivered is what a right server writes.
func delivered(payload string) string { return frame(wire.OpText, envelope(payload)) }

func envelope(payload string) string {
	return `{"service":"pubsub","message":{"type":"message","channel":"c","message":` + payload + `}}`
}

// frame is one of a server.
func frame(opcode byte, text string) string {
	return string(append(wire.AppendFrameHeader(nil, opcode, len(text)), text...))
}

// clientFrame reads a frame of a client.
func clientFrame(br *bufio.Reader) (opcode byte, payload []byte, err error) {
	var head [2]byte
	if _, err := io.ReadFull(br, head[:]); err != nil {
		return 0, nil, err
	}
	length := int(head[1] & 127)
	if length == 126 {
		var long [2]byte
		if _, err := io.ReadFull(br, long[:]); err != nil {
			return 0, nil, err
		}
		length = int(long[0])<<8 | int(long[1])
	}
	body := make([]byte, 4+length)
	if _, err := io.ReadFull(br, body); err != nil {
		return 0, nil, err
	}
	for i := range length {
		body[4+i] ^= body[i&3]
	}
	return head[0] & 15, body[4:], nil
}

// work is little of it, which ends by itself when it is done.
func work() Config {
	c := Defaults()
	c.Subscribers, c.Publishers, c.Window, c.Dialers = 3, 1, 4, 1
	c.Messages, c.Duration, c.Warmup = 20, 0, 0
	c.Stall, c.Timeout = patience, patience
	return c
}

// bothReaders runs a test with each way to read.
func bothReaders(t *testing.T, test func(t *testing.T, reader Reader)) {
	t.Helper()
	readers := []Reader{ReaderGoroutines}
	if loopsWork {
		readers = append(readers, ReaderLoop)
	}
	for _, reader := range readers {
		t.Run(reader.String(), func(t *testing.T) {
			t.Parallel()
			test(t, reader)
		})
	}
}

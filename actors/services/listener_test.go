package services_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/services"
	"github.com/snorky-go/snorky/actors/wire"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

// listener is the network end of a client that says something at first, and then takes whatever it is sent.
type listener struct {
	net.Conn
	tb    testing.TB
	says  io.Reader
	ended chan struct{}
	once  sync.Once

	mu      sync.Mutex
	rest    []byte
	heard   []string // contents; nil if only their number matters
	number  int
	awaited int           // the number at which there closes
	there   chan struct{} // nil: nobody waits
}

func newListener(tb testing.TB, keep bool, says ...string) *listener {
	tb.Helper()
	l := &listener{tb: tb, says: strings.NewReader(strings.Join(says, "\n") + "\n"), ended: make(chan struct{})}
	if keep {
		l.heard = []string{}
	}
	return l
}

func (l *listener) Read(b []byte) (int, error) {
	if n, err := l.says.Read(b); err == nil {
		return n, nil
	}
	<-l.ended
	return 0, io.EOF
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.ended) })
	return nil
}

// Write counts frames, of which b may hold parts.
func (l *listener) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, b...)
	frames := l.rest
	for {
		n, whole := wire.FrameLen(frames)
		if !whole || n > len(frames) {
			break
		}
		l.number++
		if l.heard != nil {
			l.keep(frames[:n])
		}
		frames = frames[n:]
	}
	l.rest = append(l.rest[:0], frames...)
	if l.there != nil && l.number >= l.awaited {
		close(l.there)
		l.there = nil
	}
	return len(b), nil
}

func (l *listener) keep(frame []byte) {
	if packet, err := wire.DecodePacket(frame[max(0, bytes.IndexByte(frame, '{')):]); err == nil { // else it closes
		l.heard = append(l.heard, string(packet.Message))
	}
}

func (l *listener) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.number
}

// wait returns when the listener has got so many frames.
func (l *listener) wait(frames int) {
	l.tb.Helper()
	l.mu.Lock()
	if l.number >= frames {
		l.mu.Unlock()
		return
	}
	there := make(chan struct{})
	l.awaited, l.there = frames, there
	l.mu.Unlock()
	select {
	case <-there:
	case <-time.After(patience):
		l.tb.Fatalf("%d frames arrived, not %d", l.count(), frames)
	}
}

// messages are what the listener has heard, without answers.
func (l *listener) messages() (all []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, content := range l.heard {
		if strings.HasPrefix(content, `{"type":"message"`) {
			all = append(all, content)
		}
	}
	return all
}

// login lets a listener say who it is.
type login struct{}

func (login) Commands() actors.Commands {
	return actors.Commands{"as": actors.Command(func(c *actors.Call, p struct {
		Name json.RawMessage `json:"name"`
	},
	) (any, error) {
		c.SetIdentity(p.Name)
		return nil, nil
	})}
}

// textLines is a Door for texts that end with a newline.
type textLines struct{}

func (textLines) Parse(_ *actors.ParseState, data []byte, sink actors.Sink) ([]byte, error) {
	for {
		line, rest, found := bytes.Cut(data, []byte("\n"))
		if !found {
			return data, nil
		}
		if data = rest; !sink.Message(line) {
			return data, nil
		}
	}
}

func (textLines) Closed(netip.AddrPort, wire.CloseCode) {}

// audience is a broker with a PubSub, its backend, and listeners.
type audience struct {
	tb        testing.TB
	broker    *actors.Broker
	listeners []*listener
}

func newAudience(tb testing.TB, o actors.Options) *audience {
	tb.Helper()
	o.Portable, o.PingInterval = true, -1
	b, err := actors.NewBroker(o)
	if err != nil {
		tb.Fatal(err)
	}
	p := services.NewPubSub(services.Nobody)
	if err := b.Frontend().Register("p", p); err != nil {
		tb.Fatal(err)
	}
	if err := b.Backend().Register("b", services.NewPubSubBackend(p)); err != nil {
		tb.Fatal(err)
	}
	return &audience{tb: tb, broker: b}
}

// listen adds a listener to channels, whose answers it has got.
func (a *audience) listen(keep bool, channels ...string) *listener {
	a.tb.Helper()
	var requests []string
	for _, c := range channels {
		requests = append(requests, `{"service":"p","message":{"command":"subscribe","params":{"channel":`+c+`}}}`)
	}
	l := newListener(a.tb, keep, requests...)
	if err := a.broker.Attach(actors.Attachment{Conn: l, Door: textLines{}}); err != nil {
		a.tb.Fatal(err)
	}
	a.listeners = append(a.listeners, l)
	l.wait(len(channels))
	return l
}

// call makes a call of the backend and returns the content of the answer.
func (a *audience) call(command, params string) string {
	answer, err := a.broker.Call(context.Background(), "b", request(command, params))
	if err != nil {
		a.tb.Error(err)
	}
	return string(answer)
}

func request(command, params string) []byte {
	return []byte(`{"command":"` + command + `","params":` + params + `}`)
}

// empty returns when nobody listens any more.
func (a *audience) empty() {
	a.tb.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for deadline := time.After(patience); a.broker.Stats().Channels > 0; {
		select {
		case <-ticker.C:
		case <-deadline:
			a.tb.Fatal("somebody still listens")
		}
	}
}

func (a *audience) end() {
	a.tb.Helper()
	for _, l := range a.listeners {
		_ = l.Close()
	}
	if err := a.broker.Shutdown(context.Background(), 0); err != nil {
		a.tb.Error(err)
	}
}

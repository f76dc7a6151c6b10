package datasync_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/services/datasync"
	"github.com/snorky-go/snorky/actors/wire"
)

// stage is a broker with a DataSync, for tests in which much happens at once.
type stage struct {
	tb       testing.TB
	broker   *actors.Broker
	service  *datasync.DataSync
	mu       sync.Mutex
	visitors []*visitor
}

func newStage(tb testing.TB, o datasync.Options, dealers ...datasync.Dealer) *stage {
	tb.Helper()
	b, err := actors.NewBroker(actors.Options{Loops: 2, Portable: true, PingInterval: -1, MaxQueuedBytes: 1 << 30})
	if err != nil {
		tb.Fatal(err)
	}
	service := datasync.New(o, dealers...)
	if err := b.Frontend().Register("sync", service); err != nil {
		tb.Fatal(err)
	}
	if err := b.Backend().Register("back", datasync.NewBackend(service)); err != nil {
		tb.Fatal(err)
	}
	return &stage{tb: tb, broker: b, service: service}
}

func (s *stage) end() {
	for _, v := range s.visitors {
		_ = v.Close()
	}
	if err := s.broker.Shutdown(s.tb.Context(), 0); err != nil {
		s.tb.Error(err)
	}
}

// answer is that to a request.
type answer struct {
	Type    string
	Data    json.RawMessage
	Message string
}

// call makes a call of the backend. An error of the service is one here.
func (s *stage) call(command, params string) (string, error) {
	content, err := s.broker.Call(s.tb.Context(), "back", fmt.Appendf(nil, `{"command":%q,"params":%s}`, command, params))
	if err != nil {
		return "", err
	}
	var a answer
	if err := json.Unmarshal(content, &a); err != nil {
		return "", err
	}
	if a.Type == "error" {
		return "", errors.New(a.Message)
	}
	return string(a.Data), nil
}

// authorize returns a token, as JSON.
func (s *stage) authorize(items ...string) string {
	token, err := s.call("authorizeSubscription", `{"items":[`+strings.Join(items, ",")+`]}`)
	if err != nil {
		s.tb.Errorf("authorizing %s: %v", items, err)
	}
	return token
}

func (s *stage) publish(deltas ...string) {
	if _, err := s.call("publishDeltas", `{"deltas":[`+strings.Join(deltas, ",")+`]}`); err != nil {
		s.tb.Errorf("publishing: %v", err)
	}
}

// visitor is the network end of a client that reads whatever it is sent.
type visitor struct {
	net.Conn
	says  chan string
	ended chan struct{}
	once  sync.Once

	mu      sync.Mutex
	rest    []byte
	keeps   bool
	heard   []string // contents
	number  int      // of frames
	changed chan struct{}
}

// visit makes a client. One that does not keep what it hears counts it only.
func (s *stage) visit(keeps bool) *visitor {
	v := &visitor{says: make(chan string, 16), ended: make(chan struct{}), keeps: keeps, changed: make(chan struct{})}
	if err := s.broker.Attach(actors.Attachment{Conn: v, Door: texts{}}); err != nil {
		s.tb.Error(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.visitors = append(s.visitors, v)
	return v
}

func (v *visitor) Read(b []byte) (int, error) {
	select {
	case said := <-v.says:
		return copy(b, said+"\n"), nil
	case <-v.ended:
		return 0, io.EOF
	}
}

func (v *visitor) Close() error {
	v.once.Do(func() { close(v.ended) })
	return nil
}

func (v *visitor) Write(b []byte) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.rest = append(v.rest, b...)
	frames := v.rest
	for {
		n, whole := wire.FrameLen(frames)
		if !whole {
			break
		}
		if packet, err := wire.DecodePacket(frames[max(0, bytes.IndexByte(frames[:n], '{')):n]); v.keeps && err == nil {
			v.heard = append(v.heard, string(packet.Message))
		}
		v.number++
		frames = frames[n:]
	}
	v.rest = append(v.rest[:0], frames...)
	close(v.changed)
	v.changed = make(chan struct{})
	return len(b), nil
}

// await returns when the visitor has heard what is looked for.
func (v *visitor) await(is func(number int, heard []string) bool) {
	for {
		v.mu.Lock()
		there, changed := is(v.number, v.heard), v.changed
		v.mu.Unlock()
		if there {
			return
		}
		select {
		case <-changed:
		case <-v.ended:
			return
		}
	}
}

// call makes a request and returns the answer.
func (v *visitor) call(command, token string) (got answer) {
	v.mu.Lock()
	id := fmt.Sprintf(`"callId":%d`, len(v.heard)+1000)
	v.mu.Unlock()
	v.says <- `{"service":"sync","message":{"command":"` + command + `","params":{"token":` + token + `},` + id + `}}`
	v.await(func(_ int, heard []string) bool {
		i := slices.IndexFunc(heard, func(content string) bool { return strings.Contains(content, id) })
		if i >= 0 {
			_ = json.Unmarshal([]byte(heard[i]), &got)
		}
		return i >= 0
	})
	return got
}

func (v *visitor) transcript() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.heard)
}

// texts is a Door for texts that end with a newline.
type texts struct{}

func (texts) Parse(_ *actors.ParseState, data []byte, sink actors.Sink) ([]byte, error) {
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

func (texts) Closed(netip.AddrPort, wire.CloseCode) {}

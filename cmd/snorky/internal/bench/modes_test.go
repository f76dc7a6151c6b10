package bench

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/snorky-go/snorky/actors/wire"
)

func itoa(n int) string { return strconv.Itoa(n) }

func inOrder(p *Percentiles) bool {
	return p != nil && 0 <= p.P50 && p.P50 <= p.P90 && p.P90 <= p.P99 && p.P99 <= p.P999 && p.P999 <= p.Max
}

func TestLatency(t *testing.T) {
	t.Parallel()
	bothReaders(t, func(t *testing.T, reader Reader) {
		f := newFake(t, false)
		config := work()
		config.Reader, config.Rate, config.Duration, config.Warmup = reader, 500, 100*time.Millisecond, 20*time.Millisecond
		result, err := Latency(t.Context(), f.peer(patience), config, nil)
		if err != nil {
			t.Fatal(err)
		}
		if result.Messages != 50 || result.Latency == nil || result.Latency.Count != 150 || result.Lag.Count != 50 {
			t.Errorf("%+v", result)
		}
		if !inOrder(result.Latency) || !inOrder(result.Lag) || result.Faults.Total() != 0 {
			t.Errorf("%+v, %+v, %+v", result.Latency, result.Lag, result.Faults)
		}
	})
}

// TestWhatHadToWaitIsDueAllTheSame has the server stop for a while. What would have been published meanwhile carries the
// time at which it was due, and not the one at which it could be sent.
func TestWhatHadToWaitIsDueAllTheSame(t *testing.T) {
	t.Parallel()
	var due []int64
	f := newFake(t, false)
	f.published = func(n int, payload string) {
		var p struct {
			TS int64 `json:"ts"`
		}
		if err := json.Unmarshal([]byte(payload), &p); err != nil {
			t.Error(err)
		}
		due = append(due, p.TS)
		if n == 3 {
			<-time.After(100 * time.Millisecond)
		}
	}
	config := work()
	config.Rate, config.Duration = 100, 200*time.Millisecond
	result, err := Latency(t.Context(), f.peer(patience), config, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, at := range due {
		if off := at - due[0] - int64(i)*10_000; off < -1 || off > 1 {
			t.Errorf("message %d is due %d µs off", i, off)
		}
	}
	if len(due) != 20 || result.Latency.Max < 50 {
		t.Errorf("%d messages, %+v", len(due), result.Latency)
	}
}

func TestLatencyBeside(t *testing.T) {
	t.Parallel()
	f := newFake(t, false)
	config := work()
	config.Rate, config.Duration, config.Beside, config.Warmup = 100, 100*time.Millisecond, 2, 10*time.Millisecond
	result, err := Latency(t.Context(), f.peer(patience), config, nil)
	if err != nil {
		t.Fatal(err)
	}
	if result.Messages != 10 || result.Deliveries != 30 || result.Latency.Count != 30 || result.Beside.Subscribers != 2 ||
		result.Beside.Deliveries == 0 || result.Faults.Total() != 0 {
		t.Errorf("%+v, %+v", result, result.Beside)
	}
}

func TestFaultsOfTheBusyChannelCount(t *testing.T) {
	t.Parallel()
	f := newFake(t, false)
	f.deliver = func(n int, to *fakeSubscriber, payload string) string {
		if n == 5 && to.id == 3 { // the first that is not on the quiet channel
			return delivered(payload) + frame(wire.OpClose, "")
		}
		return ""
	}
	config := work()
	config.Rate, config.Duration, config.Beside = 100, 100*time.Millisecond, 1
	result, err := Latency(t.Context(), f.peer(patience), config, nil)
	if err != nil {
		t.Fatal(err)
	}
	if result.Faults.Disconnected != 1 {
		t.Errorf("%+v", result.Faults)
	}
}

func TestIdle(t *testing.T) {
	t.Parallel()
	bothReaders(t, func(t *testing.T, reader Reader) {
		f := newFake(t, false)
		config := work()
		config.Reader, config.Subscribers, config.Channels = reader, 5, 2
		config.Settle, config.Hold = 10*time.Millisecond, time.Millisecond
		if metersWork {
			config.ServerPIDs = []int{os.Getpid()}
		}
		result, err := Idle(t.Context(), f.peer(patience), config, nil)
		if err != nil {
			t.Fatal(err)
		}
		if result.Messages != 2 || result.Deliveries != 5 || result.Faults.Total() != 0 || result.ConnectsPerSecond <= 0 {
			t.Errorf("%+v", result)
		}
		if m := result.Memory; metersWork && (m.ServerAfter < 1<<20 || m.ServerPeak < m.ServerAfter || math.IsNaN(m.PerConnection)) {
			t.Errorf("%+v", m)
		}
	})
}

func TestIdleFindsTheDead(t *testing.T) {
	t.Parallel()
	f := newFake(t, false)
	f.deliver = func(_ int, to *fakeSubscriber, _ string) string {
		if to.id == 2 {
			return "\x8a\x00"
		}
		return ""
	}
	config := work()
	config.Stall = time.Second
	result, err := Idle(t.Context(), f.peer(patience), config, nil)
	if err != nil {
		t.Fatal(err)
	}
	if result.Faults.Missing != 1 {
		t.Errorf("%+v", result.Faults)
	}
}

func TestChurn(t *testing.T) {
	t.Parallel()
	f := newFake(t, false)
	config := work()
	config.Duration, config.Warmup = 100*time.Millisecond, 10*time.Millisecond
	result, err := Churn(t.Context(), f.peer(patience), config, nil)
	if err != nil {
		t.Fatal(err)
	}
	if result.Cycles == 0 || result.Cycle.Count != result.Cycles || !inOrder(result.Cycle) || result.Faults.Total() != 0 {
		t.Errorf("%+v, %+v", result, result.Cycle)
	}
}

func TestChurnCountsCyclesThatFail(t *testing.T) {
	t.Parallel()
	for name, greeting := range map[string]string{
		"a refusal":   "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
		"no greeting": "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, false)
			f.greet = func(n int) string {
				if n == 4 {
					return greeting
				}
				return ""
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var once atomic.Bool
			config := work()
			config.Duration = time.Hour
			result, err := Churn(ctx, f.peer(patience), config, func(p Progress) {
				if p.Cycles > 10 && once.CompareAndSwap(false, true) {
					cancel()
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			if result.Faults.Refused != 1 || result.Cycles <= 10 || !result.Interrupted {
				t.Errorf("%+v", result)
			}
		})
	}
}

func TestChurnGivesUpOnAServerThatIsAway(t *testing.T) {
	t.Parallel()
	f := newFake(t, false)
	f.greet = func(n int) string {
		if n > 20 {
			return "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
		}
		return ""
	}
	config := work()
	config.Duration, config.Stall = time.Hour, time.Second
	result, err := Churn(t.Context(), f.peer(patience), config, nil)
	if err != nil {
		t.Fatal(err)
	}
	if result.Faults.Refused == 0 || !strings.Contains(result.Faults.First, "status 503") {
		t.Errorf("%+v", result.Faults)
	}
}

func TestNothingToMeasure(t *testing.T) {
	t.Parallel()
	type check func(err error) bool
	setup := func(publisher bool, inside check) check {
		return func(err error) bool {
			var failed *SetupError
			return errors.As(err, &failed) && failed.Publisher == publisher && inside(failed.Err)
		}
	}
	for _, c := range []struct {
		name  string
		adapt func(f *fake, o *SnorkyOptions)
		right check
	}{
		{"the handshake is refused", func(f *fake, _ *SnorkyOptions) {
			f.greet = func(int) string { return "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n" }
		}, setup(false, func(err error) bool {
			var refused *HandshakeError
			return errors.As(err, &refused) && refused.Status == http.StatusForbidden
		})},
		{"the handshake is not one", func(f *fake, _ *SnorkyOptions) {
			f.greet = func(int) string {
				return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n"
			}
		}, setup(false, func(err error) bool { return strings.Contains(err.Error(), "not one of a WebSocket server") })},
		{"the subscription is refused", func(f *fake, _ *SnorkyOptions) {
			f.agree = func() string {
				return frame(wire.OpText, `{"message":{"type":"error","callId":1,"message":"No"}}`)
			}
		}, setup(false, func(err error) bool {
			var refused *RefusedError
			return errors.As(err, &refused) && refused.Text == "No"
		})},
		{"the subscription ends the connection", func(f *fake, _ *SnorkyOptions) {
			f.agree = func() string { return frame(wire.OpPing, "") + frame(wire.OpClose, "\x10\x69go") }
		}, setup(false, func(err error) bool {
			var closed *wire.CloseError
			return errors.As(err, &closed) && closed.Code == 4201
		})},
		{
			"nobody publishes there", func(_ *fake, o *SnorkyOptions) { o.Backend = "http://127.0.0.1:1/backend" },
			setup(true, func(error) bool { return true }),
		},
		{
			"nobody is there", func(_ *fake, o *SnorkyOptions) { o.URL = "ws://127.0.0.1:1/ws" },
			setup(false, func(error) bool { return true }),
		},
		{
			"there is no such host", func(_ *fake, o *SnorkyOptions) { o.URL = "ws://localhost:1/ws" },
			setup(false, func(error) bool { return true }),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, false)
			peer := f.peer(patience)
			o := peer.options
			c.adapt(f, &o)
			peer, err := NewSnorky(o)
			if err != nil {
				t.Fatal(err)
			}
			for mode, run := range map[string]func(context.Context, Peer, Config, Report) (*Result, error){
				"fanout": Fanout, "latency": Latency, "idle": Idle, "churn": Churn,
			} {
				config := work()
				config.Duration = time.Millisecond
				if _, err := run(t.Context(), peer, config, nil); !c.right(err) && (mode != "churn" || c.name != "nobody publishes there") {
					t.Errorf("%s: %v", mode, err)
				}
			}
		})
	}
}

func TestNothingBeginsWhenThereIsNoTime(t *testing.T) {
	t.Parallel()
	f := newFake(t, false)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, run := range []func(context.Context, Peer, Config, Report) (*Result, error){Fanout, Latency, Idle, Churn} {
		if _, err := run(ctx, f.peer(patience), work(), nil); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	}
}

func TestProgressIsTold(t *testing.T) {
	t.Parallel()
	f := newFake(t, false)
	told := make(chan Progress, 1000)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	config := work()
	config.Messages, config.Duration = 0, time.Hour
	_, err := Fanout(ctx, f.peer(patience), config, func(p Progress) {
		told <- p
		if p.PerSecond > 0 {
			cancel()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	close(told)
	var last Progress
	for p := range told {
		last = p
	}
	if last.Phase != PhaseMeasuring || last.Connected != 3 || last.Deliveries == 0 || last.Elapsed <= 0 || last.Faults != 0 {
		t.Errorf("%+v", last)
	}
}

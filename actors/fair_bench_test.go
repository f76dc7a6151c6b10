package actors

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// costly is a socket that takes as long as a real one on a loopback connection, see BenchmarkSocketWrite.
type costly struct {
	nowhere
	total *atomic.Int64 // frames of all of them, by their bytes
}

const (
	costOfWrite = 2500 * time.Nanosecond
	costOfKiB   = 120 * time.Nanosecond
)

func (s *costly) writeOne(b []byte) (int, error) {
	for start, d := time.Now(), costOfWrite+costOfKiB*time.Duration(len(b))/1024; time.Since(start) < d; {
		continue
	}
	s.total.Add(int64(len(b)))
	return len(b), nil
}

func (s *costly) write(buffers [][]byte) (int, error) {
	for _, b := range buffers {
		_, _ = s.writeOne(b) // takes all
	}
	return length(buffers), nil
}

// stopwatch is a socket that notes how long publications took.
type stopwatch struct {
	nowhere
	frame     int                       // its length in bytes
	published []atomic.Pointer[instant] // each at its time
	heard     int                       // publications
	took      []time.Duration
	tookAll   []time.Duration
	done      chan struct{} // closed after the last
}

// instant is when a publication was due and when it began.
type instant struct{ due, began time.Time }

func (s *stopwatch) writeOne(b []byte) (int, error) {
	now := time.Now()
	for range len(b) / s.frame {
		i := s.published[s.heard].Load()
		s.took = append(s.took, now.Sub(i.began))
		s.tookAll = append(s.tookAll, now.Sub(i.due))
		if s.heard++; s.heard == len(s.published) {
			close(s.done)
		}
	}
	return len(b), nil
}

func (s *stopwatch) write(buffers [][]byte) (int, error) {
	for _, b := range buffers {
		_, _ = s.writeOne(b) // takes all
	}
	return length(buffers), nil
}

// How long a publication to a quiet channel of 10 subscribers takes to the last of them, one each 10 ms: alone, beside a
// channel of many subscribers that four publishers publish to as fast as they are let, and beside many channels of one
// subscriber. Milliseconds from the begin of the call; with "due" from when it was due, which includes that the publisher
// of this process had to wait for a processor.
//
// It wants to run for some seconds: -benchtime 500x.
func BenchmarkQuietBesideBusy(b *testing.B) {
	for _, beside := range []struct{ channels, subscribers int }{{0, 0}, {1, 20_000}, {20, 1000}, {1000, 20}, {100_000, 1}} {
		b.Run(fmt.Sprintf("channels=%d/subscribers=%d", beside.channels, beside.subscribers), func(b *testing.B) {
			c := newLoopCrowd(b, Options{Loops: 1})
			l := c.broker.loops[0]
			quiet := json.RawMessage(`"quiet"`)
			last := &stopwatch{published: make([]atomic.Pointer[instant], b.N), done: make(chan struct{})}
			for i := range 10 {
				var s socket = &nowhere{}
				if i == 9 {
					s = last
				}
				c.subscribe(c.attach(l, s), quiet)
			}
			message := []byte(`{"text":"` + strings.Repeat("x", 100) + `"}`)
			last.frame = len(c.service().frame(message))
			total := new(atomic.Int64)
			for i := range beside.channels {
				name := json.RawMessage(strconv.Itoa(i))
				for range beside.subscribers {
					c.subscribe(c.attach(l, &costly{total: total}), name)
				}
			}
			c.await(10 + beside.channels*beside.subscribers)
			stop := c.keepBusy(beside.channels)
			b.ResetTimer()
			before := total.Load()
			c.publishOnSchedule(quiet, message, last)
			<-last.done
			b.StopTimer()
			if beside.channels > 0 {
				b.ReportMetric(float64(total.Load()-before)/float64(last.frame)/b.Elapsed().Seconds(), "busy-deliveries/s")
			}
			stop()
			report(b, "", last.took)
			report(b, "due-", last.tookAll)
		})
	}
}

// publishOnSchedule publishes to a channel every 10 ms what the stopwatch expects.
func (c *crowd) publishOnSchedule(channel json.RawMessage, message []byte, s *stopwatch) {
	const interval = 10 * time.Millisecond
	timer := time.NewTimer(interval)
	defer timer.Stop()
	start := time.Now()
	for i := range s.published {
		now := &instant{due: start.Add(time.Duration(i+1) * interval)}
		timer.Reset(time.Until(now.due))
		<-timer.C
		now.began = time.Now()
		s.published[i].Store(now)
		if err := c.board.channels.Publish(nil, channel, message); err != nil {
			c.tb.Fatal(err)
		}
	}
}

// keepBusy has four publishers publish to so many channels in turn, until the function that it returns is called.
func (c *crowd) keepBusy(channels int) (stop func()) {
	stopping := new(atomic.Bool)
	var publishers sync.WaitGroup
	for i := range min(4, channels) {
		publishers.Go(func() {
			for n := i; !stopping.Load(); n += 4 {
				call := `{"command":"publish","params":{"channel":` + strconv.Itoa(n%channels) + `,"message":{"text":"` +
					strings.Repeat("x", 100) + `"}},"callId":1}`
				if _, err := c.broker.Call(c.tb.Context(), "board_backend", []byte(call)); err != nil {
					c.tb.Error(err)
					return
				}
			}
		})
	}
	return func() {
		stopping.Store(true)
		publishers.Wait()
	}
}

// report reports percentiles in milliseconds.
func report(b *testing.B, prefix string, took []time.Duration) {
	b.Helper()
	slices.SortFunc(took, cmp.Compare[time.Duration])
	at := func(share float64) float64 {
		return took[min(len(took)-1, int(share*float64(len(took))))].Seconds() * 1000
	}
	b.ReportMetric(at(0.5), prefix+"p50-ms")
	b.ReportMetric(at(0.99), prefix+"p99-ms")
	b.ReportMetric(at(1), prefix+"max-ms")
}

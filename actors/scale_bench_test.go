package actors

import (
	"context"
	"encoding/json"
	"net/netip"
	"runtime"
	"strconv"
	"testing"
)

// multitude is how many connections the benchmarks of this file have; their sockets are not real, since a process has
// fewer descriptors.
const multitude = 100_000

// seat is a connection with a socket in one allocation, as those of a loop are. The socket takes as much room as a
// real one.
type seat struct {
	connection
	socket struct {
		nowhere
		_ [8]byte
	}
}

// heapBytes is what is allocated after everything else has been collected, in bytes.
func heapBytes() float64 {
	var m runtime.MemStats
	for range 2 { // what has a finalizer goes with the second
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// seats attaches so many connections. Unlike attach it does not wait for each of them.
func (c *crowd) seats(size int) []*connection {
	conns := make([]*connection, size)
	for i := range conns {
		s := new(seat)
		conns[i] = &s.connection
		conns[i].init(c.broker.loops[0], &s.socket, noDoor{}, netip.AddrPort{})
		c.broker.attached.Add(1)
		c.broker.connections.Add(1)
	}
	l := c.broker.loops[0]
	c.on(l, func() {
		for _, conn := range conns {
			l.connections.spawn(conn)
		}
	})
	c.settleLoop(l)
	return conns
}

// One channel of 100,000 subscribers: heap for each connection and for each subscription, and a publication to all of
// them, without their sockets.
func BenchmarkScaleOneChannel(b *testing.B) {
	benchmarkScale(b, func(int) json.RawMessage { return channelName }, "B/subscription")
}

// 100,000 channels of one subscriber each: heap for each connection and for each channel with its subscription, and a
// publication to one channel after the other.
func BenchmarkScaleManyChannels(b *testing.B) {
	benchmarkScale(b, func(i int) json.RawMessage { return json.RawMessage(strconv.Itoa(i)) }, "B/channel")
}

func benchmarkScale(b *testing.B, name func(i int) json.RawMessage, unit string) {
	c := newLoopCrowd(b, Options{Loops: 1})
	first := heapBytes()
	conns := c.seats(multitude)
	second := heapBytes()
	for i, conn := range conns {
		c.subscribe(conn, name(i))
	}
	c.await(multitude)
	c.settleAll()
	third := heapBytes()
	one := c.broker.Stats().Channels == 1
	calls := make([][]byte, min(multitude, 1024))
	for i := range calls {
		calls[i] = []byte(`{"command":"publish","params":{"channel":` + string(name(i*multitude/len(calls))) + `,"message":1},"callId":1}`)
	}
	b.ReportAllocs()
	deliveries, i := 0, 0
	for b.Loop() {
		if _, err := c.broker.Call(context.Background(), "board_backend", calls[i%len(calls)]); err != nil {
			b.Fatal(err)
		}
		if i++; one {
			c.delivered()
			deliveries += multitude
		} else {
			deliveries++
		}
	}
	c.delivered()
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(deliveries), "ns/delivery")
	b.ReportMetric((second-first)/multitude, "B/connection")
	b.ReportMetric((third-second)/multitude, unit)
	runtime.KeepAlive(conns)
}

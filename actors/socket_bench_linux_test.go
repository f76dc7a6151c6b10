package actors

import (
	"fmt"
	"net"
	"testing"

	"golang.org/x/sys/unix"
)

// line is a connection of a loop and the other end of it, which Go's poller knows nothing of: whoever is written to
// costs no wake-up.
type line struct {
	conn *connection
	far  int // descriptor
}

// newLines connects so many of them to the only loop of a broker.
func newLines(tb testing.TB, broker *Broker, size int) (lines []line) {
	tb.Helper()
	listener, err := net.ListenTCP("tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	address := &unix.SockaddrInet4{Port: listener.Addr().(*net.TCPAddr).Port, Addr: [4]byte{127, 0, 0, 1}}
	for range size {
		far, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() { _ = unix.Close(far) })
		if err := unix.Connect(far, address); err != nil {
			tb.Fatal(err)
		}
		near, err := listener.Accept()
		if err != nil {
			tb.Fatal(err)
		}
		if err := broker.Attach(Attachment{Conn: near, Door: plainDoor{}}); err != nil {
			tb.Fatal(err)
		}
		lines = append(lines, line{far: far})
	}
	l := broker.loops[0]
	for ready := false; !ready; {
		onLoop(l, func() {
			if ready = len(l.conns) == size; ready {
				for i, conn := range l.conns {
					lines[i].conn = conn
				}
			}
		})
	}
	return lines
}

// drain takes what has arrived, without looking at it.
func (n *line) drain(tb testing.TB, buffer []byte) (bytes int) {
	for {
		got, _, err := unix.Recvfrom(n.far, buffer, unix.MSG_DONTWAIT|unix.MSG_TRUNC) // TRUNC: throw it away
		switch {
		case err == unix.EAGAIN || got == 0:
			return bytes
		case err != nil:
			tb.Fatal(err)
		}
		bytes += got
	}
}

// A delivery to a real socket on a loop: one system call, with all that the kernel does for it, which on a loopback
// connection includes the receiver's side. Nobody waits at the other end.
func BenchmarkSocketWrite(b *testing.B) {
	for _, size := range []int{128, 4 << 10, 64 << 10} {
		b.Run(fmt.Sprintf("bytes=%d", size), func(b *testing.B) {
			broker := newBareBroker(b, Options{Loops: 1})
			lines := newLines(b, broker, 64)
			frame, buffer := make([]byte, size), make([]byte, 1<<20)
			rounds := max(1, 32<<10/size) // what a receiver takes without reading
			chunk := rounds * len(lines)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for n := 0; n < b.N; n += chunk {
				writes := min(chunk, b.N-n)
				onLoop(broker.loops[0], func() {
					for i := range writes {
						lines[i%len(lines)].conn.deliver(frame)
					}
				})
				b.StopTimer()
				bytes := 0
				for bytes < writes*size {
					for i := range lines {
						bytes += lines[i].drain(b, buffer)
					}
				}
				b.StartTimer()
			}
		})
	}
}

// BenchmarkWakeLoop: both are of waiting for an epoll by way of Go's poller.
func TestAllocationsOfWaking(t *testing.T) {
	l := newBareBroker(t, Options{Loops: 1}).loops[0]
	expectAllocations(t, 2+raceAllocations(1), (&crowd{broker: &Broker{loops: []*loop{l}}}).runner(func() {}))
}

package actors_test

import (
	"net"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/snorky-go/snorky/actors"
)

// The send buffer is that of connections which come after the change, on both kinds of sockets.
func TestSendBufferChanges(t *testing.T) {
	for _, way := range []string{"loop", "portable"} {
		s := newServer(t, way, actors.Options{SendBuffer: 16 << 10})
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		buffer := func() (size int) {
			here, err := net.Dial("tcp", listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			s.ends = append(s.ends, here)
			there, err := listener.Accept()
			if err != nil {
				t.Fatal(err)
			}
			same, err := there.(*net.TCPConn).File()
			if err != nil {
				t.Fatal(err)
			}
			defer same.Close()
			s.attach(there)
			if size, err = unix.GetsockoptInt(int(same.Fd()), unix.SOL_SOCKET, unix.SO_SNDBUF); err != nil {
				t.Fatal(err)
			}
			return size
		}
		before := buffer()
		s.broker.SetOptions(actors.Options{SendBuffer: 64 << 10})
		if after := buffer(); after != 4*before {
			t.Errorf("%s: %d bytes, then %d", way, before, after)
		}
		_ = listener.Close()
		s.shutdown()
	}
}

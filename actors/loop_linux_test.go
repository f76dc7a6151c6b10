package actors

import (
	"errors"
	"net"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// A wake that comes after the end of a loop must not write to whatever has the number of its descriptor by then.
func TestLateWakeWritesNowhere(t *testing.T) {
	p, err := newPoller(nil, false)
	if err != nil {
		t.Fatal(err)
	}
	e, ok := p.(*epoll)
	if !ok {
		t.Fatalf("%T", p)
	}
	e.close()
	other, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(other) }()
	if err := unix.Dup3(other, e.eventFD, unix.O_CLOEXEC); other != e.eventFD && err != nil {
		t.Fatal(err)
	}
	e.wake()
	var count [8]byte
	if n, err := unix.Read(other, count[:]); !errors.Is(err, unix.EAGAIN) {
		t.Errorf("something was written: %d, %v", n, err)
	}
	if other != e.eventFD {
		_ = unix.Close(e.eventFD)
	}
}

// Descriptors come back, whatever became of the connections.
func TestDescriptorsComeBack(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	round := func() {
		b, err := NewBroker(Options{Loops: 2})
		if err != nil {
			t.Fatal(err)
		}
		for i := range 30 {
			here, err := net.Dial("tcp", listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			there, err := listener.Accept()
			if err != nil {
				t.Fatal(err)
			}
			if err := b.Attach(Attachment{Conn: there, Door: noDoor{}}); err != nil {
				t.Fatal(err)
			}
			if tcp, ok := here.(*net.TCPConn); ok && i%2 == 0 {
				_ = tcp.SetLinger(0) // ends by RST
			}
			_ = here.Close()
		}
		if err := b.Shutdown(t.Context(), 0); err != nil {
			t.Error(err)
		}
	}
	round() // what the runtime opens once
	before := descriptors(t)
	for range 3 {
		round()
	}
	until(t, "the descriptors of before", func() bool { return descriptors(t) <= before })
}

func descriptors(t *testing.T) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}

// A socket that cannot be taken over stays its owner's.
func TestTakingOverWhatIsClosed(t *testing.T) {
	b, err := NewBroker(Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.Shutdown(t.Context(), 0); err != nil {
			t.Error(err)
		}
	}()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = listener.Close()
	for _, c := range []net.Conn{&net.TCPConn{}, closedConn(t)} {
		if err := b.Attach(Attachment{Conn: c, Door: noDoor{}}); err == nil {
			t.Errorf("%v was taken", c)
		}
	}
	if got := b.Stats(); got != (Stats{}) {
		t.Errorf("left behind: %+v", got)
	}
}

func closedConn(t *testing.T) net.Conn {
	listener, err := net.Listen("unix", t.TempDir()+"/socket")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	here, err := net.Dial("unix", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = here.Close()
	return here
}

package bench

import (
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const loopsWork = true

// loop reads all subscribers of a flow in one goroutine, by epoll. They are bare descriptors: a goroutine with its buffer
// for each would make the client dearer than the server.
type loop struct {
	flow     *flow
	fd       int
	batch    *batch
	buffer   []byte
	slowing  chan chan struct{} // asks for dropSlow; closing the answer tells that it is done
	stopping atomic.Bool
	stopped  chan struct{}
}

func newLoop(f *flow) (reader, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	return &loop{
		flow: f, fd: fd, batch: f.newBatch(), buffer: make([]byte, 256<<10),
		slowing: make(chan chan struct{}, 1), stopped: make(chan struct{}),
	}, nil
}

func (l *loop) start() error {
	for i, s := range l.flow.subscribers {
		event := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}
		if err := unix.EpollCtl(l.fd, unix.EPOLL_CTL_ADD, s.socket.(*fdSocket).fd, &event); err != nil {
			close(l.stopped)
			return os.NewSyscallError("epoll_ctl", err)
		}
	}
	go l.run()
	return nil
}

func (l *loop) run() {
	defer close(l.stopped)
	const mostWait = 50 // ms; how long stop may take
	for _, s := range l.flow.subscribers {
		if err := l.flow.begin(s, l.batch); err != nil {
			l.lose(s, err)
		}
	}
	l.flow.booked(l.batch)
	events := make([]unix.EpollEvent, 1024)
	timer := time.NewTimer(0)
	<-timer.C
	for !l.stopping.Load() {
		n, err := unix.EpollWait(l.fd, events, mostWait)
		if err != nil {
			n = 0 // interrupted
		}
		for i := range events[:n] {
			l.read(l.flow.subscribers[events[i].Fd])
		}
		l.flow.booked(l.batch)
		select {
		case done := <-l.slowing:
			l.dropSlow()
			close(done)
		default:
		}
		if l.flow.config.Sweep > 0 && n < len(events) {
			timer.Reset(l.flow.config.Sweep)
			<-timer.C
		}
	}
}

// read takes what one socket holds. It never waits, so Go's scheduler need not be told of the system call.
func (l *loop) read(s *subscriber) {
	socket := s.socket.(*fdSocket)
	n, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(socket.fd), uintptr(unsafe.Pointer(&l.buffer[0])),
		uintptr(len(l.buffer)), unix.MSG_DONTWAIT, 0, 0)
	var err error
	switch errno {
	case 0:
		if err = io.EOF; n > 0 {
			err = l.flow.take(s, l.buffer[:n], l.batch)
		}
	case unix.EAGAIN, unix.EINTR:
		return
	default:
		err = errno
	}
	if err != nil {
		l.lose(s, err)
	}
}

func (l *loop) lose(s *subscriber, err error) {
	l.flow.lose(s, err)
	_ = s.socket.Close() // which takes it out of the epoll, too
}

func (l *loop) slowDown() {
	done := make(chan struct{})
	l.slowing <- done
	<-done
}

// dropSlow is slowDown on the loop.
func (l *loop) dropSlow() {
	for _, s := range l.flow.subscribers {
		if s.slow && !s.gone {
			l.flow.left(s.channel, s.received)
			_ = unix.EpollCtl(l.fd, unix.EPOLL_CTL_DEL, s.socket.(*fdSocket).fd, nil)
		}
	}
}

func (l *loop) stop() {
	l.stopping.Store(true)
	<-l.stopped
	_ = unix.Close(l.fd)
}

// fdSocket is a descriptor that Go's network poller knows nothing of.
type fdSocket struct{ fd int }

// detach takes a connection away from Go's network poller.
func detach(conn net.Conn) (socket, error) {
	defer func() { _ = conn.Close() }()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		return nil, err
	}
	var fd int
	var failed error
	if err := raw.Control(func(original uintptr) {
		fd, failed = unix.FcntlInt(original, unix.F_DUPFD_CLOEXEC, 0)
	}); err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, os.NewSyscallError("fcntl", failed)
	}
	return &fdSocket{fd}, nil
}

func (s *fdSocket) rest(buffer []byte) (int, error) {
	n, err := unix.Read(s.fd, buffer)
	switch {
	case err == unix.EAGAIN:
		return 0, os.ErrDeadlineExceeded
	case err != nil:
		return 0, err
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

func (s *fdSocket) Write(b []byte) (int, error) {
	err := unix.Sendto(s.fd, b, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, nil)
	if err != nil {
		return 0, err
	}
	return len(b), nil
}

func (s *fdSocket) Close() error {
	if s.fd < 0 {
		return nil
	}
	fd := s.fd
	s.fd = -1
	return unix.Close(fd)
}

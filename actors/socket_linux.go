package actors

import (
	"fmt"
	"io"
	"net"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// pollSocket is a socket that a loop owns: a bare descriptor in the epoll of the loop.
//
// All system calls on it are made by the loop. They cannot block, so they are made without telling Go's scheduler,
// which is a good part of their cost otherwise.
type pollSocket struct {
	connection *connection
	fd         int32
	unsent     int32 // bytes that the kernel had when progressed was last called
	finished   bool  // the sending direction has ended
	ended      bool  // the peer or the network is done: read until that shows
	unread     bool  // there may be something to read, which the connection does not want yet
	queued     bool  // in epoll.again
}

var _ socket = (*pollSocket)(nil)

// takeOver makes a connection of the loop's out of one of Go's. It returns nil for those that have no descriptor of
// their own (TLS), and where the loop has no epoll.
func takeOver(l *loop, a Attachment) (*connection, error) {
	if _, ok := l.poller.(*epoll); !ok {
		return nil, nil
	}
	var raw syscall.RawConn
	var err error
	switch nc := a.Conn.(type) {
	case *net.TCPConn:
		raw, err = nc.SyscallConn()
	case *net.UnixConn:
		raw, err = nc.SyscallConn()
	default:
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("taking over a socket: %w", err)
	}
	var fd int
	var dupErr error
	err = raw.Control(func(old uintptr) { fd, dupErr = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) })
	if err == nil {
		err = dupErr
	}
	if err != nil {
		return nil, fmt.Errorf("taking over a socket: %w", err)
	}
	_ = a.Conn.Close()
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, l.broker.options.Load().SendBuffer)
	// One allocation for both: there are as many as there are clients.
	pair := &struct {
		connection
		pollSocket
	}{}
	c, s := &pair.connection, &pair.pollSocket
	c.init(l, s, a.Door, a.Remote)
	s.connection, s.fd = c, int32(fd) // descriptors are small
	return c, nil
}

// epoll is the one that watches s.
func (s *pollSocket) epoll() *epoll { return s.connection.loop.poller.(*epoll) }

func (s *pollSocket) open() error { return s.epoll().register(s) }

// happened is called by the epoll.
func (s *pollSocket) happened(events uint32) {
	if events&(unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		s.ended = true
	}
	if events&unix.EPOLLOUT != 0 {
		s.connection.writable()
	}
	if events&(unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLHUP|unix.EPOLLERR) != 0 {
		s.read()
	}
}

// read takes what has arrived, at most one buffer: a client that sends without end shares the loop with the others.
func (s *pollSocket) read() {
	c := s.connection
	if c.state == stateClosed {
		return
	}
	if !c.wantsMore() {
		s.unread = true
		return
	}
	s.unread = false
	buffer := s.epoll().buffer[:]
	n, _, errno := syscall.RawSyscall6(unix.SYS_RECVFROM, uintptr(s.fd), uintptr(unsafe.Pointer(&buffer[0])),
		uintptr(len(buffer)), unix.MSG_DONTWAIT, 0, 0)
	switch {
	case errno == unix.EAGAIN:
	case errno == unix.EINTR:
		s.readLater()
	case errno != 0:
		c.hungUp(errno)
	case n == 0:
		c.hungUp(io.EOF)
	default:
		// A read that does not fill the buffer has emptied the socket, unless the end is still to be read.
		if int(n) == len(buffer) || s.ended {
			s.readLater()
		}
		c.loop.score.received += uint64(n)
		c.received(buffer[:n])
	}
}

func (s *pollSocket) readLater() {
	if !s.queued {
		s.queued = true
		e := s.epoll()
		e.again = append(e.again, s)
	}
}

func (s *pollSocket) resume() {
	if s.unread {
		s.readLater()
	}
}

func (s *pollSocket) writeOne(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	n, _, errno := syscall.RawSyscall6(unix.SYS_SENDTO, uintptr(s.fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)),
		unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL, 0, 0)
	return sent(int(n), errno) // n is a length when errno is 0
}

func (s *pollSocket) write(buffers [][]byte) (int, error) {
	const most = 64 // vectors; the kernel's own bound is 1024
	if len(buffers) == 1 {
		return s.writeOne(buffers[0])
	}
	total := 0
	for len(buffers) > 0 {
		part := buffers[:min(most, len(buffers))]
		buffers = buffers[len(part):]
		n, err := unix.SendmsgBuffers(int(s.fd), part, nil, nil, unix.MSG_DONTWAIT|unix.MSG_NOSIGNAL)
		var errno syscall.Errno
		if err != nil {
			errno, _ = err.(syscall.Errno) //nolint:errorlint // x/sys returns it bare
			n = 0
		}
		n, err = sent(n, errno)
		total += n
		if err != nil || n < length(part) {
			return total, err
		}
	}
	return total, nil
}

func sent(n int, errno syscall.Errno) (int, error) {
	switch errno {
	case 0:
		return n, nil
	case unix.EAGAIN, unix.EINTR, unix.ENOBUFS:
		return 0, nil
	}
	return 0, errno
}

// idle is true: what was taken is with the kernel.
func (s *pollSocket) idle() bool { return true }

// progressed asks the kernel: it tells by itself only when a good part of its buffer is free again.
func (s *pollSocket) progressed() bool {
	before := s.unsent
	unsent, _ := unix.IoctlGetInt(int(s.fd), unix.SIOCOUTQ)
	s.unsent = int32(unsent) // no more than a send buffer
	return s.unsent < before
}

// finish does its work once: each shutdown, also a repeated one, is an event of the epoll, which would bring the loop
// here again and again until the client goes.
func (s *pollSocket) finish() {
	if !s.finished {
		s.finished = true
		_ = unix.Shutdown(int(s.fd), unix.SHUT_WR)
	}
}

func (s *pollSocket) close() {
	s.epoll().forget(s)
	_ = unix.Close(int(s.fd))
}

package actors

import (
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// epoll watches the sockets of one loop. Its descriptor is itself registered with Go's network poller, so a parked loop
// holds no thread.
//
// Sockets are registered once, edge-triggered, for everything: a connection that stops reading or has a full send
// buffer costs no further system call.
type epoll struct {
	file    *os.File // owns fd
	raw     syscall.RawConn
	fd      int
	eventFD int
	events  [256]unix.EpollEvent
	sockets []*pollSocket // by descriptor
	mu      sync.Mutex
	closed  bool           // guarded by mu, as is the use of eventFD
	again   []*pollSocket  // may have more to read; see pollSocket.read
	spare   []*pollSocket  // changes places with again
	buffer  [64 << 10]byte // for reading, shared by all sockets of the loop
}

// newPoller makes an epoll unless the portable way is asked for.
func newPoller(_ *loop, portable bool) (poller, error) {
	if portable {
		return newSignalPoller(), nil
	}
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	eventFD, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		_ = unix.Close(fd)
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	e := &epoll{fd: fd, eventFD: eventFD}
	if err := e.open(); err != nil {
		_ = unix.Close(eventFD)
		_ = unix.Close(fd)
		return nil, err
	}
	return e, nil
}

func (e *epoll) open() error {
	// Edge-triggered, each write to the event descriptor is an event of its own and never has to be read.
	if err := e.add(e.eventFD); err != nil {
		return err
	}
	if err := unix.SetNonblock(e.fd, true); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	e.file = os.NewFile(uintptr(e.fd), "epoll")
	raw, err := e.file.SyscallConn()
	e.raw = raw
	return err
}

func (e *epoll) add(fd int) error {
	event := unix.EpollEvent{
		Events: unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET&0xffffffff,
		Fd:     int32(fd), // descriptors are small
	}
	if err := unix.EpollCtl(e.fd, unix.EPOLL_CTL_ADD, fd, &event); err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	return nil
}

// register starts watching s.
func (e *epoll) register(s *pollSocket) error {
	for int(s.fd) >= len(e.sockets) {
		e.sockets = append(e.sockets, make([]*pollSocket, max(64, len(e.sockets)))...)
	}
	e.sockets[s.fd] = s
	return e.add(int(s.fd))
}

// forget is called right before s is closed, which also ends the watch.
func (e *epoll) forget(s *pollSocket) { e.sockets[s.fd] = nil }

// wait reads events without blocking.
func (e *epoll) wait() int {
	n, _, errno := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(e.fd), uintptr(unsafe.Pointer(&e.events[0])),
		uintptr(len(e.events)), 0, 0, 0)
	if errno != 0 {
		return 0
	}
	return int(n)
}

func (e *epoll) poll() bool {
	again := e.again
	e.again = e.spare[:0]
	for i, s := range again {
		again[i] = nil
		s.queued = false
		s.read()
	}
	e.spare = again
	n := e.wait()
	e.handle(n)
	return n > 0 || len(again) > 0
}

func (e *epoll) handle(n int) {
	for i := range e.events[:n] {
		event := &e.events[i]
		// A socket that was closed while this batch is handled is gone from the table; its number cannot be in use
		// again, because registering happens between the batches.
		if fd := int(event.Fd); fd < len(e.sockets) && e.sockets[fd] != nil {
			e.sockets[fd].happened(event.Events)
		}
	}
}

// park waits for an event. The first look and the look after announcing it are both needed: Go's poller is told of
// changes only.
func (e *epoll) park(l *loop) {
	events := 0
	_ = e.raw.Read(func(uintptr) bool {
		if events = e.wait(); events > 0 || !l.tryPark() {
			return true
		}
		events = e.wait()
		return events > 0
	})
	l.unpark()
	l.now = time.Since(l.start)
	e.handle(events)
	l.flush()
}

// wake may be late: the loop has seen another event and even ended meanwhile, and the number of the descriptor means
// something else.
func (e *epoll) wake() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed {
		one := [8]byte{1}
		_, _ = unix.Write(e.eventFD, one[:])
	}
}

func (e *epoll) close() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.closed = true
	_ = e.file.Close()
	_ = unix.Close(e.eventFD)
}

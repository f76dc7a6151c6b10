//go:build linux

package main

import (
	"slices"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// fanout is all subscribers, divided among the writers.
type fanout []*share

func (f fanout) of(fd int) *share { return f[fd%len(f)] }

// add greets a subscriber. Whoever has read that is sent everything that is published from then on, and nothing before
// it: both happen under the lock.
func (f fanout) add(fd int, greeting []byte) {
	s := f.of(fd)
	s.mu.Lock()
	defer s.mu.Unlock()
	writeAll(fd, greeting)
	s.sockets = append(s.sockets, fd)
}

// remove closes a socket. The number may be given to another one as soon as it is, so that happens under the lock.
func (f fanout) remove(fd int) {
	s := f.of(fd)
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.Index(s.sockets, fd)
	if i < 0 {
		return
	}
	last := len(s.sockets) - 1
	s.sockets[i] = s.sockets[last]
	s.sockets = s.sockets[:last]
	_ = unix.Close(fd)
}

func (f fanout) publish(frame []byte) {
	for _, s := range f {
		s.mu.Lock()
		s.waiting = append(s.waiting, frame)
		s.mu.Unlock()
		s.some.Signal()
	}
}

// share is the sockets of one writer.
type share struct {
	coalesce bool

	mu      sync.Mutex
	some    *sync.Cond // waiting is not empty any more
	sockets []int
	waiting [][]byte
}

func newShare(coalesce bool) *share {
	s := &share{coalesce: coalesce}
	s.some = sync.NewCond(&s.mu)
	return s
}

// write is the goroutine of a share; it ends with the process.
func (s *share) write() {
	var sockets []int
	var buffer []byte
	for {
		s.mu.Lock()
		for len(s.waiting) == 0 {
			s.some.Wait()
		}
		frames := s.waiting
		s.waiting = nil
		sockets = append(sockets[:0], s.sockets...)
		s.mu.Unlock()
		if s.coalesce {
			buffer = buffer[:0]
			for _, frame := range frames {
				buffer = append(buffer, frame...)
			}
			frames = append(frames[:0], buffer)
		}
		for _, frame := range frames {
			for _, fd := range sockets {
				writeAll(fd, frame)
			}
		}
	}
}

// writeAll waits where a socket is full, and leaves out one that has gone. The raw call tells Go's scheduler nothing,
// which is a little cheaper, and right for a call that does not block.
func writeAll(fd int, b []byte) {
	for len(b) > 0 {
		// The buffer outlives the call: b holds it.
		n, _, errno := unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
		switch errno {
		case 0:
			b = b[n:]
		case unix.EAGAIN, unix.EINTR:
			_, _ = unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, -1)
		default:
			return
		}
	}
}

// watch sees who leaves.
type watch struct{ epoll int }

func newWatch() (watch, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	return watch{fd}, err
}

func (w watch) add(fd int) error {
	return unix.EpollCtl(w.epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLRDHUP, Fd: int32(fd)})
}

// run takes whatever a subscriber sends for a goodbye. It ends with the process.
func (w watch) run(all fanout) {
	events := make([]unix.EpollEvent, 256)
	for {
		n, err := unix.EpollWait(w.epoll, events, -1)
		if err != nil && err != unix.EINTR {
			return
		}
		for _, e := range events[:max(n, 0)] {
			all.remove(int(e.Fd))
		}
	}
}

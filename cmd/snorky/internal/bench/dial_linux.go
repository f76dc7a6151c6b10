package bench

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// bindLate has the kernel choose a port when it knows the other end too, so that each source address has all ports for
// each server.
func bindLate(_, _ string, c syscall.RawConn) error {
	var err error
	if controlled := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	}); controlled != nil {
		return controlled
	}
	return err
}

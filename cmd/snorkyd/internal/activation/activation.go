// Package activation takes over the doors that a service manager has opened already, so that no connection is refused
// while the server starts (systemd.socket(5), sd_listen_fds(3)).
package activation

import (
	"fmt"
	"net"
)

// names of the doors in FileDescriptorName=; sockets without such names are taken in this order.
var names = [...]string{"frontend", "backend"}

// firstDescriptor is where the sockets begin, behind the standard files.
const firstDescriptor = 3

// A SurplusError is a socket that is open and has clients waiting in it, but whose door has another one already.
type SurplusError struct {
	Door string // empty: it is not known which one was meant
	Addr string
}

// Error says what to do about it.
func (s *SurplusError) Error() string {
	door := "the doors"
	if s.Door != "" {
		door = "the " + s.Door
	}
	return fmt.Sprintf("socket activation: %s is one socket too many for %s, and nobody would answer there; a door has one "+
		"ListenStream=, and a drop-in of its socket unit needs an empty ListenStream= before the new one", s.Addr, door)
}

// Listeners returns the sockets that this process was started with, according to its environment, and nil for those that
// it was not. What the environment says counts for nothing unless there really is a listening socket. A socket that is one
// too many is a *SurplusError: whoever connects there would wait for ever. It may be called once, since it takes the
// descriptors.
func Listeners(env []string) (frontend, backend net.Listener, err error) {
	found, err := inherited(env, firstDescriptor)
	return found[0], found[1], err
}

// Package activation takes over the doors that a service manager has opened already, so that no connection is refused
// while the server starts (systemd.socket(5), sd_listen_fds(3)).
package activation

import "net"

// names of the doors in FileDescriptorName=; sockets without such names are taken in this order.
var names = [...]string{"frontend", "backend"}

// firstDescriptor is where the sockets begin, behind the standard files.
const firstDescriptor = 3

// Listeners returns the sockets that this process was started with, according to its environment, and nil for those that
// it was not. What the environment says counts for nothing unless there really is a listening socket. It may be called
// once, since it takes the descriptors.
func Listeners(env []string) (frontend, backend net.Listener) {
	found := inherited(env, firstDescriptor)
	return found[0], found[1]
}

// Package supervisor is what the server says to the service manager that runs it (sd_notify(3)): that it is ready, how
// many clients there are, that it reloads or stops, and, again and again, that its actors are alive. Where there is no
// such manager, or what the environment says about it is rubbish, it says nothing and does nothing.
package supervisor

import (
	"os"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Contract is what the service manager asked for when it started this process. The zero value is that there is none.
type Contract struct {
	// Socket is where it wants to be told, the path of a datagram socket or, after @, an abstract one. Empty: nobody
	// listens.
	Socket string
	// Watchdog is within what time it wants a sign of life, again and again. 0: it wants none.
	Watchdog time.Duration
}

const socketVariable = "NOTIFY_SOCKET"

// activationVariables belong to the sockets that were handed over.
var activationVariables = [...]string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}

// Take reads the contract in the environment of this process and takes it away there, so that no child speaks in the name
// of its parent. So it does with what says that sockets were handed over: those who want to know have to ask before.
func Take() Contract {
	var c Contract
	if socket := os.Getenv(socketVariable); len(socket) > 1 && (socket[0] == '/' || socket[0] == '@') {
		c.Socket = socket
	}
	// An interval that is no number, not positive or for another process (WATCHDOG_PID) is none. The library multiplies
	// without a look at the size of its product.
	if interval, err := daemon.SdWatchdogEnabled(true); err == nil && interval > 0 {
		c.Watchdog = interval
	}
	_ = os.Unsetenv(socketVariable) // cannot fail: the name is one
	for _, name := range activationVariables {
		_ = os.Unsetenv(name)
	}
	return c
}

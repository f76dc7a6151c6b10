package server

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// keptDoor is a listener whose socket somebody else keeps open. When it is left, it accepts nobody any more, and who comes
// waits in the backlog of the socket.
type keptDoor struct {
	net.Listener
	left   atomic.Bool
	closed chan struct{}
	once   sync.Once
}

func keep(l net.Listener) *keptDoor { return &keptDoor{Listener: l, closed: make(chan struct{})} }

// Accept implements net.Listener. When the door is left it returns only once the door is closed.
func (d *keptDoor) Accept() (net.Conn, error) {
	conn, err := d.Listener.Accept()
	if err != nil && d.left.Load() {
		<-d.closed
		return nil, net.ErrClosed
	}
	return conn, err
}

// leave makes Accept stop. Sockets that know no deadlines are closed instead, which does the same to those who wait.
func (d *keptDoor) leave() {
	d.left.Store(true)
	if l, ok := d.Listener.(interface{ SetDeadline(time.Time) error }); !ok || l.SetDeadline(time.Unix(1, 0)) != nil {
		_ = d.Listener.Close()
	}
}

// Close implements net.Listener.
func (d *keptDoor) Close() error {
	d.once.Do(func() { close(d.closed) })
	return d.Listener.Close()
}

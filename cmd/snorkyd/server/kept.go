package server

import (
	"context"
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
	last   chan struct{} // closed when whoever accepts has come back for more after leave
	closed chan struct{}

	onceLast, onceClosed sync.Once
}

func keep(l net.Listener) *keptDoor {
	return &keptDoor{Listener: l, last: make(chan struct{}), closed: make(chan struct{})}
}

// Accept implements net.Listener. When the door is left it returns only once the door is closed.
func (d *keptDoor) Accept() (net.Conn, error) {
	conn, err := d.Listener.Accept()
	if err != nil && d.left.Load() {
		d.onceLast.Do(func() { close(d.last) })
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

// settle waits after leave until those who were accepted have got past whoever accepts, or until ctx ends. Whoever waits for
// room before accepting the next one does not come back for it: within limit at the latest settle returns.
func (d *keptDoor) settle(ctx context.Context, limit time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	select {
	case <-d.last:
	case <-d.closed:
	case <-ctx.Done():
	}
}

// Close implements net.Listener.
func (d *keptDoor) Close() error {
	d.onceClosed.Do(func() { close(d.closed) })
	return d.Listener.Close()
}

package supervisor

import (
	"errors"
	"net"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

const (
	// maxWaiting bounds the messages that a service manager has not taken yet.
	maxWaiting = 32
	// writeTime bounds one attempt to hand over a message. It is tried again: the manager may be busy, and a lost READY
	// would have it give up a server that is well.
	writeTime = time.Second
)

// outbox hands over messages in their order, by a goroutine of its own, because whoever should read them may not. That is
// why it is not daemon.SdNotify, which waits for as long as it takes and wants the variable to stay in the environment.
type outbox struct {
	address *net.UnixAddr
	log     zerolog.Logger
	wake    chan struct{} // capacity 1
	done    chan struct{} // closed when the goroutine has ended

	mu      sync.Mutex
	waiting []message
	closing time.Time // zero: not yet; else when to give up
}

// message is lines of VARIABLE=VALUE. One that will be said again in a while may be left out.
type message struct {
	text      string
	recurrent bool
}

func newOutbox(socket string, log zerolog.Logger) *outbox {
	o := &outbox{
		address: &net.UnixAddr{Name: socket, Net: "unixgram"}, log: log,
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	go o.run()
	return o
}

// post never blocks.
func (o *outbox) post(text string, recurrent bool) {
	o.mu.Lock()
	if len(o.waiting) == maxWaiting {
		oldest := max(0, slices.IndexFunc(o.waiting, func(m message) bool { return m.recurrent }))
		o.waiting = slices.Delete(o.waiting, oldest, oldest+1)
	}
	o.waiting = append(o.waiting, message{text, recurrent})
	o.mu.Unlock()
	o.signal()
}

// close waits until everything is handed over, but not longer than for limit.
func (o *outbox) close(limit time.Duration) {
	o.mu.Lock()
	o.closing = time.Now().Add(limit)
	o.mu.Unlock()
	o.signal()
	<-o.done
}

func (o *outbox) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *outbox) run() {
	defer close(o.done)
	for {
		o.mu.Lock()
		closing := o.closing
		var next message
		some := len(o.waiting) > 0
		if some {
			next = o.waiting[0]
			o.waiting = o.waiting[1:]
		}
		o.mu.Unlock()
		if !some {
			if !closing.IsZero() {
				return
			}
			<-o.wake
			continue
		}
		for !o.deliver(next.text) {
			if o.late() {
				return
			}
		}
	}
}

// late tells that there is no time for further attempts.
func (o *outbox) late() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.closing.IsZero() && !time.Now().Before(o.closing)
}

// deliver tells whether the message is dealt with; if not, the reader is stuck, and it should be tried again. A socket
// that is not there, or is no such socket, is a matter of whoever set the variable: the server goes on without.
func (o *outbox) deliver(text string) bool {
	err := o.send(text)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	if err != nil {
		o.log.Debug().Err(err).Msg("the service manager cannot be told how things are")
	}
	return true
}

// send uses a socket for each message, as a manager that was restarted may have made its end anew.
func (o *outbox) send(text string) error {
	conn, err := net.DialUnix(o.address.Net, nil, o.address)
	if err != nil {
		return err
	}
	defer conn.Close()
	o.mu.Lock()
	deadline := time.Now().Add(writeTime)
	if !o.closing.IsZero() && o.closing.Before(deadline) {
		deadline = o.closing
	}
	o.mu.Unlock()
	if err := conn.SetWriteDeadline(deadline); err != nil {
		return err
	}
	_, err = conn.Write([]byte(text))
	return err
}

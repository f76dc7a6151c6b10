// Package outlet writes lines to where they may get stuck: a terminal, a pipe, a file on a full disk.
package outlet

import (
	"bytes"
	"io"
	"sync"
	"time"
)

// MaxQueuedBytes bounds what waits to be written.
const MaxQueuedBytes = 256 << 10

// Outlet is an io.Writer that never blocks and never fails. Its one goroutine writes to what is behind it; what does not
// fit in the queue, because that is stuck, is lost. So is what cannot be written. Each write is expected to be one line.
type Outlet struct {
	to   io.Writer
	wake chan struct{} // capacity 1: there is something to do
	done chan struct{} // closed when the goroutine has ended

	mu     sync.Mutex
	queue  []byte
	lost   int // lines since the last report
	ever   uint64
	closed bool
	onLoss func(lines int)
}

// New starts an Outlet, which Close ends.
func New(to io.Writer) *Outlet {
	o := &Outlet{to: to, wake: make(chan struct{}, 1), done: make(chan struct{}), onLoss: func(int) {}}
	go o.run()
	return o
}

// OnLoss sets what is told how many lines were lost, once something could be written again. It is called by the goroutine of
// the Outlet and may write to it.
func (o *Outlet) OnLoss(f func(lines int)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.onLoss = f
}

// Lost is how many lines were lost, because they did not fit or could not be written.
func (o *Outlet) Lost() uint64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.ever
}

// Write queues line, whole or not at all. It keeps nothing of it.
func (o *Outlet) Write(line []byte) (int, error) {
	o.mu.Lock()
	if o.closed || len(o.queue)+len(line) > MaxQueuedBytes {
		o.lost++
		o.ever++
	} else {
		o.queue = append(o.queue, line...)
	}
	o.mu.Unlock()
	o.signal()
	return len(line), nil
}

// Close has the queue written and waits for that, but not longer than for limit: then the goroutine is left to itself,
// stuck as it is. What is written later is lost.
func (o *Outlet) Close(limit time.Duration) {
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	o.signal()
	select {
	case <-o.done:
	case <-time.After(limit):
	}
}

func (o *Outlet) signal() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *Outlet) run() {
	defer close(o.done)
	var batch []byte
	for {
		o.mu.Lock()
		batch, o.queue = o.queue, batch[:0]
		lost, closed, report := o.lost, o.closed, o.onLoss
		o.lost = 0 // of those before this batch: when it is written, there is room in the queue to tell
		o.mu.Unlock()
		if len(batch) == 0 && closed {
			return
		}
		if len(batch) == 0 {
			o.notTold(lost)
			<-o.wake
			continue
		}
		// A loss is told only after a success: to tell it where nothing can be written would be another loss, for ever.
		if n, err := o.to.Write(batch); err != nil {
			o.failed(bytes.Count(batch[min(n, len(batch)):], []byte{'\n'}))
			o.notTold(lost)
		} else if lost > 0 && !closed {
			report(lost)
		}
	}
}

func (o *Outlet) failed(lines int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lost += lines
	o.ever += uint64(lines)
}

// notTold keeps a loss for the next report.
func (o *Outlet) notTold(lines int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.lost += lines
}

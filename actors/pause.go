package actors

import (
	"sync/atomic"
	"time"
)

// A busy channel makes a pause between two batches, so that the next one has more in it: what waits for one subscriber
// is written at once, and the system call costs far more than the bytes. A channel is busy if its last batch had several
// publications whose publishers do not wait for it: a single message is never held back, nor are clients that wait for
// their answers.
//
// A channel also makes a pause when most of its subscribers fall behind, so that a burst that fits into no queue does
// not cut off everybody who would have read it in a moment. Fewer than most have to keep up or be cut off, and most of
// them can hold up the others for mostWaited only.
const (
	// pausePerSubscriber makes pauses last as long as some fan-outs of one message would: channels with few
	// subscribers, whose fan-out is cheap, make none worth the name.
	pausePerSubscriber = 20 * time.Microsecond
	// leastPause is what a timer is worth being set for.
	leastPause = 200 * time.Microsecond
	// mostPause bounds what a pause may add to the latency of a busy channel.
	mostPause = 2 * time.Millisecond
	// mostWaited bounds the pauses for subscribers that do not catch up in between.
	mostWaited = time.Second
)

// pauseBehind are the pauses for subscribers for which one, two or three quarters of their bound wait.
var pauseBehind = [quarters]time.Duration{5 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond}

const quarters = 3

// lag is how many subscribers of a channel are behind, by so many quarters of their bound or more; for each leaf, as of
// its last batch. One subscriber that is alone on its loop is not most of the channel.
type lag [quarters]atomic.Int64

// pace is what a leaf knows of its pauses.
type pace struct {
	behind [quarters]int // of the subscribers here, in this batch
	told   [quarters]int // what of it the root knows
	waited time.Duration // of pauses for those who are behind, since most were not
	timer  *time.Timer   // ends a pause
}

// noteBehind counts a subscriber that is behind.
func (l *leaf) noteBehind(c *connection) {
	late := min(4*c.queued/max(c.loop.options.MaxQueuedBytes, 1), quarters)
	if late == 0 {
		return
	}
	l.paced()
	for i := range late {
		l.pace.behind[i]++
	}
}

func (l *leaf) paced() {
	if l.pace == nil {
		l.pace = &pace{}
	}
}

// takeBreath begins a pause after a batch, if the channel needs one. No messages are taken until it is over.
func (l *leaf) takeBreath() {
	length := time.Duration(0)
	if l.busy() {
		length = min(time.Duration(len(l.subscribers)-l.holes)*pausePerSubscriber, mostPause)
	}
	if l.pace != nil {
		length = max(length, l.pace.wait(l.root))
	}
	if length < leastPause {
		return
	}
	l.paced()
	l.halted = true
	if l.pace.timer == nil {
		l.pace.timer = time.AfterFunc(length, func() { l.loop.schedule((*resumption)(l)) })
	} else {
		l.pace.timer.Reset(length)
	}
}

// busy reports whether the batch had several publications for which nobody waits.
func (l *leaf) busy() bool {
	n := 0
	for i := 0; i < len(l.batch) && n < 2; i++ {
		if call := l.batch[i].call; call == nil || call.connection == nil {
			n++
		}
	}
	return n == 2
}

// wait is how long to wait for those who are behind.
func (p *pace) wait(root *channel) (length time.Duration) {
	most := root.members.Load() / 2
	for i, n := range p.behind {
		if all := p.tell(root, i, n); n > 0 && all > most {
			length = pauseBehind[i]
		}
		p.behind[i] = 0
	}
	switch {
	case length == 0:
		p.waited = 0
	case p.waited >= mostWaited:
		return 0
	}
	p.waited += length
	return length
}

// tell has the root know how many are behind here, and returns how many of the whole channel are.
func (p *pace) tell(root *channel, i, n int) (all int64) {
	of := root.behind.Load()
	if of == nil {
		if n == 0 {
			return 0
		}
		root.behind.CompareAndSwap(nil, &lag{})
		of = root.behind.Load()
	}
	change := int64(n - p.told[i])
	if change == 0 {
		return of[i].Load()
	}
	p.told[i] = n
	return of[i].Add(change)
}

// end is called when the leaf ends.
func (p *pace) end(root *channel) {
	if p.timer != nil {
		p.timer.Stop()
	}
	for i := range p.told {
		p.tell(root, i, 0)
	}
}

// resumption is a leaf as the task that its timer schedules.
type resumption leaf

func (r *resumption) run() {
	l := (*leaf)(r)
	l.halted = false
	l.nudge()
}

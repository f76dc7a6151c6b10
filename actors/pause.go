package actors

import "time"

// A busy channel makes a pause between two batches, so that the next one has more in it: what waits for one subscriber
// is written at once, and the system call costs far more than the bytes. Only channels whose last batch had more than
// one publication are busy: a single message is never held back.
//
// A channel also makes a pause when most of its subscribers fall behind, so that a burst that fits into no queue does
// not cut off everybody who would have read it in a moment. Fewer than most have to keep up or be cut off, and most of
// them can hold up the others only for as long as it takes to fill their queues.
const (
	// pausePerSubscriber makes pauses last as long as some fan-outs of one message would: channels with few
	// subscribers, whose fan-out is cheap, make none worth the name.
	pausePerSubscriber = 20 * time.Microsecond
	// leastPause is what a timer is worth being set for.
	leastPause = 200 * time.Microsecond
	// mostPause bounds what a pause may add to the latency of a busy channel.
	mostPause = 2 * time.Millisecond
)

// pauseBehind are the pauses for subscribers for which one, two or three quarters of their bound wait.
var pauseBehind = [quarters]time.Duration{5 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond}

const quarters = 3

// noteBehind counts a subscriber that is behind.
func (l *leaf) noteBehind(c *connection) {
	for i := range min(4*c.queued/max(c.loop.options.MaxQueuedBytes, 1), quarters) {
		l.behind[i]++
	}
}

// takeBreath begins a pause after a batch, if the channel needs one. No messages are taken until it is over.
func (l *leaf) takeBreath() {
	members := len(l.subscribers) - l.holes
	length := time.Duration(0)
	if len(l.batch) > 1 {
		length = min(time.Duration(members)*pausePerSubscriber, mostPause)
	}
	for i, n := range l.behind {
		if 2*n > members {
			length = pauseBehind[i]
		}
	}
	if length < leastPause {
		return
	}
	l.halted = true
	if l.pause == nil {
		l.pause = time.AfterFunc(length, func() { l.loop.schedule((*resumption)(l)) })
	} else {
		l.pause.Reset(length)
	}
}

// resumption is a leaf as the task that its timer schedules.
type resumption leaf

func (r *resumption) run() {
	l := (*leaf)(r)
	l.halted = false
	l.nudge()
}

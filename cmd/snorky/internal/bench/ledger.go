package bench

import (
	"sync"
	"sync/atomic"
	"time"
)

// ledger knows how many deliveries are outstanding: those that publications must lead to, less those that were read and
// those that no longer can be, because their subscriber is gone.
type ledger struct {
	mu       sync.Mutex // held while a publication or a departure is booked, so that each finds the other done or not begun
	accounts []account  // by channel
	due      atomic.Int64
	read     atomic.Int64
	lastRead atomic.Int64 // when, on the clock of the run

	arrived sync.Cond // of mu; something was read, or it is time to look again
	waiting atomic.Int32
	stalled atomic.Bool // nothing was read for long although something is outstanding
	over    atomic.Bool // nobody shall wait any more
}

type account struct {
	live   int64 // subscribers that read
	booked int64 // messages since the first
}

func newLedger(channels int) *ledger {
	l := &ledger{accounts: make([]account, channels)}
	l.arrived.L = &l.mu
	return l
}

func (l *ledger) joined(channel int) { l.accounts[channel].live++ }

// book adds what messages on a channel must lead to, and cancel takes it back.
func (l *ledger) book(channel, messages int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := &l.accounts[channel]
	a.booked += int64(messages)
	l.due.Add(a.live * int64(messages))
}

func (l *ledger) cancel(channel, messages int) { l.book(channel, -messages) }

// left writes off what a subscriber that has read so many messages will not read any more.
func (l *ledger) left(channel int, read int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := &l.accounts[channel]
	a.live--
	l.due.Add(-max(0, a.booked-read))
}

// reads adds deliveries, and wakes up whoever waits for them.
func (l *ledger) reads(deliveries, now int64) {
	l.read.Add(deliveries)
	l.lastRead.Store(now)
	l.wake()
}

func (l *ledger) wake() {
	if l.waiting.Load() > 0 {
		l.mu.Lock()
		l.arrived.Broadcast()
		l.mu.Unlock()
	}
}

func (l *ledger) outstanding() int64 { return max(0, l.due.Load()-l.read.Load()) }

// awaitRoom blocks until no more than so many messages for each subscriber of a channel are outstanding, with room for
// as many more as are about to be published. It returns false when that will not happen.
func (l *ledger) awaitRoom(channel, window, more int) bool {
	return l.await(func() int64 { return max(0, l.accounts[channel].live*int64(window-more)) })
}

// awaitAll blocks until nothing is outstanding, or will not be read any more.
func (l *ledger) awaitAll() bool { return l.await(func() int64 { return 0 }) }

// await blocks until no more than limit is outstanding; limit is called with mu held.
func (l *ledger) await(limit func() int64) bool {
	l.waiting.Add(1)
	defer l.waiting.Add(-1)
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.outstanding() > limit() {
		if l.stalled.Load() || l.over.Load() {
			return false
		}
		l.arrived.Wait()
	}
	return true
}

// watcher notices when nothing is read although something is outstanding. It counts how often it looked instead of the
// time, so that a machine that stands still for a while is not taken for a server that does.
type watcher struct {
	read  int64
	looks int64 // without anything read
}

// look is called each tick, by one goroutine.
func (w *watcher) look(l *ledger, patience time.Duration) {
	w.looks++
	if read := l.read.Load(); read != w.read || l.outstanding() == 0 {
		w.read, w.looks = read, 0
		l.stalled.Store(false)
	} else if w.looks > int64(patience/tick) {
		l.stalled.Store(true)
	}
	l.wake()
}

package backendapi

import (
	"sync"
	"time"
)

// throttle lets one event pass in each interval and counts the others, so that strangers cannot fill the log.
type throttle struct {
	every time.Duration

	mu    sync.Mutex
	next  time.Time
	muted uint64
}

// allow tells whether an event may be logged, and how many were not since the last one that was.
func (t *throttle) allow() (muted uint64, ok bool) {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Before(t.next) {
		t.muted++
		return 0, false
	}
	muted, t.muted = t.muted, 0
	t.next = now.Add(t.every)
	return muted, true
}

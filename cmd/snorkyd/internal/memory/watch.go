package memory

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"
)

// Interval is the time between two looks.
const Interval = 100 * time.Millisecond

// Watch looks again and again how much memory the process holds. Its methods are safe for concurrent use.
type Watch struct {
	changed func(full bool)
	log     zerolog.Logger
	judge   *judge
	ceiling atomic.Pointer[Ceiling]
	stats   atomic.Pointer[Stats]
	end     chan struct{}
	done    sync.WaitGroup
	once    sync.Once
}

// Stats are numbers of the moment.
type Stats struct {
	Usage
	Ceiling int64 // in bytes; 0: there is none
	Full    bool
}

// Start begins to watch. The function is told when the process gets full and when it no longer is; it may not block.
func Start(ceiling Ceiling, log zerolog.Logger, changed func(full bool)) *Watch {
	return start(ceiling, newJudge(), log, changed)
}

func start(ceiling Ceiling, j *judge, log zerolog.Logger, changed func(full bool)) *Watch {
	w := &Watch{changed: changed, log: log, judge: j, end: make(chan struct{})}
	w.ceiling.Store(&ceiling)
	w.stats.Store(&Stats{Ceiling: ceiling.Bytes})
	w.done.Go(w.run)
	return w
}

// SetCeiling changes the ceiling, from the next look on.
func (w *Watch) SetCeiling(c Ceiling) { w.ceiling.Store(&c) }

// Stats are of the last look.
func (w *Watch) Stats() Stats { return *w.stats.Load() }

// Close ends the watching and waits for its goroutine. It may be called again.
func (w *Watch) Close() {
	w.once.Do(func() { close(w.end) })
	w.done.Wait()
}

func (w *Watch) run() {
	looks := time.NewTicker(Interval)
	defer looks.Stop()
	for full := false; ; {
		ceiling := w.ceiling.Load()
		usage, now := w.judge.look(*ceiling)
		w.stats.Store(&Stats{Usage: usage, Ceiling: ceiling.Bytes, Full: now})
		if now != full {
			full = now
			w.changed(full)
			w.say(usage, ceiling.Bytes, full)
		}
		select {
		case <-looks.C:
		case <-w.end:
			return
		}
	}
}

func (w *Watch) say(u Usage, ceiling int64, full bool) {
	level, text := zerolog.WarnLevel, "short of memory: new connections are refused"
	if !full {
		level, text = zerolog.InfoLevel, "enough memory again: new connections are taken"
	}
	w.log.WithLevel(level).Int64("held", u.Held).Int64("sockets", u.Sockets).Int64("resident", u.Resident).Int64("max_memory", ceiling).Msg(text)
}

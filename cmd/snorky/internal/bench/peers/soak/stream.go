package main

import (
	"bytes"
	"slices"
	"strconv"
	"sync/atomic"
	"time"
)

// stream is a run of numbered messages that one publisher sends one after another: of a channel, of an owner's tasks, of
// a member in a room. A message holds {"n":[stream,number,time]}, whatever service it takes, with numbers from 1 and the
// time in microseconds since the run began.
type stream struct {
	id             int64
	started, acked atomic.Int64 // numbers of the last message that was sent, and of the last that was acknowledged
}

// message is the next message, which counts as started. Pad makes it longer.
func (w *world) message(dst []byte, s *stream, pad int) []byte {
	dst = strconv.AppendInt(append(dst, `{"n":[`...), s.id, 10)
	dst = strconv.AppendInt(append(dst, ','), s.started.Add(1), 10)
	dst = strconv.AppendInt(append(dst, ','), time.Since(w.began).Microseconds(), 10)
	dst = append(dst, ']')
	if pad > 0 {
		dst = append(dst, `,"pad":"`...)
		for range pad {
			dst = append(dst, 'x')
		}
		dst = append(dst, '"')
	}
	return append(dst, '}')
}

var numberMark = []byte(`"n":[`)

// parseMessage finds the numbers in a notification.
func parseMessage(text []byte) (id, n, sent int64, ok bool) {
	at := bytes.Index(text, numberMark)
	if at < 0 {
		return 0, 0, 0, false
	}
	text = text[at+len(numberMark):]
	var found [3]int64
	i := 0
	for _, c := range text {
		switch {
		case c >= '0' && c <= '9':
			found[i] = found[i]*10 + int64(c-'0')
		case c == ',' && i < 2:
			i++
		case c == ']':
			return found[0], found[1], found[2], i == 2
		default:
			return 0, 0, 0, false
		}
	}
	return 0, 0, 0, false
}

// hearing is what a client has heard of a stream.
type hearing struct {
	stream *stream // nil: somebody else's, of which nothing is known in advance
	id     int64
	last   int64 // 0: nothing yet
	// The first number has to be more than after, since that was acknowledged before the client asked to hear, and no more
	// than before, since that was begun when it had the answer; -1: it is not known yet.
	after, before int64
}

// hears books a number and returns what is wrong with it, or "".
func (h *hearing) hears(n int64) (wrong string) {
	switch {
	case h.last == 0 && n <= h.after:
		wrong = "older than the subscription"
	case h.last == 0 && h.before >= 0 && n > h.before:
		wrong = "gap at the beginning"
	case h.last != 0 && n <= h.last:
		return "double or out of order"
	case h.last != 0 && n > h.last+1:
		wrong = "gap"
	}
	h.last = n
	return wrong
}

// ear is all that a client listens to.
type ear struct {
	w        *world
	hearings []*hearing
	open     bool // streams that nobody announced are welcome
	lazy     bool // reads when it likes to, so that its latency says nothing
}

func (e *ear) find(id int64) *hearing {
	for _, h := range e.hearings {
		if h.id == id {
			return h
		}
	}
	return nil
}

// take is the notice of a conn.
func (e *ear) take(text []byte) {
	id, n, sent, ok := parseMessage(text)
	if !ok {
		return // presence, a cursor that goes
	}
	h := e.find(id)
	if h == nil && e.open {
		h = &hearing{id: id, before: -1}
		e.hearings = append(e.hearings, h)
	}
	if h == nil {
		e.w.fault("a message of a stream that was not asked for", "%.200s", text)
		return
	}
	if wrong := h.hears(n); wrong != "" {
		e.w.fault(wrong, "stream %d: number %d, of %+v", id, n, *h)
	}
	e.w.delivered.Add(1)
	if e.lazy {
		return
	}
	e.w.latencies.record(time.Since(e.w.began).Microseconds() - sent)
}

// joins is called when the client is about to ask for a stream; what it returns, when it has the answer.
func (e *ear) joins(s *stream) (h *hearing, joined func()) {
	h = &hearing{stream: s, id: s.id, after: s.acked.Load(), before: -1}
	e.hearings = append(e.hearings, h)
	return h, func() { h.before = s.started.Load() + 1 }
}

// misses tells whether something is still to come, when the messages up to that one were acknowledged.
func (h *hearing) misses(due int64) bool {
	return h.last < due && (h.last > 0 || due >= h.before)
}

// forget is called when the client has given a stream up.
func (e *ear) forget(h *hearing) {
	e.hearings = slices.DeleteFunc(e.hearings, func(other *hearing) bool { return other == h })
}

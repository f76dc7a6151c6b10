package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"sync"
	"syscall"
	"time"
)

// chores starts what happens to the server besides its clients.
func (w *world) chores(ctx context.Context, all *sync.WaitGroup) {
	every := func(d time.Duration, do func()) {
		if d <= 0 {
			return
		}
		all.Go(func() {
			for tick := time.NewTicker(d); ; {
				select {
				case <-tick.C:
					do()
				case <-ctx.Done():
					tick.Stop()
					return
				}
			}
		})
	}
	a := abuser{w: w}
	every(w.abuse, func() {
		w.event("abuse")
		a.burst(ctx)
	})
	every(w.storm, func() {
		w.event("storm")
		w.crowd.strike(w.work.Clients / 10)
	})
	every(w.reload, func() {
		w.event("reload")
		if err := w.rotate(ctx); err != nil && ctx.Err() == nil {
			w.fault("the rotation of a key", "%v", err)
		}
	})
	every(4*time.Second, func() { w.unfinished(ctx) })
}

// rotate replaces the backend's key while publications go on: first both are valid, then only the new one.
func (w *world) rotate(ctx context.Context) error {
	old, next := *w.key.Load(), rand.Text()
	if err := w.reread(ctx, next, http.StatusOK, old, next); err != nil {
		return err
	}
	w.key.Store(&next)
	if !rest(ctx, w.every) { // every publisher has used the new one by then
		return nil
	}
	return w.reread(ctx, old, http.StatusUnauthorized, next)
}

// reread has the server read a new key file, and waits until a key has that status.
func (w *world) reread(ctx context.Context, key string, want int, valid ...string) error {
	if err := w.server.writeKeys(valid...); err != nil {
		return err
	}
	if err := w.server.command.Process.Signal(syscall.SIGHUP); err != nil {
		return err
	}
	for deadline := time.Now().Add(answerWithin); time.Now().Before(deadline); {
		if got, err := w.server.try(ctx, key); err == nil && got == want {
			return nil
		}
		if !rest(ctx, 100*time.Millisecond) {
			return ctx.Err() // whether the server has read it is not known
		}
	}
	return fmt.Errorf("after a SIGHUP a key does not get status %d", want)
}

// unfinished opens connections on which too little comes. The server has to end them.
func (w *world) unfinished(ctx context.Context) {
	for address, start := range map[string]string{
		w.server.front: "GET /ws HTTP/1.1\r\nHost: x\r\nUpgr",
		w.server.back:  "POST /backend HTTP/1.1\r\n",
	} {
		raw, err := dialFrom(ctx, address, 9, false)
		if err != nil {
			if ctx.Err() == nil {
				w.fault("a client could not connect", "%v", err)
			}
			return
		}
		_, _ = io.WriteString(raw, start)
		w.connections.Add(1)
		w.linger(ctx, &conn{TCPConn: raw}, 30*time.Second, "an unfinished request was not cut off")
	}
}

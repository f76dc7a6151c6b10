package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/snorky-go/snorky/backendapi/client"
	"github.com/snorky-go/snorky/cmd/snorkyd/internal/trial"
)

// application publishes numbers, one after another, until it is told to stop.
type application struct {
	key     string
	sent    atomic.Int64
	stop    context.CancelFunc
	running sync.WaitGroup
}

func (p *snorkyd) publishes(key string) *application {
	ctx, cancel := context.WithCancel(p.t.Context())
	a := &application{key: key, stop: cancel}
	publisher := trial.Publisher(p.t, p.back, key)
	a.running.Go(func() {
		for ctx.Err() == nil {
			// What is under way is completed: an answer is owed to it.
			if err := publisher.Publish(context.WithoutCancel(ctx), "announcements_backend", "news", fmt.Sprint(key, a.sent.Load()+1)); err != nil {
				p.t.Errorf("publication %d with %s: %v", a.sent.Load()+1, key, err)
				return
			}
			a.sent.Add(1)
		}
	})
	p.t.Cleanup(a.ends)
	return a
}

func (a *application) ends() {
	a.stop()
	a.running.Wait()
}

// goesOn waits until it has published some more.
func (a *application) goesOn(t *testing.T) {
	t.Helper()
	from := a.sent.Load()
	trial.Eventually(t, "publications with "+a.key+" go on", func() bool { return a.sent.Load() >= from+5 })
}

// takes tells whether a key is valid.
func (p *snorkyd) takes(key string) bool {
	p.t.Helper()
	err := trial.Publisher(p.t, p.back, key).Publish(p.t.Context(), "announcements_backend", "nobody", 0)
	if refused, is := errors.AsType[*client.StatusError](err); is && refused.Status == http.StatusUnauthorized {
		return false
	}
	if err != nil {
		p.t.Fatal(err)
	}
	return true
}

// While both keys are valid neither is refused, and what is published with either arrives: the application changes over
// whenever it likes to.
func TestRotationOfTheKeyUnderTraffic(t *testing.T) {
	t.Parallel()
	const oldKey, newKey = "old-correct-horse-battery", "new-correct-horse-battery"
	file := keyFile(t, oldKey+"\r\n")
	p := prepare(t, "-key-file", file).up()
	subscriber := trial.Subscribe(t, p.front, "announcements", "news")
	var heard map[string]int64
	var reading sync.WaitGroup
	reading.Go(func() { heard = inOrder(t, subscriber, oldKey, newKey) })
	reread := func(text string, key string, want bool) {
		t.Helper()
		if err := os.WriteFile(file+".next", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".next", file); err != nil {
			t.Fatal(err)
		}
		p.signal(syscall.SIGHUP)
		trial.Eventually(t, "the key file is read", func() bool { return p.takes(key) == want })
	}
	before := p.publishes(oldKey)
	before.goesOn(t)
	if p.takes(newKey) {
		t.Error("the new key is valid too early")
	}
	reread(oldKey+"\n"+newKey+"\n", newKey, true)
	after := p.publishes(newKey)
	for range 5 {
		p.signal(syscall.SIGHUP)
		before.goesOn(t)
		after.goesOn(t)
	}
	before.ends()
	reread(newKey, oldKey, false)
	after.goesOn(t)
	after.ends()

	if !p.takes(newKey) {
		t.Error("the new key is not valid in the end")
	}
	trial.Publish(t, trial.Publisher(t, p.back, newKey), "announcements_backend", "news", "end")
	reading.Wait()
	if heard[oldKey] != before.sent.Load() || heard[newKey] != after.sent.Load() {
		t.Errorf("%v arrived, and %d and %d were published", heard, before.sent.Load(), after.sent.Load())
	}
}

// inOrder reads numbers of several publishers, each from 1 on, until "end", and returns the last of each.
func inOrder(t *testing.T, subscriber *trial.Socket, keys ...string) map[string]int64 {
	heard := make(map[string]int64)
	for {
		message, code := subscriber.Next()
		text := string(message.Message)
		switch {
		case code != 0:
			t.Errorf("the subscriber was closed with %d", code)
			return heard
		case text == `"end"`:
			return heard
		}
		for _, key := range keys {
			if number, found := strings.CutPrefix(text, `"`+key); found {
				heard[key]++
				if number != fmt.Sprintf(`%d"`, heard[key]) {
					t.Errorf("%s came when %d was due", text, heard[key])
				}
			}
		}
	}
}

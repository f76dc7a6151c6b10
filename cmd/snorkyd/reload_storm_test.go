//go:build unix

package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/snorky-go/snorky/cmd/snorkyd/internal/trial"
)

// replace puts a file in the place of another, as careful programs do.
func replace(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

// While the configuration changes again and again, and a key is exchanged, nothing that is published is lost or refused,
// and whoever comes is let in.
func TestSIGHUPInAStorm(t *testing.T) {
	t.Parallel()
	const subscribers, publishers, changes = 20, 4, 30
	const nextKey = "the-next-key-of-the-backend"
	file, key := filepath.Join(t.TempDir(), "snorkyd.toml"), keyFile(t, testKey+"\n"+nextKey+"\n")
	texts := [2]string{
		"max-subscriptions = 10\nallow-origin = \"*\"\nping-interval = \"5s\"\nmax-backlog = \"8KiB\"\n[[pubsub]]\nname = \"announcements\"\n",
		"max-subscriptions = 20\nmax-connections = 10000\nmax-connections-per-address = 5000\n[[pubsub]]\nname = \"announcements\"\npublish = \"everybody\"\n",
	}
	replace(t, file, texts[0])
	p := prepare(t, "-config", file, "-key-file", key).up()
	var load, clients sync.WaitGroup
	stop := make(chan struct{})
	var acknowledged [publishers]int
	last := make([][publishers]int, subscribers)
	for i := range subscribers {
		socket := trial.Subscribe(t, p.front, "announcements", "news")
		clients.Go(func() {
			for {
				m, code := socket.Next()
				if code != 0 {
					return
				}
				var publisher, n int
				if _, err := fmt.Sscanf(string(m.Message), `"%d %d"`, &publisher, &n); err != nil || n != last[i][publisher]+1 {
					t.Errorf("subscriber %d got %s after %d", i, m.Message, last[i][publisher])
				}
				last[i][publisher] = n
			}
		})
	}
	for k := range publishers {
		publisher := trial.Publisher(t, p.back, []string{testKey, nextKey}[k%2])
		load.Go(func() {
			for n := 1; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				if err := publisher.Publish(context.Background(), "announcements_backend", "news", fmt.Sprint(k, n)); err != nil {
					t.Errorf("publisher %d: %v", k, err)
					return
				}
				acknowledged[k] = n
			}
		})
	}
	load.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, status := trial.Dial(t, p.front); status != http.StatusSwitchingProtocols {
				t.Errorf("a newcomer gets %d", status)
				return
			}
		}
	})
	count := func() int { return strings.Count(p.log.String(), "SIGHUP: the configuration was read") }
	for n := 1; n <= changes; n++ {
		replace(t, file, texts[n%2])
		before := count()
		p.signal(syscall.SIGHUP)
		trial.Eventually(t, "it was read", func() bool { return count() > before })
	}
	for range 5 {
		p.signal(syscall.SIGHUP)
	}
	close(stop)
	load.Wait()
	replace(t, key, nextKey)
	before := count()
	p.signal(syscall.SIGHUP)
	trial.Eventually(t, "it was read", func() bool { return count() > before })
	trial.Eventually(t, "the old key is refused", func() bool {
		return trial.Publisher(t, p.back, testKey).Publish(context.Background(), "announcements_backend", "elsewhere", 1) != nil
	})
	p.signal(syscall.SIGTERM)
	if status := p.ends(); status != statusOK {
		t.Errorf("status %d:\n%s", status, p.log.String())
	}
	clients.Wait()
	for i := range last {
		for k, n := range acknowledged {
			if last[i][k] < n {
				t.Errorf("subscriber %d got %d of %d messages of publisher %d", i, last[i][k], n, k)
			}
		}
	}
	if strings.Contains(p.log.String(), "stays as it was") {
		t.Errorf("the log says:\n%s", p.log.String())
	}
}

// What needs a restart is named, with what stays, and the rest changes.
func TestSIGHUPNamesWhatNeedsARestart(t *testing.T) {
	t.Parallel()
	key := fmt.Sprintf("key-file = %q\n", keyFile(t, testKey))
	s := subjectOf(t, key)
	next := key + "max-connections = 1\nheader-timeout = \"9s\"\nidle-timeout = \"8s\"\nmax-header = \"8KiB\"\nlog-format = \"json\"\nloops = 3\nportable = true\n" +
		"[[pubsub]]\nname = \"pubsub\"\npublish = \"everybody\"\n[[pubsub]]\nname = \"fresh\"\n[[chat]]\nname = \"talk\"\n"
	s.becomes(next)
	s.says(t, "SIGHUP: these need a restart")
	for _, named := range []string{
		`header-timeout (stays \"10s\")`, `idle-timeout (stays \"1m\")`, `max-header (stays \"32KiB\")`, `log-format (stays \"auto\")`, `loops (stays \"0\")`,
		`portable (stays \"false\")`, `pubsub (stays \"pubsub\", \"announcements\")`, "chat (stays none)",
	} {
		if !strings.Contains(s.trialRun.log.String(), named) {
			t.Errorf("%s is not in the log:\n%s", named, s.trialRun.log.String())
		}
	}
	if got := said(s.client("").Call("pubsub", "publish", `{"channel":"c","message":1}`)); got != "yes" {
		t.Errorf("the rules have not changed: %s", got)
	}
	s.becomes("") // there is no key file any more: its key stays
	if got := s.publishes(testKey, publication("c", "x")); got != "200" || !strings.Contains(s.trialRun.log.String(), "key-file (stays ") {
		t.Errorf("%s\n%s", got, s.trialRun.log.String())
	}
}

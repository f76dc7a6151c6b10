package main

import (
	"encoding/json"
	"io"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/snorky-go/snorky/cmd/snorkyd/server"
)

func TestSubscriptions(t *testing.T) {
	t.Parallel()
	s := boot(t)
	const hostile = "\"\u009b2J\\u001b[31m\u202e\""
	for _, c := range []struct {
		name    string
		args    []string
		publish [][]string
		want    []string
	}{
		{"one channel", []string{"a"}, [][]string{{"a", `{"n": 1}`}}, []string{`{"n":1}`}},
		{"several", []string{"b", "c", "b"}, [][]string{{"b", "1"}, {"c", "2"}}, []string{"\"b\"\t1", "\"c\"\t2"}},
		{"for programs", []string{"--json", "d", "e"}, [][]string{{"e", "[1, 2]"}}, []string{`{"channel":"e","message":[1,2]}`}},
		{
			"one channel written in several ways",
			[]string{"--json-channel", "[1]", "[1.0]"},
			[][]string{{"--json-channel", "[1e0]", "5"}},
			[]string{"5"},
		},
		{"the channel as the publisher wrote it", []string{"--json", "--json-channel", "1"}, [][]string{{"--json-channel", "1.0", "5"}}, []string{`{"channel":1.0,"message":5}`}},
		{"hostile messages", []string{"f"}, [][]string{{"f", hostile}}, []string{`"\u009b2J\u001b[31m\u202e"`}},
		{"hostile channels", []string{"\x1b[2J", "g"}, [][]string{{"\x1b[2J", "1"}}, []string{"\"\\u001b[2J\"\t1"}},
		{"for programs, hostile", []string{"--json", "h"}, [][]string{{"h", hostile}}, []string{`{"channel":"h","message":"\u009b2J\u001b[31m\u202e"}`}},
		{"another service", []string{"--service", "pubsub", "i"}, [][]string{{"--service", "announcements", "i", "1"}, {"--service", "pubsub", "i", "2"}}, []string{"2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			here := &site{s.Server, t}
			r := here.follow(append([]string{"--count", "99"}, c.args...)...)
			for _, args := range c.publish {
				if status, _, stderr := here.snorky("", append([]string{"publish"}, args...)...); status != 0 {
					t.Fatal(stderr)
				}
			}
			r.expect(c.want...)
			if strings.ContainsAny(r.stdout.String()+r.stderr.String(), "\x1b\u009b\u202e") {
				t.Errorf("raw: %q, %q", r.stdout, r.stderr)
			}
		})
	}
}

func TestCountEndsASubscription(t *testing.T) {
	t.Parallel()
	s := boot(t)
	r := s.follow("--count", "2", "news")
	for _, message := range []string{"1", "2", "3"} {
		s.publish("news", message)
	}
	if status := r.wait(); status != 0 || r.stdout.String() != "1\n2\n" {
		t.Errorf("status %d, %q", status, r.stdout)
	}
}

func TestSubscribingTellsWhenItHasBegun(t *testing.T) {
	t.Parallel()
	s := boot(t)
	r := start(t, nil, s.with([]string{"subscribe", "--json", "a", "b"})...)
	var note noteLine
	line := r.stderr.line(t)
	if err := json.Unmarshal([]byte(line), &note); err != nil || note.Event != "subscribed" || len(note.Channels) != 2 {
		t.Errorf("%v: %s", err, line)
	}
	quiet := start(t, nil, s.with([]string{"subscribe", "--quiet", "--count", "1", "c"})...)
	eventually(t, func() bool { return s.Broker().Stats().Subscriptions == 3 })
	s.publish("c", "1")
	if status := quiet.wait(); status != 0 || quiet.stderr.String() != "" {
		t.Errorf("status %d, %s", status, quiet.stderr)
	}
}

// eventually waits for what cannot be waited for otherwise.
func eventually(t *testing.T, happened func() bool) {
	t.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	late := time.After(patience)
	for !happened() {
		select {
		case <-ticker.C:
		case <-late:
			t.Fatal("it does not happen")
		}
	}
}

func TestSubscriptionsAreRefused(t *testing.T) {
	t.Parallel()
	s := boot(t, func(cfg *server.Config) { cfg.MaxSubscriptions = 1 })
	for _, c := range []struct {
		args   []string
		status exitKind
		says   string
	}{
		{[]string{"a", "b"}, exitRefused, `announcements refused the subscription to "b": Too many subscriptions`},
		{[]string{strings.Repeat("x", 300)}, exitRefused, "Channel name too long"},
		{[]string{"--service", "nobody", "--timeout", shortTimeout, "a"}, exitOther, "Is there a service nobody?"},
	} {
		status, stdout, stderr := s.snorky("", append([]string{"subscribe"}, c.args...)...)
		if status != int(c.status) || stdout != "" {
			t.Errorf("status %d, %q", status, stdout)
		}
		contains(t, stderr, c.says)
	}
}

func TestSubscribingIsInterrupted(t *testing.T) {
	t.Parallel()
	s := boot(t)
	for signal, status := range map[os.Signal]int{os.Interrupt: 130, syscall.SIGTERM: 143} {
		r := s.follow("--json", "news")
		r.signal(interruption{signal})
		if got := r.wait(); got != status {
			t.Errorf("%v: status %d", signal, got)
		}
		if f := failureOf(t, r.stderr.line(t)); f.Error != "interrupted" || f.Exit != status {
			t.Errorf("%v: %+v", signal, f)
		}
	}
}

func TestTheServerEnds(t *testing.T) {
	t.Parallel()
	s := boot(t)
	r := s.follow("news")
	s.publish("news", "1")
	shutdown(t, s.Server)
	if status := r.wait(); status != int(exitUnreachable) || r.stdout.String() != "1\n" {
		t.Errorf("status %d, %q", status, r.stdout)
	}
	contains(t, r.stderr.String(), "shuts down or restarts", "code 1001")
}

func TestReconnecting(t *testing.T) {
	t.Parallel()
	place := newRelay(t)
	first := boot(t)
	place.to(first.Addr())
	r := start(t, nil, "subscribe", "--url", place.Addr().String(), "--reconnect", "--json", "a", "b").subscribed()
	first.publish("a", "1")
	r.expect(`{"channel":"a","message":1}`)
	place.to("")
	shutdown(t, first.Server)
	contains(t, r.stderr.line(t), `"event":"disconnected"`)
	second := boot(t)
	place.to(second.Addr())
	eventually(t, func() bool { return second.Broker().Stats().Subscriptions == 2 })
	second.publish("b", "2")
	r.expect(`{"channel":"b","message":2}`)
	contains(t, r.stderr.String(), `"event":"connected"`)
}

func TestRenewalsThatAreRefused(t *testing.T) {
	t.Parallel()
	place := newRelay(t)
	first, second := boot(t), boot(t, func(cfg *server.Config) { cfg.MaxSubscriptions = 1 })
	place.to(first.Addr())
	r := start(t, nil, "subscribe", "--url", place.Addr().String(), "--reconnect", "a", "b").subscribed()
	place.to(second.Addr())
	shutdown(t, first.Server)
	if status := r.wait(); status != int(exitRefused) {
		t.Errorf("status %d", status)
	}
	contains(t, r.stderr.String(), `the subscription to "b": Too many subscriptions`)
}

func TestWaitingForAServer(t *testing.T) {
	t.Parallel()
	place := newRelay(t)
	r := start(t, nil, "subscribe", "--url", place.Addr().String(), "--reconnect", "--count", "1", "a")
	contains(t, r.stderr.line(t), "cannot connect to", "; trying again")
	s := boot(t)
	place.to(s.Addr())
	eventually(t, func() bool { return s.Broker().Stats().Subscriptions == 1 })
	s.publish("a", "1")
	if status := r.wait(); status != 0 || r.stdout.String() != "1\n" {
		t.Errorf("status %d, %q", status, r.stdout)
	}
}

func TestWaitingForAServerIsInterrupted(t *testing.T) {
	t.Parallel()
	r := start(t, nil, "subscribe", "--reconnect", "--url", "127.0.0.1:1", "a")
	r.stderr.line(t)
	r.signal(interruption{os.Interrupt})
	if status := r.wait(); status != int(exitInterrupted) {
		t.Errorf("status %d", status)
	}
}

func TestWhatWillNeverWorkIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	s := boot(t)
	status, _, stderr := s.snorky("", "subscribe", "--reconnect", "--url", s.Addr()+"/nowhere", "a")
	if status != int(exitOther) {
		t.Errorf("status %d, %s", status, stderr)
	}
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	var got []time.Duration
	for attempt := range 9 {
		got = append(got, backoff(attempt, 1))
	}
	want := []time.Duration{
		500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second,
		30 * time.Second, 30 * time.Second, 30 * time.Second,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	if got := backoff(1000, 0); got != 0 {
		t.Errorf("at least %v", got)
	}
}

// failing is an output that fails with an error.
type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestOutputsThatFail(t *testing.T) {
	t.Parallel()
	s := boot(t)
	for _, c := range []struct {
		err    error
		status int
		says   string
	}{
		{syscall.EPIPE, 0, ""},
		{&os.PathError{Op: "write", Path: "|1", Err: syscall.EPIPE}, 0, ""},
		{io.ErrClosedPipe, 0, ""},
		{syscall.ENOSPC, 1, "writing the output failed: no space left on device"},
	} {
		r := &running{t: t, stdout: newWatched(), stderr: newWatched(), ended: make(chan int, 1)}
		r.start(nil, failing{c.err}, s.with([]string{"subscribe", "news"})...).subscribed()
		s.publish("news", "1")
		if status := r.wait(); status != c.status {
			t.Errorf("%v: status %d", c.err, status)
		}
		if c.says == "" && strings.Count(r.stderr.String(), "\n") > 1 {
			t.Errorf("%v: not quiet: %s", c.err, r.stderr)
		}
		contains(t, r.stderr.String(), c.says)
	}
	for _, args := range [][]string{{"version"}, {"completion", "bash"}} {
		r := &running{t: t, stdout: newWatched(), stderr: newWatched(), ended: make(chan int, 1)}
		if status := r.start(nil, failing{syscall.EPIPE}, args...).wait(); status != 0 || r.stderr.String() != "" {
			t.Errorf("%q: status %d, %s", args, status, r.stderr)
		}
	}
}

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/snorky-go/snorky/cmd/snorkyd/server"
)

// follow subscribes to a channel for the rest of the test.
func (s *site) follow(args ...string) *running {
	s.t.Helper()
	return start(s.t, nil, s.with(append([]string{"subscribe"}, args...))...).subscribed()
}

func (r *running) expect(lines ...string) {
	r.t.Helper()
	for _, want := range lines {
		if got := r.stdout.line(r.t); got != want {
			r.t.Fatalf("got %s, want %s", got, want)
		}
	}
}

func TestPublications(t *testing.T) {
	t.Parallel()
	s := boot(t, everybodyPublishes, func(cfg *server.Config) {
		cfg.PubSub[0].Backend = "back" // of pubsub
	})
	for _, c := range []struct {
		name  string
		args  string // words between blanks
		stdin string
		to    string // flags and channel of the subscriber
		want  []string
	}{
		{"a value", `a {"n":9007199254740993,"<&>":"\ud800"}`, "", "a", []string{`{"n":9007199254740993,"<&>":"\ud800"}`}},
		{"a string", "--string b Hello", "", "b", []string{`"Hello"`}},
		{"null", "c null", "", "c", []string{"null"}},
		{"to a channel that is no string", `--json-channel {"a":1.0,"b":2} true`, "", `--json-channel {"b":2,"a":1}`, []string{"true"}},
		{"1 and \"1\" are two channels", "1 2", "", "1", []string{"2"}},
		{"lines", "d", "1\n\n  2 \r\n\t\n3", "d", []string{"1", "2", "3"}},
		{"lines, said so", "e -", "[1, 2]\n", "e", []string{"[1,2]"}},
		{"lines of text", "--string f", "one\n\n2\r\n", "f", []string{`"one"`, `""`, `"2"`}},
		{"as a client", "--via frontend g 1", "", "g", []string{"1"}},
		{"lines as a client", "--via frontend h", "1\n2\n3\n", "h", []string{"1", "2", "3"}},
		{"another service as a client", "--via frontend --service pubsub i 1", "", "--service pubsub i", []string{"1"}},
		{"a twin of another name", "--service pubsub --backend-service back j 1", "", "--service pubsub j", []string{"1"}},
		{"the twin itself", "--service announcements_backend k 1", "", "k", []string{"1"}},
		{"an empty channel name", "--service=announcements -- \x00 1", "", "-- \x00", []string{"1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			here := &site{s.Server, t}
			follower := here.follow(words(c.to)...)
			status, stdout, stderr := here.snorky(c.stdin, append([]string{"publish"}, words(c.args)...)...)
			if status != 0 || stdout != "" || stderr != "" {
				t.Errorf("status %d, stdout %q, stderr %q", status, stdout, stderr)
			}
			follower.expect(c.want...)
		})
	}
}

// words splits at blanks; a zero byte stands for an empty word.
func words(text string) []string {
	all := strings.Fields(text)
	for i := range all {
		all[i] = strings.ReplaceAll(all[i], "\x00", "")
	}
	return all
}

func TestPublishingTellsPrograms(t *testing.T) {
	t.Parallel()
	s := boot(t)
	for stdin, want := range map[string]string{"": `{"channel":"news","published":0}`, "1\n\n2\n": `{"channel":"news","published":2}`} {
		if status, stdout, _ := s.snorky(stdin, "publish", "--json", "news"); status != 0 || stdout != want+"\n" {
			t.Errorf("status %d, %s", status, stdout)
		}
	}
	if status, stdout, _ := s.snorky("", "publish", "--json", "--json-channel", "[1]", "5"); status != 0 || stdout != `{"channel":[1],"published":1}`+"\n" {
		t.Errorf("status %d, %s", status, stdout)
	}
}

func TestManyLinesKeepTheirOrder(t *testing.T) {
	t.Parallel()
	const many = 500
	s := boot(t)
	follower := s.follow("news")
	var input strings.Builder
	for i := range many {
		fmt.Fprintln(&input, i)
	}
	if status, _, stderr := s.snorky(input.String(), "publish", "news"); status != 0 {
		t.Fatalf("status %d, %s", status, stderr)
	}
	for i := range many {
		follower.expect(fmt.Sprint(i))
	}
}

func TestTheFirstLineThatFailsEndsIt(t *testing.T) {
	t.Parallel()
	s := boot(t)
	for _, c := range []struct {
		name, stdin string
		flags       []string
		status      exitKind
		line        int
		published   int
		says        string
	}{
		{"not JSON", "1\n\n2\nthree\n4\n", nil, exitUsage, 4, 2, "line 4: the message `three` is not JSON"},
		{"not UTF-8", "1\n\xff\n", []string{"--string"}, exitUsage, 2, 1, "line 2: the message `\\ufffd` is not UTF-8"},
		{"refused", "1\n2\n", []string{"--via", "frontend"}, exitRefused, 1, 0, "line 1: announcements refused publish: Not authorized (0 messages"},
		{"too long for the backend", "1\n\"" + strings.Repeat("x", 2<<20) + "\"\n", nil, exitRefused, 2, 1, "(1 message published before)"},
		{"too long for anybody", "1\n2\n" + strings.Repeat("x", maxLineBytes+1), nil, exitUsage, 3, 2, "line 3: the line is longer than 16 MiB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			here := &site{s.Server, t}
			args := append([]string{"publish"}, append(c.flags, "news")...)
			status, stdout, stderr := here.snorky(c.stdin, args...)
			if status != int(c.status) || stdout != "" {
				t.Errorf("status %d, stdout %q", status, stdout)
			}
			contains(t, stderr, c.says)
			_, _, stderr = here.snorky(c.stdin, append(args, "--json")...)
			f := failureOf(t, stderr)
			if f.Line != c.line || f.Published == nil || *f.Published != c.published {
				t.Errorf("as JSON: %s", stderr)
			}
		})
	}
}

func TestMessagesTooLongForTheFrontend(t *testing.T) {
	t.Parallel()
	s := boot(t, everybodyPublishes)
	status, _, stderr := s.snorky("", "publish", "--via", "frontend", "--string", "news", strings.Repeat("x", 70<<10))
	if status != int(exitRefused) {
		t.Errorf("status %d", status)
	}
	contains(t, stderr, "code 1009", "read-limit")
}

type brokenInput struct{}

func (brokenInput) Read([]byte) (int, error) { return 0, errors.New("out of paper") }

func TestInputThatCannotBeRead(t *testing.T) {
	t.Parallel()
	s := boot(t)
	for _, args := range [][]string{{"publish", "news"}, {"call", "s", "c", "-"}} {
		r := start(t, brokenInput{}, s.with(args)...)
		if status := r.wait(); status != int(exitOther) {
			t.Errorf("%q: status %d", args, status)
		}
		contains(t, r.stderr.String(), "reading standard input failed: out of paper")
	}
}

func TestPublishingIsInterrupted(t *testing.T) {
	t.Parallel()
	s := boot(t)
	follower := s.follow("news")
	input, typed := io.Pipe()
	t.Cleanup(func() { _ = typed.Close() })
	r := start(t, input, s.with([]string{"publish", "news"})...)
	if _, err := io.WriteString(typed, "1\n"); err != nil {
		t.Fatal(err)
	}
	follower.expect("1")
	r.signal(interruption{os.Interrupt})
	if status := r.wait(); status != int(exitInterrupted) {
		t.Errorf("status %d", status)
	}
	contains(t, r.stderr.String(), "interrupted at line ")
}

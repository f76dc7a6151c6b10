package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"
)

const (
	done           = `{"message":{"type":"response","data":null}}`
	unknownCommand = `{"message":{"type":"error","callId":null,"message":"Unknown command"}}`
)

func resultsOf(each ...string) string {
	return `{"message":{"type":"response","data":{"results":[` + strings.Join(each, ",") + `]}}}`
}

// typing is a "snorky publish" that reads from the test, and whose backend answers when the test says so.
type typing struct {
	*running
	input   *io.PipeWriter
	asked   chan string // what was published, one request each
	answers chan reply
}

type reply struct {
	status int
	body   string
}

func startTyping(t *testing.T, flags ...string) *typing {
	t.Helper()
	y := &typing{asked: make(chan string), answers: make(chan reply)}
	over := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var p struct {
			Message struct {
				Command string
				Params  struct{ Message, Messages json.RawMessage }
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&p); err != nil {
			t.Error(err)
		}
		select {
		case y.asked <- p.Message.Command + " " + string(p.Message.Params.Message) + string(p.Message.Params.Messages):
		case <-over:
			return
		}
		select {
		case a := <-y.answers:
			w.WriteHeader(a.status)
			_, _ = io.WriteString(w, a.body)
		case <-over:
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(over) })
	var output *io.PipeReader
	output, y.input = io.Pipe()
	t.Cleanup(func() { _ = y.input.Close() })
	args := []string{"publish", "--key-file", keyFile(t, testKey), "--backend", server.URL, "news"}
	y.running = start(t, output, append(args, flags...)...)
	return y
}

// types returns when the lines are read: the reader asks for more only when it is done with what it has.
func (y *typing) types(lines string) {
	y.t.Helper()
	for _, text := range []string{lines, " "} {
		if _, err := io.WriteString(y.input, text); err != nil {
			y.t.Fatal(err)
		}
	}
}

// publishes waits for a request and answers it.
func (y *typing) publishes(want string, status int, body string) {
	y.t.Helper()
	y.asks(want)
	y.replies(status, body)
}

func (y *typing) asks(want string) {
	y.t.Helper()
	select {
	case got := <-y.asked:
		if got != want {
			y.t.Fatalf("publishes %s, not %s", got, want)
		}
	case <-time.After(patience):
		y.t.Fatalf("does not publish %s; stderr %s", want, y.stderr)
	}
}

func (y *typing) replies(status int, body string) { y.answers <- reply{status, body} }

func (y *typing) ends(want exitKind) {
	y.t.Helper()
	_ = y.input.Close()
	if status := y.wait(); status != int(want) {
		y.t.Errorf("status %d, stderr %s", status, y.stderr)
	}
}

const published = `{"status":"published"}`

// A line goes at once. What comes while the server has not answered goes together.
func TestLinesThatWaitGoTogether(t *testing.T) {
	t.Parallel()
	y := startTyping(t, "--json")
	y.types("1\n")
	y.asks("publish 1")
	y.types("2\n\n 3 \n")
	y.types("4\n")
	y.replies(200, done)
	y.publishes("publishMany [2,3,4]", 200, resultsOf(published, published, published))
	y.types("5\n")
	y.asks("publish 5")
	y.types("6\n")
	y.replies(200, done)
	y.publishes("publish 6", 200, done)
	y.ends(exitOK)
	if got := y.stdout.String(); got != `{"channel":"news","published":6}`+"\n" {
		t.Errorf("says %s", got)
	}
}

// A server that does not have the command, or for which the batch is too long, gets the messages one by one from then on.
func TestServersThatTakeNoBatches(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]reply{"an older one": {200, unknownCommand}, "a strict one": {413, "too large\n"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			y := startTyping(t)
			y.types("1\n")
			y.asks("publish 1")
			y.types("2\n3\n")
			y.replies(200, done)
			y.publishes("publishMany [2,3]", r.status, r.body)
			y.publishes("publish 2", 200, done)
			y.asks("publish 3")
			y.types("4\n5\n")
			y.replies(200, done)
			y.publishes("publish 4", 200, done)
			y.publishes("publish 5", 200, done)
			y.ends(exitOK)
		})
	}
}

func TestLinesOfABatchThatFail(t *testing.T) {
	t.Parallel()
	const refused = `{"status":"refused","error":"Not today"}`
	for _, c := range []struct {
		name, lines, asks string
		reply
		want      exitKind
		line      int
		published int
		says      []string
	}{
		{
			"one is refused", "2\n\n3\n4\n5\n", "publishMany [2,3,4,5]",
			reply{200, resultsOf(published, refused, published, refused)},
			exitRefused, 4, 2,
			[]string{"line 4: announcements_backend refused publish: Not today; 1 message behind it went through (2 messages published before)"},
		},
		{
			"all are refused", "2\n3\n", "publishMany [2,3]",
			reply{200, resultsOf(refused, refused)},
			exitRefused, 2, 1,
			[]string{"line 2: announcements_backend refused publish: Not today (1 message published before)"},
		},
		{
			"the batch is refused", "2\n\n3\n", "publishMany [2,3]",
			reply{200, `{"message":{"type":"error","message":"Internal error"}}`},
			exitRefused, 2, 1,
			[]string{"lines 2 to 4: announcements_backend refused publishMany: Internal error", "log"},
		},
		{
			"the server goes down", "2\n3\n", "publishMany [2,3]",
			reply{503, ""},
			exitUnreachable, 2, 1,
			[]string{"lines 2 to 3: ", "takes no calls now", "(1 message published before)"},
		},
		{
			"nonsense", "2\n3\n", "publishMany [2,3]",
			reply{200, resultsOf(published)},
			exitOther, 2, 1,
			[]string{"lines 2 to 3: ", "does not speak Snorky's protocol"},
		},
		{
			"one is no JSON", "2\n3\nfour\n5\n", "publishMany [2,3]",
			reply{200, resultsOf(published, published)},
			exitUsage, 4, 3,
			[]string{"line 4: the message `four` is not JSON"},
		},
		{
			"the second is no JSON", "2\nthree\n4\n5\n", "publish 2",
			reply{200, done},
			exitUsage, 3, 2,
			[]string{"line 3: the message `three` is not JSON"},
		},
	} {
		for _, flags := range [][]string{nil, {"--json"}} {
			t.Run(c.name+fmt.Sprint(flags), func(t *testing.T) {
				t.Parallel()
				y := startTyping(t, flags...)
				y.types("1\n")
				y.asks("publish 1")
				y.types(c.lines)
				y.replies(200, done)
				y.publishes(c.asks, c.status, c.body)
				y.ends(c.want)
				if flags == nil {
					contains(t, y.stderr.String(), c.says...)
					return
				}
				if f := failureOf(t, y.stderr.String()); f.Line != c.line || f.Published == nil || *f.Published != c.published {
					t.Errorf("as JSON: %s", y.stderr)
				}
			})
		}
	}
}

// What is read ahead is bounded in lines and in bytes.
func TestLinesThatAreReadAhead(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		length int // of each line, in bytes
		lines  int
		most   int
		want   int // lines that may come at once
	}{
		{"one at a time", 5, 20, 1, 1},
		{"many", 5, 1000, 100, 100},
		{"large ones", maxWaitingBytes/3 + 1, 20, 100, 2},
		{"ones that are too large", maxWaitingBytes + 1, 5, 100, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var want, got []string
			for i := range c.lines {
				want = append(want, fmt.Sprintf("%0*d", c.length, i))
			}
			for texts, err := range lines(t.Context(), strings.NewReader(strings.Join(want, "\n")), c.most) {
				if err != nil || len(texts) > c.want || len(texts) == 0 {
					t.Fatalf("%d lines at once, error %v", len(texts), err)
				}
				got = append(got, texts...)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%d lines came, or in another order", len(got))
			}
		})
	}
}

// The lines before a failure of the reader come before it.
func TestLinesBeforeAnError(t *testing.T) {
	t.Parallel()
	input := io.MultiReader(strings.NewReader("1\n2\n3"), brokenInput{})
	var got []string
	var last error
	for texts, err := range lines(context.Background(), input, 100) {
		got, last = append(got, texts...), err
	}
	if f := (*failure)(nil); !errors.As(last, &f) || !strings.Contains(f.what, "out of paper") || len(got) != 3 {
		t.Errorf("got %q, then %v", got, last)
	}
}

package main

import (
	"os"
	"testing"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// toys is a service for these tests.
type toys struct{ hanging chan *actors.Answer }

type sumParams struct {
	A int64 `json:"a"`
	B int64 `json:"b"`
}

func (s *toys) Commands() actors.Commands {
	return actors.Commands{
		"sum": actors.Command(func(_ *actors.Call, p sumParams) (int64, error) { return p.A + p.B, nil }),
		"say": actors.Command(func(*actors.Call, actors.NoParams) (map[string]any, error) {
			return map[string]any{"text": "\u009b", "list": []int{1, 2}}, nil
		}),
		"rage": actors.Command(func(*actors.Call, actors.NoParams) (any, error) {
			return nil, wire.NewError("rage", "\x1b[5mAARGH\x1b[0m")
		}),
		"hang": actors.Command(func(c *actors.Call, _ actors.NoParams) (any, error) {
			s.hanging <- c.Later()
			return nil, nil
		}),
	}
}

// toyShop runs a server with toys at both doors. What hangs can be taken from the channel and is answered at the end.
func toyShop(t *testing.T) (*site, chan *actors.Answer) {
	t.Helper()
	s := boot(t)
	hanging := make(chan *actors.Answer, 10)
	for _, r := range []*actors.Registry{s.Broker().Frontend(), s.Broker().Backend()} {
		if err := r.Register("toys", &toys{hanging}); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		for len(hanging) > 0 {
			(<-hanging).Respond(nil)
		}
	})
	return s, hanging
}

func TestCalls(t *testing.T) {
	t.Parallel()
	s, _ := toyShop(t)
	for _, via := range []string{viaFrontend, viaBackend} {
		for _, c := range []struct {
			name   string
			args   []string
			stdin  string
			status exitKind
			stdout string
			says   string
		}{
			{"params", []string{"toys", "sum", `{"a":9007199254740993,"b":1}`}, "", exitOK, "9007199254740994", ""},
			{"params as input", []string{"toys", "sum", "-"}, "{\n \"a\": 1,\n \"b\": 2\n}\n", exitOK, "3", ""},
			{"no params", []string{"toys", "say"}, "", exitOK, `{"list":[1,2],"text":"\u009b"}`, ""},
			{"for programs", []string{"toys", "say", "--json"}, "", exitOK, `{"service":"toys","command":"say","data":{"list":[1,2],"text":"\u009b"}}`, ""},
			{"the service's own error", []string{"toys", "rage"}, "", exitRefused, "", `toys refused rage: \u001b[5mAARGH\u001b[0m`},
			{"unknown command", []string{"toys", "Sum"}, "", exitRefused, "", "capitals"},
			{"invalid params", []string{"toys", "sum", `{"a":1}`}, "", exitRefused, "", "missing"},
			{"params that are none", []string{"toys", "sum", "-"}, "", exitUsage, "", "not JSON"},
		} {
			t.Run(via+": "+c.name, func(t *testing.T) {
				t.Parallel()
				here := &site{s.Server, t}
				status, stdout, stderr := here.snorky(c.stdin, append([]string{"call", "--via", via}, c.args...)...)
				if c.stdout != "" {
					c.stdout += "\n"
				}
				if status != int(c.status) || stdout != c.stdout {
					t.Errorf("status %d, stdout %q, stderr %q", status, stdout, stderr)
				}
				contains(t, stderr, c.says)
			})
		}
	}
}

func TestCallsThatAreNotAnswered(t *testing.T) {
	t.Parallel()
	s, _ := toyShop(t)
	both := map[string]*running{}
	for _, service := range []string{"toys", "nobody"} {
		both[service] = start(t, nil, s.with([]string{"call", "--timeout", shortTimeout, service, "hang"})...)
	}
	for service, r := range both {
		if status := r.wait(); status != int(exitOther) {
			t.Errorf("%s: status %d", service, status)
		}
		contains(t, r.stderr.String(), "within "+shortTimeout, "Is there a service "+service+"?")
	}
	if status, _, stderr := s.snorky("", "call", "--via", "backend", "nobody", "hang"); status != int(exitRefused) {
		t.Errorf("status %d, %s", status, stderr)
	}
}

func TestCallsAreInterrupted(t *testing.T) {
	t.Parallel()
	s, hanging := toyShop(t)
	for _, via := range []string{viaFrontend, viaBackend} {
		r := start(t, nil, s.with([]string{"call", "--via", via, "toys", "hang"})...)
		answer := <-hanging
		r.signal(interruption{os.Interrupt})
		if status := r.wait(); status != int(exitInterrupted) || r.stderr.String() != "" {
			t.Errorf("%s: status %d, stderr %s", via, status, r.stderr)
		}
		answer.Respond(nil)
	}
}

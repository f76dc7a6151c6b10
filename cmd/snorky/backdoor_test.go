package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestAnswersOfTheBackend shows what each answer of PROTOCOL.md section 7 becomes.
func TestAnswersOfTheBackend(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   exitKind
		says   []string
	}{
		{"done", 200, `{"service":"s","message":{"type":"response","data":null}}`, exitOK, nil},
		{"refused", 200, `{"service":"s","message":{"type":"error","callId":null,"message":"Out of\u001b[31m ink"}}`, exitRefused, []string{`announcements_backend refused publish: Out of\u001b[31m ink`}},
		{"broken inside", 200, `{"service":"s","message":{"type":"error","callId":null,"message":"Internal error"}}`, exitRefused, []string{"log"}},
		{"a page", 200, "<html>", exitOther, []string{"does not speak", "address of snorkyd's backend"}},
		{"a bad key", 401, "no\n", exitKey, []string{"does not accept the key", envKey}},
		{"no service", 404, "no such service", exitRefused, []string{"no service announcements_backend", "no such service"}},
		{"too long", 413, "", exitRefused, []string{"longer", "backend-max-body"}},
		{"going down", 503, "", exitUnreachable, []string{"takes no calls now"}},
		{"elsewhere", 302, "", exitOther, []string{"302", "address of snorkyd's backend"}},
		{"another server", 405, "\x1b]0;got you\x07", exitOther, []string{`\u001b]0;got you\u0007`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Header.Get("X-Backend-Key") != testKey {
					t.Errorf("key %q", r.Header.Get("X-Backend-Key"))
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}))
			t.Cleanup(backend.Close)
			args := []string{"publish", "--key-file", keyFile(t, testKey), "--backend", backend.URL, "news", "1"}
			status, stdout, stderr := snorky(t, "", args...)
			if status != int(c.want) || stdout != "" {
				t.Errorf("status %d, stdout %q", status, stdout)
			}
			contains(t, stderr, c.says...)
			if strings.Contains(stderr, "\x1b") || strings.Contains(stderr, testKey) {
				t.Errorf("shows what it must not: %q", stderr)
			}
			if c.want == exitOK {
				return
			}
			_, _, stderr = snorky(t, "", append(args, "--json")...)
			if f := failureOf(t, stderr); f.Exit != status || f.Error != c.want.name() || f.Published != nil || f.Line != 0 {
				t.Errorf("as JSON: %s", stderr)
			}
		})
	}
}

func TestBackendThatHangsUp(t *testing.T) {
	t.Parallel()
	backend := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	t.Cleanup(backend.Close)
	status, _, stderr := snorky(t, "", "publish", "--key-file", keyFile(t, testKey), "--backend", backend.URL, "news", "1")
	if status != int(exitUnreachable) {
		t.Errorf("status %d", status)
	}
	contains(t, stderr, "hung up", "may or may not have done it")
}

func TestBackendThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	backend := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(backend.Close)
	t.Cleanup(func() { close(release) })
	args := []string{"publish", "--key-file", keyFile(t, testKey), "--backend", backend.URL, "news", "1"}
	status, _, stderr := snorky(t, "", append(args, "--timeout", shortTimeout)...)
	if status != int(exitOther) {
		t.Errorf("status %d", status)
	}
	contains(t, stderr, "within "+shortTimeout, "may or may not have done it", "--timeout")
}

func TestNobodyIsThere(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"publish", "--backend", "127.0.0.1:1", "news", "1"}, "--backend or " + envBackend},
		{[]string{"call", "--via", "backend", "--backend", "127.0.0.1:1", "s", "c"}, "--backend or " + envBackend},
		{[]string{"publish", "--via", "frontend", "--url", "127.0.0.1:1", "news", "1"}, "--url or " + envURL},
		{[]string{"call", "--url", "127.0.0.1:1", "s", "c"}, "--url or " + envURL},
		{[]string{"subscribe", "--url", "127.0.0.1:1", "news"}, "--url or " + envURL},
	} {
		args := c.args
		if args[0] != "subscribe" {
			args = append(args, "--key-file", keyFile(t, testKey))
		}
		status, _, stderr := snorky(t, "", args...)
		if status != int(exitUnreachable) {
			t.Errorf("%q: status %d", c.args, status)
		}
		contains(t, stderr, "cannot connect to", "127.0.0.1:1/", "connection refused", "Is snorkyd running there?", c.says)
	}
}

func TestWithoutAKeyNothingIsAsked(t *testing.T) {
	t.Parallel()
	status, _, stderr := snorky(t, "", "publish", "news", "1")
	if status != int(exitKey) {
		t.Errorf("status %d", status)
	}
	contains(t, stderr, envKey, "--key-file", envKeyFile)
}

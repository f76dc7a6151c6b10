package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	s := boot(t)
	for _, url := range []string{s.Addr(), "ws://" + s.Addr() + "/ws?token=s3cr3t", "http://" + s.Addr()} {
		if status, stdout, stderr := snorky(t, "", "health", "--url", url); status != 0 || stdout != "ok\n" || stderr != "" {
			t.Errorf("%s: status %d, %q, %q", url, status, stdout, stderr)
		}
	}
	if status, stdout, _ := snorky(t, "", "health", "--json", "--url", s.Addr()); status != 0 || stdout != `{"health":"ok"}`+"\n" {
		t.Errorf("status %d, %q", status, stdout)
	}
}

func TestHealthOfAServerThatIsNotWell(t *testing.T) {
	t.Parallel()
	draining := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" {
			t.Errorf("asked for %s", r.URL.Path)
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, "drain\x1bing\n"+strings.Repeat("x", 1000))
	}))
	t.Cleanup(draining.Close)
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(silent.Close)
	for name, test := range map[string]struct {
		args   []string
		status exitKind
		says   string
	}{
		"draining": {[]string{"--url", draining.URL}, exitRefused, `status 503`},
		"nobody":   {[]string{"--url", "127.0.0.1:1"}, exitUnreachable, "cannot connect to http://127.0.0.1:1/healthz"},
		"silent":   {[]string{"--url", silent.URL, "--timeout", "50ms"}, exitUnreachable, "it took too long"},
		"no time":  {[]string{"--timeout", "0s"}, exitUsage, "--timeout"},
		"no URL":   {[]string{"--url", "ftp://x"}, exitUsage, "--url"},
		"too much": {[]string{"now"}, exitUsage, "too much"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, stdout, stderr := snorky(t, "", append([]string{"health"}, test.args...)...)
			if status != int(test.status) || stdout != "" || !strings.Contains(stderr, test.says) || strings.Contains(stderr, "\x1b") {
				t.Errorf("status %d, %q, %q", status, stdout, stderr)
			}
		})
	}
}

// Package sitetest is what every page of the examples has to pass that can be said without a browser.
package sitetest

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	refers = regexp.MustCompile(`(?:\ssrc="|<link [^>]*href="|\sfrom ")([^"]+)"`)
	// What the policy would refuse: addresses of others, and scripts and styles inside of the page.
	foreign = regexp.MustCompile(`(?i)(https?:)?//[a-z0-9]`)
	inline  = regexp.MustCompile(`(?i)<script(\s[^>]*)?>\s*[^\s<]|<style|\sstyle=|\son[a-z]+=|["'=]\s*(javascript|data):`)
)

// Check looks at the page at an address of the handler, and at the files that it loads. Those of Snorky's client may be
// missing there, and are not looked into.
func Check(t *testing.T, h http.Handler, at string, files ...string) {
	t.Helper()
	page := get(t, h, at)
	if kind := page.Header().Get("Content-Type"); !strings.HasPrefix(kind, "text/html") {
		t.Errorf("%s is %s", at, kind)
	}
	checkPolicy(t, page.Header().Get("Content-Security-Policy"))
	if found := inline.FindString(page.Body.String()); found != "" {
		t.Errorf("%s has %q in it", at, found)
	}
	seen := map[string]bool{}
	follow(t, h, at, page.Body.String(), seen)
	if got := slices.Sorted(maps.Keys(seen)); !slices.Equal(got, files) {
		t.Errorf("%s loads %q, not %q", at, got, files)
	}
}

func checkPolicy(t *testing.T, policy string) {
	t.Helper()
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "require-trusted-types-for 'script'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy lacks %s: %s", want, policy)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
		t.Errorf("the policy is lax: %s", policy)
	}
}

// follow looks at a file, and at those that it refers to.
func follow(t *testing.T, h http.Handler, at, text string, seen map[string]bool) {
	t.Helper()
	// The name of a namespace is no address.
	if found := foreign.FindString(strings.ReplaceAll(text, `xmlns="http://www.w3.org/2000/svg"`, "")); found != "" {
		t.Errorf("%s refers to %q", at, found)
	}
	base := &url.URL{Path: at}
	for _, match := range refers.FindAllStringSubmatch(text, -1) {
		target, err := base.Parse(match[1])
		if err != nil {
			t.Errorf("%s refers to %q: %v", at, match[1], err)
			continue
		}
		if seen[target.Path] || strings.HasPrefix(path.Base(target.Path), "snorky.") {
			continue
		}
		seen[target.Path] = true
		follow(t, h, target.Path, get(t, h, target.Path).Body.String(), seen)
	}
}

func get(t *testing.T, h http.Handler, at string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost"+at, nil))
	if w.Code != http.StatusOK || w.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%s: status %d, %v", at, w.Code, w.Header())
	}
	return w
}

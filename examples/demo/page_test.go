package main

import (
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func TestPageIsLockedDown(t *testing.T) {
	w := httptest.NewRecorder()
	page("index.html").ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
		t.Errorf("status %d, type %s", w.Code, w.Header().Get("Content-Type"))
	}
	policy := w.Header().Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("the policy lacks %s: %s", want, policy)
		}
	}
	if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
		t.Errorf("the policy is lax: %s", policy)
	}
}

// TestPageNeedsNobodyElse looks for what the policy would refuse: addresses of others, and scripts and styles inside of
// the page.
func TestPageNeedsNobodyElse(t *testing.T) {
	foreign := regexp.MustCompile(`(?i)(https?:)?//[a-z0-9]`)
	inline := regexp.MustCompile(`(?i)<script(\s[^>]*)?>\s*[^\s<]|<style|\sstyle=|\son[a-z]+=|["'=]\s*(javascript|data):`)
	files, err := fs.Glob(web, "web/*")
	if err != nil || len(files) != 1+len(assets) {
		t.Fatalf("%q, %v", files, err)
	}
	for _, file := range files {
		text, err := fs.ReadFile(web, file)
		if err != nil {
			t.Fatal(err)
		}
		// The name of a namespace is no address.
		content := strings.ReplaceAll(string(text), `xmlns="http://www.w3.org/2000/svg"`, "")
		if found := foreign.FindString(content); found != "" {
			t.Errorf("%s refers to %q", file, found)
		}
		if found := inline.FindString(content); found != "" && strings.HasSuffix(file, ".html") {
			t.Errorf("%s has %q in it", file, found)
		}
	}
}

func TestAddresses(t *testing.T) {
	for _, c := range []struct{ listening, local, visible string }{
		{"[::]:5800", "127.0.0.1:5800", "localhost:5800"},
		{"0.0.0.0:5800", "127.0.0.1:5800", "localhost:5800"},
		{"127.0.0.1:80", "127.0.0.1:80", "localhost:80"},
		{"[::1]:5800", "[::1]:5800", "localhost:5800"},
		{"192.0.2.1:5800", "192.0.2.1:5800", "192.0.2.1:5800"},
	} {
		if got := local(c.listening); got != c.local {
			t.Errorf("%s is local at %s, want %s", c.listening, got, c.local)
		}
		if got := visible(c.listening); got != c.visible {
			t.Errorf("%s is visible at %s, want %s", c.listening, got, c.visible)
		}
	}
}

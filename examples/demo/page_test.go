package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/snorky-go/snorky/examples/internal/site"
	"github.com/snorky-go/snorky/examples/internal/site/sitetest"
)

func TestPages(t *testing.T) {
	routes := http.NewServeMux()
	servePages(routes.Handle)
	loaded := map[string]bool{}
	for at, loads := range map[string][]string{
		"/":        {"demo.css", "demo.js"},
		"/chat":    {"chat.css", "chat.js", "connection.js", "people.js", "visitor.js"},
		"/drawing": {"board.js", "connection.js", "drawing.css", "drawing.js", "pen.js", "people.js", "visitor.js"},
	} {
		var paths []string
		for _, name := range append(loads, "base.css", "icon.svg", "people.css") {
			paths = append(paths, "/demo/"+name)
		}
		slices.Sort(paths)
		sitetest.Check(t, routes, at, paths...)
		for _, name := range loads {
			loaded[name] = true
		}
	}
	for _, name := range files {
		if !loaded[name] && name != "people.css" {
			t.Errorf("no page loads %s", name)
		}
	}
}

// Whoever adds a page adds it to the navigation.
func TestNavigation(t *testing.T) {
	for pattern := range here {
		path := strings.TrimSuffix(pattern, "{$}")
		if !slices.ContainsFunc(pages, func(l site.Link) bool { return l.Path == path }) {
			t.Errorf("no link leads to %s", path)
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

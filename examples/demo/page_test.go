package main

import (
	"net/http"
	"testing"

	"github.com/snorky-go/snorky/examples/internal/site/sitetest"
)

func TestAnnouncementsPage(t *testing.T) {
	routes := http.NewServeMux()
	announcements(routes.Handle)
	sitetest.Check(t, routes, "/", "/demo/base.css", "/demo/demo.css", "/demo/demo.js", "/demo/icon.svg")
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

package site_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/snorky-go/snorky/examples/internal/site"
)

func page(o site.Options) *httptest.ResponseRecorder {
	files := fstest.MapFS{"web/x.html": {Data: []byte(`<body>{{template "nav" .}}<p>{{.Socket}}</p></body>`)}}
	w := httptest.NewRecorder()
	site.Page(files, "web/x.html", o).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	return w
}

func TestNavigation(t *testing.T) {
	links := []site.Link{{Path: "/", Title: "A & B"}, {Path: "/c/", Title: "C"}}
	said := page(site.Options{Links: links, Here: "/c/"}).Body.String()
	for _, want := range []string{`<a href="/">A &amp; B</a>`, `<a href="/c/" aria-current="page">C</a>`} {
		if !strings.Contains(said, want) {
			t.Errorf("there is no %s in %s", want, said)
		}
	}
	if said := page(site.Options{Here: "/"}).Body.String(); strings.Contains(said, "<nav") {
		t.Errorf("a single page has a navigation: %s", said)
	}
}

// A page may connect to the Snorky that it is told of, and to nothing else.
func TestSocket(t *testing.T) {
	for socket, want := range map[string]string{
		"":                                 "connect-src 'self';",
		"/ws":                              "connect-src 'self';",
		"wss://live.example.com/ws":        "connect-src 'self' wss://live.example.com;",
		"ws://localhost:5800/ws":           "connect-src 'self' ws://localhost:5800;",
		"javascript:alert(1)":              "connect-src 'self';",
		"https://user:pw@example.com:1/?a": "connect-src 'self' https://example.com:1;",
	} {
		if policy := page(site.Options{Socket: socket}).Header().Get("Content-Security-Policy"); !strings.Contains(policy, want) {
			t.Errorf("%q: %s", socket, policy)
		}
	}
}

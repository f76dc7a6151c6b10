package main

import (
	"embed"
	"net/http"
	"strings"

	"github.com/snorky-go/snorky/examples/internal/site"
)

//go:embed web
var web embed.FS

// pages are those of the demo, in the order of the navigation.
var pages = []site.Link{
	{Path: "/", Title: "News"},
	{Path: "/chat", Title: "Chat"},
	{Path: "/drawing", Title: "Drawing"},
	{Path: "/todo/", Title: "To do"},
}

// here are the pages whose files are in this folder, and files what they load. The list brings its own.
var (
	here = map[string]string{
		"/{$}":     "index.html",
		"/chat":    "chat.html",
		"/drawing": "drawing.html",
	}
	files = []string{
		"demo.css", "demo.js",
		"people.css", "people.js", "visitor.js", "connection.js",
		"chat.css", "chat.js",
		"drawing.css", "drawing.js", "board.js", "pen.js",
	}
)

// servePages serves the pages of this folder, and what they load.
func servePages(handle func(pattern string, h http.Handler)) {
	for path, name := range here {
		handle("GET "+path, site.Page(web, "web/"+name, site.Options{Links: pages, Here: strings.TrimSuffix(path, "{$}")}))
	}
	handle("GET /demo/base.css", site.Style())
	handle("GET /demo/icon.svg", site.Icon())
	for _, name := range files {
		handle("GET /demo/"+name, site.File(web, "web/"+name))
	}
}

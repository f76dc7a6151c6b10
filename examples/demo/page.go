package main

import (
	"embed"
	"net/http"

	"github.com/snorky-go/snorky/examples/internal/site"
)

//go:embed web
var web embed.FS

// pages are those of the demo, in the order of the navigation.
var pages = []site.Link{
	{Path: "/", Title: "Announcements"},
	{Path: "/todo/", Title: "To do"},
}

// announcements serves the first page, and what it loads.
func announcements(handle func(pattern string, h http.Handler)) {
	handle("GET /{$}", site.Page(web, "web/index.html", site.Options{Links: pages, Here: "/"}))
	handle("GET /demo/base.css", site.Style())
	handle("GET /demo/icon.svg", site.Icon())
	for _, name := range []string{"demo.css", "demo.js"} {
		handle("GET /demo/"+name, site.File(web, "web/"+name))
	}
}

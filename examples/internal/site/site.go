// Package site serves the pages of the examples: what they have in common to look at, and headers that let them do no
// more than they need.
package site

import (
	"embed"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"path"
)

//go:embed base.css icon.svg
var base embed.FS

//go:embed parts.html
var parts string

// Link leads to a page of the same site.
type Link struct {
	Path  string
	Title string
}

// Options say what a page shows beside its own.
type Options struct {
	// Links are those to all pages of the site, this one included; without any there is no navigation.
	Links []Link
	// Here is the path of this page.
	Here string
	// Socket is the address of Snorky's WebSocket, such as ws://localhost:5800/ws; empty: /ws where the page is from.
	Socket string
}

// Page serves a file as an HTML template, which may use {{template "nav" .}} and the fields of o.
func Page(files fs.FS, name string, o Options) http.Handler {
	page := template.Must(template.Must(template.New("parts").Parse(parts)).ParseFS(files, name)).Lookup(path.Base(name))
	connect := "'self'"
	if at, err := url.Parse(o.Socket); err == nil && at.Host != "" {
		connect += " " + at.Scheme + "://" + at.Host
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		secure(w.Header(), connect)
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = page.Execute(w, o) // it fails for those who have left
	})
}

// File serves a file, such as a script.
func File(files fs.FS, name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w.Header(), "'self'")
		http.ServeFileFS(w, r, files, name)
	})
}

// Style serves the style that all pages have in common, and Icon their icon.
func Style() http.Handler { return File(base, "base.css") }

// Icon serves the icon.
func Icon() http.Handler { return File(base, "icon.svg") }

// secure lets a page load and do what it needs: files of this server, and connections to it and to Snorky. Scripts and
// styles inside of the page are not run, nor can text become a part of the page other than as text.
func secure(h http.Header, connect string) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "+
		"connect-src "+connect+"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "+
		"require-trusted-types-for 'script'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-cache") // the next version may be another run away
}

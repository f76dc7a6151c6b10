package main

import (
	"embed"
	"net/http"
)

//go:embed web
var web embed.FS

// assets are the files that the page loads.
var assets = []string{"demo.css", "demo.js", "icon.svg"}

// policy lets the page load and do what it needs: files of this server, and connections to it. Scripts and styles inside
// of the page are not run, nor can text become a part of the page other than as text.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

// page serves one file.
func page(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-cache") // the next version may be another run away
		http.ServeFileFS(w, r, web, "web/"+name)
	})
}

// Package js holds the JavaScript client, built from the TypeScript source beside it, and serves it.
package js

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"net/http"
	"path"
	"time"
)

//go:embed dist/snorky.js
var script []byte

//go:embed dist/snorky.mjs
var module []byte

// Handler serves the client as /snorky.js, the bundle for script tags, and as /snorky.mjs, the ES module, at whatever
// depth it is mounted. Everything else is not found.
//
// The addresses hold no version, so that browsers ask again each time: after an update of the server the next page
// load has the client that fits, and until then the answer is 304.
func Handler() http.Handler {
	files := map[string]http.Handler{"snorky.js": file(script), "snorky.mjs": file(module)}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, ok := files[path.Base(r.URL.Path)]
		if !ok {
			http.NotFound(w, r)
			return
		}
		f.ServeHTTP(w, r)
	})
}

// file serves JavaScript that does not change while the program runs.
func file(content []byte) http.Handler {
	hash := sha256.Sum256(content)
	tag := `"` + hex.EncodeToString(hash[:16]) + `"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		h.Set("Content-Type", "text/javascript; charset=utf-8")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "public, no-cache")
		h.Set("ETag", tag)
		// Pages of other hosts may use the client too: modules are only loaded with this header. It gives nothing
		// away, and whether such a page may connect is for the WebSocket's own check of origins.
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
	})
}

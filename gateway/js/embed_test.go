package js_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/snorky-go/snorky/gateway/js"
)

func get(t *testing.T, method, path string, header http.Header) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	maps.Copy(r.Header, header)
	w := httptest.NewRecorder()
	js.Handler().ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) []byte {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestHandlerServesWhatWasBuilt(t *testing.T) {
	for _, path := range []string{"/snorky.js", "/snorky.mjs", "/static/v1/snorky.js"} {
		t.Run(path, func(t *testing.T) {
			r := get(t, "GET", path, nil)
			if r.StatusCode != http.StatusOK {
				t.Fatalf("status %d", r.StatusCode)
			}
			want, err := os.ReadFile("dist/" + path[strings.LastIndex(path, "/")+1:])
			if err != nil {
				t.Fatal(err)
			}
			if got := body(t, r); !bytes.Equal(got, want) {
				t.Errorf("%d bytes that are not the file's %d", len(got), len(want))
			}
			for name, want := range map[string]string{
				"Content-Type":                 "text/javascript; charset=utf-8",
				"X-Content-Type-Options":       "nosniff",
				"Cache-Control":                "public, no-cache",
				"Access-Control-Allow-Origin":  "*",
				"Cross-Origin-Resource-Policy": "cross-origin",
			} {
				if got := r.Header.Get(name); got != want {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		})
	}
}

func TestHandlerRevalidates(t *testing.T) {
	script, module := get(t, "GET", "/snorky.js", nil), get(t, "GET", "/snorky.mjs", nil)
	tag := script.Header.Get("ETag")
	if len(tag) != 34 || tag == module.Header.Get("ETag") {
		t.Fatalf("tags %s and %s", tag, module.Header.Get("ETag"))
	}
	r := get(t, "GET", "/snorky.js", http.Header{"If-None-Match": {tag}})
	if r.StatusCode != http.StatusNotModified || len(body(t, r)) != 0 {
		t.Errorf("same tag: status %d", r.StatusCode)
	}
	r = get(t, "GET", "/snorky.mjs", http.Header{"If-None-Match": {tag}})
	if r.StatusCode != http.StatusOK {
		t.Errorf("other tag: status %d", r.StatusCode)
	}
}

func TestHandlerMethodsAndPaths(t *testing.T) {
	tests := []struct {
		method, path string
		status       int
	}{
		{"HEAD", "/snorky.js", http.StatusOK},
		{"POST", "/snorky.js", http.StatusMethodNotAllowed},
		{"DELETE", "/snorky.mjs", http.StatusMethodNotAllowed},
		{"GET", "/", http.StatusNotFound},
		{"GET", "/snorky.ts", http.StatusNotFound},
		{"GET", "/dist/", http.StatusNotFound},
		{"GET", "/snorky.js/x", http.StatusNotFound},
		{"POST", "/x", http.StatusNotFound},
	}
	for _, test := range tests {
		r := get(t, test.method, test.path, nil)
		if r.StatusCode != test.status {
			t.Errorf("%s %s: status %d, want %d", test.method, test.path, r.StatusCode, test.status)
		}
		if test.method == "HEAD" && len(body(t, r)) != 0 {
			t.Error("HEAD has a body")
		}
		if allow := r.Header.Get("Allow"); (allow == "GET, HEAD") != (test.status == http.StatusMethodNotAllowed) {
			t.Errorf("%s %s: Allow %q", test.method, test.path, allow)
		}
	}
}

func TestClientIsSmall(t *testing.T) {
	for _, path := range []string{"/snorky.js", "/snorky.mjs"} {
		var packed bytes.Buffer
		w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(body(t, get(t, "GET", path, nil))); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if packed.Len() >= 10_000 {
			t.Errorf("%s: %d bytes gzipped, want under 10000", path, packed.Len())
		}
	}
}

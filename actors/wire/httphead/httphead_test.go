package httphead_test

import (
	"bufio"
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/snorky-go/snorky/actors/wire/httphead"
)

func TestPath(t *testing.T) {
	for path, want := range map[string]bool{
		"/ws": true, "/": true, "/a/b.c": true,
		"": false, "ws": false, "/ws?a": false, "/%77s": false, "/w s": false, "/w\r\ns": false, "/\u00fc": false,
	} {
		if got := httphead.Path(path); got != want {
			t.Errorf("%q: %v", path, got)
		}
	}
}

func TestLine(t *testing.T) {
	for data, want := range map[string]struct {
		line   string
		length int
		ok     bool
	}{
		"":             {"", 0, true},
		"Host: a\r":    {"", 0, true},
		"a\r\nb\r\n":   {"a", 3, true},
		"\r\n":         {"", 2, true},
		"a\nb\r\n":     {"a\n", 2, false},
		"\n":           {"\n", 1, false},
		"a\rb: c\r\nd": {"a\rb: c", 8, true},
	} {
		line, length, ok := httphead.Line([]byte(data))
		if string(line) != want.line || length != want.length || ok != want.ok {
			t.Errorf("%q: %q, %d, %v", data, line, length, ok)
		}
	}
}

func TestHost(t *testing.T) {
	for value, want := range map[string]bool{
		"a.example": true, "a-b_c:80": true, "[::1]:80": true,
		"": false, "a b": false, "a/b": false, "a@b": false, "f\xfcr": false,
	} {
		if got := httphead.Host([]byte(value)); got != want {
			t.Errorf("%q: %v", value, got)
		}
	}
}

// What Field takes, net/http takes, and understands in the same way.
func FuzzField(f *testing.F) {
	for _, line := range []string{
		"Host: a", "X-A:b", "X-A: \t b \t ", "X-A:", "X-A: f\xfcr", "X~!#$: 1",
		"", ":", ": 1", "X-A", "X-A : 1", " X-A: 1", "X(A): 1", "X-A: a\x00b", "X-A: a\x7fb", "X-A: a\rb", "X-\xfc: 1",
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		if bytes.ContainsRune(line, '\n') {
			return // is the end of a line
		}
		name, value, ok := httphead.Field(line)
		if !ok {
			return
		}
		head := "GET / HTTP/1.1\r\n" + string(line) + "\r\n\r\n"
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head)))
		if err != nil {
			switch http.CanonicalHeaderKey(string(name)) {
			case "Host", "Content-Length", "Transfer-Encoding", "Trailer": // their values mean something to it
				return
			}
			t.Fatalf("%q: %v", line, err)
		}
		switch http.CanonicalHeaderKey(string(name)) {
		case "Host", "Content-Length", "Transfer-Encoding", "Trailer", "Connection", "Pragma":
			return // it keeps or adds some of them elsewhere
		}
		if got := r.Header.Values(string(name)); len(got) != 1 || got[0] != string(value.Of(line)) {
			t.Errorf("%q: %q, not %q", line, got, value.Of(line))
		}
	})
}

func TestFieldRefuses(t *testing.T) {
	for _, line := range []string{
		"", ":", ": 1", "X-A", "X-A : 1", " X-A: 1", "\tX-A: 1", "X(A): 1", "X-A: a\x00b", "X-A: a\x7fb", "X-A: a\rb", "X-\xfc: 1",
	} {
		if name, _, ok := httphead.Field([]byte(line)); ok {
			t.Errorf("%q has the name %q", line, name)
		}
	}
}

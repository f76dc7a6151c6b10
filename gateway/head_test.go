package gateway

import (
	"bufio"
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

const wsLine = "GET /ws HTTP/1.1\r\n"

// heads are beginnings of connections, and what is thought of them.
func heads() map[string]struct {
	sent string
	want verdict
} {
	type c = struct {
		sent string
		want verdict
	}
	good := handshake("a.example")
	all := map[string]c{
		"plain":                 {good, plain},
		"port":                  {handshake("a.example:5800"), plain},
		"IPv6":                  {handshake("[::1]:5800"), plain},
		"of a browser":          {handshake("a.example", "Origin: https://a.example", "Cookie: a=b; c=\"d\"", "User-Agent: Moz (x; y)", "Accept-Language: de,en;q=0.5"), plain},
		"other case":            {handshake("a.example", "uPGRADE: WebSocket", "connection: keep-alive, upgrade", "SEC-WEBSOCKET-KEY: x"), plain},
		"no blank after colons": {strings.ReplaceAll(good, ": ", ":"), plain},
		"blanks around values":  {handshake("a.example", "Upgrade: \t websocket \t "), plain},
		"bytes beyond ASCII":    {handshake("a.example", "X-Name: f\xfcr \u00fc"), plain},
		"offers":                {handshake("a.example", "Sec-WebSocket-Extensions: permessage-deflate", "Sec-WebSocket-Protocol: a, b"), plain},
		"same unknown twice":    {strings.Replace(good, wsLine, wsLine+"X-A: 1\r\nX-A: 2\r\n", 1), plain},
		"empty origin":          {handshake("a.example", "Origin:"), plain},

		"bytes behind it":      {good + "\x81", odd},
		"second request":       {good + good, odd},
		"query":                {strings.Replace(good, "/ws", "/ws?a=b", 1), odd},
		"longer path":          {strings.Replace(good, "/ws", "/ws/", 1), odd},
		"whole URL":            {strings.Replace(good, "/ws", "http://a.example/ws", 1), odd},
		"two blanks":           {strings.Replace(good, "GET /ws", "GET  /ws", 1), odd},
		"HTTP/1.0":             {strings.Replace(good, "HTTP/1.1", "HTTP/1.0", 1), odd},
		"POST":                 {strings.Replace(good, "GET", "POST", 1), odd},
		"line ends of Unix":    {strings.ReplaceAll(good, "\r\n", "\n"), odd},
		"one such line":        {handshake("a.example", "X-A: 1\nX-B: 2"), odd},
		"head ends like that":  {strings.TrimSuffix(good, "\r\n") + "\n", odd},
		"bare CR":              {handshake("a.example", "X-A: 1\rX-B: 2"), odd},
		"continued line":       {handshake("a.example", "X-A: 1", " X-B: 2"), odd},
		"blank before a colon": {handshake("a.example", "X-A : 1"), odd},
		"no name":              {handshake("a.example", ": 1"), odd},
		"no colon":             {handshake("a.example", "X-A"), odd},
		"name of no token":     {handshake("a.example", "X(A): 1"), odd},
		"NUL":                  {handshake("a.example", "X-A: a\x00b"), odd},
		"DEL":                  {handshake("a.example", "X-A: a\x7fb"), odd},
		"no host":              {handshake("a.example", "-Host"), odd},
		"empty host":           {handshake(""), odd},
		"host of other bytes":  {handshake("a.example/b"), odd},
		"TLS":                  {"\x16\x03\x01\x02\x00", odd},
		"HTTP/2":               {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", odd},
		"line end in front":    {"\r\n" + good, odd},
		"other first byte":     {"X", odd},
		"other second line":    {wsLine + "X-A\r\n", odd},

		"nothing":              {"", incomplete},
		"one byte":             {"G", incomplete},
		"request line":         {wsLine, incomplete},
		"line without its end": {wsLine + "Host: a\r", incomplete},
		"odd line, not ended":  {wsLine + "no colon", incomplete},
	}
	for _, name := range headerNames[:originHeader] {
		all["no "+name] = c{handshake("a.example", "-"+name), odd}
	}
	for _, line := range []string{"Host: a.example", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: x"} {
		all["twice: "+line] = c{strings.Replace(good, wsLine, wsLine+line+"\r\n", 1), odd}
	}
	for _, line := range []string{"Content-Length: 0", "content-length: 5", "Transfer-Encoding: chunked", "Expect: 100-continue", "Trailer: X-A"} {
		all[line] = c{handshake("a.example", line), odd}
	}
	return all
}

func TestHead(t *testing.T) {
	for name, c := range heads() {
		t.Run(name, func(t *testing.T) {
			h := new(head)
			if got := h.parse([]byte(c.sent), []byte(wsLine)); got != c.want {
				t.Errorf("at once: %d, want %d", got, c.want)
			}
			if got, n := byteByByte(c.sent); got != c.want && n == len(c.sent) {
				t.Errorf("byte by byte: %d, want %d", got, c.want)
			}
			checkHead(t, []byte(c.sent))
		})
	}
}

// byteByByte parses what comes in single bytes, and returns what is thought after how many.
func byteByByte(sent string) (v verdict, n int) {
	h := new(head)
	for n = 1; n <= len(sent); n++ {
		if v = h.parse([]byte(sent[:n]), []byte(wsLine)); v != incomplete {
			return v, n
		}
	}
	return v, len(sent)
}

// checkHead compares what is taken for plain with what net/http makes of it.
func checkHead(t *testing.T, sent []byte) {
	t.Helper()
	h := new(head)
	if h.parse(sent, []byte(wsLine)) != plain {
		return
	}
	in := bufio.NewReader(bytes.NewReader(sent))
	want, err := http.ReadRequest(in)
	if err != nil {
		t.Fatalf("net/http does not take %q: %v", sent, err)
	}
	if rest, _ := io.ReadAll(in); len(rest) > 0 || want.ContentLength != 0 || want.TransferEncoding != nil || want.Trailer != nil {
		t.Fatalf("%q: %d bytes behind it, length %d, %q, %q", sent, len(rest), want.ContentLength, want.TransferEncoding, want.Trailer)
	}
	got := &http.Request{Header: http.Header{"Left": {"over"}}}
	h.request(sent, got, new([headers]string), &url.URL{Path: "/ws"})
	if got.Method != want.Method || *got.URL != *want.URL || got.RequestURI != want.RequestURI || got.Proto != want.Proto ||
		got.ProtoMajor != want.ProtoMajor || got.ProtoMinor != want.ProtoMinor || got.Host != want.Host {
		t.Fatalf("%q: got %+v, want %+v", sent, got, want)
	}
	maps.DeleteFunc(want.Header, func(name string, _ []string) bool { return !slices.Contains(headerNames[1:], name) })
	if !maps.EqualFunc(got.Header, want.Header, slices.Equal) {
		t.Fatalf("%q: got %q, want %q", sent, got.Header, want.Header)
	}
}

// FuzzHead checks that what is plain is so for net/http, too, and that it makes no difference where the network cuts.
func FuzzHead(f *testing.F) {
	for _, c := range heads() {
		f.Add([]byte(c.sent), 7)
	}
	f.Fuzz(func(t *testing.T, sent []byte, cut int) {
		checkHead(t, sent)
		whole := new(head).parse(sent, []byte(wsLine))
		cut = min(max(cut, 0), len(sent))
		h := new(head)
		first := h.parse(sent[:cut], []byte(wsLine))
		switch then := h; {
		case first == incomplete:
			if got := then.parse(sent, []byte(wsLine)); got != whole {
				t.Errorf("%q cut at %d: %d, at once %d", sent, cut, got, whole)
			}
		case first == odd && whole != odd:
			t.Errorf("%q is odd after %d bytes, and then %d", sent, cut, whole)
		case first == plain && cut < len(sent) && whole != odd:
			t.Errorf("%q is plain though there is more", sent)
		}
	})
}

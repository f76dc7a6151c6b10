package backendapi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/snorky-go/snorky/actors"
	"github.com/snorky-go/snorky/actors/wire"
)

// do sends one request straight to a handler.
func do(h http.Handler, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestAnswers(t *testing.T) {
	h := newHandler(t, Options{})
	const key = "X-Backend-Key"
	for _, c := range []struct{ name, body, want string }{
		{"response", call("ok", `{"a":1}`), `{"service":"svc","message":{"type":"response","callId":7,"data":{"a":1}}}`},
		{"error of a service", call("nope", `{}`), `{"service":"svc","message":{"type":"error","callId":7,"message":"Unknown command"}}`},
		{"any type of params", call("ok", `null`), `{"service":"svc","message":{"type":"response","callId":7,"data":null}}`},
		{"failure", call("odd", `{}`), `{"service":"svc","message":{"type":"error","callId":7,"message":"Internal error"}}`},
		{
			"no callId", `{"service":"svc","message":{"command":"ok","params":1}}`,
			`{"service":"svc","message":{"type":"response","data":1}}`,
		},
		{
			"null callId", `{"service":"svc","message":{"command":"nope","params":1,"callId":null}}`,
			`{"service":"svc","message":{"type":"error","callId":null,"message":"Unknown command"}}`,
		},
		{
			"failure without callId", `{"service":"svc","message":{"command":"odd","params":{}}}`,
			`{"service":"svc","message":{"type":"error","callId":null,"message":"Internal error"}}`,
		},
		{
			"values come back as written", `{"service":"svc","message":{"params":[9007199254740993,1e400,"\ud800"," "],"command":"ok","callId":{"b":1e400}}}`,
			`{"service":"svc","message":{"type":"response","callId":{"b":1e400},"data":[9007199254740993,1e400,"\ud800"," "]}}`,
		},
		{
			"escaped names, surplus and repeated members",
			` {"x":1,"service":"no","\u0073ervice":"\u0073vc","message":0,"message":{"command":"ok","params":[]},"Service":2}` + "\r\n",
			`{"service":"svc","message":{"type":"response","data":[]}}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := do(h, "POST", "/backend", c.body, key, testKey)
			if w.Code != 200 || w.Body.String() != c.want {
				t.Errorf("got %d %s\nwant 200 %s", w.Code, w.Body, c.want)
			}
			if got := w.Header().Get("Content-Type"); got != "application/json; charset=UTF-8" {
				t.Errorf("Content-Type %q", got)
			}
			if got := w.Header().Get("Content-Length"); got != fmt.Sprint(len(c.want)) {
				t.Errorf("Content-Length %q", got)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	h := newHandler(t, Options{MaxBody: 200})
	good := call("ok", "{}")
	for _, c := range []struct {
		name, method, path, body string
		headers                  []string
		want                     int
	}{
		{"another path", "POST", "/elsewhere", good, keyIs(testKey), 404},
		{"a path below", "POST", "/backend/", good, keyIs(testKey), 404},
		{"a path above", "POST", "/", good, keyIs(testKey), 404},
		{"other case", "POST", "/Backend", good, keyIs(testKey), 404},
		{"another path before the method", "GET", "/elsewhere", "", nil, 404},
		{"profiles", "GET", "/debug/pprof/", "", nil, 404},
		{"a query is not looked at", "POST", "/backend?x=1", good, keyIs(testKey), 200},
		{"the method before the key", "GET", "/backend", "", nil, 405},
		{"no key", "POST", "/backend", good, nil, 401},
		{"empty key", "POST", "/backend", good, keyIs(""), 401},
		{"wrong key", "POST", "/backend", good, keyIs("wrong"), 401},
		{"prefix of the key", "POST", "/backend", good, keyIs("swordfis"), 401},
		{"more than the key", "POST", "/backend", good, keyIs("swordfishx"), 401},
		{"key after something", "POST", "/backend", good, keyIs("xswordfish"), 401},
		{"other case of the key", "POST", "/backend", good, keyIs("Swordfish"), 401},
		{"key with a NUL", "POST", "/backend", good, keyIs("swordfish\x00"), 401},
		{"wrong and right", "POST", "/backend", good, append(keyIs("wrong"), keyIs(testKey)...), 401},
		{"right and wrong", "POST", "/backend", good, append(keyIs(testKey), keyIs("wrong")...), 401},
		{"right twice", "POST", "/backend", good, append(keyIs(testKey), keyIs(testKey)...), 401},
		{"a list of the key", "POST", "/backend", good, keyIs("swordfish, swordfish"), 401},
		{"key in the query", "POST", "/backend?X-Backend-Key=swordfish", good, nil, 401},
		{"key in a cookie", "POST", "/backend", good, []string{"Cookie", "X-Backend-Key=swordfish"}, 401},
		{"key as a bearer", "POST", "/backend", good, []string{"Authorization", "Bearer swordfish"}, 401},
		{"key with underscores", "POST", "/backend", good, []string{"X_Backend_Key", testKey}, 401},
		{"header in other case", "POST", "/backend", good, []string{"x-bACKEND-kEY", testKey}, 200},
		{"the key before the size", "POST", "/backend", strings.Repeat("x", 300), keyIs("wrong"), 401},
		{"too large", "POST", "/backend", good + strings.Repeat(" ", 200), keyIs(testKey), 413},
		{"as large as may be", "POST", "/backend", good + strings.Repeat(" ", 200-len(good)), keyIs(testKey), 200},
		{"the size before the encoding", "POST", "/backend", strings.Repeat("x", 201), append(keyIs(testKey), "Content-Encoding", "gzip"), 413},
		{"gzip", "POST", "/backend", good, append(keyIs(testKey), "Content-Encoding", "gzip"), 415},
		{"second line gzip", "POST", "/backend", good, append(keyIs(testKey), "Content-Encoding", "", "Content-Encoding", "br"), 415},
		{"identity", "POST", "/backend", good, append(keyIs(testKey), "Content-Encoding", "Identity"), 200},
		{"other Content-Type", "POST", "/backend", good, append(keyIs(testKey), "Content-Type", "application/x-www-form-urlencoded"), 200},
		{"unknown service", "POST", "/backend", `{"service":"other","message":{"command":"ok","params":{}}}`, keyIs(testKey), 404},
		{"unknown service before a bad request", "POST", "/backend", `{"service":"other","message":1}`, keyIs(testKey), 404},
		{"message no object", "POST", "/backend", `{"service":"svc","message":1}`, keyIs(testKey), 400},
		{"no command", "POST", "/backend", `{"service":"svc","message":{"params":{}}}`, keyIs(testKey), 400},
		{"no params", "POST", "/backend", `{"service":"svc","message":{"command":"ok"}}`, keyIs(testKey), 400},
		{"panic", "POST", "/backend", call("boom", "{}"), keyIs(testKey), 500},
		{"stopped", "POST", "/backend", call("late", "{}"), keyIs(testKey), 503},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := do(h, c.method, c.path, c.body, c.headers...)
			if w.Code != c.want {
				t.Fatalf("got %d %s, want %d", w.Code, w.Body, c.want)
			}
			if c.want != 200 && (w.Body.Len() == 0 || strings.Contains(w.Body.String(), testKey)) {
				t.Errorf("body %q", w.Body)
			}
		})
	}
}

func keyIs(key string) []string { return []string{"X-Backend-Key", key} }

func TestBadBodies(t *testing.T) {
	h := newHandler(t, Options{})
	for _, body := range []string{
		"", " ", "{", "publish", "{'a':1}", `{"service":"svc",}`, `{"a":"` + "\xff" + `"}`, "\xef\xbb\xbf" + call("ok", "{}"),
		call("ok", "{}") + "x", call("ok", "{}") + call("ok", "{}"), call("ok", "NaN"), call("ok", "Infinity"), call("ok", "01"),
		call("ok", "\"\x00\""), call("ok", "{}") + "\x00", "\x00", `{"service":"svc","message":{"command":"ok","params":{}}`,
		call("ok", "\"\xed\xa0\x80\""), call("ok", "/**/{}"), strings.Repeat("[", 30000),
		call("ok", strings.Repeat("[", 6000)+strings.Repeat("]", 6000)),
		`"x"`, `5`, `null`, `[]`, `[` + call("ok", "{}") + `]`, `{}`, `{"service":"svc"}`, `{"message":{"command":"ok","params":{}}}`,
		`{"service":1,"message":{}}`, `{"service":["svc"],"message":{}}`, `{"service":null,"message":{}}`,
		`{"Service":"svc","message":{"command":"ok","params":{}}}`, `{"` + "\u017f" + `ervice":"svc","message":{"command":"ok","params":{}}}`,
	} {
		w := do(h, "POST", "/backend", body, keyIs(testKey)...)
		if w.Code != 400 || w.Body.Len() == 0 {
			t.Errorf("%.60q: got %d %s", body, w.Code, w.Body)
		}
	}
}

func TestMethods(t *testing.T) {
	h := newHandler(t, Options{})
	for _, method := range []string{
		"GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT", "FOO", "post", "Post", "POST2",
	} {
		w := do(h, method, "/backend", call("ok", "{}"),
			"X-Backend-Key", testKey, "Origin", "http://evil.example", "Access-Control-Request-Method", "POST")
		if w.Code != 405 || w.Header().Get("Allow") != "POST" {
			t.Errorf("%s: %d, Allow %q", method, w.Code, w.Header().Get("Allow"))
		}
		for name := range w.Header() {
			if strings.HasPrefix(name, "Access-Control") {
				t.Errorf("%s: header %s", method, name)
			}
		}
	}
}

// Two calls at once must never see each other's buffers.
func TestConcurrentCalls(t *testing.T) {
	addr := serve(t, newHandler(t, Options{}), ServerOptions{})
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	defer client.CloseIdleConnections()
	var group sync.WaitGroup
	for worker := range 8 {
		group.Go(func() {
			for i := range 50 {
				value := fmt.Sprintf(`{"w":%d,"i":%d,"pad":%q}`, worker, i, strings.Repeat(string(rune('a'+worker)), 100*i))
				r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+addr+"/backend", strings.NewReader(call("ok", value)))
				r.Header.Set("X-Backend-Key", testKey)
				response, err := client.Do(r)
				if err != nil {
					t.Error(err)
					return
				}
				body, err := io.ReadAll(response.Body)
				_ = response.Body.Close()
				if err != nil || !strings.Contains(string(body), value) {
					t.Errorf("answer %.200s, %v", body, err)
				}
			}
		})
	}
	group.Wait()
}

// A call that was given up may read its message for as long as it likes.
func TestBufferOfAbandonedCallIsLeftAlone(t *testing.T) {
	var kept []byte
	h, err := New(callerFunc(func(ctx context.Context, _ string, message []byte) ([]byte, error) {
		if kept == nil {
			kept = message
			return nil, context.Canceled
		}
		return []byte("1"), nil
	}), Options{Keys: [][]byte{[]byte(testKey)}})
	if err != nil {
		t.Fatal(err)
	}
	first := call("ok", `"first"`)
	do(h, "POST", "/backend", first, keyIs(testKey)...)
	for range 100 {
		do(h, "POST", "/backend", call("ok", `"other"`), keyIs(testKey)...)
	}
	if !strings.Contains(first, string(kept)) {
		t.Errorf("the message became %s", kept)
	}
}

func TestAbortHandlerPassesThrough(t *testing.T) {
	h, err := New(callerFunc(func(context.Context, string, []byte) ([]byte, error) {
		panic(http.ErrAbortHandler)
	}), Options{Keys: [][]byte{[]byte(testKey)}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if p := recover(); p != http.ErrAbortHandler {
			t.Errorf("recovered %v", p)
		}
	}()
	do(h, "POST", "/backend", call("ok", "{}"), keyIs(testKey)...)
	t.Error("no panic")
}

// echoBroker answers every request but those with an empty list of params, which fail.
func echoBroker(_ context.Context, service string, message []byte) ([]byte, error) {
	if service != "svc" {
		return nil, actors.ErrUnknownService
	}
	request, err := wire.DecodeRequest(message)
	switch {
	case err != nil:
		return nil, err
	case string(request.Params) == "[]":
		return nil, io.ErrNoProgress
	default:
		return wire.AppendResponse(nil, request.CallID, request.Params), nil
	}
}

// Whatever the body, there is an answer, and it is never the server's fault.
func FuzzHandler(f *testing.F) {
	f.Add([]byte(call("ok", `{"a":[1,"\ud800",1e400]}`)))
	f.Add([]byte(call("ok", `[]`)))
	f.Add([]byte(`{"service":"svc","message":{"command":1,"params":{},"callId":[{}]}}`))
	f.Add([]byte(`{"service":"\u0073vc","message":{"command":"ok","params":null,"callId":"x"}}`))
	f.Add([]byte("\xff"))
	h, err := New(callerFunc(echoBroker), Options{Keys: [][]byte{[]byte(testKey)}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		w := do(h, "POST", "/backend", string(body), keyIs(testKey)...)
		switch w.Code {
		case 200:
			var packet struct {
				Service string
				Message struct{ Type string }
			}
			if err := json.Unmarshal(w.Body.Bytes(), &packet); err != nil || packet.Service != "svc" || packet.Message.Type == "" {
				t.Errorf("%q: answer %s, %v", body, w.Body, err)
			}
			if !json.Valid(body) {
				t.Errorf("%q was accepted", body)
			}
		case 400, 404, 413:
		default:
			t.Errorf("%q: status %d", body, w.Code)
		}
	})
}

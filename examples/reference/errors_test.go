package main

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// errorSteps provoke each error text of PROTOCOL.md section 14, in the order of its list, with what has to happen before.
// An empty want is any response.
var errorSteps = []struct{ who, service, command, params, want string }{
	{"ann", "pubsub", "join", `{}`, "Unknown command"},
	{"ann", "pubsub", "subscribe", `{}`, "Invalid params"},
	{"ann", "calculator", "log", `{"number":0}`, "Internal error"},

	{"ann", "pubsub", "subscribe", `{"channel":1}`, ""},
	{"ann", "pubsub", "subscribe", `{"channel":1.0}`, "Already subscribed"},
	{"ann", "pubsub", "unsubscribe", `{"channel":"1"}`, "Not subscribed"},
	{"ann", "announcements", "publish", `{"channel":1,"message":1}`, "Not authorized"},

	{"ann", "messaging", "registerParticipant", `{"name":"ann"}`, ""},
	{"bob", "messaging", "registerParticipant", `{"name":"ann"}`, "Name already registered"},
	{"bob", "messaging", "registerParticipant", `{"name":"!bob"}`, "Name not allowed"},
	{"bob", "messaging", "unregisterParticipant", `{"name":"bob"}`, "Unknown participant"},
	{"bob", "messaging", "unregisterParticipant", `{"name":"ann"}`, "Invalid participant"},
	{"bob", "messaging", "send", `{"sender":"ann","dest":"nobody","body":1}`, "Invalid sender"},
	{"ann", "messaging", "send", `{"sender":"ann","dest":"nobody","body":1}`, "Unknown destination"},

	{"ann", "chat", "join", `{"channel":1}`, "Not authenticated"},
	{"ann", "cursors", "join", `{"document":1}`, "Not authenticated"},
	{"ann", "auth", "login", `{"name":"ann"}`, ""},
	{"ann", "chat", "join", `{"channel":1}`, ""},
	{"ann", "chat", "join", `{"channel":1}`, "Already joined"},
	{"ann", "chat", "send", `{"channel":2,"body":1}`, "Not joined"},
	{"ann", "cursors", "join", `{"document":1}`, ""},
	{"ann", "cursors", "join", `{"document":1}`, "Already joined"},
	{"ann", "cursors", "leave", `{"document":2}`, "Not joined"},
	{"ann", "cursors", "createCursor", `{"privateHandle":0,"document":1,"position":1,"status":1}`, ""},
	{"ann", "cursors", "createCursor", `{"privateHandle":0,"document":1,"position":1,"status":1}`, "Reused handle"},
	{"ann", "cursors", "updateCursor", `{"privateHandle":0,"newData":1}`, "Invalid params"},
	{"ann", "cursors", "removeCursor", `{"privateHandle":99}`, "No such cursor"},
	{"ann", "cursors", "createCursor", `16 of them`, "Too many cursors"},

	{"ann", "datasync", "acquireSubscription", `{"token":1}`, "token must be string"},
	{"ann", "datasync", "cancelSubscription", `{"token":"nobody's"}`, "No such subscription"},
	{"backend", "datasync_backend", "authorizeSubscription", `{"items":[]}`, "TOKEN"},
	{"ann", "datasync", "acquireSubscription", `{"token":"TOKEN"}`, ""},
	{"bob", "datasync", "acquireSubscription", `{"token":"TOKEN"}`, "Already acquired"},
	{"backend", "datasync_backend", "authorizeSubscription", `{"items":[{"dealer":"AllTasks","query":0}]}`, "TOKEN"},
	{"backend", "datasync_backend", "publishDeltas", halfTooMuch, ""},
	{"backend", "datasync_backend", "publishDeltas", halfTooMuch, ""},
	{"bob", "datasync", "acquireSubscription", `{"token":"TOKEN"}`, "Subscription overflowed"},
	{"backend", "datasync_backend", "authorizeSubscription", `{"items":[{"query":1}]}`, "Missing field 'dealer'"},
	{"backend", "datasync_backend", "authorizeSubscription", `{"items":[{"dealer":1}]}`, "dealer should be a dealer name"},
	{"backend", "datasync_backend", "authorizeSubscription", `{"items":[{"dealer":"Nobody"}]}`, "No such dealer"},
	{"backend", "datasync_backend", "authorizeSubscription", `{"items":[{"dealer":"AllTasks"}]}`, "Missing field 'query'"},
	{"backend", "datasync_backend", "authorizeSubscription", `{"items":[{"dealer":"FilteredTasks","query":1}]}`, "Bad query"},
	{"backend", "datasync_backend", "publishDeltas", `{"deltas":[{"model":"Task"}]}`, "Missing field 'type'"},
	{"backend", "datasync_backend", "publishDeltas", `{"deltas":[{"type":"insert","model":1}]}`, "model must be string"},
	{"backend", "datasync_backend", "publishDeltas", `{"deltas":[{"type":"upsert","model":"Task"}]}`, "Invalid delta type"},
	{"backend", "datasync_backend", "publishDeltas", `{"deltas":[{"type":"insert","model":"Other","data":1}]}`, "No such model"},
	{"backend", "datasync_backend", "publish", `{"deltas":[]}`, "Unknown command"},
	{"backend", "datasync_backend", "publishDeltas", `{"deltas":{}}`, "Invalid params"},
}

// halfTooMuch is more than half of what may wait for a client.
var halfTooMuch = `{"deltas":[{"type":"insert","model":"Task","data":"` + strings.Repeat("x", 600<<10) + `"}]}`

func TestEveryErrorOfTheProtocolComesOverTheWire(t *testing.T) {
	front, back := start(t)
	conns := map[string]func(packet string) string{"backend": func(packet string) string { return post(t, back, packet) }}
	for _, who := range []string{"ann", "bob"} {
		conn := dial(t, front)
		conns[who] = func(packet string) string { return exchange(t, conn, packet) }
	}
	issued := ""
	for _, step := range errorSteps {
		say := func(params string) (data json.RawMessage, message string) {
			got := conns[step.who](request(step.service, step.command, strings.ReplaceAll(params, "TOKEN", issued)))
			return answer(t, got)
		}
		params := step.params
		if params == "16 of them" {
			params = ""
			for i := 1; i <= 16; i++ {
				params = `{"privateHandle":` + strconv.Itoa(i) + `,"document":1,"position":1,"status":1}`
				if i < 16 {
					say(params)
				}
			}
		}
		data, message := say(params)
		switch {
		case step.want == "TOKEN":
			if err := json.Unmarshal(data, &issued); err != nil || len(issued) != 32 {
				t.Errorf("token %s: %v", data, err)
			}
		case message != step.want:
			t.Errorf("%s: %s.%s %.200s: %q, want %q", step.who, step.service, step.command, params, message, step.want)
		}
	}
}

func answer(t *testing.T, packet string) (data json.RawMessage, message string) {
	t.Helper()
	var got struct {
		Message struct {
			Type    string
			Data    json.RawMessage
			Message string
		}
	}
	if err := json.Unmarshal([]byte(packet), &got); err != nil || got.Message.Type != "response" && got.Message.Type != "error" {
		t.Fatalf("%s: %v", packet, err)
	}
	return got.Message.Data, got.Message.Message
}

func post(t *testing.T, back, body string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+back+"/backend", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Backend-Key", "swordfish")
	client := &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", body, response.Status, err)
	}
	return string(text)
}

// extensions are errors that the protocol does not know and this program does not give: limits that it lifts, and services
// that it has not. Each is tested where it comes from.
var extensions = map[string]bool{
	"too_many_subscriptions": true,
	"too_many_requests":      true,
	"channel_too_long":       true,

	"invalid_token":  true,
	"identity_fixed": true,
	"forbidden":      true,
	"unavailable":    true,

	"authorization_unavailable": true,
}

// The errors of package wire are all there are, so the steps have to have them all.
func TestNoErrorIsLeftOut(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../../actors/wire/errors.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	provoked := map[string]bool{}
	for _, step := range errorSteps {
		provoked[step.want] = true
	}
	found := 0
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) != 2 {
			return true
		}
		code, isCode := call.Args[0].(*ast.BasicLit)
		text, isText := call.Args[1].(*ast.BasicLit)
		if name, ok := call.Fun.(*ast.Ident); !ok || name.Name != "NewError" || !isCode || !isText {
			return true
		}
		found++
		if !provoked[unquote(text)] && !extensions[unquote(code)] {
			t.Errorf("nothing provokes %s", text.Value)
		}
		return true
	})
	if found < 25 {
		t.Errorf("%d errors found", found)
	}
}

func unquote(l *ast.BasicLit) string {
	text, _ := strconv.Unquote(l.Value)
	return text
}

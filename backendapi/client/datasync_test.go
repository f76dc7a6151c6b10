package client

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestRequestsOfDataSync(t *testing.T) {
	var got string
	c := serverThat(t, func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		got = strings.TrimSpace(string(raw))
		_, _ = io.WriteString(w, `{"service":"s","message":{"type":"response","data":"secret"}}`)
	})
	authorize := func(items ...Item) func() error {
		return func() error {
			token, err := c.AuthorizeSubscription(t.Context(), "d", items...)
			if token != "secret" {
				t.Errorf("the token is %q", token)
			}
			return err
		}
	}
	publish := func(deltas ...Delta) func() error {
		return func() error { return c.PublishDeltas(t.Context(), "d", deltas...) }
	}
	for _, test := range []struct {
		name, command, params string
		do                    func() error
	}{
		{
			"items", "authorizeSubscription",
			`{"items":[{"dealer":"AllTasks","query":null},{"dealer":"by <owner>","query":["==","owner","ann"]}]}`,
			authorize(Item{Dealer: "AllTasks"}, Item{"by <owner>", []any{"==", "owner", "ann"}}),
		},
		{"no items", "authorizeSubscription", `{"items":[]}`, authorize()},
		{
			"deltas", "publishDeltas", `{"deltas":[{"type":"insert","model":"Task","data":{"id":1}},` +
				`{"type":"update","model":"Task","newData":{"id":2},"oldData":{"id":1}},` +
				`{"type":"delete","model":"Note","data":"<&>"}]}`,
			publish(
				Insert("Task", map[string]int{"id": 1}), Update("Task", map[string]int{"id": 1}, map[string]int{"id": 2}),
				Delete("Note", "<&>"),
			),
		},
		{
			"raw JSON and nothing", "publishDeltas",
			`{"deltas":[{"type":"insert","model":"M","data":1e400},{"type":"update","model":"M","newData":[],"oldData":null}]}`,
			publish(Insert("M", json.RawMessage("1e400")), Update("M", nil, []int{})),
		},
		{"no deltas", "publishDeltas", `{"deltas":[]}`, publish()},
	} {
		t.Run(test.name, func(t *testing.T) {
			want := `{"service":"d","message":{"command":"` + test.command + `","params":` + test.params + `}}`
			if err := test.do(); err != nil || got != want {
				t.Errorf("%v; sent\n%s, not\n%s", err, got, want)
			}
		})
	}
}

func TestErrorsOfDataSync(t *testing.T) {
	c := serverThat(t, says(`{"service":"s","message":{"type":"error","callId":null,"message":"No such dealer"}}`))
	_, authorize := c.AuthorizeSubscription(t.Context(), "d", Item{Dealer: "x"})
	for _, err := range []error{authorize, c.PublishDeltas(t.Context(), "d", Insert("M", 1))} {
		var refused *Error
		if !errors.As(err, &refused) || refused.Text != "No such dealer" {
			t.Errorf("got %v", err)
		}
	}
	if err := c.PublishDeltas(t.Context(), "d", Insert("M", func() {})); err == nil || errors.As(err, new(*Error)) {
		t.Errorf("a function was published: %v", err)
	}
	if _, err := c.AuthorizeSubscription(t.Context(), "d", Item{Query: func() {}}); err == nil {
		t.Error("a function is a query")
	}
}

func TestTokensThatMakeNoSense(t *testing.T) {
	for _, data := range []string{"null", "1", `["t"]`, `{"token":"t"}`, "true"} {
		c := serverThat(t, says(`{"service":"s","message":{"type":"response","data":`+data+`}}`))
		if token, err := c.AuthorizeSubscription(t.Context(), "d"); token != "" || !errors.Is(err, ErrBadAnswer) {
			t.Errorf("%s: %q, %v", data, token, err)
		}
	}
}

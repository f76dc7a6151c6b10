package client

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

// batchAnswer is the body in which a service answers with results.
func batchAnswer(results string) string {
	return `{"service":"s","message":{"type":"response","data":{"results":` + results + `}}}`
}

func TestRequestsOfBatches(t *testing.T) {
	var got, answer string
	c := serverThat(t, func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		got = strings.TrimSpace(string(raw))
		_, _ = io.WriteString(w, batchAnswer(answer))
	})
	const one, two = `[{"status":"published"}]`, `[{"status":"published"},{"status":"published"}]`
	for _, test := range []struct {
		name, answer string
		do           func() error
		want         string
	}{
		{
			"messages", two, func() error { return c.PublishMany(t.Context(), "p", "news", map[string]any{"a": "<&>"}, nil) },
			`{"service":"p","message":{"command":"publishMany","params":{"channel":"news","messages":[{"a":"<&>"},null]}}}`,
		},
		{
			"raw JSON", one, func() error {
				return c.PublishMany(t.Context(), "p", json.RawMessage(`[1e400]`), json.RawMessage(`9007199254740993`))
			},
			`{"service":"p","message":{"command":"publishMany","params":{"channel":[1e400],"messages":[9007199254740993]}}}`,
		},
		{
			"no messages", "[]", func() error { return c.PublishMany(t.Context(), "p", 1) },
			`{"service":"p","message":{"command":"publishMany","params":{"channel":1,"messages":[]}}}`,
		},
		{
			"channels", two, func() error { return c.Broadcast(t.Context(), "p", []any{"a", []int{1}}, "hello") },
			`{"service":"p","message":{"command":"broadcast","params":{"channels":["a",[1]],"message":"hello"}}}`,
		},
		{
			"no channels", "[]", func() error { return c.Broadcast(t.Context(), "p", nil, nil) },
			`{"service":"p","message":{"command":"broadcast","params":{"channels":[],"message":null}}}`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			answer = test.answer
			if err := test.do(); err != nil || got != test.want {
				t.Errorf("%v; sent\n%s, not\n%s", err, got, test.want)
			}
		})
	}
}

func TestRefusedItems(t *testing.T) {
	c := serverThat(t, says(batchAnswer(`[{"status":"published"},{"status":"refused","error":"Not today"},
		{"error":"Invalid params","status":"refused"},{"status":"published"}]`)))
	want := &BatchError{Items: 4, Refused: []Refusal{{1, "Not today"}, {2, "Invalid params"}}}
	for _, err := range []error{
		c.PublishMany(t.Context(), "s", "c", 1, 2, 3, 4),
		c.Broadcast(t.Context(), "s", []any{1, 2, 3, 4}, "m"),
	} {
		var batch *BatchError
		if !errors.As(err, &batch) || !reflect.DeepEqual(batch, want) {
			t.Errorf("got %v", err)
		}
		var first *Error
		if !errors.As(err, &first) || first.Text != "Not today" {
			t.Errorf("the first refusal is %v", first)
		}
		if err.Error() != "snorky: 2 of 4 refused; number 1: Not today" {
			t.Errorf("reads %q", err)
		}
	}
}

// Where the whole batch failed, the error is that of a call, and no BatchError.
func TestBatchesThatFailAsAWhole(t *testing.T) {
	for _, test := range []struct {
		status int
		body   string
		want   any
	}{
		{200, `{"message":{"type":"error","callId":null,"message":"Unknown command"}}`, &Error{"Unknown command"}},
		{413, "the body is too large\n", &StatusError{413, "the body is too large"}},
	} {
		requests := 0
		c := serverThat(t, func(w http.ResponseWriter, _ *http.Request) {
			requests++
			w.WriteHeader(test.status)
			_, _ = io.WriteString(w, test.body)
		})
		for _, err := range []error{c.PublishMany(t.Context(), "s", "c", 1, 2), c.Broadcast(t.Context(), "s", []any{1, 2}, 3)} {
			if !reflect.DeepEqual(err, test.want) {
				t.Errorf("got %v", err)
			}
		}
		if requests != 2 {
			t.Errorf("%d requests for two batches", requests)
		}
	}
	c := clientFor(t, "http://127.0.0.1:1/")
	if err := c.PublishMany(t.Context(), "s", "c", 1, func() {}); err == nil {
		t.Error("a function was published")
	}
}

func TestResultsThatMakeNoSense(t *testing.T) {
	for _, data := range []string{
		`null`, `[]`, `{}`, `1`, `{"results":null}`, `{"results":{}}`, `{"results":[1,2]}`, `{"results":[null,null]}`,
		`{"results":[{"status":"published"}]}`,
		`{"results":[{"status":"published"},{"status":"published"},{"status":"published"}]}`,
		`{"results":[{"status":"published"},{"status":"lost"}]}`,
		`{"results":[{"status":"published"},{"status":"refused"}]}`,
		`{"results":[{"status":"published"},{"status":"refused","error":null}]}`,
		`{"results":[{"status":"published"},{"error":"no"}]}`,
		`{"results":[{"status":"published"},{"status":1}]}`,
	} {
		c := serverThat(t, says(`{"service":"s","message":{"type":"response","data":`+data+`}}`))
		if err := c.PublishMany(t.Context(), "s", "c", 1, 2); !errors.Is(err, ErrBadAnswer) {
			t.Errorf("%s: %v", data, err)
		}
	}
	if err := decodeResults([]byte("null"), 0); !errors.Is(err, ErrBadAnswer) {
		t.Errorf("no results for no items: %v", err)
	}
}

// The bound on answers leaves room for what the items need.
func TestAnswersToLargeBatches(t *testing.T) {
	for _, test := range []struct {
		pad string
		bad bool
	}{{"", false}, {strings.Repeat(" ", 100<<10), true}} {
		results := "[" + strings.TrimSuffix(strings.Repeat(`{"status":"refused","error":"Invalid params"},`, 1000), ",") + test.pad + "]"
		c := serverThat(t, says(batchAnswer(results)), WithMaxResponse(1000))
		err := c.Broadcast(t.Context(), "s", make([]any, 1000), nil)
		var batch *BatchError
		if errors.Is(err, ErrBadAnswer) != test.bad || errors.As(err, &batch) == test.bad {
			t.Errorf("%d bytes: %.200v", len(results), err)
		}
	}
}

func FuzzDecodeResults(f *testing.F) {
	f.Add([]byte(`{"results":[{"status":"published"},{"status":"refused","error":"no"}]}`), 2)
	f.Add([]byte(`{"results":[]}`), 0)
	f.Add([]byte(`{"results":[{"status":"refused"}]}`), 1)
	f.Fuzz(func(t *testing.T, data []byte, items int) {
		err := decodeResults(data, items)
		var batch *BatchError
		switch {
		case err == nil || errors.Is(err, ErrBadAnswer):
		case !errors.As(err, &batch) || batch.Items != items || len(batch.Refused) == 0 || len(batch.Refused) > items:
			t.Errorf("%q gave %v", data, err)
		}
	})
}

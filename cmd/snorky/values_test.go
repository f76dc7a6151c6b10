package main

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestArgumentsBecomeJSON(t *testing.T) {
	t.Parallel()
	channel := func(isJSON bool) func(string) (json.RawMessage, error) {
		return func(s string) (json.RawMessage, error) { return channelValue(s, isJSON) }
	}
	message := func(isString bool) func(string) (json.RawMessage, error) {
		return func(s string) (json.RawMessage, error) { return messageValue(s, isString) }
	}
	for _, c := range []struct {
		name    string
		read    func(string) (json.RawMessage, error)
		text    string
		want    string
		problem string
	}{
		{"a channel is a string", channel(false), "1", `"1"`, ""},
		{"also with quotes in it", channel(false), `"a"`, `"\"a\""`, ""},
		{"an empty one, too", channel(false), "", `""`, ""},
		{"but not what is no text", channel(false), "\xff", "", "not UTF-8"},
		{"a channel as JSON", channel(true), ` {"a": 1} `, `{"a": 1}`, ""},
		{"a channel meant as JSON", channel(true), "news", "", `'"news"'`},
		{"a message is JSON", message(false), "12345678901234567890", "12345678901234567890", ""},
		{"with lone surrogates", message(false), `"\ud800"`, `"\ud800"`, ""},
		{"a bare word", message(false), "Hello", "", `'"Hello"'. Or send it as a string with --string`},
		{"half an object", message(false), `{"a":`, "", "single quotes around JSON"},
		{"two values", message(false), "1 2", "", "after top-level value"},
		{"nothing", message(false), " ", "", "nothing in it"},
		{"no text", message(false), "\"\xff\"", "", "not UTF-8"},
		{"too deep", message(false), strings.Repeat("[", 1000) + strings.Repeat("]", 1000), "", "deep"},
		{"long nonsense", message(false), strings.Repeat("é", 1000), "", "éé...`"},
		{"a message as a string", message(true), "He said \"hi\"\t", `"He said \"hi\"\t"`, ""},
		{"params", paramsValue, `{"a":1}`, `{"a":1}`, ""},
		{"params as a list", paramsValue, `[1]`, "", "no JSON object"},
		{"params that are no JSON", paramsValue, `{a:1}`, "", "not JSON"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := c.read(c.text)
			if string(got) != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			if c.problem == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if err == nil {
				t.Fatal("no error")
			}
			f := asFailure(err)
			if f.kind != exitUsage {
				t.Errorf("status %d", f.kind)
			}
			contains(t, f.what+"\n"+f.hint, c.problem)
		})
	}
}

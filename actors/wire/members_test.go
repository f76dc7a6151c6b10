package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestMembers(t *testing.T) {
	for _, test := range []struct {
		object string
		want   string // key=value, joined
		err    error
	}{
		{`{}`, "", nil},
		{` { } `, "", nil},
		{`{"a":1,"b":[1,{"c":2}],"a":"x"}`, `a=1|b=[1,{"c":2}]|a="x"`, nil},
		{" {\n\"a\" :\t1 , \"b\": {} }\r\n", `a=1|b={}`, nil},
		{`{"\u0061":1,"Service":2,"ſ":3,"":4}`, `a=1|Service=2|ſ=3|=4`, nil},
		{`{"\ud800":1,"\ud801":2,"\ud83d\ude00":3}`, "\xed\xa0\x80=1|\xed\xa0\x81=2|😀=3", nil},
		{`{"a\"}":"\"}","b\\":"\\"}`, `a"}="\"}"|b\="\\"`, nil},
		{`{"a":1e400,"b":-0,"c":null}`, `a=1e400|b=-0|c=null`, nil},
		{``, "", ErrNotObject},
		{` `, "", ErrNotObject},
		{`[]`, "", ErrNotObject},
		{`"a"`, "", ErrNotObject},
		{`null`, "", ErrNotObject},
		// What cannot come out of DecodePacket.
		{`{`, "", ErrNotJSON},
		{`{"a"`, "", ErrNotJSON},
		{`{"a":`, "", ErrNotJSON},
		{`{"a":1`, "a=1", ErrNotJSON},
		{`{"a":1,`, "a=1", ErrNotJSON},
		{`{"a":1,}`, "a=1", ErrNotJSON},
		{`{"a":1 "b":2}`, "a=1", ErrNotJSON},
		{`{"a":1}x`, "a=1", ErrNotJSON},
		{`{"a" 1}`, "", ErrNotJSON},
		{`{"a":[`, "", ErrNotJSON},
		{`{"a":"`, "", ErrNotJSON},
		{`{"a":["]}`, "", ErrNotJSON},
		{`{a:1}`, "", ErrNotJSON},
		{`{"a":}`, "", ErrNotJSON},
		{`{"a\`, "", ErrNotJSON},
	} {
		var got []string
		err := Members([]byte(test.object), func(key string, value []byte) bool {
			got = append(got, fmt.Sprintf("%s=%s", key, value))
			return true
		})
		if !errors.Is(err, test.err) || strings.Join(got, "|") != test.want {
			t.Errorf("%s: %+q %v", test.object, got, err)
		}
	}
}

func TestMembersStopsWhenTold(t *testing.T) {
	calls := 0
	err := Members([]byte(`{"a":1,"b":2,`), func(string, []byte) bool {
		calls++
		return calls < 2
	})
	if err != nil || calls != 2 {
		t.Errorf("%d calls, %v", calls, err)
	}
}

// checkMembers compares Members with the tokens of encoding/json where the text is valid, and wants no panic elsewhere.
func checkMembers(t *testing.T, text []byte) {
	t.Helper()
	type pair struct {
		key   string
		value []byte
	}
	var got []pair
	err := Members(text, func(key string, value []byte) bool {
		got = append(got, pair{toUTF8(key), value})
		return true
	})
	if Valid(text) != nil {
		return
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	start, failed := d.Token()
	if failed != nil {
		t.Fatal(failed)
	}
	if start != json.Delim('{') {
		if !errors.Is(err, ErrNotObject) {
			t.Fatalf("%q: %v", text, err)
		}
		return
	}
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	for i := 0; d.More(); i++ {
		key, failed := d.Token()
		var value json.RawMessage
		if failed == nil {
			failed = d.Decode(&value)
		}
		if failed != nil {
			t.Fatal(failed)
		}
		if i >= len(got) || got[i].key != key || !bytes.Equal(got[i].value, value) {
			t.Fatalf("%q: member %d is %v, want %s=%s", text, i, got, key, value)
		}
		if i+1 == len(got) && d.More() || i+1 < len(got) && !d.More() {
			t.Fatalf("%q: %d members", text, len(got))
		}
	}
}

func TestMembersAgreesWithEncodingJSON(t *testing.T) {
	for _, text := range texts {
		checkMembers(t, []byte(text))
		checkMembers(t, []byte(`{"a":`+text+`,"b":1}`))
		checkMembers(t, []byte(`{"a":[`+text+`],`+text+`:{}}`))
	}
}

func TestSkipEndsWithTheInput(t *testing.T) {
	for _, text := range append(texts, `"\`, `"\\`, `[[`, `["\`, `]`, `,`, `[}`, `{]`) {
		if len(text) > 1100 {
			continue // deep ones are only more of the same
		}
		for i := range min(len(text), 200) + 1 {
			if end, ok := skipValue([]byte(text), i); end > len(text) || ok && end <= i {
				t.Errorf("%.50q from %d: %d %t", text, i, end, ok)
			}
		}
	}
}

func TestTrim(t *testing.T) {
	for text, want := range map[string]string{"": "", " ": "", " \t\r\n1 2\n": "1 2", "x": "x", "\v1": "\v1"} {
		if got := string(trim([]byte(text))); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestEachElement(t *testing.T) {
	for _, test := range []struct {
		array, want string
		ok          bool
	}{
		{`[]`, "", true},
		{" [ ] ", "", true},
		{`[1, "a,]", [2] ,{"b":[]},null]`, `1|"a,]"|[2]|{"b":[]}|null`, true},
		{`"a"`, "", false},
		{`{}`, "", false},
		{``, "", false},
		{`[`, "", false},
		{`[1`, "1", false},
		{`[1,`, "1", false},
		{`[1 2]`, "1", false},
		{`[]]`, "", false},
		{`[1]]`, "1", false},
	} {
		var got []string
		ok := EachElement([]byte(test.array), func(element []byte) bool {
			got = append(got, string(element))
			return true
		})
		if strings.Join(got, "|") != test.want || ok != test.ok {
			t.Errorf("%s: %q, %v", test.array, got, ok)
		}
	}
	calls := 0
	if !EachElement([]byte(`[1,2,3]`), func([]byte) bool { calls++; return calls < 2 }) || calls != 2 {
		t.Errorf("called %d times after it was told to stop at two", calls)
	}
}

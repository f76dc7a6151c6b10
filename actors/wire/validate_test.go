package wire

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// texts are JSON texts, some of them wrong, that the tests of several functions and the fuzz targets start from.
var texts = []string{
	``, ` `, "\t\r\n", `hello`, `[]`, `{}`, `1`, `null`, `true`, `false`, `nul`, `tru`, `falsee`, `nullx`,
	`{"service"`, `{"service":`, `{"service":"s"`, `{"service":"s",`, `{"service":"s",}`, `{,}`, `{"a"}`, `{"a" "b"}`,
	`{"a":1 "b":2}`, `{1:2}`, `{a:1}`, `{'a':1}`, `{"a":}`, `{"a":1]`, `[1}`, `[1,]`, `[,1]`, `[1 2]`, `[`, `]`, `}`, `{`,
	`[[]`, `[]]`, `[[],{}]`, `{"a":{},"b":[]}`, ` { "a" : [ 1 , { } ] , "b" : null } `, "\ufeff{}", "{}\x00", `{}x`, `{}{}`,
	`// c` + "\n{}", `/**/{}`, `{}//`, `NaN`, `Infinity`, `-Infinity`, `[NaN]`,
	`0`, `-0`, `-`, `01`, `-01`, `00`, `1.`, `.5`, `+1`, `1.5`, `1.e1`, `1e`, `1e+`, `1e-`, `1E5`, `1e+5`, `1e-5`, `1e05`,
	`1.0e10`, `1e1.5`, `0x10`, `1_000`, `1e400`, `-1e-400`, `9007199254740993`, `1234567890123456789012345678901234567890`,
	`--1`, `1-`, `1a`, `0.0`, `0e0`, `0.10`, `10`, `100.00`, `1e99999999999999999999`, `-1.50e-99999999999999999999`,
	`""`, `"`, `"a`, `"\"`, `"\\"`, `"\\\"`, `"a\"b"`, `"\b\f\n\r\t\/\\\""`, `"\a"`, `"\x41"`, `"\u"`, `"\u12"`, `"\u12g4"`,
	`"\u0041"`, `"\uABCD"`, `"\u0000"`, `"\ud800"`, `"\udc00"`, `"\ud83d\ude00"`, `"\ude00\ud83d"`, `"\ud83d\u0041"`,
	`"\ud83d\ud83d\ude00"`, `"\ud83dx"`, `"\ud83d\n"`, `"\ud800\ud800"`, `"\U0041"`, `"\'"`,
	"\"\n\"", "\"\x00\"", "\"\x1f\"", "\"\x7f\"", "\"\u2028\u2029\"", `"é"`, `"日本語"`, `"😀"`, "\"\xff\"", "\"\xc0\x80\"",
	"\"\xed\xa0\x80\"", "\"\xe2\x82\"", "\"\xf4\x90\x80\x80\"", "\"abcdefgh\xff\"", "\"abcdefgh\x01\"", "\"abcdefghijk\\nl\"",
	"\"1234567\xe2\x82\xac\"", `"12345678"`, `"123456789012345"`, `"1234567\"901234567"`, `"<script>&"`, "\xff", "[\xff]", "1\xff",
	`{"a":1,"a":2}`, `{"b":1,"a":{"d":[1,2,{}],"c":null}}`, `{"":""}`, `{"\u0061":1,"a":2}`,
	strings.Repeat("[", 30000), strings.Repeat(`{"a":`, 6000) + "1" + strings.Repeat("}", 6000),
	strings.Repeat("[", 12000) + strings.Repeat("]", 12000),
	nested(MaxDepth), nested(MaxDepth + 1), nested(100), nestedObjects(MaxDepth), nestedObjects(MaxDepth + 1),
}

func nested(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }

func nestedObjects(depth int) string {
	return strings.Repeat(`{"a":`, depth-1) + "{}" + strings.Repeat("}", depth-1)
}

// depthOf returns how many containers of a valid text lie within each other.
func depthOf(text []byte) int {
	depth, deepest := 0, 0
	inString := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '[' || c == '{':
			depth++
			deepest = max(deepest, depth)
		case c == ']' || c == '}':
			depth--
		}
	}
	return deepest
}

// oracleValid tells by other means whether text is strict JSON, of any depth.
func oracleValid(text []byte) bool { return utf8.Valid(text) && json.Valid(text) }

// checkValid compares Valid with the oracle.
func checkValid(t *testing.T, text []byte) {
	t.Helper()
	err := Valid(text)
	switch valid := oracleValid(text); {
	case errors.Is(err, ErrTooDeep):
		if valid && depthOf(text) <= MaxDepth {
			t.Errorf("%.100q of %d levels is too deep", text, depthOf(text))
		}
	case valid && depthOf(text) > MaxDepth:
		t.Errorf("%.100q of %d levels is not too deep: %v", text, depthOf(text), err)
	case valid && err != nil:
		t.Errorf("%.100q: %v", text, err)
	case !valid && !errors.Is(err, ErrNotJSON):
		t.Errorf("%.100q is accepted", text)
	}
}

func TestValidAgreesWithEncodingJSON(t *testing.T) {
	for _, text := range texts {
		checkValid(t, []byte(text))
		// The same within containers and after others, at other offsets from the edges of words.
		for _, around := range []string{`[%]`, `{"k":%}`, `[[],%,1]`, `{"a":{},"b":%,"c":"d"}`, `   [ "x", % ]`} {
			checkValid(t, []byte(strings.Replace(around, "%", text, 1)))
		}
	}
}

func TestValidRefusesEveryControlCharacterInStrings(t *testing.T) {
	for offset := range 20 {
		for c := range 256 {
			text := []byte(`"` + strings.Repeat("x", 20) + `"`)
			text[1+offset] = byte(c)
			checkValid(t, text)
			text = append(text[:1+offset:1+offset], byte(c))
			checkValid(t, text)
		}
	}
}

func TestValidLimitsDepth(t *testing.T) {
	for _, test := range []struct {
		text string
		want error
	}{
		{nested(MaxDepth), nil},
		{nested(MaxDepth + 1), ErrTooDeep},
		{nestedObjects(MaxDepth), nil},
		{nestedObjects(MaxDepth + 1), ErrTooDeep},
		{"[" + strings.Repeat("[],", 10000) + "[]]", nil},
		{strings.Repeat("[", 30000), ErrTooDeep},
		{strings.Repeat(`{"a":`, 6000) + "1" + strings.Repeat("}", 6000), ErrTooDeep},
	} {
		if err := Valid([]byte(test.text)); !errors.Is(err, test.want) {
			t.Errorf("%.20s...: %v, want %v", test.text, err, test.want)
		}
	}
}

// A bit of the stack of containers must not survive the container it stood for.
func TestValidForgetsClosedContainers(t *testing.T) {
	for _, text := range []string{
		`[{"a":1},[1,2],{"b":[{}]},[[{}],1]]`, `{"a":[],"b":{},"c":[{"d":[1]},2]}`,
		`[{"a":1},[1:2]]`, `{"a":[1],"b",2}`, `[{"a":1},"b":2]`, `{"a":[{}],3}`, `[[{"a":[]}]}`,
	} {
		checkValid(t, []byte(text))
	}
}

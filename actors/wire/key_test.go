package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// classes lists values that are equal within a class and different between classes (PROTOCOL.md section 3).
var classes = [][]string{
	{`null`, ` null `},
	{`true`},
	{`false`},
	{`"true"`},
	{`"null"`},
	{`"null "`},
	{`""`},
	{`[]`, `[ ]`},
	{`{}`, "{\n}"},
	{`0`, `-0`, `0.0`, `-0.00`, `0e0`, `0E+5`, `0e-99999999999999999999`, `0.000e99999999999999999999`},
	{`1`, `1.0`, `1e0`, `1E0`, `1e+0`, `1e-0`, `10e-1`, `0.1e1`, `100e-2`, `1.000`, `0.01e+02`, `1e00000000000000000000000000`},
	{`-1`, `-1.0`, `-10e-1`},
	{`"1"`, `"\u0031"`},
	{`[1]`, `[1.0]`, ` [ 1e0 ] `},
	{`{"1":1}`},
	{`"1.0"`},
	{`100`, `1e2`, `100.0`, `1.0E2`, `0.1e3`, `1000e-1`},
	{`10`, `1e1`},
	{`1000`},
	{`0.5`, `5e-1`, `0.50`, `50e-2`, `0.05e1`},
	{`-0.5`, `-5e-1`},
	{`0.05`},
	{`1.5`, `15e-1`, `0.15e1`},
	{`9007199254740993`, `9007199254740993.0`, `9.007199254740993e15`},
	{`9007199254740992`, `9007199254740992.0`},
	{`9007199254740994`},
	{`1e400`, `10e399`, `0.1e401`, `1` + strings.Repeat("0", 400)},
	{`1e401`},
	{`-1e400`},
	{`1e-400`, `0.1e-399`, `10e-401`},
	{`1e999999999999999999`, `10e999999999999999998`, `0.1e1000000000000000000`, `0.01e1000000000000000001`},
	{`1e1000000000000000000`, `10e999999999999999999`, `100e999999999999999998`, `0.1e1000000000000000001`},
	{`1e-1000000000000000000`, `0.1e-999999999999999999`, `10e-1000000000000000001`, `100e-1000000000000000002`},
	{`1e-999999999999999999`, `10e-1000000000000000000`, `0.1e-999999999999999998`},
	{`1e99999999999999999999999999999999999999`, `0.1e100000000000000000000000000000000000000`, `10e+99999999999999999999999999999999999998`},
	{`1e100000000000000000000000000000000000000`, `10e99999999999999999999999999999999999999`, `1.0e0100000000000000000000000000000000000000`},
	{`1e100000000000000000000000000000000000001`},
	{`1e-100000000000000000000000000000000000000`, `0.001e-99999999999999999999999999999999999997`},
	{`"a"`, `"\u0061"`},
	{`"A"`, `"\u0041"`},
	{`"a "`},
	{`"á"`, `"\u00e1"`, `"\u00E1"`},
	{`"a\u0301"`, "\"a\u0301\""},
	{`"a/b"`, `"a\/b"`, `"a\u002fb"`, `"a\u002Fb"`},
	{`"\""`, `"\u0022"`},
	{`"\\"`, `"\u005c"`},
	{`"\\u0061"`},
	{`"\\\\"`},
	{`"\n"`, `"\u000a"`, `"\u000A"`},
	{`"\\n"`},
	{`"\b\f\r\t"`, `"\u0008\u000c\u000d\u0009"`},
	{`"\u0000"`},
	{`"\u0001"`},
	{`"\u001f"`, `"\u001F"`},
	{"\"\u2028\"", `"\u2028"`},
	{"\"\x7f\"", `"\u007f"`},
	{`"😀"`, `"\ud83d\ude00"`, `"\uD83D\uDE00"`},
	{`"\ud83d"`, `"\uD83D"`},
	{`"\ude00"`},
	{`"\ude00\ud83d"`},
	{`"\ud83d😀"`, `"\ud83d\ud83d\ude00"`},
	{`"�"`, `"\ufffd"`},
	{`"\ud800\ud800"`},
	{`"[]"`},
	{`"{}"`},
	{`"a\",\"b"`},
	{`["a","b"]`, `[ "a" , "\u0062" ]`},
	{`["b","a"]`},
	{`["a"]`},
	{`[["a"],"b"]`},
	{`["a",["b"]]`},
	{`[["a","b"]]`},
	{`[[]]`},
	{`[[],[]]`},
	{`[{}]`},
	{`[null]`},
	{`[0]`, `[-0.0]`},
	{`[false]`},
	{`[""]`},
	{`{"a":1,"b":2}`, `{"b":2,"a":1}`, `{"b":2.0,"\u0061":1e0}`, `{"a":5,"b":2,"a":1}`, `{"b":[],"a":1,"b":{},"b":2}`, ` { "b" : 2 , "a" : 1 } `},
	{`{"a":2,"b":1}`},
	{`{"a":1}`, `{"a":2,"a":1}`, `{"\u0061":2,"a":1}`, `{"a":2,"\u0061":1}`},
	{`{"A":1}`},
	{`{"a":"1"}`},
	{`{"a":true}`},
	{`{"a":null}`},
	{`[["a",1]]`},
	{`{"":1}`},
	{`{"a":{"b":1,"c":2},"d":[{"e":1,"f":2}]}`, `{"d":[{"f":2,"e":1}],"a":{"c":2,"b":1}}`, `{"a":1,"d":[{"f":2,"e":3,"e":1}],"a":{"c":2,"b":1}}`},
	{`{"a":{"b":1},"c":2}`},
	{`{"a":{"b":1,"c":2}}`, `{"a":{"c":2,"b":1}}`},
	{`{"a":"1,\"b\":2"}`},
	{`{"\ud800":1,"\ud801":2}`, `{"\uD801":2,"\uD800":1}`},
	{`{"\ud800":2,"\ud801":1}`},
	{`{"\ud800":2}`, `{"\ud800":1,"\uD800":2}`},
	{`{"a\"":1,"a":2}`, `{"a":2,"a\u0022":1}`},
	{`{"a\u0000":1,"a":2}`, `{"a":2,"a\u0000":1}`},
	{nested(MaxDepth)},
	{nested(MaxDepth - 1)},
	{nestedObjects(MaxDepth)},
}

func TestCanonicalKeyTellsValuesApart(t *testing.T) {
	values := map[Key]string{}
	for _, class := range classes {
		first, err := CanonicalKey([]byte(class[0]))
		if err != nil {
			t.Fatalf("%s: %v", class[0], err)
		}
		if other, ok := values[first]; ok {
			t.Errorf("%.100s and %.100s have one key %.100s", class[0], other, first)
		}
		values[first] = class[0]
		for _, value := range class {
			key, err := CanonicalKey([]byte(value))
			if err != nil || key != first {
				t.Errorf("%.100s has key %.100s, not %.100s as %.100s: %v", value, key, first, class[0], err)
			}
			checkKey(t, []byte(value))
		}
	}
}

func TestCanonicalKeyIsReadable(t *testing.T) {
	for value, want := range map[string]Key{
		`"news"`: `"news"`, `"\u00e9\n\ud800\/"`: `"é\n\ud800/"`, ` 42 `: `42`, `42.50`: `425e-1`, `-1200`: `-12e2`, `true`: `true`,
		`{"b": [1.0, null], "a": {}}`: `{"a":{},"b":[1,null]}`,
	} {
		if key, err := CanonicalKey([]byte(value)); key != want || err != nil {
			t.Errorf("%s: %s %v", value, key, err)
		}
	}
}

func TestCanonicalKeyRefuses(t *testing.T) {
	for _, test := range []struct {
		value string
		want  error
	}{
		{`"` + strings.Repeat("x", MaxKeyBytes) + `"`, ErrKeyTooLong},
		{nested(MaxDepth + 1), ErrTooDeep},
		{nestedObjects(MaxDepth + 1), ErrTooDeep},
		// What cannot come out of DecodePacket.
		{``, ErrNotJSON},
		{` `, ErrNotJSON},
		{`"`, ErrNotJSON},
		{`"a`, ErrNotJSON},
		{`"\"`, ErrNotJSON},
		{`"a"b`, ErrNotJSON},
		{`"a""`, ErrNotJSON},
		{`tru`, ErrNotJSON},
		{`truex`, ErrNotJSON},
		{`nulx`, ErrNotJSON},
		{`falsy`, ErrNotJSON},
		{`-`, ErrNotJSON},
		{`01`, ErrNotJSON},
		{`1x`, ErrNotJSON},
		{`[`, ErrNotJSON},
		{`[1`, ErrNotJSON},
		{`[1,`, ErrNotJSON},
		{`[1,]`, ErrNotJSON},
		{`[1 2]`, ErrNotJSON},
		{`[1}`, ErrNotJSON},
		{`[]]`, ErrNotJSON},
		{`{`, ErrNotJSON},
		{`{"a"`, ErrNotJSON},
		{`{"a":`, ErrNotJSON},
		{`{"a":1`, ErrNotJSON},
		{`{"a":1,`, ErrNotJSON},
		{`{"a":1,}`, ErrNotJSON},
		{`{"a":1]`, ErrNotJSON},
		{`{"a" 1}`, ErrNotJSON},
		{`{"a":1 "b":2}`, ErrNotJSON},
		{`{"a`, ErrNotJSON},
		{`{a:1}`, ErrNotJSON},
		{`{1:1}`, ErrNotJSON},
		{`{"a":[}`, ErrNotJSON},
		{`[{"a":tru}]`, ErrNotJSON},
	} {
		if key, err := CanonicalKey([]byte(test.value)); !errors.Is(err, test.want) || key != "" {
			t.Errorf("%.50s: %.50s %v, want %v", test.value, key, err, test.want)
		}
	}
}

// Expensive values have to stay cheap: each of these takes milliseconds or less, but would take for ever if it took
// more than about linear time.
func TestCanonicalKeyOfHostileValues(t *testing.T) {
	huge := 30_000
	var unsorted strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&unsorted, `"%05d":0,`, 4999-i)
	}
	for _, value := range []string{
		`1e` + strings.Repeat("9", huge), `1e-` + strings.Repeat("9", huge), `10e` + strings.Repeat("9", huge), `0.1e-` + strings.Repeat("9", huge),
		strings.Repeat("9", huge), `0.` + strings.Repeat("0", huge) + `1`, `1` + strings.Repeat("0", huge), `0e` + strings.Repeat("9", huge),
		`"` + strings.Repeat(`\\`, huge/2) + `"`, `"` + strings.Repeat(`\u0061`, huge/6) + `"`, `[` + strings.Repeat(`{},`, huge/3) + `{}]`,
		`{` + unsorted.String() + `"x":1}`, `{` + strings.Repeat(`"a":1,`, huge/6) + `"a":2}`,
		strings.Repeat(`{"b":0,"a":`, MaxDepth-1) + `"` + strings.Repeat("x", huge/2) + `"` + strings.Repeat("}", MaxDepth-1),
	} {
		checkKey(t, []byte(value))
	}
}

func TestCanonicalKeyHoldsNoMoreMemoryThanItNeeds(t *testing.T) {
	value := []byte(`{` + strings.Repeat(`"a":1,`, 2000) + `"a":2}`)
	keys := make([]Key, 20)
	before := heap()
	for i := range keys {
		key, err := CanonicalKey(value)
		if err != nil || key != `{"a":2}` {
			t.Fatal(key, err)
		}
		keys[i] = key
	}
	if grown := int64(heap()) - int64(before); grown > int64(len(keys)*len(value)/4) {
		t.Errorf("%d keys of %d bytes hold %d bytes", len(keys), len(keys[0]), grown)
	}
	runtime.KeepAlive(keys)
}

func heap() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// checkKey checks what holds for the key of every value, and that texts of the same value have the same key.
func checkKey(t *testing.T, value []byte) {
	t.Helper()
	key, err := CanonicalKey(value)
	if Valid(value) != nil || len(trim(value)) > MaxKeyBytes {
		return
	}
	if err != nil {
		t.Fatalf("%.200q: %v", value, err)
	}
	if !oracleValid([]byte(key)) {
		t.Fatalf("%.200q has key %.200q, which is no JSON", value, key)
	}
	again, err := CanonicalKey([]byte(key))
	if len(key) <= MaxKeyBytes && (err != nil || again != key) {
		t.Fatalf("%.200q has key %.200q, and that has key %.200q: %v", value, key, again, err)
	}
	var indented bytes.Buffer
	if depthOf(value) < 20 {
		if err := json.Indent(&indented, value, " ", "\t"); err != nil {
			t.Fatal(err)
		}
		if again, err := CanonicalKey(indented.Bytes()); indented.Len() <= MaxKeyBytes && (err != nil || again != key) {
			t.Fatalf("%.200q has key %.200q, but indented %.200q: %v", value, key, again, err)
		}
	}
}

// equal compares two values by other means. known is false where these means end: at unpaired surrogates, which
// encoding/json replaces, and at large exponents.
func equal(a, b []byte) (same, known bool) {
	if len(a)+len(b) > 10000 || holdsSurrogates(a) || holdsSurrogates(b) {
		return false, false
	}
	x, y := decodeExactly(a), decodeExactly(b)
	if hasHugeExponent(x) || hasHugeExponent(y) {
		return false, false
	}
	return equalValues(x, y), true
}

func holdsSurrogates(text []byte) bool {
	return bytes.Contains(bytes.ToLower(text), []byte(`\ud`))
}

func decodeExactly(text []byte) any {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var value any
	if err := d.Decode(&value); err != nil {
		panic(err) // checked by the caller
	}
	return value
}

func hasHugeExponent(value any) bool {
	switch value := value.(type) {
	case json.Number:
		_, exponent, _ := strings.Cut(strings.ToLower(string(value)), "e")
		return len(exponent) > 4
	case []any:
		return slices.ContainsFunc(value, hasHugeExponent)
	case map[string]any:
		for _, element := range value {
			if hasHugeExponent(element) {
				return true
			}
		}
	}
	return false
}

func equalValues(x, y any) bool {
	switch x := x.(type) {
	case json.Number:
		y, ok := y.(json.Number)
		if !ok {
			return false
		}
		a, okA := new(big.Rat).SetString(string(x))
		b, okB := new(big.Rat).SetString(string(y))
		return okA && okB && a.Cmp(b) == 0
	case []any:
		y, ok := y.([]any)
		return ok && slices.EqualFunc(x, y, equalValues)
	case map[string]any:
		y, ok := y.(map[string]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for name, element := range x {
			other, ok := y[name]
			if !ok || !equalValues(element, other) {
				return false
			}
		}
		return true
	}
	switch y.(type) {
	case json.Number, []any, map[string]any:
		return false
	}
	return x == y
}

// checkKeys compares the keys of two values with the oracle.
func checkKeys(t *testing.T, a, b []byte) {
	t.Helper()
	if Valid(a) != nil || Valid(b) != nil {
		return
	}
	same, known := equal(a, b)
	if !known {
		return
	}
	x, err := CanonicalKey(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := CanonicalKey(b)
	if err != nil {
		t.Fatal(err)
	}
	if (x == y) != same {
		t.Fatalf("%q and %q have keys %q and %q, but equal is %t", a, b, x, y, same)
	}
}

func TestCanonicalKeyAgreesWithOracle(t *testing.T) {
	type keyed struct {
		text  string
		value any
		key   Key
	}
	var all []keyed
	for _, class := range classes {
		for _, text := range class {
			if len(text) > 200 || holdsSurrogates([]byte(text)) {
				continue
			}
			key, err := CanonicalKey([]byte(text))
			if err != nil {
				t.Fatal(err)
			}
			if value := decodeExactly([]byte(text)); !hasHugeExponent(value) {
				all = append(all, keyed{text, value, key})
			}
		}
	}
	for _, a := range all {
		for _, b := range all {
			if same := equalValues(a.value, b.value); (a.key == b.key) != same {
				t.Errorf("%s and %s have keys %s and %s, but equal is %t", a.text, b.text, a.key, b.key, same)
			}
		}
	}
}

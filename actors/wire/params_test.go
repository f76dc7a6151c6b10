package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
)

type everything struct {
	Raw     json.RawMessage   `json:"raw,omitempty"`
	Text    string            `json:"text,omitempty"`
	Flag    bool              `json:"flag,omitempty"`
	Int     int               `json:"int,omitempty"`
	Int8    int8              `json:"int8,omitempty"`
	Uint64  uint64            `json:"uint64,omitempty"`
	Float   float64           `json:"float,omitempty"`
	Float32 float32           `json:"float32,omitempty"`
	Number  json.Number       `json:"number,omitempty"`
	Any     any               `json:"any,omitempty"`
	Pointer *int              `json:"pointer,omitempty"`
	Texts   []string          `json:"texts,omitempty"`
	Pair    [2]int            `json:"pair,omitempty"`
	Map     map[string]int    `json:"map,omitempty"`
	Raws    []json.RawMessage `json:"raws,omitempty"`
	Inner   inner             `json:"inner,omitzero"`
	Time    time.Time         `json:"time,omitzero"`
	Addr    netip.Addr        `json:"addr,omitzero"`
	Big     *big.Int          `json:"big,omitempty"`
	Bytes   []byte            `json:"bytes,omitempty"`
}

type inner struct {
	Name  string          `json:"name"`
	Value json.RawMessage `json:"value"`
	Next  *inner          `json:"next"`
}

func TestDecodeParamsOfEveryType(t *testing.T) {
	seven := 7
	for _, test := range []struct {
		params string
		want   everything
	}{
		{`{}`, everything{}},
		{` { } `, everything{}},
		{`{"raw":null}`, everything{Raw: json.RawMessage("null")}},
		{`{"raw": {"a" : 1e400} }`, everything{Raw: json.RawMessage(`{"a" : 1e400}`)}},
		{`{"text":""}`, everything{}},
		{`{"text":"a\u0062\n😀\ud83d\ude00"}`, everything{Text: "ab\n😀😀"}},
		{`{"text":"\ud800\ud800x\udc00"}`, everything{Text: "\ufffd\ufffdx\ufffd"}},
		{`{"\u0074ext":"x"}`, everything{Text: "x"}},
		{`{"flag":true}`, everything{Flag: true}},
		{`{"int":-5}`, everything{Int: -5}},
		{`{"int":-0}`, everything{}},
		{`{"uint64":-0}`, everything{}},
		{`{"int":0.0}`, everything{}},
		{`{"int":0e99999999999}`, everything{}},
		{`{"int":1.0}`, everything{Int: 1}},
		{`{"int":1e2}`, everything{Int: 100}},
		{`{"int":-1.20e1}`, everything{Int: -12}},
		{`{"int":1000e-3}`, everything{Int: 1}},
		{`{"int":100}`, everything{Int: 100}},
		{`{"int":-100}`, everything{Int: -100}},
		{`{"int":9223372036854775807}`, everything{Int: math.MaxInt64}},
		{`{"int":-9223372036854775808}`, everything{Int: math.MinInt64}},
		{`{"int":922337203685477580.7e1}`, everything{Int: math.MaxInt64}},
		{`{"int8":127}`, everything{Int8: 127}},
		{`{"int8":-128}`, everything{Int8: -128}},
		{`{"uint64":18446744073709551615}`, everything{Uint64: math.MaxUint64}},
		{`{"uint64":1e19}`, everything{Uint64: 1e19}},
		{`{"float":1}`, everything{Float: 1}},
		{`{"float":-1.5e300}`, everything{Float: -1.5e300}},
		{`{"float":1e-400}`, everything{}},
		{`{"float32":1.5}`, everything{Float32: 1.5}},
		{`{"number":1e400}`, everything{Number: "1e400"}},
		{`{"number":-0.10}`, everything{Number: "-0.10"}},
		{`{"any":null}`, everything{}},
		{`{"any":[1,"a",null,{"b":true}]}`, everything{Any: []any{1.0, "a", nil, map[string]any{"b": true}}}},
		{`{"pointer":null}`, everything{}},
		{`{"pointer":7}`, everything{Pointer: &seven}},
		{`{"texts":[]}`, everything{Texts: []string{}}},
		{`{"texts": [ "a" , "b" ] }`, everything{Texts: []string{"a", "b"}}},
		{`{"pair":[1,2]}`, everything{Pair: [2]int{1, 2}}},
		{`{"map":{}}`, everything{Map: map[string]int{}}},
		{`{"map":{"a":1,"\u0062":2,"a":3}}`, everything{Map: map[string]int{"a": 3, "b": 2}}},
		{`{"map":{"a":"not the last","a":3}}`, everything{Map: map[string]int{"a": 3}}},
		{`{"raws":[1,null,{"a":[]}]}`, everything{Raws: []json.RawMessage{[]byte("1"), []byte("null"), []byte(`{"a":[]}`)}}},
		{`{"inner":{"name":"a","value":null,"Name":"b","other":1}}`, everything{Inner: inner{Name: "a", Value: []byte("null")}}},
		{`{"inner":{"next":{"name":"b","next":null}}}`, everything{Inner: inner{Next: &inner{Name: "b"}}}},
		{`{"inner":{"name":1,"name":"a"}}`, everything{Inner: inner{Name: "a"}}},
		{`{"time":"2026-11-23T07:40:28Z"}`, everything{Time: time.Date(2026, 11, 23, 7, 40, 28, 0, time.UTC)}},
		{`{"addr":"::1"}`, everything{Addr: netip.IPv6Loopback()}},
		{`{"big":123456789012345678901234567890}`, everything{Big: bigInt("123456789012345678901234567890")}},
		{`{"big":null}`, everything{}},
		{`{"bytes":"AQI="}`, everything{Bytes: []byte{1, 2}}},
		{`{"int":1,"int":2}`, everything{Int: 2}},
		{`{"int":"not the last","int":2}`, everything{Int: 2}},
		{`{"text":1,"int":1,"text":"x"}`, everything{Int: 1, Text: "x"}},
	} {
		var got everything
		if err := DecodeParams([]byte(test.params), &got); err != nil || !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s: %+v %v", test.params, got, err)
		}
	}
}

func bigInt(text string) *big.Int {
	n, _ := new(big.Int).SetString(text, 10)
	return n
}

func TestDecodeParamsRefusesValuesOfAnotherType(t *testing.T) {
	for _, params := range []string{
		`[]`, `null`, `"p"`, `1`, `true`, `[{}]`, ``, ` `, `{`, `{"int":1`, `{"int":1}x`, `{"int":}`,
		`{"extra":1}`, `{"Int":1}`, `{"INT":1}`, `{"int ":1}`, `{"":1}`, `{"req":1}`, `{"self":1}`, `{"int":1,"extra":null}`, `{"\u0049nt":1}`, `{"te\u017ft":""}`,
		`{"text":null}`, `{"text":1}`, `{"text":["a"]}`, `{"text":{}}`, `{"text":true}`,
		`{"flag":null}`, `{"flag":1}`, `{"flag":"true"}`, `{"flag":0}`, `{"flag":[]}`,
		`{"int":null}`, `{"int":"1"}`, `{"int":1.5}`, `{"int":1e-1}`, `{"int":true}`, `{"int":[]}`, `{"int":{}}`, `{"int":9223372036854775808}`, `{"int":1e20}`,
		`{"int":1e99999999999999999999}`, `{"int":1e-99999999999999999999}`, `{"int":123456789012345678901234567890}`, `{"int":12345678901234567890123.0}`, `{"int":01}`, `{"int":0x1}`, `{"int":1_0}`,
		`{"int8":128}`, `{"int8":-129}`, `{"int8":1e3}`, `{"uint64":-1}`, `{"uint64":-1.0}`, `{"uint64":18446744073709551616}`, `{"uint64":"1"}`, `{"uint64":null}`, `{"uint64":0.5}`,
		`{"float":null}`, `{"float":"1"}`, `{"float":1e400}`, `{"float":-1e400}`, `{"float":NaN}`, `{"float":Inf}`, `{"float":0x1p3}`, `{"float":[]}`, `{"float32":1e39}`,
		`{"number":null}`, `{"number":"1"}`, `{"number":true}`, `{"number":[]}`, `{"number":{}}`,
		`{"any":1e400}`, `{"any":[1e400]}`,
		`{"pointer":"7"}`, `{"pointer":1.5}`, `{"pointer":[]}`,
		`{"texts":null}`, `{"texts":"a"}`, `{"texts":[null]}`, `{"texts":["a",1]}`, `{"texts":{}}`, `{"texts":{"0":"a"}}`,
		`{"pair":[1]}`, `{"pair":[]}`, `{"pair":[1,2,3]}`, `{"pair":null}`, `{"pair":[1,null]}`, `{"pair":[1,"2"]}`,
		`{"map":null}`, `{"map":[]}`, `{"map":{"a":null}}`, `{"map":{"a":"1"}}`, `{"map":1}`,
		`{"raws":null}`, `{"raws":{}}`, `{"inner":null}`, `{"inner":[]}`, `{"inner":{"name":null}}`, `{"inner":{"name":1}}`, `{"inner":{"next":{"next":{"name":2}}}}`,
		`{"time":null}`, `{"time":""}`, `{"time":1}`, `{"time":"yesterday"}`, `{"addr":null}`, `{"addr":"x"}`, `{"addr":1}`, `{"big":"x"}`, `{"big":1.5}`, `{"bytes":null}`, `{"bytes":[1]}`, `{"bytes":"?"}`,
		// What cannot come out of DecodePacket.
		`{"texts":["a"}`, `{"texts":["a",]}`, `{"texts":["a" "b"]}`, `{"texts":["a"`, `{"texts":[`, `{"texts":["a"]]}`, `{"inner":{"name":}}`, `{"map":{"a"}}`, `{"inner":{"a" 1}}`,
		`{"int":-}`, `{"any":tru}`, `{"flag":tru}`,
		`{"inner":` + strings.Repeat(`{"next":`, 2*MaxDepth) + "null" + strings.Repeat("}", 2*MaxDepth) + `}`,
	} {
		var got everything
		err := DecodeParams([]byte(params), &got)
		if !errors.Is(err, ErrInvalidParams) {
			t.Errorf("%.80s: %v", params, err)
		}
		var shown *Error
		if errors.As(err, &shown) && shown.Text != "Invalid params" {
			t.Errorf("%.80s: a stranger sees %q", params, shown.Text)
		}
	}
}

func TestDecodeParamsWantsAllThatIsRequired(t *testing.T) {
	type log struct {
		Number float64 `json:"number"`
		Base   float64 `json:"base,omitempty"`
		Round  bool    `json:"round,omitzero"`
	}
	for _, test := range []struct {
		params string
		want   log
		ok     bool
	}{
		{`{"number":2}`, log{2, 2.718, true}, true},
		{`{"number":2,"base":10}`, log{2, 10, true}, true},
		{`{"number":2,"round":false}`, log{2, 2.718, false}, true},
		{`{"round":false,"base":10,"number":0}`, log{0, 10, false}, true},
		{`{}`, log{}, false},
		{`{"base":10}`, log{}, false},
		{`{"number":2,"base":null}`, log{}, false},
		{`{"Number":2}`, log{}, false},
	} {
		got := log{Base: 2.718, Round: true}
		err := DecodeParams([]byte(test.params), &got)
		if errors.Is(err, ErrInvalidParams) == test.ok || test.ok && got != test.want {
			t.Errorf("%s: %+v %v", test.params, got, err)
		}
	}
}

func TestDecodeParamsOfNone(t *testing.T) {
	for params, ok := range map[string]bool{`{}`: true, ` { } `: true, `{"a":1}`: false, `{"":null}`: false, `[]`: false, `null`: false} {
		if err := DecodeParams([]byte(params), &struct{}{}); (err == nil) != ok || !ok && !errors.Is(err, ErrInvalidParams) {
			t.Errorf("%s: %v", params, err)
		}
	}
}

type Paging struct {
	From  int `json:"from"`
	Count int `json:"count,omitempty"`
}

// Pages is embedded under a name of its own, which makes it one parameter.
type Pages struct{ Last int }

type hidden struct {
	Shown int `json:"shown"`
	kept  int
}

func TestDecodeParamsOfFieldsByTheirTags(t *testing.T) {
	type params struct {
		Paging
		hidden
		Pages     `json:"pages"`
		Named     Paging `json:"named"`
		Untagged  int
		OnlyOpt   int `json:",omitempty"`
		Left      int `json:"-"`
		unshown   int
		OtherTags int `json:"other,string,omitempty" xml:"x"`
	}
	var got params
	got.Left, got.unshown, got.kept = 1, 2, 3
	err := DecodeParams([]byte(`{"from":1,"shown":2,"named":{"from":3,"Count":9},"Untagged":4,"OnlyOpt":5,"other":7,"pages":{"Last":8}}`), &got)
	want := params{Paging: Paging{From: 1}, hidden: hidden{2, 3}, Named: Paging{From: 3}, Untagged: 4, OnlyOpt: 5, Left: 1, unshown: 2, OtherTags: 7, Pages: Pages{8}}
	if err != nil || got != want {
		t.Errorf("%+v %v", got, err)
	}
	for _, surplus := range []string{"Left", "-", "unshown", "kept", "Paging", "hidden", "From", "Last", "Pages", "untagged", "onlyopt", ""} {
		text := `{"from":1,"shown":2,"named":{},"Untagged":4,"pages":{},"` + surplus + `":1}`
		if err := DecodeParams([]byte(text), &got); !errors.Is(err, ErrInvalidParams) {
			t.Errorf("%s is a parameter: %v", surplus, err)
		}
	}
}

func TestDecodeParamsOfManyFields(t *testing.T) {
	type many struct {
		A, B, C, D, E, F, G, H, I, J, K, L json.RawMessage
	}
	var got many
	if err := DecodeParams([]byte(`{"A":1,"B":2,"C":3,"D":4,"E":5,"F":6,"G":7,"H":8,"I":9,"J":10,"K":11,"L":12}`), &got); err != nil {
		t.Fatal(err)
	}
	if string(got.A) != "1" || string(got.L) != "12" {
		t.Errorf("%s", got)
	}
	if err := DecodeParams([]byte(`{"A":1,"B":2,"C":3,"D":4,"E":5,"F":6,"G":7,"H":8,"I":9,"J":10,"K":11}`), &got); !errors.Is(err, ErrInvalidParams) {
		t.Errorf("without L: %v", err)
	}
}

func TestDecodeParamsKeepsValuesApart(t *testing.T) {
	params := []byte(`{"text":"aaaa","raw":[1],"texts":["bbbb"],"map":{"cccc":1},"number":5}`)
	var got everything
	if err := DecodeParams(params, &got); err != nil {
		t.Fatal(err)
	}
	_ = append(got.Raw, "!!!!"...)
	want := `{"text":"aaaa","raw":[1],"texts":["bbbb"],"map":{"cccc":1},"number":5}`
	if string(params) != want {
		t.Errorf("appending to a raw value changed the input to %s", params)
	}
	clear(params)
	if got.Text != "aaaa" || got.Texts[0] != "bbbb" || got.Map["cccc"] != 1 || got.Number != "5" {
		t.Errorf("the strings are no copies: %+v", got)
	}
}

type pickyName string

func (p *pickyName) UnmarshalText(text []byte) error {
	if len(text) > 3 {
		return errors.New("too long")
	}
	*p = pickyName("<" + string(text) + ">")
	return nil
}

type length int

func (l *length) UnmarshalJSON(data []byte) error {
	*l = length(len(data))
	return nil
}

func TestDecodeParamsByMethodsOfTheType(t *testing.T) {
	var got struct {
		Name   pickyName   `json:"name"`
		Names  []pickyName `json:"names"`
		Length *length     `json:"length"`
	}
	if err := DecodeParams([]byte(`{"name":"a","names":["b","c"],"length":[1, 2]}`), &got); err != nil {
		t.Fatal(err)
	}
	if got.Name != "<a>" || got.Names[1] != "<c>" || *got.Length != 6 {
		t.Errorf("%+v", got)
	}
	for _, params := range []string{`{"name":"long","names":[],"length":1}`, `{"name":null,"names":[],"length":1}`, `{"name":"a","names":[null],"length":1}`} {
		if err := DecodeParams([]byte(params), &got); !errors.Is(err, ErrInvalidParams) {
			t.Errorf("%s: %v", params, err)
		}
	}
}

type endless *endless

type tree struct {
	Left, Right *tree
	Leaves      []tree
	Named       map[string]tree
}

func TestDecodeParamsOfTypesThatHoldThemselves(t *testing.T) {
	var got struct {
		Tree tree    `json:"tree"`
		End  endless `json:"end"`
	}
	if err := CheckParams(&got); err != nil {
		t.Fatal(err)
	}
	if err := DecodeParams([]byte(`{"tree":{"Left":{"Leaves":[{},{"Right":{}}],"Named":{"a":{}}}},"end":null}`), &got); err != nil {
		t.Fatal(err)
	}
	if got.Tree.Left.Leaves[1].Right == nil || len(got.Tree.Left.Named) != 1 {
		t.Errorf("%+v", got)
	}
	if err := DecodeParams([]byte(`{"tree":{},"end":1}`), &got); !errors.Is(err, ErrInvalidParams) {
		t.Errorf("an endless pointer: %v", err)
	}
}

// Mistakes of the author of a service are none of the caller.
func TestMistakesInParamTypes(t *testing.T) {
	type embedsPointer struct{ *Paging }
	twice := reflect.StructOf([]reflect.StructField{ // go vet does not let it be written
		{Name: "A", Type: reflect.TypeFor[int](), Tag: `json:"x"`},
		{Name: "B", Type: reflect.TypeFor[int](), Tag: `json:"x"`},
	})
	type deep struct{ A []map[string]chan int }
	type deeper struct{ A struct{ B embedsPointer } }
	type deepest struct{ A *[3]embedsPointer }
	var nothing *Paging
	for _, into := range []any{
		nil,
		Paging{},
		nothing, new(int), new([]int), new(map[string]int), new(*Paging), &embedsPointer{}, reflect.New(twice).Interface(),
		&struct{ A chan int }{}, &struct{ A func() }{}, &struct{ A complex128 }{}, &struct{ A error }{}, &struct{ A map[int]int }{},
		&struct{ A map[pickyName]int }{}, &deep{}, &deeper{}, &deepest{},
	} {
		if err := CheckParams(into); err == nil || errors.Is(err, ErrInvalidParams) {
			t.Errorf("CheckParams of %T: %v", into, err)
		}
		for range 2 { // the second time from the cache
			err := DecodeParams([]byte(`{"x":1,"a":1,"A":[{"a":{}}]}`), into)
			if err == nil {
				t.Errorf("%T is accepted", into)
			}
		}
	}
	if err := DecodeParams([]byte(`{"A":[{"a":1}]}`), &deep{}); err == nil || errors.Is(err, ErrInvalidParams) {
		t.Errorf("a mistake within: %v", err)
	}
	if err := DecodeParams([]byte(`{"A":{"B":{}}}`), &deeper{}); err == nil || errors.Is(err, ErrInvalidParams) {
		t.Errorf("a mistake within: %v", err)
	}
	for _, into := range []any{&everything{}, &struct{}{}, &publishParams{}, &Paging{}} {
		if err := CheckParams(into); err != nil {
			t.Errorf("CheckParams of %T: %v", into, err)
		}
	}
}

func TestInvalidParamsSayWhyInFewWords(t *testing.T) {
	for params, part := range map[string]string{
		`{"` + strings.Repeat("x\n\u202e", 10000) + `":1}`:    "unknown parameter",
		`{"int":"` + strings.Repeat("\x1b[31m", 10000) + `"}`: "is no int in int",
		`{"time":"` + strings.Repeat("x", 10000) + `"}`:       "in time",
		`[` + strings.Repeat("1,", 10000) + `1]`:              "is no object",
	} {
		err := DecodeParams([]byte(params), new(everything))
		if err == nil || !strings.Contains(err.Error(), part) || !strings.HasPrefix(err.Error(), "Invalid params: ") {
			t.Errorf("%.30q: %.300v", params, err)
		}
		if text := err.Error(); len(text) > 400 || strings.ContainsAny(text, "\x1b\n\u202e") {
			t.Errorf("%.30q: the error has %d bytes: %.300q", params, len(text), text)
		}
	}
	if err := DecodeParams([]byte(`{}`), new(Paging)); err == nil || !strings.Contains(err.Error(), "from is missing") {
		t.Errorf("%v", err)
	}
}

// fuzzParams has a field of each kind that checkParams knows a rule for.
type fuzzParams struct {
	Raw   json.RawMessage `json:"raw"`
	Text  string          `json:"text,omitempty"`
	Int   int16           `json:"int,omitempty"`
	Float float64         `json:"float,omitempty"`
	Flag  bool            `json:"flag,omitempty"`
	Texts []string        `json:"texts,omitempty"`
	Ptr   *uint8          `json:"ptr,omitempty"`
}

// checkParams compares DecodeParams with rules on the members as encoding/json finds them, and wants no panic where the
// text is not valid.
func checkParams(t *testing.T, text []byte) {
	t.Helper()
	var all everything
	_ = DecodeParams(text, &all)
	var got fuzzParams
	err := DecodeParams(text, &got)
	if err != nil && !errors.Is(err, ErrInvalidParams) {
		t.Fatalf("%q: %v", text, err)
	}
	if Valid(text) != nil {
		return
	}
	var members map[string]json.RawMessage
	fits := json.Unmarshal(text, &members) == nil && members["raw"] != nil
	for name, value := range members {
		rule, ok := rules[name]
		fits = fits && ok && rule(value)
	}
	if fits != (err == nil) {
		t.Fatalf("%q: fits is %t, but %v", text, fits, err)
	}
	if fits && !bytes.Equal(got.Raw, members["raw"]) {
		t.Fatalf("%q: raw is %q", text, got.Raw)
	}
	if fits && members["text"] != nil {
		var want string
		if err := json.Unmarshal(members["text"], &want); err != nil || got.Text != want {
			t.Fatalf("%q: text is %q, want %q", text, got.Text, want)
		}
	}
	if fits && members["int"] != nil {
		if want, ok := integral(members["int"], -1<<15, 1<<15-1); !ok || int64(got.Int) != want {
			t.Fatalf("%q: int is %d, want %d", text, got.Int, want)
		}
	}
}

var rules = map[string]func([]byte) bool{
	"raw":  func([]byte) bool { return true },
	"text": func(value []byte) bool { return value[0] == '"' },
	"int": func(value []byte) bool {
		_, ok := integral(value, -1<<15, 1<<15-1)
		return ok
	},
	"float": func(value []byte) bool {
		var f float64
		return string(value) != "null" && json.Unmarshal(value, &f) == nil
	},
	"flag": func(value []byte) bool { return string(value) == "true" || string(value) == "false" },
	"texts": func(value []byte) bool {
		var texts []*string
		return value[0] == '[' && json.Unmarshal(value, &texts) == nil && !containsNil(texts)
	},
	"ptr": func(value []byte) bool {
		_, ok := integral(value, 0, 255)
		return ok || string(value) == "null"
	},
}

func containsNil(texts []*string) bool {
	for _, text := range texts {
		if text == nil {
			return true
		}
	}
	return false
}

// integral returns the value of a number by way of big.Rat, or of zero or anything at least 1e100 or at most 1e-100 by
// looking at it.
func integral(value []byte, low, high int64) (n int64, ok bool) {
	if c := value[0]; c != '-' && (c < '0' || c > '9') {
		return 0, false
	}
	mantissa, exponent, _ := strings.Cut(strings.ToLower(string(value)), "e")
	if strings.Trim(mantissa, "-0.") == "" {
		return 0, true
	}
	if len(strings.TrimLeft(strings.TrimLeft(exponent, "+-"), "0")) > 5 {
		return 0, false // unless there are as many digits, which no test has
	}
	r, valid := new(big.Rat).SetString(string(value))
	if !valid || !r.IsInt() || !r.Num().IsInt64() {
		return 0, false
	}
	n = r.Num().Int64()
	return n, n >= low && n <= high
}

func TestDecodeParamsAgreesWithOracle(t *testing.T) {
	for _, text := range texts {
		checkParams(t, []byte(text))
		if len(text) > 5000 {
			continue // too deep anywhere
		}
		for name := range rules {
			checkParams(t, []byte(`{"raw":1,"`+name+`":`+text+`}`))
			checkParams(t, []byte(`{"`+name+`":`+text+`,"raw":[`+text+`],"texts":[`+text+`]}`))
			checkParams(t, []byte(`{"raw":1,"`+name+`":`+text+`,"`+name+`":1}`))
		}
		checkParams(t, []byte(`{"raw":1,`+text+`:1}`))
	}
}

package wire

import (
	"math/big"
	"slices"
	"strings"
	"testing"
)

// ascending are numbers in their order; those in one line are equal.
var ascending = [][]string{
	{"-1e99999999999999999999999"},
	{"-1e400", "-10e399"},
	{"-9007199254740993"},
	{"-9007199254740992", "-9007199254740992.0"},
	{"-12", "-1.2e1"},
	{"-2"},
	{"-1.5"},
	{"-1e-400"},
	{"-1e-99999999999999999999999"},
	{"0", "-0", "0.0", "-0e99", "0e-400"},
	{"1e-99999999999999999999999"},
	{"2e-99999999999999999999999", "0.2e-99999999999999999999998"},
	{"1e-400", "0.1e-399"},
	{"0.1", "1e-1", "0.10"},
	{"0.1000000000000000055511151231257827"},
	{"1.5", "15e-1"},
	{"2"},
	{"12", "1.2e+1"},
	{"9007199254740992"},
	{"9007199254740993", "9007199254740993.000"},
	{"100000000000000000000000000000000000001"},
	{"1e400"},
	{"1e999999999999999999", "0.1e1000000000000000000"},
	{"1e99999999999999999999999"},
	{"11e99999999999999999999998", "1.1e99999999999999999999999"},
}

func TestCompareNumbers(t *testing.T) {
	for i, class := range ascending {
		for j, other := range ascending {
			for _, a := range class {
				for _, b := range other {
					if got, want := CompareNumbers([]byte(a), []byte(b)), max(-1, min(1, i-j)); got != want {
						t.Errorf("%s and %s: %d, want %d", a, b, got, want)
					}
				}
			}
		}
	}
}

// checkNumbers compares with exact fractions, if the numbers are small enough for them.
func checkNumbers(t *testing.T, a, b string) {
	t.Helper()
	if !isNumber([]byte(a)) || !isNumber([]byte(b)) {
		return
	}
	got := CompareNumbers([]byte(a), []byte(b))
	if back := CompareNumbers([]byte(b), []byte(a)); back != -got {
		t.Errorf("%s and %s: %d, but %d the other way round", a, b, got, back)
	}
	x, okX := smallFraction(a)
	y, okY := smallFraction(b)
	if okX && okY && got != x.Cmp(y) {
		t.Errorf("%s and %s: %d, want %d", a, b, got, x.Cmp(y))
	}
}

func smallFraction(number string) (*big.Rat, bool) {
	if i := strings.IndexAny(number, "eE"); i >= 0 && len(strings.TrimLeft(number[i+1:], "+-0")) > 3 {
		return nil, false
	}
	return new(big.Rat).SetString(number)
}

func FuzzCompareNumbers(f *testing.F) {
	for i, class := range ascending {
		f.Add(class[0], ascending[(i+1)%len(ascending)][0])
		f.Add(class[0], class[len(class)-1])
	}
	f.Fuzz(checkNumbers)
}

func TestElements(t *testing.T) {
	for _, test := range []struct {
		array string
		want  []string
		ok    bool
	}{
		{`[]`, nil, true},
		{" [ ] ", nil, true},
		{`[1]`, []string{"1"}, true},
		{` [ "a,]" ,[2, 3],{"b":[4]} , null ] `, []string{`"a,]"`, "[2, 3]", `{"b":[4]}`, "null"}, true},
		{`{}`, nil, false},
		{`"[]"`, nil, false},
		{`null`, nil, false},
		{``, nil, false},
		{`[1`, nil, false},
		{`[1]2`, nil, false},
		{`[,]`, nil, false},
	} {
		elements, ok := Elements([]byte(test.array))
		var got []string
		for _, e := range elements {
			got = append(got, string(e))
		}
		if ok != test.ok || ok && !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, %t", test.array, got, ok)
		}
	}
}

func TestUnquoteTakesStringsOnly(t *testing.T) {
	for value, want := range map[string]string{`"a"`: "a", `""`: "", `"\u00e9"`: "é", `"\ud800"`: "\xed\xa0\x80"} {
		if got, ok := Unquote([]byte(value)); !ok || got != want {
			t.Errorf("%s: %q, %t", value, got, ok)
		}
	}
	for _, value := range []string{``, `"`, `1`, `null`, `[""]`, `{"":""}`} {
		if got, ok := Unquote([]byte(value)); ok || got != "" {
			t.Errorf("%s: %q, %t", value, got, ok)
		}
	}
}

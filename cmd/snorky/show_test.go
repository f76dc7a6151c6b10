package main

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/snorky-go/snorky/actors/wire"
)

func TestValuesAreOneSafeLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, value, want string }{
		{"number", "1e400", "1e400"},
		{"blanks outside of strings", " {\n\t\"a\" : [ 1,\r\n 2 ] } ", `{"a":[1,2]}`},
		{"blanks inside", `"a  b : c"`, `"a  b : c"`},
		{"escapes stay", `"\" \\ \n \u001b[31m"`, `"\" \\ \n \u001b[31m"`},
		{"a quote behind backslashes", `["\\", " "]`, `["\\"," "]`},
		{"delete", "\"\x7f\"", `"\u007f"`},
		{"the other escape character", "\"\u009b31m\"", `"\u009b31m"`},
		{"right to left", "\"\u202egpj.exe\"", `"\u202egpj.exe"`},
		{"isolates", "\"\u2066x\u2069\"", `"\u2066x\u2069"`},
		{"ends of lines", "\"\u2028\u2029\u0085\"", `"\u2028\u2029\u0085"`},
		{"beyond 16 bits", "\"\U000e0041\"", `"\udb40\udc41"`},
		{"a family", "\"👩\u200d👧\"", "\"👩\u200d👧\""},
		{"letters", `"añ日本語🦈"`, `"añ日本語🦈"`},
		{"not UTF-8", "\"\xff\"", `"\ufffd"`},
		{"the replacement character itself", "\"\ufffd\"", "\"\ufffd\""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := string(appendOneLine(nil, []byte(c.value))); got != c.want {
				t.Errorf("%q becomes %q, want %q", c.value, got, c.want)
			}
		})
	}
}

func TestTextsOfStrangersAreOneSafeLine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"plain":                   "plain",
		"a\nb\x1b]0;x\x07":        `a\u000ab\u001b]0;x\u0007`,
		"\xff\u202e":              `\ufffd\u202e`,
		strings.Repeat("x", 2001): strings.Repeat("x", 2001),
		strings.Repeat("x", 9999): strings.Repeat("x", 2001) + "...",
	} {
		if got := printable(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

func FuzzOneLine(f *testing.F) {
	for _, seed := range []string{`{"a": ["\u001b", "\\"]}`, "\"\u009b\u202e\"", `[1, 2.0, null, "\ud800"]`, "\"\\\"\n", "\"\\\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		line := appendOneLine(nil, value)
		for i, r := range string(line) {
			_, n := utf8.DecodeRune(line[i:])
			if unprintable(r, n) {
				t.Fatalf("%q becomes %q, with %q in it", value, line, r)
			}
		}
		if wire.Valid(value) != nil {
			return
		}
		before, err := wire.CanonicalKey(value)
		if err != nil {
			t.Fatal(err)
		}
		if after, err := wire.CanonicalKey(line); err != nil || after != before {
			t.Errorf("%q becomes another value, %q (%v)", value, line, err)
		}
	})
}

package wire

import (
	"encoding/json"
	"strings"
	"testing"
)

// checkAppendString wants from AppendString what encoding/json reads in what it writes itself.
func checkAppendString(t *testing.T, s string) {
	t.Helper()
	quoted := AppendString(nil, s)
	if !oracleValid(quoted) {
		t.Fatalf("%q is written as %q", s, quoted)
	}
	theirs, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	var got, want string
	if err := json.Unmarshal(quoted, &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(theirs, &want); err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Fatalf("%q comes back as %q, want %q", s, got, want)
	}
	if textOf(quoted) != want {
		t.Fatalf("%q is read as %q", quoted, textOf(quoted))
	}
	if strings.ContainsAny(string(quoted), "\u2028\u2029") {
		t.Fatalf("%q holds the end of a line", quoted)
	}
}

func TestAppendString(t *testing.T) {
	for _, s := range append(texts, "\b\f\n\r\t\"\\/\x00\x1f\x7f", "\u2028\u2029", "\xff\xfe", "\xed\xa0\x80", "é\xff日", "\u2027\u202a", "\ufffd") {
		checkAppendString(t, s)
	}
	if got, want := string(AppendString([]byte("> "), "a\"b\\c\n\u2028\x01\xffé/<")), `> "a\"b\\c\n\u2028\u0001\ufffdé/<"`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestUnquote(t *testing.T) {
	for _, test := range []struct{ quoted, want string }{
		{`""`, ""},
		{`"abc"`, "abc"},
		{`"\u0061\n\/"`, "a\n/"},
		{`"\"\\\b\f\r\t"`, "\"\\\b\f\r\t"},
		{`"\u0000"`, "\x00"},
		{`"\ud83d\ude00"`, "😀"},
		{`"\uD83D\uDE00!"`, "😀!"},
		{`"\u00e9\u20ac"`, "é€"},
		{`"\ud800"`, "\xed\xa0\x80"},
		{`"\udfff"`, "\xed\xbf\xbf"},
		{`"\ude00\ud83d"`, "\xed\xb8\x80\xed\xa0\xbd"},
		{`"\ud83d\ud83d\ude00"`, "\xed\xa0\xbd😀"},
		{`"\ud83d\u0041"`, "\xed\xa0\xbdA"},
		{`"\ud83d\n"`, "\xed\xa0\xbd\n"},
		// What cannot come out of DecodePacket makes no sense, but is no reason to panic.
		{``, ""},
		{`"`, ""},
		{`"\"`, `\`},
		{`"\u"`, "\ufffd"},
		{`"\u12"`, "\ufffd12"},
		{`"\ud83d\u12"`, "\xed\xa0\xbd\ufffd12"},
		{`"\ud83d\u12xx"`, "\xed\xa0\xbd\ufffd12xx"},
	} {
		if got := unquote([]byte(test.quoted)); got != test.want {
			t.Errorf("%s: %+q, want %+q", test.quoted, got, test.want)
		}
	}
}

func TestToUTF8(t *testing.T) {
	for _, test := range []struct{ s, want string }{
		{"", ""},
		{"é", "é"},
		{"\xed\xa0\x80", "\ufffd"},
		{"a\xed\xa0\x80\xed\xbf\xbfb", "a\ufffd\ufffdb"},
		{"\xff", "\ufffd"},
		{"\xed", "\ufffd"},
		{"\xed\x9f\xbf\xed\xa0\x80", "\ud7ff\ufffd"},
	} {
		if got := toUTF8(test.s); got != test.want {
			t.Errorf("%+q: %+q, want %+q", test.s, got, test.want)
		}
	}
}

func TestKeyIs(t *testing.T) {
	for _, test := range []struct {
		inner, name string
		want        bool
	}{
		{"a", "a", true},
		{"", "", true},
		{"a", "b", false},
		{"a", "", false},
		{"ab", "a", false},
		{"A", "a", false},
		{`\u0061`, "a", true},
		{`\u0041`, "a", false},
		{`\u0061\u0062`, "ab", true},
		{`a\u0062`, "ab", true},
		{`\n`, "\n", true},
		{`\/`, "/", true},
		{`\u0061`, "ab", false},
		{`\ud83d\ude00`, "😀", true},
		{`\u212a`, "k", false},
	} {
		if got := keyIs([]byte(test.inner), test.name); got != test.want {
			t.Errorf("%s is %s: %t", test.inner, test.name, got)
		}
	}
}

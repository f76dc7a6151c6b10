package wire

import (
	"strings"
	"testing"
)

func TestPlainNumber(t *testing.T) {
	long := strings.Repeat("7", 70)
	for value, want := range map[string]string{
		"0": "0", "-0": "0", "0e9": "0", "0.00": "0",
		"7": "7", " 7 ": "7", "7.0": "7", "120": "120", "1.2e2": "120", "12E1": "120", "12000e-2": "120", "-120": "-120",
		"9007199254740993": "9007199254740993",
		"0.5":              "0.5", "50e-2": "0.5", "-5e-1": "-0.5", "1.25": "1.25", "125e-2": "1.25", "1e-3": "0.001", "12.5e1": "125",
		"1e63": "1" + strings.Repeat("0", 63), "1e400": "1e400", "10e399": "1e400", "1e-400": "1e-400", long: long,
		"1e99999999999999999999": "1e99999999999999999999",
		"1e-64":                  "0." + strings.Repeat("0", 63) + "1",
	} {
		if got, ok := PlainNumber([]byte(value)); got != want || !ok {
			t.Errorf("%s: %s, %v; want %s", value, got, ok, want)
		}
	}
	for _, value := range []string{"", `"1"`, "null", "1x", "[1]", "-", "01", "NaN"} {
		if got, ok := PlainNumber([]byte(value)); ok {
			t.Errorf("%s is the number %s", value, got)
		}
	}
}

// Two numbers have one text if and only if they are equal.
func FuzzPlainNumber(f *testing.F) {
	for _, pair := range [][2]string{{"1", "1.0"}, {"120", "12e1"}, {"0.5", "5e-1"}, {"1e400", "2"}, {"-0", "0"}} {
		f.Add([]byte(pair[0]), []byte(pair[1]))
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		x, isX := PlainNumber(a)
		y, isY := PlainNumber(b)
		if !isX || !isY {
			return
		}
		keyX, err := CanonicalKey(a)
		if err != nil {
			return // it is longer than a key may be
		}
		keyY, err := CanonicalKey(b)
		if err == nil && (x == y) != (keyX == keyY) {
			t.Errorf("%s and %s: %s, %s", a, b, x, y)
		}
	})
}

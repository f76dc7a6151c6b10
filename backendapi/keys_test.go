package backendapi

import (
	"errors"
	"strings"
	"testing"
)

func TestKeyRotation(t *testing.T) {
	h := newHandler(t, Options{Keys: [][]byte{[]byte("old")}})
	expect := func(when string, old, fresh int) {
		t.Helper()
		for key, want := range map[string]int{"old": old, "new": fresh, "": 401, "none": 401} {
			if w := do(h, "POST", "/backend", call("ok", "{}"), keyIs(key)...); w.Code != want {
				t.Errorf("%s: key %q gets %d, want %d", when, key, w.Code, want)
			}
		}
	}
	set := func(keys ...string) {
		t.Helper()
		raw := make([][]byte, len(keys))
		for i, key := range keys {
			raw[i] = []byte(key)
		}
		if err := h.SetKeys(raw...); err != nil {
			t.Fatal(err)
		}
	}
	expect("at first", 200, 401)
	set("old", "new")
	expect("during the change", 200, 200)
	set("new", "old")
	expect("in the other order", 200, 200)
	set("new")
	expect("after the change", 401, 200)
}

func TestUnusableKeys(t *testing.T) {
	h := newHandler(t, Options{})
	for name, keys := range map[string][][]byte{
		"none":              nil,
		"empty":             {{}},
		"nil":               {nil},
		"second empty":      {[]byte("secret"), {}},
		"line end":          {[]byte("secret\n")},
		"carriage return":   {[]byte("secret\r")},
		"NUL":               {[]byte("sec\x00ret")},
		"DEL":               {[]byte("sec\x7fret")},
		"blank in front":    {[]byte(" secret")},
		"tab at the end":    {[]byte("secret\t")},
		"blanks only":       {[]byte("   ")},
		"second line break": {[]byte("secret"), []byte("sec\r\nret")},
	} {
		t.Run(name, func(t *testing.T) {
			err := h.SetKeys(keys...)
			if !errors.Is(err, ErrBadKey) {
				t.Fatalf("got %v", err)
			}
			if strings.Contains(err.Error(), "sec") {
				t.Errorf("the error shows the key: %v", err)
			}
			if _, err := New(callerFunc(fakeBroker), Options{Keys: keys}); !errors.Is(err, ErrBadKey) {
				t.Errorf("New: %v", err)
			}
			if w := do(h, "POST", "/backend", call("ok", "{}"), keyIs(testKey)...); w.Code != 200 {
				t.Errorf("the former key gets %d", w.Code)
			}
		})
	}
	for _, key := range []string{"x", "with blank\tand tab", "schlüssel", "\xff\x80", strings.Repeat("k", 4096)} {
		if err := h.SetKeys([]byte(key)); err != nil {
			t.Errorf("%.20q: %v", key, err)
		}
		if w := do(h, "POST", "/backend", call("ok", "{}"), keyIs(key)...); w.Code != 200 {
			t.Errorf("%.20q gets %d", key, w.Code)
		}
	}
}

package config

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func FuzzFile(f *testing.F) {
	for _, kind := range []string{"good", "bad"} {
		files, _ := filepath.Glob(filepath.Join("testdata", kind, "*.toml"))
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	file := filepath.Join(f.TempDir(), "fuzz.toml")
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := snorkyd().Load([]string{"-config", file}, nil)
		if err == nil {
			err = got.Config.Validate()
			if err != nil {
				t.Fatalf("accepted, then refused: %v", err)
			}
			return
		}
		oneSafeLine(t, err)
	})
}

var keyFaults = []string{
	"has no key in it",
	"has more than 2 keys in it",
	"a key may have visible ASCII characters only, no blanks",
	"a key is shorter than 16 bytes",
}

func FuzzKeyFile(f *testing.F) {
	for _, text := range []string{"", oldKey, oldKey + "\r\n" + newKey, "short-secret", oldKey + " " + newKey, "\n\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := parseKeys(text)
		if err == nil {
			if len(keys) < 1 || len(keys) > 2 {
				t.Fatalf("%d keys", len(keys))
			}
			for _, key := range keys {
				if len(key) < minKeyBytes || bytes.ContainsAny(key, " \r\n\x00") || !bytes.Contains(text, key) {
					t.Fatalf("key %q", key)
				}
			}
			return
		}
		// Nothing of a file can be in a text that is the same for all files.
		if !slices.Contains(keyFaults, err.Error()) {
			t.Errorf("%q depends on the contents", err)
		}
	})
}

// oneSafeLine is what an operator's terminal and log can take.
func oneSafeLine(t *testing.T, err error) {
	t.Helper()
	if !IsError(err) {
		t.Errorf("%T is not told from a fault of the machine", err)
	}
	text := err.Error()
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) || len(text) > 1024 {
		t.Errorf("not one safe line: %q", text)
	}
}

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestKeyFiles(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		mode       os.FileMode
		want       string
		problem    string
	}{
		{"one line", "swordfish\n", 0o600, "swordfish", ""},
		{"without an end of line", "swordfish", 0o640, "swordfish", ""},
		{"from Windows", "swordfish\r\n", 0o600, "swordfish", ""},
		{"two keys", "\nswordfish\nshark\n", 0o600, "swordfish", ""},
		{"for everybody", "swordfish\n", 0o644, "", "chmod 600"},
		{"empty", "", 0o600, "", "no key in it"},
		{"blank", " \n\n", 0o600, "", "no key in it"},
		{"several words", "sword fish\n", 0o600, "", "visible ASCII"},
		{"binary", "sword\x00fish\n", 0o600, "", "visible ASCII"},
		{"something else", strings.Repeat("swordfish\n", 500), 0o600, "", "too long"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			name := filepath.Join(t.TempDir(), "key")
			if err := os.WriteFile(name, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(name, c.mode); err != nil {
				t.Fatal(err)
			}
			got, err := (&connecting{keyFile: name}).key()
			checkKeyResult(t, got, err, c.want, c.problem)
		})
	}
}

func checkKeyResult(t *testing.T, got string, err error, want, problem string) {
	t.Helper()
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if problem == "" {
		if err != nil {
			t.Error(err)
		}
		return
	}
	if err == nil {
		t.Fatal("no error")
	}
	f := asFailure(err)
	contains(t, f.what+f.hint, problem)
	if f.kind != exitKey || strings.Contains(f.what+f.hint, "fish") {
		t.Errorf("status %d, %s", f.kind, f.what)
	}
}

func TestKeysComeFromSeveralPlaces(t *testing.T) {
	file, other := keyFile(t, "from-a-file"), keyFile(t, "from-the-flag")
	for _, c := range []struct {
		name, variable, fileVariable, flag string
		want, problem                      string
	}{
		{"nowhere", "", "", "", "", envKey},
		{"the environment", "itself", "", "", "itself", ""},
		{"a file in the environment", "", file, "", "from-a-file", ""},
		{"the key before the file", "itself", file, "", "itself", ""},
		{"the flag before all", "itself", file, other, "from-the-flag", ""},
		{"a broken flag is no reason to look elsewhere", "itself", file, file + "x", "", "no such file"},
		{"a folder", "", "", filepath.Dir(file), "", "folder"},
		{"a bad key", "sword\tfish", "", "", "", envKey},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Setenv(envKey, c.variable)
			t.Setenv(envKeyFile, c.fileVariable)
			got, err := (&connecting{keyFile: c.flag}).key()
			checkKeyResult(t, got, err, c.want, c.problem)
		})
	}
}
